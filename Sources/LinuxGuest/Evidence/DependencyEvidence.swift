import BusModel
import Platform
import VMBusWire

/// What of the guest depends on a device: file systems, swap, the default route; and its node in `/dev` where a program owns it.
struct DependencyEvidence: EvidenceKind {
    /// So many are named; more are counted.
    private static let mostNamed = 6

    var pace: EvidencePace { .seconds(10) }
    var isAboutDevices: Bool { true }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        let disks = DiskDependencies(guest.files)
        let routes = RouteDependencies(guest.files)
        return guest.devices.flatMap { device -> [EvidenceFinding] in
            var readings: [AttributeReading] = []
            if !device.names.block.isEmpty {
                readings.append(
                    AttributeReading(.carries, text: disks.users.map { Self.text(device.names.block, in: $0) }))
            } else if !device.names.net.isEmpty {
                readings.append(
                    AttributeReading(.carries, text: routes.users.map { Self.text(device.names.net, in: $0) }))
            }
            let nodes = guest.files.namesIfAny(in: device.directory + "/uio")
            readings.append(
                AttributeReading(.uioNode, text: PrintableText.harmless(nodes.joined(separator: " "))))
            return readings.map { EvidenceFinding($0, of: device.instance) }
        }
    }

    private static func text(_ names: [String], in users: [DependencyUser]) -> String {
        var words: [String] = []
        for user in users where names.contains(user.device) && !words.contains(user.what) { words.append(user.what) }
        let named = words.prefix(mostNamed).joined(separator: ", ")
        return words.count > mostNamed ? "\(named) and \(words.count - mostNamed) more" : named
    }
}

/// Something that needs a disk or an interface.
struct DependencyUser: Sendable, Hashable {
    /// The disk's or the interface's name.
    let device: String
    /// What needs it, in words.
    let what: String
}

/// What needs network interfaces.
struct RouteDependencies {
    /// Who needs which interface; the failure where no table can be read.
    let users: Readout<[DependencyUser]>

    static let limit = 1 << 20

    /// Reads the tables of routes.
    init(_ files: any FileLayer) {
        let old = files.readoutOfTable("/proc/net/route", limit: Self.limit, as: Self.interfaces)
        let new = files.readoutOfTable("/proc/net/ipv6_route", limit: Self.limit, as: Self.interfacesOfIPv6)
        guard old.value != nil || new.value != nil else {
            users = old.map { _ in [] }
            return
        }
        var found: [DependencyUser] = []
        for (names, what) in [(old.value ?? [], "default route"), (new.value ?? [], "default route (IPv6)")] {
            for name in names {
                for device in Self.below(name, files) { found.append(DependencyUser(device: device, what: what)) }
            }
        }
        users = .known(found)
    }

    /// The interfaces of default routes, from `Iface Destination Gateway Flags RefCnt Use Metric Mask ...`.
    private static func interfaces(_ bytes: [UInt8]) throws(FormatError) -> [String] {
        rows(bytes).filter { $0.count >= 8 && $0[1] == "00000000" && $0[7] == "00000000" }.map { String($0[0]) }
    }

    /// The same from `destination length source length gateway metric references uses flags interface`.
    private static func interfacesOfIPv6(_ bytes: [UInt8]) throws(FormatError) -> [String] {
        rows(bytes).filter { row in
            row.count == 10 && row[0].allSatisfy { $0 == "0" } && row[1] == "00" && row[9] != "lo"
        }.map { String($0[9]) }
    }

    static func rows(_ bytes: [UInt8]) -> [[Substring]] {
        bytes.split(separator: UInt8(ascii: "\n")).map { line in
            Substring(String(decoding: line, as: UTF8.self)).split { $0 == " " || $0 == "\t" }
        }
    }

    /// The interface with those that carry its packets, as bonds, bridges and virtual LANs have them.
    static func below(_ name: String, _ files: any FileLayer) -> [String] {
        var found = [name]
        var place = 0
        // As deep as the kernel lets interfaces be stacked, and as wide as a bridge is in practice.
        while place < found.count, found.count < 1024 {
            for lower in NetworkInterface.lower(of: found[place], files) where !found.contains(lower) {
                found.append(lower)
            }
            place += 1
        }
        return found
    }
}
