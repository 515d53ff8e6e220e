/// What one more look at a counter that only grows has given.
struct CounterStep: Sendable, Hashable {
    /// How much it grew.
    var growth: UInt64
    /// The moment of the look before, in the log's nanoseconds.
    var start: UInt64
    /// The moment of this look.
    var end: UInt64

    /// Growth per second.
    var rate: Double { Double(growth) * 1e9 / Double(end - start) }
}

/// A counter that only grows, as it was looked at last.
///
/// A drop is a new beginning (linux-guest-data §2), unless the counter stood right below 2^32 and is small now: then it is held
/// in 32 bits by whoever counts, and has gone on.
struct CounterTrack: Sendable, Hashable {
    /// What a look gave.
    enum Look: Sendable, Hashable {
        /// The counter was not looked at again, or for the first time.
        case nothing
        /// It has begun again.
        case reset
        case step(CounterStep)
    }

    private var value: UInt64
    private var time: UInt64

    /// How near to 2^32 a counter is before, and to 0 behind it, that wraps: a sixteenth.
    private static let wrapZone: UInt64 = 1 << 28

    /// Looks at a counter.
    ///
    /// - Parameter mayWrap: false when it is known that the counter began again.
    static func look(_ track: inout CounterTrack?, _ value: UInt64?, at time: UInt64, mayWrap: Bool = true) -> Look {
        guard let value else { return .nothing }
        guard let old = track else {
            track = CounterTrack(value: value, time: time)
            return .nothing
        }
        guard time > old.time else { return .nothing }
        track = CounterTrack(value: value, time: time)
        guard let growth = growth(from: old.value, to: value, mayWrap: mayWrap) else { return .reset }
        return .step(CounterStep(growth: growth, start: old.time, end: time))
    }

    /// How much a counter grew; nil when it began again.
    static func growth(from old: UInt64, to new: UInt64, mayWrap: Bool = true) -> UInt64? {
        if new >= old { return new - old }
        let end: UInt64 = 1 << 32
        guard mayWrap, old < end, old >= end - wrapZone, new < wrapZone else { return nil }
        return new + (end - old)
    }
}
