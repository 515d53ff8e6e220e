/// The form in which the kernel lists processors: `0-3,8` (linux-guest-data §1).
public enum CPUList {
    /// The most processors that are named one by one.
    public static let mostProcessors = 8192

    /// How many processors the list names.
    public static func count(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
        try ranges(bytes).reduce(0) { $0 + UInt64($1.upperBound - $1.lowerBound) + 1 }
    }

    /// The processors one by one, at most `mostProcessors` of them.
    public static func processors(_ bytes: [UInt8]) throws(FormatError) -> [Int] {
        Array(try ranges(bytes).lazy.flatMap { $0.lazy.map { Int($0) } }.prefix(mostProcessors))
    }

    private static func ranges(_ bytes: [UInt8]) throws(FormatError) -> [ClosedRange<UInt32>] {
        let text = try AttributeText.line(bytes)
        var ranges: [ClosedRange<UInt32>] = []
        for range in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let ends = range.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            let numbers = ends.compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == ends.count, let first = numbers.first, let last = numbers.last, first <= last else {
                throw AttributeText.malformed("a list of processors", text)
            }
            ranges.append(first...last)
        }
        return ranges
    }
}
