import BusModel
import VMBusWire

/// Names that Windows gives devices of the bus, `VMBUS\{class}\{instance}`, and paths of its counters (linux-guest-data §1).
struct WindowsNamesText: TextReader {
    /// One name.
    enum Name: Hashable {
        /// A device, whose instance a name may leave out.
        case device(classID: GUID, instance: GUID?)
        /// A counter's path.
        case counter(String)
    }

    private(set) var names: [Name] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let name = Self.name(line.trimmed) { names.append(name) } else { unknownCount += 1 }
        }
    }

    /// One line; nil for another form.
    static func name(_ line: ArraySlice<UInt8>) -> Name? {
        if line.starts(with: #"\Hyper-V "#.utf8) { return .counter(line.prefix(256).harmless) }
        var scanner = TextScanner(line)
        guard scanner.take(#"VMBUS\"#) || scanner.take(#"\Device\VMBus\"#), let classID = scanner.guid() else {
            return nil
        }
        // A number instead of an instance counts the devices of the class.
        _ = scanner.take(UInt8(ascii: "\\")) || scanner.take(UInt8(ascii: "-"))
        return .device(classID: classID, instance: scanner.guid())
    }

    func tell(_ log: inout TextLog) {
        for (place, name) in names.enumerated() {
            switch name {
            case .device(let classID, let instance):
                log.device(
                    instance ?? TextLog.standIn("windows \(place) \(classID)"),
                    [AttributeReading(.classID, guid: classID)])
            case .counter(let path): log.note(path)
            }
        }
    }
}
