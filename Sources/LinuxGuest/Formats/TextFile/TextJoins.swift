import BusModel
import VMBusWire

/// Which devices of several texts are one: a text that does not tell a device's instance has a stand-in for it, and another one
/// may tell whose name or interface that is.
struct TextJoins {
    /// The device that counters of an interface belong to while nobody says which.
    static let interface = TextLog.standIn("network interface")

    // Looked up only, never walked.
    private var instances: [GUID: GUID] = [:]
    private var interfaces: [(device: GUID, names: [Substring])] = []

    init(_ files: [TextFile]) {
        for file in files {
            let records = file.records
            for header in records.headers where header.kind == .state && header.device != Self.interface {
                guard let list = try? AttributeList.decode(records.payload(of: header)) else { continue }
                for reading in list.readings { learn(reading, of: header.device) }
            }
        }
    }

    private mutating func learn(_ reading: AttributeReading, of device: GUID) {
        switch reading.attribute {
        case .name where reading.string.hasPrefix("vmbus_"):
            let standIn = TextLog.standIn(reading.string)
            if standIn != device { instances[standIn] = device }
        case .networkInterfaces:
            interfaces.append((device, reading.string.split(separator: " ")))
        case .classID where DeviceClass.of(reading.guid).kind == .network: interfaces.append((device, []))
        default: break
        }
    }

    /// The device itself, as far as the texts tell.
    func device(_ device: GUID) -> GUID { instances[device] ?? device }

    /// Whose counters a file holds: the device whose interface the file's name has in it, else the only one that there is.
    func device(ofCounters file: TextFile) -> GUID? {
        let words = file.name.split { !$0.isLetter && !$0.isNumber }
        let named = Set(interfaces.filter { $0.names.contains(where: words.contains) }.map { device($0.device) })
        let all = Set(interfaces.map { device($0.device) })
        return named.count == 1 ? named.first : all.count == 1 ? all.first : nil
    }
}
