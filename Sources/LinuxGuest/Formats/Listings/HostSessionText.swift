import BusModel
import VMBusWire

/// What a host wrote down of a session with a guest: a time in seconds, and what went which way.
///
/// `8.905 -> vp 1 conn 4 type 1 INITIATE_CONTACT len 40 0300…`: bodies that are written out become messages.
struct HostSessionText: TextReader {
    /// One line.
    struct Line {
        let time: UInt64
        let text: ArraySlice<UInt8>
    }

    private(set) var lines: [Line] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let line = Self.line(line) { lines.append(line) } else { unknownCount += 1 }
        }
    }

    /// Whether a line has an arrow, as no other text with times has.
    static func isArrow(_ line: ArraySlice<UInt8>) -> Bool {
        guard let text = Self.line(line)?.text else { return false }
        return text.starts(with: "-> vp ".utf8) || text.starts(with: "<- post to vp ".utf8)
    }

    private static func line(_ line: ArraySlice<UInt8>) -> Line? {
        var scanner = TextScanner(line.prefix(KernelLogLine.longestLine).trimmed)
        guard let seconds = scanner.decimal(), scanner.take(UInt8(ascii: ".")) else { return nil }
        let digits = scanner.prefix { !$0.isDigit }
        guard digits.count == 3, scanner.skipBlanks(), !scanner.isAtEnd else { return nil }
        let thousandths = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        let (whole, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !isTooLarge, whole <= .max - thousandths * 1_000_000 else { return nil }
        return Line(time: whole + thousandths * 1_000_000, text: scanner.rest)
    }

    private static let sent = TextForm(
        "-> vp {vp:u} conn {connection:u} type {type:u} {name:w} len {length:u} {body:w}")
    private static let types: [(name: String, type: MessageType)] = [
        ("INITIATE_CONTACT", .initiateContact), ("GPADL_HEADER", .gpadlHeader), ("GPADL_BODY", .gpadlBody),
        ("OPENCHANNEL", .openChannel), ("CLOSECHANNEL", .closeChannel), ("GPADL_TEARDOWN", .gpadlTeardown),
        ("RELID_RELEASED", .relidReleased), ("MODIFYCHANNEL", .modifyChannel),
    ]

    func tell(_ log: inout TextLog) {
        for line in lines {
            log.advance(to: line.time)
            guard let (type, bytes) = Self.message(line.text) else {
                log.note(line.text.harmless)
                continue
            }
            log.append(
                FlowRecordHeader(
                    kind: .message, time: log.time, partition: TextLog.guest, direction: .guestToHost,
                    code: type.rawValue),
                bytes)
        }
    }

    /// A message that the guest sent, with the eight bytes of its header, which the line leaves out.
    private static func message(_ text: ArraySlice<UInt8>) -> (MessageType, [UInt8])? {
        guard let fields = sent.match(text), fields.count == 6, fields[4].number <= 240,
            let type = types.first(where: { fields[3].text.elementsEqual($0.name.utf8) })?.type
        else { return nil }
        let digits = fields[5].text.compactMap(\.hexadecimalDigit)
        let body = stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        guard digits.count == fields[5].text.count, body.count + 8 == Int(fields[4].number) else { return nil }
        let header = (0..<4).map { UInt8(truncatingIfNeeded: type.rawValue >> ($0 * 8)) } + [0, 0, 0, 0]
        return (type, header + body)
    }
}
