/// Processors by their numbers, as the kernel lists them: `0-3,8`.
///
/// The list comes from outside: what has another form is left out, and a number that no kernel can have is not believed.
public struct ProcessorSet: Sendable, Hashable {
    /// More processors than any kernel can have (NR_CPUS is at most 8192).
    public static let limit = 8192

    /// The ranges, in order, apart from each other.
    public private(set) var ranges: [ClosedRange<Int>] = []

    /// No processor.
    public init() {}

    /// Some processors.
    public init(_ numbers: some Sequence<Int>) {
        for number in numbers { insert(number...number) }
    }

    /// A list such as `0-3,8`.
    public init(parsing text: some StringProtocol) {
        for part in text.split(separator: ",") {
            let pieces = part.split(separator: "-", maxSplits: 1)
            let ends = pieces.compactMap { Self.number($0) }
            guard let first = ends.first, let last = ends.last, first <= last, ends.count == pieces.count else {
                continue
            }
            insert(first...last)
        }
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        let digits = text.drop { $0 == " " }.prefix { $0 != " " && $0 != "\n" }
        return Int(digits).flatMap { $0 >= 0 && $0 < limit ? $0 : nil }
    }

    /// Adds processors; those beyond the limit are left out.
    public mutating func insert(_ range: ClosedRange<Int>) {
        guard range.lowerBound >= 0, range.lowerBound < Self.limit else { return }
        var (low, high) = (range.lowerBound, min(range.upperBound, Self.limit - 1))
        var kept: [ClosedRange<Int>] = []
        for other in ranges {
            if other.upperBound + 1 < low || other.lowerBound > high + 1 {
                kept.append(other)
            } else {
                (low, high) = (min(low, other.lowerBound), max(high, other.upperBound))
            }
        }
        let place = kept.firstIndex { $0.lowerBound > low } ?? kept.endIndex
        kept.insert(low...high, at: place)
        ranges = kept
    }

    /// Whether a processor is among them.
    public func contains(_ number: Int) -> Bool { ranges.contains { $0.contains(number) } }

    /// How many they are.
    public var count: Int { ranges.reduce(0) { $0 + $1.count } }

    /// Whether there are none.
    public var isEmpty: Bool { ranges.isEmpty }

    /// The numbers, in order.
    public var numbers: [Int] { ranges.flatMap { Array($0) } }

    /// As the kernel lists them.
    public var text: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
