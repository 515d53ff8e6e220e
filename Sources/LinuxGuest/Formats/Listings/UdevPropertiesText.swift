import BusModel
import VMBusWire

/// What `udevadm info` printed of a device: `KEY=value`, with `E: ` before it without `--query=property`.
struct UdevPropertiesText: TextReader {
    private(set) var properties: [(key: String, value: ArraySlice<UInt8>)] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let property = Self.property(line.trimmed) {
                properties.append(property)
            } else if !Self.isOther(line.trimmed) {
                unknownCount += 1
            }
        }
    }

    /// `KEY=value`, the key in capital letters.
    static func property(_ line: ArraySlice<UInt8>) -> (key: String, value: ArraySlice<UInt8>)? {
        var scanner = TextScanner(line)
        _ = scanner.take("E: ")
        guard let key = scanner.take(through: UInt8(ascii: "=")), let first = key.first, first.isLetter,
            key.allSatisfy({ $0.isLetter && $0 & 0x20 == 0 || $0.isDigit || $0 == UInt8(ascii: "_") })
        else { return nil }
        return (key.harmless, scanner.rest)
    }

    /// Path, node, links and the like, and modaliases of classes that are built on this one.
    private static func isOther(_ line: ArraySlice<UInt8>) -> Bool {
        let second = line.dropFirst().first
        return second == UInt8(ascii: ":") && line.dropFirst(2).first == UInt8(ascii: " ") || line.contains("vmbus:")
    }

    func tell(_ log: inout TextLog) {
        var instance: GUID?
        for (key, value) in properties {
            switch key {
            case "DEVPATH":
                instance = DevicePath(value)?.instance
                if let instance { log.device(instance, []) }
            case "DRIVER":
                if let instance { log.device(instance, [AttributeReading(.driver, text: value.harmless)]) }
            case "MODALIAS":
                if let instance, let classID = try? AttributeText.modalias(Array(value)) {
                    log.device(instance, [AttributeReading(.classID, guid: classID)])
                }
            default: break
            }
        }
    }
}
