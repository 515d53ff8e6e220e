import BusModel
import Platform

/// Finds the names by which people know devices, by the links that classes and disks keep into the tree of devices.
struct KernelNameFinder: Sendable {
    private let files: any FileLayer
    private let place: ReadingPlace?
    // Looked up by a device's name only, never walked.
    private var network: [String: [String]] = [:]
    private var hosts: [String: [String]] = [:]
    private var disks: [String: [String]] = [:]

    /// Collects the links of the whole guest once; `devices` are the names of the bus's devices.
    init(files: any FileLayer, devices: Set<String>, place: ReadingPlace? = nil) {
        self.files = files
        self.place = place
        network = links(in: "/sys/class/net", devices)
        hosts = links(in: "/sys/class/scsi_host", devices)
        // Without /sys/block the class holds the partitions as well, which are not what a device is known by.
        let whole = links(in: "/sys/block", devices)
        disks = whole.isEmpty ? links(in: "/sys/class/block", devices, excludingPartitions: true) : whole
    }

    /// The names of one device, whose directory is given.
    func names(of device: String, directory: String) -> KernelNames {
        let entries = names(in: directory)
        var names = KernelNames()
        var interfaces = network[device] ?? []
        if entries.contains("net") { interfaces += self.names(in: directory + "/net") }
        let hosts = (self.hosts[device] ?? []) + entries.filter(Self.isHost)
        for bridge in entries where bridge.hasPrefix("pci") {
            names.pci += self.names(in: directory + "/" + bridge).filter(Self.isFunction)
        }
        names.pci = Self.ordered(names.pci)
        names.net = Self.ordered(interfaces)
        names.scsiHost = Self.ordered(hosts).first
        names.block = Self.ordered(disks[device] ?? [])
        return names
    }

    /// For each device the names in a class's directory whose links pass through the device.
    private func links(
        in directory: String, _ devices: Set<String>, excludingPartitions: Bool = false
    ) -> [String: [String]] {
        var found: [String: [String]] = [:]
        let names = names(in: directory)
        let all = Set(names)
        for name in names {
            guard let target = try? files.linkTarget(of: directory + "/" + name) else { continue }
            let components = target.split(separator: "/").map(String.init)
            if excludingPartitions, let parent = components.dropLast().last, all.contains(parent) { continue }
            if let device = components.first(where: devices.contains) { found[device, default: []].append(name) }
        }
        return found
    }

    // Names are an extra; where they cannot be had the device is shown without.
    private func names(in directory: String) -> [String] {
        place?.set(directory)
        return (try? files.names(in: directory)) ?? []
    }

    private static func isHost(_ name: String) -> Bool {
        name.hasPrefix("host") && name.count > 4 && name.dropFirst(4).allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// Whether it is the name of a PCI function, `domain:bus:slot.function`.
    private static func isFunction(_ name: String) -> Bool {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let last = parts.last else { return false }
        let slot = last.split(separator: ".", omittingEmptySubsequences: false)
        return slot.count == 2 && (parts.dropLast() + slot).allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isHexDigit) }
    }

    /// Once each, `eth2` before `eth10` and `sdb` before `sdaa`.
    private static func ordered(_ names: [String]) -> [String] {
        let sorted = names.sorted { left, right in
            left.utf8.count != right.utf8.count
                ? left.utf8.count < right.utf8.count : left.utf8.lexicographicallyPrecedes(right.utf8)
        }
        return sorted.enumerated().filter { $0.offset == 0 || sorted[$0.offset - 1] != $0.element }.map(\.element)
    }
}
