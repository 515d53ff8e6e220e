import VMBusWire

/// One ring of an open channel between two looks at it: how it was left, and what was written since.
struct RingWatch: Sendable {
    /// Packets whose bytes are remembered until they are taken; a log that shows more is not followed.
    private static let maximumPackets = 16_384

    /// The control words at the last look; a fresh ring has zeros.
    private(set) var writeIndex: UInt32 = 0
    private(set) var readIndex: UInt32 = 0
    private(set) var interruptMask: UInt32 = 0
    /// Bytes of ring of the packets that were written since.
    private(set) var written = 0
    /// The bytes of packets that were written and not taken, oldest first, from `firstDigest` on.
    private var digests: [UInt64] = []
    private var firstDigest = 0
    /// The bytes cannot be compared until the ring is empty.
    private(set) var hasLostTrack = false
    /// States that were reported and last.
    private var reported: UInt64 = 0

    /// A packet was written: its bytes without the trailer.
    mutating func wrote(_ bytes: ArraySlice<UInt8>, remembers: Bool) {
        written += bytes.count + 8
        guard remembers, !hasLostTrack else { return }
        if digests.count - firstDigest >= Self.maximumPackets { loseTrack() }
        digests.append(ByteDigest.of(bytes))
    }

    /// A packet was taken: whether its bytes are those of the oldest that was written and not taken; nil where that is not
    /// known.
    mutating func took(_ bytes: ArraySlice<UInt8>) -> Bool? {
        guard !hasLostTrack else { return nil }
        guard firstDigest < digests.count else { return false }
        let expected = digests[firstDigest]
        firstDigest += 1
        if firstDigest > 64, firstDigest * 2 > digests.count {
            digests.removeFirst(firstDigest)
            firstDigest = 0
        }
        return expected == ByteDigest.of(bytes)
    }

    /// What is in the ring is not known any more.
    mutating func loseTrack() {
        hasLostTrack = true
        digests = []
        firstDigest = 0
    }

    /// Remembers how the ring was left.
    mutating func look(_ ring: RingEvidence) {
        (writeIndex, readIndex) = (ring.writeIndex, ring.readIndex)
        interruptMask = ring.interruptMask
        written = 0
        if hasLostTrack, ring.writeIndex == ring.readIndex { hasLostTrack = false }
    }

    /// Whether a state that breaks a rule is new: one that lasts is told once.
    mutating func isNew(_ rule: ProtocolRule, isBroken: Bool) -> Bool {
        let bit = UInt64(1) << UInt64(rule.rawValue)
        let wasReported = reported & bit != 0
        reported = isBroken ? reported | bit : reported & ~bit
        return isBroken && !wasReported
    }
}
