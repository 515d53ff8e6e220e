/// What is known of one ring's size while its channel stays open.
///
/// The kernel prints the size nowhere. Used and free bytes add up to it, but they are two files read at two moments, so a busy
/// ring can give a sum that is no size. A sum is believed when it is whole pages and was seen twice, and is then kept, as
/// a ring never changes its size while it is open (linux-guest-data §3).
struct RingSize: Hashable, Sendable {
    /// Bytes of data, once believed.
    private(set) var accepted: UInt64?
    private var candidate: UInt64?

    private static let pageBytes: UInt64 = 4096
    private static let triesForANewRing = 8
    private static let triesForAKnownRing = 2

    /// Takes one sum in; true when there is no need for another.
    mutating func observe(used: UInt32, free: UInt32) -> Bool {
        let sum = UInt64(used) + UInt64(free)
        if sum == accepted { return true }
        guard sum > 0, sum.isMultiple(of: Self.pageBytes) else { return false }
        if sum == candidate {
            // A known ring that shows another size twice was closed and opened again in between.
            accepted = sum
            candidate = nil
            return true
        }
        candidate = sum
        return false
    }

    /// Reads used and free bytes until the size is settled or it is clear that the ring is too busy now.
    ///
    /// - Parameter read: Reads the pair; nil if either cannot be read.
    /// - Returns: The bytes used as last read; nil if the pair could not be read.
    mutating func settle(reading read: () -> (used: UInt32, free: UInt32)?) -> UInt32? {
        // A torn sum from long ago must not meet its like by chance.
        if accepted != nil { candidate = nil }
        var used: UInt32?
        for _ in 0..<(accepted == nil ? Self.triesForANewRing : Self.triesForAKnownRing) {
            guard let pair = read() else { return used }
            used = pair.used
            if observe(used: pair.used, free: pair.free) { break }
        }
        return used
    }
}

/// The sizes of the two rings of a device's primary channel.
struct RingSizes: Hashable, Sendable {
    /// Host to guest.
    var inbound = RingSize()
    /// Guest to host.
    var outbound = RingSize()
}
