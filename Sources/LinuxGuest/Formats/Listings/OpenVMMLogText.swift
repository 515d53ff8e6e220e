import BusModel
import VMBusWire

/// Lines that OpenVMM logged: time, level, where, and what with `name=value` (linux-guest-data §1).
struct OpenVMMLogText: TextReader {
    /// One line.
    struct Line {
        let time: UInt64
        let text: String
        let key: (classID: GUID, instance: GUID, subchannel: UInt16)?
    }

    private(set) var lines: [Line] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let line = Self.line(line) { lines.append(line) } else { unknownCount += 1 }
        }
    }

    private static let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
    private static let key = TextForm("key={class:g}-{instance:g}-{subchannel:d}")

    /// `   0.062214600s  INFO vmbus_server::channels:  new channel …`
    static func line(_ line: ArraySlice<UInt8>) -> Line? {
        var scanner = TextScanner(line.prefix(KernelLogLine.longestLine).trimmed)
        guard let seconds = scanner.decimal(), scanner.take(UInt8(ascii: ".")) else { return nil }
        let digits = scanner.prefix { !$0.isDigit }
        guard (1...9).contains(digits.count), scanner.take(UInt8(ascii: "s")), scanner.skipBlanks() else { return nil }
        let text = scanner.rest
        guard
            levels.contains(where: { scanner.word().elementsEqual($0.utf8) })
                || levels.contains(where: { text.starts(with: ($0 + " ").utf8) })
        else { return nil }
        let fraction = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        let nanoseconds = (digits.count..<9).reduce(fraction) { value, _ in value * 10 }
        let (whole, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !isTooLarge, whole <= .max - nanoseconds else { return nil }
        let fields = key.find(in: text)
        let found = fields.flatMap {
            $0.count == 3 ? ($0[0].guid, $0[1].guid, UInt16(truncatingIfNeeded: $0[2].number)) : nil
        }
        return Line(time: whole + nanoseconds, text: text.harmless, key: found)
    }

    func tell(_ log: inout TextLog) {
        for line in lines {
            log.advance(to: line.time)
            if let key = line.key { log.device(key.instance, [AttributeReading(.classID, guid: key.classID)]) }
            log.note(line.text)
        }
    }
}
