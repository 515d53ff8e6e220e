/// Limits beyond which a rate or a fill is worth a word.
public enum RateNorm {
    /// Interrupts per second of one channel that are a storm (ecosystem §1.4).
    public static let interruptStorm = 150_000.0
    /// Interrupts and signals per second from which a channel is busy rather than quiet.
    public static let busy = 10.0
    /// A share of a ring from which it is nearly full (ecosystem §1.4).
    public static let nearlyFull = 0.9
    /// Signals per second that the ring did not ask for and that are still nothing: the counters of a sample are read one after
    /// the other, so that they differ by what happens in between.
    public static let needlessSignals = 100.0
    /// The share of a channel's signals that the ring may not have asked for.
    public static let needlessShare = 0.05
    /// How long bytes may wait unmoved before the reader, who has been called, may be stuck; in nanoseconds.
    public static let standing: UInt64 = 10_000_000_000
    /// The same for a reader who has masked its interrupts and so looks by itself, in nanoseconds.
    public static let maskedStanding: UInt64 = 60_000_000_000
    /// The buckets of a history that a verdict calls "the last minute".
    static let minute = 12
    /// The busiest processor's load over the mean from which a device's load is uneven.
    public static let uneven = 2.0
}
