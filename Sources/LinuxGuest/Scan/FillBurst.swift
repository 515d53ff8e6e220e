/// The most that waited in a channel's rings while they were looked at many times in a moment: a healthy ring is empty nearly
/// always, so that one look says little.
public struct FillBurst: Hashable, Sendable {
    /// How often is looked at most.
    static let mostLooks = 64
    /// How much processor time it takes at most, in nanoseconds.
    static let longest: UInt64 = 2_000_000

    /// The most bytes that waited in the host→guest ring.
    public internal(set) var inboundMaximum: UInt64 = 0
    /// The most bytes that waited in the guest→host ring; nil while its size is unknown.
    public internal(set) var outboundMaximum: UInt64?
    /// How often was looked.
    public internal(set) var looks = 0
}
