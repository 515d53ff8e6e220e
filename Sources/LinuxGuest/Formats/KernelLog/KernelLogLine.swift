/// One line of a kernel log without its prefix, whichever program wrote it (linux-guest-data §1).
///
/// Prefixes known: `[    0.1]` with or without a caller, anywhere in the line as consoles mix texts; `<6>`; syslog and journalctl;
/// `dmesg -T`, `-x`, `-d` and `-e`; ISO dates with or without words for the level; the brackets of Docker's Moby; marks of quoted mail
/// before any of these; and the records of /dev/kmsg.
public struct KernelLogLine: Hashable, Sendable {
    /// Nanoseconds since boot as the kernel stamped it; nil where the line does not say.
    public var bootTime: UInt64?
    /// Nanoseconds since the year's start by the clock on the wall of whoever wrote the line; nil where it does not say. Years
    /// and time zones are not looked at, so that only differences mean something.
    public var wallTime: UInt64?
    /// How bad the kernel says it is, 0 emergency to 7 debugging; nil where the line does not say.
    public var level: UInt8?
    /// The record's number in /dev/kmsg; nil for lines of text.
    public var sequence: UInt64?
    /// Whether it had a prefix: a line without one may be of another program.
    public var hasPrefix = false
    /// What the kernel said, made harmless for a terminal.
    public var text = ""

    /// At most so much of a line is looked at; the kernel prints at most 1 KiB at once.
    public static let longestLine = 4096

    /// A line of text, without the line feed at its end; the bytes can be any.
    public init(parsing bytes: some Collection<UInt8>) {
        let bytes = Array(bytes.prefix(Self.longestLine))
        var line = ConsoleText.plain(bytes[...]).trimmedAtEnd
        Self.removeQuoting(&line)
        var scanner = TextScanner(line)
        if let level = Self.priority(&scanner) {
            self.level = level
            hasPrefix = true
            line = scanner.rest
        }
        if let stamp = KernelLogStamp.find(in: line) {
            bootTime = stamp.time
            let head = KernelLogPrefix(line[..<stamp.range.lowerBound])
            wallTime = head.wallTime
            level = level ?? head.level
            hasPrefix = true
            text = Self.withoutCaller(line[stamp.range.upperBound...]).harmless
            return
        }
        let prefix = KernelLogPrefix(line)
        wallTime = prefix.wallTime
        level = level ?? prefix.level
        hasPrefix = hasPrefix || prefix.isKnown
        text = prefix.rest.trimmed.harmless
    }

    /// A record of /dev/kmsg: `priority,sequence,microseconds,flags;text`, whose further lines are dropped.
    ///
    /// Nil for bytes of another form.
    public init?(record bytes: some Collection<UInt8>) {
        let bytes = Array(bytes.prefix(2 * Self.longestLine))
        let line = bytes[..<(bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex)]
        var scanner = TextScanner(line)
        let comma = UInt8(ascii: ",")
        guard let priority = scanner.decimal(), scanner.take(comma), let sequence = scanner.decimal(),
            scanner.take(comma), let microseconds = scanner.decimal(), scanner.take(comma),
            scanner.take(through: UInt8(ascii: ";")) != nil
        else { return nil }
        level = UInt8(priority % 8)
        self.sequence = sequence
        let (time, isTooLarge) = microseconds.multipliedReportingOverflow(by: 1000)
        bootTime = isTooLarge ? nil : time
        hasPrefix = true
        text = ConsoleText.plain(Self.unescaped(scanner.rest)[...]).trimmed.harmless
    }

    /// `<6>`, whose lowest three bits are the level.
    private static func priority(_ scanner: inout TextScanner) -> UInt8? {
        var ahead = scanner
        guard ahead.take(UInt8(ascii: "<")), let priority = ahead.decimal(), priority < 1024,
            ahead.take(UInt8(ascii: ">"))
        else { return nil }
        scanner = ahead
        return UInt8(priority % 8)
    }

    private static func removeQuoting(_ line: inout ArraySlice<UInt8>) {
        var scanner = TextScanner(line)
        while true {
            scanner.skipBlanks()
            guard scanner.take(UInt8(ascii: ">")) else { break }
            line = scanner.rest
        }
    }

    /// `[   T12]` or `[    C0]` behind the stamp, which kernels print that are built so.
    private static func withoutCaller(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var scanner = TextScanner(text)
        scanner.skipBlanks()
        guard scanner.take(UInt8(ascii: "[")) else { return text.trimmed }
        scanner.skipBlanks()
        guard scanner.take(UInt8(ascii: "T")) || scanner.take(UInt8(ascii: "C")), scanner.decimal() != nil,
            scanner.take(UInt8(ascii: "]"))
        else { return text.trimmed }
        return scanner.rest.trimmed
    }

    /// `\x1b` and the like, in which the kernel writes bytes that are no text.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var scanner = TextScanner(text)
        while let byte = scanner.rest.first {
            let digits = scanner.rest.dropFirst(2).prefix(2).compactMap(\.hexadecimalDigit)
            if scanner.rest.starts(with: #"\x"#.utf8), digits.count == 2 {
                bytes.append(digits[0] << 4 | digits[1])
                _ = scanner.take(#"\x"#)
                _ = scanner.take(scanner.rest.first ?? 0)
                _ = scanner.take(scanner.rest.first ?? 0)
            } else {
                bytes.append(byte)
                _ = scanner.take(byte)
            }
        }
        return bytes
    }
}

extension ArraySlice<UInt8> {
    /// Without blanks and carriage returns at the end.
    var trimmedAtEnd: ArraySlice<UInt8> {
        var text = self
        while let last = text.last, last.isBlank || last == UInt8(ascii: "\r") { text.removeLast() }
        return text
    }
}
