/// Which pages somebody holds: ranges that do not touch each other, lowest first, of bounded number.
public struct PageAccount: Sendable, Hashable {
    /// The most ranges that are kept.
    let capacity: Int
    private(set) var ranges: [Balloon.PageRange] = []
    /// Pages in all.
    public private(set) var count: UInt64 = 0

    /// Nothing, of at most `capacity` ranges.
    init(capacity: Int) { self.capacity = capacity }

    /// These pages; as many as can be said.
    init(capacity: Int, first: UInt64, count: UInt64) {
        self.init(capacity: capacity)
        var next = first
        while next < first + count {
            let range = Balloon.PageRange(first: next, count: min(first + count - next, Self.mostPages))
            ranges.append(range)
            self.count += range.count
            next = range.end
        }
    }

    /// Pages of one kept range: a multiple of 2 MiB.
    private static let mostPages: UInt64 = 0x80_0000

    /// The place of the first range that ends behind a page.
    private func place(_ page: UInt64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].end > page { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Whether some of the pages are here.
    func touches(_ range: Balloon.PageRange) -> Bool {
        let place = place(range.first)
        return ranges.indices.contains(place) && ranges[place].first < range.end
    }

    /// Adds pages. False, and nothing is added, when some are here already, or there are too many ranges.
    mutating func add(_ range: Balloon.PageRange) -> Bool {
        guard range.count > 0, !touches(range) else { return false }
        let next = place(range.first)
        let joinsNext =
            next < ranges.count && ranges[next].first == range.end
            && ranges[next].count + range.count <= Self.mostPages
        let joinsLast =
            next > 0 && ranges[next - 1].end == range.first && ranges[next - 1].count + range.count <= Self.mostPages
        if joinsLast {
            ranges[next - 1] = .init(first: ranges[next - 1].first, count: ranges[next - 1].count + range.count)
        } else if joinsNext {
            ranges[next] = .init(first: range.first, count: range.count + ranges[next].count)
        } else {
            guard ranges.count < capacity else { return false }
            ranges.insert(range, at: next)
        }
        count += range.count
        return true
    }

    /// Takes pages out. False, and nothing is taken, when some are not here, or what stays has too many ranges.
    mutating func remove(_ range: Balloon.PageRange) -> Bool {
        guard range.count > 0 else { return false }
        let first = place(range.first)
        var (index, next) = (first, range.first)
        while next < range.end {
            guard index < ranges.count, ranges[index].first <= next else { return false }
            next = ranges[index].end
            index += 1
        }
        var stay: [Balloon.PageRange] = []
        let (left, right) = (ranges[first], ranges[index - 1])
        if left.first < range.first { stay.append(.init(first: left.first, count: range.first - left.first)) }
        if right.end > range.end { stay.append(.init(first: range.end, count: right.end - range.end)) }
        guard ranges.count - (index - first) + stay.count <= capacity else { return false }
        ranges.replaceSubrange(first..<index, with: stay)
        count -= range.count
        return true
    }

    /// Takes up to `wanted` pages from the end, in ranges of at most `most` pages.
    mutating func take(_ wanted: UInt64, most: UInt64 = Balloon.PageRange.maximumCount) -> [Balloon.PageRange] {
        var taken: [Balloon.PageRange] = []
        var left = wanted
        while left > 0, let last = ranges.last {
            let part = min(left, last.count, most)
            guard part > 0 else { break }
            taken.append(.init(first: last.end - part, count: part))
            if part == last.count {
                ranges.removeLast()
            } else {
                ranges[ranges.count - 1] = .init(first: last.first, count: last.count - part)
            }
            count -= part
            left -= part
        }
        return taken
    }
}
