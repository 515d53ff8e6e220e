/// How fast a channel's or partition's counters grow. A rate is nil until two looks at the counter make one; 0 while a counter
/// that was looked at stands still.
public struct FlowRates: Sendable, Hashable {
    /// Host→guest interrupts per second.
    public var interrupts: Double?
    /// Guest→host signals per second, counted by `signalBasis`.
    public var signals: Double?
    /// What the signals are counted by; nil until that is known.
    public var signalBasis: SignalBasis?
    /// Guest→host signals by hypercall per second (`events`), or signals as the log shows them.
    public var events: Double?
    /// Writes per second that met a full ring.
    public var refusedWrites: Double?
    /// Writes per second that first met a full ring.
    public var fullEpisodes: Double?
    /// Signals per second because the outbound ring became non-empty.
    public var outEmpty: Double?
    /// Signals per second because the inbound ring became non-full.
    public var inFull: Double?
    /// Ring packets per second, both directions.
    public var packets: Double?
    /// Bytes of ring packets per second, both directions.
    public var bytes: Double?
    /// Channel messages per second; of partitions only.
    public var messages: Double?
    /// What the sparkline shows: packets per second where the log shows packets, else interrupts and signals; oldest first, one
    /// value an interval.
    public var activity: [Double] = []
    /// How full the host→guest ring was, 0 to 1, oldest first.
    public var inboundFills: [Double] = []
    /// How full the guest→host ring was, 0 to 1, oldest first.
    public var outboundFills: [Double] = []
    /// How often a counter was seen to start again.
    public var resets = 0
    /// When the counters were last looked at, in the log's nanoseconds; nil before that.
    public var lookedAt: UInt64?
    /// Bytes that wait in a ring and do not move, while the reader is not called either; nil while something moves.
    public var inboundStanding: StandingBytes?
    /// The same of the guest→host ring.
    public var outboundStanding: StandingBytes?
    /// The last minutes; nil where nothing is counted.
    public var history: RateHistory?

    /// Values that each series keeps.
    static let seriesLength = 64

    /// Nothing is known.
    public init() {}

    mutating func push(_ value: Double, _ series: WritableKeyPath<FlowRates, [Double]>, times: Int = 1) {
        for _ in 0..<min(max(1, times), Self.seriesLength) {
            if self[keyPath: series].count >= Self.seriesLength { self[keyPath: series].removeFirst() }
            self[keyPath: series].append(value)
        }
    }

    /// Whether the last look showed that nothing moves.
    public var isResting: Bool { history?.restingSince != nil }

    /// The signals in a span of time, counted by `signalBasis`.
    func signals(in span: RateBucket) -> UInt64 {
        signalBasis == .ringChanges ? span[.outEmpty] &+ span[.inFull] : span[.hypercalls]
    }

    func meanSignals(in span: RateBucket) -> Double? {
        span.observed > 0 ? Double(signals(in: span)) / span.seconds : nil
    }

    /// Signals that the ring did not ask for: hypercalls beyond those for a ring that became non-empty or non-full, per second
    /// in the last minutes. A host may hold back a guest that sends many (kernel document on VMBus). Nil where the kernel does
    /// not count both.
    public func needlessSignals(at now: UInt64) -> Double? {
        guard countsRingChanges, let sum = history?.summary(at: now), sum.observed > 0 else { return nil }
        let asked = sum[.outEmpty] &+ sum[.inFull]
        return sum[.hypercalls] > asked ? Double(sum[.hypercalls] - asked) / sum.seconds : 0
    }

    /// The series of the sparkline up to a moment: a channel that rests is told of once, and has values of 0 from then on.
    ///
    /// - Parameter interval: what one value stands for, in nanoseconds.
    func activity(at now: UInt64, every interval: UInt64) -> [Double] {
        guard let since = history?.restingSince, now > since, interval > 0, !activity.isEmpty else { return activity }
        let quiet = Int(min((now - since) / interval, UInt64(Self.seriesLength)))
        return Array((activity + repeatElement(0, count: quiet)).suffix(Self.seriesLength))
    }

    /// Whether the kernel counts why it signals.
    var countsRingChanges = false
}

/// Bytes that wait in a ring and do not move.
public struct StandingBytes: Sendable, Hashable {
    /// How many.
    public var bytes: UInt64
    /// Since when, in the log's nanoseconds.
    public var since: UInt64
}
