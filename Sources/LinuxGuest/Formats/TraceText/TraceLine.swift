import BusModel
import VMBusWire

/// One line of a trace as text, whoever printed it: the kernel's `trace` and `trace_pipe`, `trace-cmd report`, `perf script`,
/// `perf trace` (linux-guest-data §1).
struct TraceLine {
    /// When it fired, in nanoseconds of the trace's own clock.
    let time: UInt64
    /// The processor; nil where the printer does not tell.
    let cpu: UInt16?
    /// The thread; nil where the printer does not tell.
    let thread: UInt32?
    /// The thread's name.
    let command: ArraySlice<UInt8>
    /// The tracepoint's system; empty where the printer does not tell.
    let system: ArraySlice<UInt8>
    /// The tracepoint.
    let event: ArraySlice<UInt8>
    /// What it printed.
    let text: ArraySlice<UInt8>
    /// Whether the text is `perf trace`'s list of fields and not the kernel's own words.
    let isList: Bool

    /// Nil for a line of another form.
    init?(_ line: ArraySlice<UInt8>) {
        if let line = TraceLine(bracketed: line) ?? TraceLine(list: line) { self = line } else { return nil }
    }

    private init(
        time: UInt64, cpu: UInt16?, task: (name: ArraySlice<UInt8>, thread: UInt32?), system: ArraySlice<UInt8>,
        event: ArraySlice<UInt8>, text: ArraySlice<UInt8>, isList: Bool
    ) {
        self.time = time
        self.cpu = cpu
        thread = task.thread
        command = task.name
        self.system = system
        self.event = event
        self.text = text
        self.isList = isList
    }

    // MARK: With the processor in brackets

    /// `task-pid [003] d.h1. 12.345678: event: text`, the flags and the thread group being optional; tasks may hold blanks,
    /// dashes and brackets.
    private init?(bracketed line: ArraySlice<UInt8>) {
        var place = line.startIndex
        while let start = line[place...].firstIndex(of: UInt8(ascii: "[")) {
            place = start + 1
            var scanner = TextScanner(line[place...])
            guard let cpu = scanner.decimal(), let cpu = UInt16(exactly: cpu), scanner.take(UInt8(ascii: "]")),
                scanner.skipBlanks()
            else { continue }
            var time = Self.time(&scanner)
            if time == nil {
                _ = scanner.word()
                scanner.skipBlanks()
                time = Self.time(&scanner)
            }
            guard let time, scanner.skipBlanks(), let name = Self.name(&scanner) else { continue }
            scanner.skipBlanks()
            self.init(
                time: time, cpu: cpu, task: Self.task(line[..<start].trimmed), system: name.system, event: name.event,
                text: scanner.rest.trimmedAtEnd, isList: false)
            return
        }
        return nil
    }

    /// `12.345678:` in seconds with six or nine digits, or a whole number of another clock.
    private static func time(_ scanner: inout TextScanner) -> UInt64? {
        var ahead = scanner
        guard let whole = ahead.decimal() else { return nil }
        var nanoseconds = whole
        if ahead.take(UInt8(ascii: ".")) {
            let digits = ahead.prefix { !$0.isDigit }
            guard let fraction = fraction(digits) else { return nil }
            let (product, isTooLarge) = whole.multipliedReportingOverflow(by: 1_000_000_000)
            let (sum, overflows) = product.addingReportingOverflow(fraction)
            guard !isTooLarge, !overflows else { return nil }
            nanoseconds = sum
        }
        guard ahead.take(UInt8(ascii: ":")) else { return nil }
        scanner = ahead
        return nanoseconds
    }

    /// Digits behind the point, as billionths.
    private static func fraction(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard (1...9).contains(digits.count) else { return nil }
        let number = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        return (digits.count..<9).reduce(number) { value, _ in value * 10 }
    }

    /// `event:` or `system:event:`.
    private static func name(
        _ scanner: inout TextScanner
    ) -> (system: ArraySlice<UInt8>, event: ArraySlice<UInt8>)? {
        let first = scanner.prefix { !isNamePart($0) }
        guard !first.isEmpty, scanner.take(UInt8(ascii: ":")) else { return nil }
        var ahead = scanner
        let second = ahead.prefix { !isNamePart($0) }
        guard !second.isEmpty, ahead.take(UInt8(ascii: ":")) else { return ([], first) }
        scanner = ahead
        return (first, second)
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_")
    }

