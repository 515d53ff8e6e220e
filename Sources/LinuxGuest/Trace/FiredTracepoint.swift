public import BusModel

/// A tracepoint that fired, as it was told.
public struct FiredTracepoint: Sendable, Hashable {
    /// When, in nanoseconds of the monotonic clock.
    public var time: UInt64
    /// What it tells.
    public var record: TraceRecord

    /// A tracepoint that fired.
    public init(time: UInt64, record: TraceRecord) {
        self.time = time
        self.record = record
    }
}

/// Puts what several processors tell into the order of time, and holds back what is newer than the moment at which reading
/// began, as another processor may still have something older.
public struct FiredOrder: Sendable {
    private var waiting: [FiredTracepoint] = []

    /// Nothing waits.
    public init() {}

    /// How many wait.
    public var count: Int { waiting.count }

    /// Takes one in.
    public mutating func add(_ fired: FiredTracepoint) { waiting.append(fired) }

    /// All that fired up to a moment, oldest first; those of one moment in the order in which they came.
    public mutating func take(upTo moment: UInt64) -> [FiredTracepoint] {
        let ordered = waiting.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        let split = ordered.firstIndex { $0.element.time > moment } ?? ordered.endIndex
        waiting = ordered[split...].map(\.element)
        return ordered[..<split].map(\.element)
    }
}
