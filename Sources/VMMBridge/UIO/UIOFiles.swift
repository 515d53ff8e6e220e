import Platform
import VMBusRing
import VMBusWire

/// The files that stand for a device node's maps and for what the kernel says of the device in sysfs.
struct UIOFiles: ~Copyable {
    /// The class of network devices.
    private static let device = DeviceClass.catalogue.first { $0.kind == .network }

    let socketPath: String
    private let configuration: UIOHostConfiguration
    private let directory: String
    private let sysfs: String
    private var placed: PlacedFiles

    /// Makes the maps and what sysfs lacks.
    init(
        _ configuration: UIOHostConfiguration, directory: String, sysfs: String, memory: inout UIOMemory
    ) throws(SystemError) {
        var placed = PlacedFiles()
        try placed.directory(directory)
        try placed.directory(sysfs)
        for (map, (_, byteCount)) in configuration.maps.enumerated() {
            let mapping = try placed.shared("\(directory)/uio0.map\(map)", byteCount: byteCount)
            memory.windows.add(
                at: UIOMemory.address(map: map), base: mapping.base, byteCount: byteCount, owner: mapping)
        }
        // The link to the rings works from wherever it is.
        let absolute = try PlacedFiles.absolute(directory)
        self.configuration = configuration
        self.sysfs = sysfs
        self.directory = absolute
        socketPath = "\(directory)/uio0.sock"
        self.placed = placed
    }

    /// Writes what a kernel says of the device. A file that is there already is whoever's who made it, and stays.
    mutating func describe() throws(SystemError) {
        let name = sysfs.split(separator: "/").last.map(String.init) ?? ""
        let instance = GUID(name) ?? GUID(0x7AD3_5D50, 0xC05B, 0x47AB, 0xB3A0_56A9_A845_852B)
        if let classID = Self.device?.classID { try placed.text("\(sysfs)/class_id", "{\(classID)}") }
        try placed.text("\(sysfs)/device_id", "{\(instance)}")
        try placed.text("\(sysfs)/id", "\(configuration.relid)")
        try placed.text("\(sysfs)/state", "3")
        try placed.text("\(sysfs)/vendor", "0x1414")
        try placed.text("\(sysfs)/device", "0x1")
        try placed.text("\(sysfs)/numa_node", "0")
        if let monitorID = configuration.monitorID { try placed.text("\(sysfs)/monitor_id", "\(monitorID)") }
        let node = "\(sysfs)/uio/uio0"
        try placed.directory("\(node)/maps")
        try placed.text("\(node)/name", "uio_hv_generic")
        try placed.text("\(node)/version", "0.02.1")
        for (map, (name, byteCount)) in configuration.maps.enumerated() {
            let place = "\(node)/maps/map\(map)"
            try placed.directory(place)
            try placed.text("\(place)/name", name)
            try placed.text("\(place)/addr", Hexadecimal.prefixed(UIOMemory.address(map: map)))
            try placed.text("\(place)/offset", "0x0")
            try placed.text("\(place)/size", Hexadecimal.prefixed(UInt64(byteCount)))
        }
        let channel = try channel(0)
        try placed.link("\(channel)/ring", to: "\(directory)/uio0.map0")
    }

    /// Makes the directory of a channel with all but its ring.
    private mutating func channel(_ subchannel: UInt16) throws(SystemError) -> String {
        let path = channelPath(subchannel)
        try placed.directory(path)
        try placed.text("\(path)/subchannel_id", "\(subchannel)")
        // 255 says that there is none, to programs that want the file.
        try placed.text("\(path)/monitor_id", "\(configuration.monitorID(subchannel: subchannel) ?? 255)")
        return path
    }

    private func channelPath(_ subchannel: UInt16) -> String {
        "\(sysfs)/channels/\(configuration.relid(subchannel: subchannel))"
    }

    /// Makes a sub-channel and shows its ring last, when all is prepared.
    mutating func addSubchannel(
        _ subchannel: UInt16, memory: inout UIOMemory, prepare: (inout UIOMemory) -> Void
    ) throws(SystemError) {
        let path = try channel(subchannel)
        let byteCount = 2 * configuration.ringBytes
        let mapping = try placed.shared("\(path)/.ring", byteCount: byteCount)
        let address = UIOMemory.address(map: UIOChannelHost.Map.ring(subchannel: subchannel))
        memory.windows.remove(at: address)
        memory.windows.add(at: address, base: mapping.base, byteCount: byteCount, owner: mapping)
        prepare(&memory)
        try placed.rename("\(path)/.ring", to: "\(path)/ring")
    }

    /// Takes all sub-channels away.
    mutating func removeSubchannels(memory: inout UIOMemory) {
        for subchannel in 1..<UInt16(max(2, configuration.queues)) {
            placed.remove(below: channelPath(subchannel))
            memory.windows.remove(at: UIOMemory.address(map: UIOChannelHost.Map.ring(subchannel: subchannel)))
        }
    }
}
