public import BusModel
import VMBusWire

/// What counts up over the looks of one exporter: files that could not be read, devices that came and went.
public struct MetricsHistory: Sendable {
    /// Why a file could not be read, in the words of the label.
    enum Reason: String, CaseIterable {
        /// The ring is closed, for nearly all attributes that say so.
        case einval
        /// The device or file is not there any more.
        case enodev
        /// The permission is missing.
        case eacces
        case other

        init(symbol: String) {
            switch symbol {
            case "EINVAL": self = .einval
            case "ENODEV", "ENOENT", "ENXIO": self = .enodev
            case "EACCES", "EPERM": self = .eacces
            default: self = .other
            }
        }
    }

    private var errors: [Reason: UInt64] = [:]
    private var added: [DeviceKind: UInt64] = [:]
    private var removed: [DeviceKind: UInt64] = [:]
    private var known: [GUID: DeviceKind]?
    private var looks = 0

    /// No look yet.
    public init() {}

    /// Takes in what one look found.
    public mutating func observe(_ snapshot: BusSnapshot) {
        looks += 1
        let devices = snapshot.partition(MetricsReport.guest)?.devices ?? []
        for problem in devices.flatMap(\.problems) + snapshot.problems {
            errors[Reason(symbol: problem.error), default: 0] += 1
        }
        // A list that cannot be read says nothing of who is there.
        if !snapshot.hasDeviceList { return }
        var present: [GUID: DeviceKind] = [:]
        for device in devices { present[device.instance] = device.metricKind }
        if let known {
            for (instance, kind) in present where known[instance] != kind { added[kind, default: 0] += 1 }
            for (instance, kind) in known where present[instance] != kind { removed[kind, default: 0] += 1 }
        }
        known = present
    }

    func errorCount(_ reason: Reason) -> UInt64 { errors[reason] ?? 0 }

    /// Devices of a class that came since the first look; nil while there was only one, which cannot tell.
    func addedCount(_ kind: DeviceKind) -> UInt64? { looks > 1 ? added[kind] ?? 0 : nil }

    /// Devices of a class that went since the first look; nil while there was only one.
    func removedCount(_ kind: DeviceKind) -> UInt64? { looks > 1 ? removed[kind] ?? 0 : nil }
}

extension BusSnapshot {
    /// Whether the devices of the bus could be listed.
    var hasDeviceList: Bool { !problems.contains { $0.path == "devices" } }
}

extension DeviceSnapshot {
    /// The class that it is counted under: a connection of hv_sock is one whatever its class says.
    var metricKind: DeviceKind { driver.value == "hv_sock" ? .socket : deviceClass.kind }
}

extension DeviceKind {
    /// The value of the label `class`, out of a closed list.
    var metricWord: String { self == .unknown ? "other" : word }
}
