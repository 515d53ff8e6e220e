import VMBusWire

/// The text that lsvmbus prints for a guest, line for line (reference §7.9).
///
/// Where lsvmbus would die of a value that cannot be read, a question mark stands for it.
public enum LsvmbusListing {
    /// How much is told of each device.
    public enum Detail: Int, Sendable, Hashable, CaseIterable {
        /// One line a device: relid and name.
        case brief = 0
        /// With the class and the channels (`-v`).
        case channels = 1
        /// With the instance and the path as well (`-vv`).
        case full = 2
    }

    /// The whole listing, each line ended; empty for a guest without devices.
    public static func text(_ scan: GuestScan, detail: Detail) -> String {
        scan.devices.map { record($0, detail) }.joined()
    }

    private static func record(_ device: DeviceScan, _ detail: Detail) -> String {
        let relid = relidText(device)
        let start = "VMBUS ID " + String(repeating: " ", count: max(0, 2 - relid.count)) + relid + ": "
        let name = device.classID.value == nil ? "?" : device.deviceClass.listingName
        guard detail != .brief else { return start + name + "\n" }
        var text = start + "Class_ID = " + braced(device.classID) + " - " + name + "\n"
        if detail == .full {
            text += "\tDevice_ID = " + braced(device.instance) + "\n"
            text += "\tSysfs path: /sys/bus/vmbus/devices/" + PrintableText.harmless(device.name) + "\n"
        }
        for channel in channelLines(device) {
            text += "\tRel_ID=\(channel.relid), target_cpu=\(channel.cpu)\n"
        }
        return text + "\n"
    }

    private static func relidText(_ device: DeviceScan) -> String {
        switch device.relid {
        case .known(let relid): String(relid)
        case .failed(.invalid): "-1"
        case .missing, .failed: "?"
        }
    }

    private static func braced(_ identifier: Readout<GUID>) -> String {
        identifier.value.map { "{\($0)}" } ?? "?"
    }

    /// The channels by the mapping, as lsvmbus has them, and those that the mapping does not show because it was cut or
    /// could not be read.
    private static func channelLines(_ device: DeviceScan) -> [(relid: UInt32, cpu: String)] {
        var lines = (device.mapping.value?.entries ?? []).map { (relid: $0.relid, cpu: String($0.cpu)) }
        if device.mapping.value == nil || device.mapping.value?.isCut == true {
            let mapped = Set(lines.map(\.relid))
            for channel in device.channels ?? [] where !mapped.contains(channel.relid) {
                lines.append((relid: channel.relid, cpu: channel.cpu.value.map(String.init) ?? "?"))
            }
        }
        return lines.sorted { $0.relid < $1.relid }
    }
}
