/// What a terminal would show of a line that was captured from a console.
enum ConsoleText {
    private static let escape: UInt8 = 0x1B

    /// The line without sequences that colour text or move the cursor, and with tabs as blanks.
    static func plain(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard line.contains(where: { $0 == escape || $0 == 0x09 }) else { return line }
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var scanner = TextScanner(line)
        while let byte = scanner.rest.first {
            _ = scanner.take(byte)
            if byte == escape {
                skipSequence(&scanner)
            } else {
                result.append(byte == 0x09 ? 0x20 : byte)
            }
        }
        return result[...]
    }

    /// Behind an escape: `[`, numbers and a letter; or `]` and a text up to the bell or the next escape; or one letter.
    private static func skipSequence(_ scanner: inout TextScanner) {
        if scanner.take(UInt8(ascii: "[")) {
            _ = scanner.prefix { !(0x20...0x3F).contains($0) }
            if let last = scanner.rest.first, (0x40...0x7E).contains(last) { _ = scanner.take(last) }
        } else if scanner.take(UInt8(ascii: "]")) {
            _ = scanner.prefix { $0 == 0x07 || $0 == escape }
            _ = scanner.take(0x07)
        } else if let next = scanner.rest.first, next != escape {
            _ = scanner.take(next)
        }
    }
}
