import BusModel
import VMBusWire

/// What `driverctl -b vmbus list-devices` printed: instance, driver or `(none)`, and with `-v` a name in parentheses.
struct DriverctlText: TextReader {
    private(set) var devices: [(instance: GUID, driver: String?)] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let device = Self.device(line) { devices.append(device) } else { unknownCount += 1 }
        }
    }

    /// One line; nil for another form.
    static func device(_ line: ArraySlice<UInt8>) -> (instance: GUID, driver: String?)? {
        var scanner = TextScanner(line.trimmed)
        guard let instance = scanner.guid(), scanner.skipBlanks() else { return nil }
        let driver = scanner.word()
        guard !driver.isEmpty,
            scanner.isAtEnd || scanner.rest.trimmed.first == UInt8(ascii: "(")
                || scanner.rest.trimmed.first == UInt8(ascii: "[")
        else { return nil }
        return (instance, driver.elementsEqual("(none)".utf8) ? nil : driver.harmless)
    }

    func tell(_ log: inout TextLog) {
        for device in devices {
            log.device(
                device.instance,
                device.driver.map { AttributeReading.ofDriver($0) } ?? [
                    AttributeReading(.driver, reading: .unavailable)
                ])
        }
    }
}
