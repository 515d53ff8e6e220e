import VMBusWire

/// What a path below /sys tells of a device of the bus, whatever the node above it is called (linux-guest-data §1).
struct DevicePath: Hashable {
    /// The device's name on the bus: the instance, or `vmbus_11` on old kernels.
    let name: String
    /// The number of the channel, where the path leads to one.
    var relid: UInt32?
    /// The network interface, where the path leads to one.
    var interface: String?
    /// The SCSI host, where the path leads to it or to what is below it.
    var scsiHost: String?
    /// The disk, where the path leads to one.
    var block: String?
    /// The PCI function, where the path leads to one.
    var pci: String?

    /// The device: its instance, or a stand-in for the name of an old kernel.
    var instance: GUID { GUID(name) ?? TextLog.standIn(name) }

    /// Nil for a path that has no device of the bus in it.
    init?(_ path: ArraySlice<UInt8>) {
        let parts = path.split(separator: UInt8(ascii: "/"), maxSplits: 64)
        // An instance is the last GUID: SCSI and PCI devices below have none in their names.
        guard let place = parts.lastIndex(where: Self.isDevice) else { return nil }
        name = parts[place].harmless.lowercased()
        let below = parts[(place + 1)...]
        for (part, next) in zip(below, below.dropFirst()) {
            let (kind, word) = (String(decoding: part, as: UTF8.self), next.harmless)
            switch kind {
            case "channels": relid = UInt32(word)
            case "net": interface = word
            case "block": block = word
            default: break
            }
        }
        scsiHost = below.first { $0.starts(with: "host".utf8) && $0.dropFirst(4).allSatisfy(\.isDigit) }?.harmless
        pci = below.first(where: Self.isFunction)?.harmless
    }

    private static func isDevice(_ part: ArraySlice<UInt8>) -> Bool {
        if part.count == 36 { return GUID(String(decoding: part, as: UTF8.self)) != nil }
        let number = part.dropFirst(6)
        return part.starts(with: "vmbus_".utf8) && !number.isEmpty
            && number.allSatisfy { $0.isDigit || $0 == UInt8(ascii: "_") }
    }

    /// `2f81:00:02.0`
    private static func isFunction(_ part: ArraySlice<UInt8>) -> Bool {
        part.count == 12 && part.firstIndex(of: UInt8(ascii: ":")) == part.startIndex + 4
            && part.firstIndex(of: UInt8(ascii: ".")) == part.startIndex + 10
    }
}
