import BusModel
import Query

/// The flow's filter with what it has found so far. It looks through the log in portions.
public struct FlowFilter: Sendable {
    /// The filter as it was written; empty for none.
    public let text: String
    let query: Query?
    /// The sequence numbers of the records that fit, oldest first.
    public private(set) var matches: [UInt64] = []
    /// The first sequence number that was not looked at yet.
    private(set) var next: UInt64 = 0
    /// Whether all records were looked at.
    public private(set) var isComplete = true
    /// How many records were looked at.
    public private(set) var scannedCount = 0

    init(text: String = "", query: Query? = nil) {
        self.text = text
        self.query = query
        isComplete = query == nil
    }

    /// Whether there is a filter.
    public var isActive: Bool { query != nil }

    /// How many of the records found have this sequence number or an earlier one.
    func count(upTo sequence: UInt64) -> Int {
        var (low, high) = (0, matches.count)
        while low < high {
            let middle = (low + high) / 2
            if matches[middle] <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func advance(_ history: FlowHistory, budget: Int) {
        guard let query else { return }
        var index = history.index(from: next)
        let end = min(history.count, index + max(1, budget))
        while index < end {
            guard let entry = history[index] else { break }
            if query.matches(RecordSubject(entry, history.payload(at: index))) {
                matches.append(entry.header.sequence)
            }
            next = entry.header.sequence == .max ? .max : entry.header.sequence + 1
            scannedCount += 1
            index += 1
        }
        isComplete = index >= history.count
    }

    mutating func forget(before sequence: UInt64) {
        let count = sequence == 0 ? 0 : count(upTo: sequence - 1)
        if count > 0 { matches.removeFirst(count) }
    }

    mutating func forget(after sequence: UInt64) {
        while let last = matches.last, last > sequence { matches.removeLast() }
        next = min(next, sequence == .max ? .max : sequence + 1)
    }
}