    /// `name-12`, `name-12 (  7)`, `name  12` or `name  12/13`.
    private static func task(_ text: ArraySlice<UInt8>) -> (name: ArraySlice<UInt8>, thread: UInt32?) {
        var text = text
        if text.last == UInt8(ascii: ")"), let open = text.lastIndex(of: UInt8(ascii: "(")) {
            text = text[..<open].trimmed
        }
        let isDigitOrSlash: (UInt8) -> Bool = { $0.isDigit || $0 == UInt8(ascii: "/") }
        let digits = text.reversed().prefix(while: isDigitOrSlash).count
        let split = text.endIndex - digits
        guard digits > 0, split > text.startIndex,
            let number = UInt32(
                String(decoding: text[split...].split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self))
        else { return (text, nil) }
        let mark = text[split - 1]
        guard mark == UInt8(ascii: "-") || mark.isBlank else { return (text, nil) }
        return (text[..<(split - 1)].trimmed, number)
    }

    // MARK: perf trace

    /// `0.123 task/12 system:event(name: 11, name: "text")`, times in milliseconds; a duration in parentheses may come first.
    private init?(list line: ArraySlice<UInt8>) {
        var scanner = TextScanner(line.trimmed)
        guard let whole = scanner.decimal(), scanner.take(UInt8(ascii: ".")),
            let fraction = Self.fraction(scanner.prefix { !$0.isDigit }), scanner.skipBlanks()
        else { return nil }
        if scanner.take(UInt8(ascii: "(")) {
            guard scanner.take(through: UInt8(ascii: ")")) != nil else { return nil }
            _ = scanner.take(UInt8(ascii: ":"))
            scanner.skipBlanks()
        }
        let rest = scanner.rest.trimmedAtEnd
        guard rest.last == UInt8(ascii: ")"), let open = rest.firstIndex(of: UInt8(ascii: "(")) else { return nil }
        let head = rest[..<open]
        let split = head.endIndex - head.reversed().prefix { Self.isNamePart($0) || $0 == UInt8(ascii: ":") }.count
        let names = head[split...].split(separator: UInt8(ascii: ":"))
        let (product, isTooLarge) = whole.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflows) = product.addingReportingOverflow(fraction / 1000)
        guard names.count == 2, !isTooLarge, !overflows else { return nil }
        var task = head[..<split].trimmed
        var thread: UInt32?
        if let slash = task.lastIndex(of: UInt8(ascii: "/")) {
            thread = UInt32(String(decoding: task[(slash + 1)...], as: UTF8.self))
            if thread != nil { task = task[..<slash] }
        }
        self.init(
            time: sum, cpu: nil, task: (task, thread), system: names[0], event: names[1],
            text: rest[(open + 1)...].dropLast(), isList: true)
    }

    /// The fields of a list: numbers, decimal or with `0x`, and everything else as text.
    var listedFields: [TraceField] {
        text.split(separator: UInt8(ascii: ","), maxSplits: 254).compactMap { part in
            var scanner = TextScanner(part.trimmed)
            guard let name = scanner.take(through: UInt8(ascii: ":")), !name.isEmpty, name.allSatisfy(Self.isNamePart)
            else { return nil }
            let value = scanner.rest.trimmed
            let fieldName = String(decoding: name, as: UTF8.self)
            var number = TextScanner(value)
            if value.starts(with: "0x".utf8), let read = number.hexadecimal(), number.isAtEnd {
                return TraceField(fieldName, read)
            }
            if let read = number.signedDecimal(), number.isAtEnd { return TraceField(fieldName, signed: read) }
            let quotes = value.count > 1 && value.first == UInt8(ascii: "\"") && value.last == UInt8(ascii: "\"")
            let word = quotes ? value.dropFirst().dropLast() : value
            if let guid = GUID(String(decoding: word, as: UTF8.self)) { return TraceField(fieldName, guid: guid) }
            return TraceField(fieldName, text: word.harmless)
        }
    }
}
