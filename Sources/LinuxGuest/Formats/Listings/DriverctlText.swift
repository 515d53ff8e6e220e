import BusModel
import VMBusWire

/// What `driverctl -b vmbus list-devices` printed: instance, driver or `(none)`, and with `-v` a name in parentheses.
struct DriverctlText: TextReader {
    /// One device.
    struct Device: Hashable {
        let instance: GUID
        /// Nil for none.
        let driver: String?
        /// What it is, in words; empty where the line does not say.
        let name: String
    }

    private(set) var devices: [Device] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let device = Self.device(line) { devices.append(device) } else { unknownCount += 1 }
        }
    }

    /// One line; nil for another form.
    static func device(_ line: ArraySlice<UInt8>) -> Device? {
        var scanner = TextScanner(line.trimmed)
        guard let instance = scanner.guid(), scanner.skipBlanks() else { return nil }
        let driver = scanner.word()
        let name = scanner.rest.trimmed
        guard !driver.isEmpty, name.isEmpty || name.first == UInt8(ascii: "(") || name.first == UInt8(ascii: "[")
        else { return nil }
        return Device(
            instance: instance, driver: driver.elementsEqual("(none)".utf8) ? nil : driver.harmless, name: name.harmless
        )
    }

    func tell(_ log: inout TextLog) {
        for device in devices {
            let driver =
                device.driver.map { AttributeReading.ofDriver($0) } ?? [
                    AttributeReading(.driver, reading: .unavailable)
                ]
            // The driver tells the class for sure; many have several.
            let hasClass = driver.contains { $0.attribute == .classID }
            log.device(device.instance, driver + (hasClass ? [] : ClassWords.reading(device.name)))
        }
    }
}
