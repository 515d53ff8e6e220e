/// What is asked of a balloon's host end from outside the bus.
public enum BalloonCommand: Sendable, Hashable {
    /// Asks the guest for pages; rounded up to 2 MiB, as hosts do (reference §6.11).
    case up(pages: UInt32)
    /// Gives pages back; nil for all.
    case down(pages: UInt64?)
    /// Adds memory.
    case hotAdd(Balloon.PageRange, region: Balloon.PageRange?)
    /// Tells what the guest has reported and what is held.
    case status

    static let forms = ["up PAGES", "down PAGES|all", "hot-add FIRST PAGES [REGION-FIRST REGION-PAGES]", "status"]

    init(_ words: [String]) throws(DeviceCommandError) {
        guard let command = Self.read(words) else {
            throw DeviceCommandError(words, for: "balloon", known: Self.forms)
        }
        self = command
    }

    private static func read(_ words: [String]) -> BalloonCommand? {
        let numbers = words.dropFirst().map { word -> UInt64? in
            word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : UInt64(word)
        }
        switch (words.first, numbers.count) {
        case ("status", 0): return .status
        case ("down", 1) where words[1] == "all": return .down(pages: nil)
        case ("up", 1):
            guard let pages = numbers[0], (1...0x4000_0000).contains(pages) else { return nil }
            return .up(pages: UInt32(pages))
        case ("down", 1):
            guard let pages = numbers[0], pages > 0 else { return nil }
            return .down(pages: pages)
        case ("hot-add", 2), ("hot-add", 4):
            let ranges = stride(from: 0, to: numbers.count, by: 2).compactMap { range(numbers[$0], numbers[$0 + 1]) }
            guard ranges.count == numbers.count / 2, let added = ranges.first else { return nil }
            return .hotAdd(added, region: ranges.count > 1 ? ranges[1] : nil)
        default: return nil
        }
    }

    private static func range(_ first: UInt64?, _ count: UInt64?) -> Balloon.PageRange? {
        guard let first, let count, first <= Balloon.PageRange.maximumPage, count > 0,
            count <= Balloon.PageRange.maximumCount
        else { return nil }
        return Balloon.PageRange(first: first, count: count)
    }
}
