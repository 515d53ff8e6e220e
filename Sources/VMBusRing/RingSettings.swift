#if Mutations
    public import VMBusWire
#endif

/// When a receiver signals a sender that waits for space (reference §4.8). Let P be the pending-send size, D the data size.
public enum WakeRule: Hashable, Sendable, CaseIterable {
    /// Linux, DPDK, FreeBSD: free space is D − used, and P must become strictly less than it.
    case strictlyMore
    /// OpenVMM: free space is D − used − 8, and P with its low three bits cleared must be reached.
    case atLeast
}

/// How one end of a ring behaves where implementations differ.
public struct RingSettings: Hashable, Sendable {
    /// When this end signals as a receiver.
    public var wakeRule: WakeRule
    /// Whether this end, as a sender, announces the pending-send size feature and asks for signals when it waits for space.
    public var usesPendingSendSize: Bool
    /// What the pending-send size is while this end, as a sender, does not wait: 0, or 4120 as hv_sock leaves it.
    public var restingPendingSendSize: UInt32

    /// Whether this end, as a receiver, takes a trailer that does not repeat its packet's offset for damage. Known receivers
    /// skip trailers (reference §4.3); a writer that does not keep to its own offsets is better found here than later.
    public var checksTrailers: Bool

    #if Mutations
        /// The planted bug of this end; nil for none.
        public var mutation: Mutation?
    #endif

    /// Linux's behaviour where nothing else is said.
    @inlinable
    public init(
        wakeRule: WakeRule = .strictlyMore, usesPendingSendSize: Bool = true, restingPendingSendSize: UInt32 = 0,
        checksTrailers: Bool = true
    ) {
        self.wakeRule = wakeRule
        self.usesPendingSendSize = usesPendingSendSize
        self.restingPendingSendSize = restingPendingSendSize
        self.checksTrailers = checksTrailers
    }
}
