/// The form in which the kernel lists processors: `0-3,8` (linux-guest-data §1).
public enum CPUList {
    /// How many processors the list names.
    public static func count(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
        let text = try AttributeText.line(bytes)
        var count: UInt64 = 0
        for range in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let ends = range.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            let numbers = ends.compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == ends.count, let first = numbers.first, let last = numbers.last, first <= last else {
                throw AttributeText.malformed("a list of processors", text)
            }
            count += UInt64(last - first) + 1
        }
        return count
    }
}
