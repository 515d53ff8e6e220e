/// The kernel's own time stamp, `[    0.123456]`, wherever it stands in a line.
struct KernelLogStamp {
    /// Nanoseconds since boot.
    let time: UInt64
    /// Where the brackets stand.
    let range: Range<Int>

    /// The first stamp of a line.
    static func find(in line: ArraySlice<UInt8>) -> KernelLogStamp? {
        var place = line.startIndex
        while let start = line[place...].firstIndex(of: UInt8(ascii: "[")) {
            if let stamp = read(line[start...]) { return stamp }
            place = start + 1
        }
        return nil
    }

    /// A stamp at the start of a text. The kernel writes six digits behind the point, which tells it from other brackets.
    private static func read(_ text: ArraySlice<UInt8>) -> KernelLogStamp? {
        var scanner = TextScanner(text)
        guard scanner.take(UInt8(ascii: "[")) else { return nil }
        scanner.skipBlanks()
        guard let seconds = scanner.decimal(), scanner.take(UInt8(ascii: ".")) else { return nil }
        let digits = scanner.prefix { !$0.isDigit }
        guard digits.count == 6, scanner.take(UInt8(ascii: "]")) else { return nil }
        let micros = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        let (whole, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (time, overflows) = whole.addingReportingOverflow(micros * 1000)
        guard !isTooLarge, !overflows else { return nil }
        return KernelLogStamp(time: time, range: text.startIndex..<scanner.rest.startIndex)
    }
}
