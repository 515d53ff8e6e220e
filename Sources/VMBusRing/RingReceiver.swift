#if Mutations
    public import VMBusWire
#endif

/// What a receiver found when it finished draining.
public struct DrainOutcome: Hashable, Sendable {
    /// The sender waits for space and must be signalled (reference §4.8).
    public var signal: Bool
    /// Packets came in the meantime and signals are masked again: go on reading.
    public var hasMore: Bool

    /// An outcome.
    @inlinable
    public init(signal: Bool, hasMore: Bool) {
        self.signal = signal
        self.hasMore = hasMore
    }
}

/// The receiving end of a ring: a private position and settings; the memory is given to each operation.
///
/// The shared read index is written and never believed. Nothing in a receiver changes before its operation has succeeded, so
/// that an operation which ended in a memory's failure can be run again from its start; a copy taken before ``next(in:)``
/// goes back to the packets read since, as long as they are not committed.
public struct RingReceiver: Hashable, Sendable {
    /// How this end behaves.
    public let settings: RingSettings
    /// Where the next packet starts.
    @inlinable public var position: UInt32 { _position }
    @usableFromInline var _position: UInt32
    /// What this end last published as the read index: packets from here to ``position`` still take their space.
    @inlinable public var published: UInt32 { _published }
    @usableFromInline var _published: UInt32
    /// The write index as last loaded: up to here packets are whole, so it is loaded again only when it is reached.
    @usableFromInline
    var knownWriteIndex: UInt32
    /// The write index as this end last loaded it, which decides whether it loads it again for the next packet.
    @inlinable public var loadedWriteIndex: UInt32 { knownWriteIndex }

    /// A receiver at a position, 0 for a fresh ring.
    @inlinable
    public init(_ settings: RingSettings = RingSettings(), position: UInt32 = 0) {
        self.settings = settings
        _position = position
        _published = position
        knownWriteIndex = position
    }

    /// A receiver that reads up to a write index which was loaded and checked before, and takes any trailer.
    init(position: UInt32, knownWriteIndex: UInt32) {
        self.init(RingSettings(checksTrailers: false), position: position)
        self.knownWriteIndex = knownWriteIndex
    }

    /// A receiver that goes on where the control page says that the last one stopped.
    /// - Throws: damage for an impossible read index; the memory's failure.
    public init<Memory: RingMemory>(
        resuming memory: Memory, _ settings: RingSettings = RingSettings()
    ) throws(RingError<Memory.Failure>) {
        self.init(settings, position: try memory.index(.readIndex, .readIndex))
    }

    /// Writes the words that belong to the receiver, before the channel opens.
    /// - Parameter masked: whether to start without signals, as OpenVMM does until it first waits; Linux starts with them.
    public func initialize<Memory: RingMemory>(
        _ memory: inout Memory, masked: Bool = false
    ) throws(RingError<Memory.Failure>) {
        try memory.set(.readIndex, to: memory.checked(published, .position))
        try memory.set(.interruptMask, to: masked ? 1 : 0)
    }

    /// The next packet, which stays the next one.
    /// - Returns: nil when the ring is read to its end.
    /// - Throws: damage, naming the field; the memory's failure.
    public func peek<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> ReceivedPacket? {
        var copy = self
        return try copy.next(in: memory)
    }

    /// Takes the next packet. Its bytes stay in the ring until ``commit(in:)``.
    /// - Returns: nil when the ring is read to its end.
    /// - Throws: damage, naming the field; the memory's failure.
    @inlinable @inline(__always)
    public mutating func next<Memory: RingMemory>(
        in memory: Memory
    ) throws(RingError<Memory.Failure>) -> ReceivedPacket? {
        let dataSize = memory.dataSize
        let position = try memory.checked(position, .position)
        var write = knownWriteIndex
        if write == position {
            write = try memory.index(.writeIndex, .writeIndex)
            if write == position { return nil }
            // What was taken and not given back cannot have been written again.
            let taken = ringDistance(from: published, to: position, dataSize: dataSize)
            guard ringDistance(from: published, to: write, dataSize: dataSize) > taken else {
                throw .damage(
                    RingDamage(field: .writeIndex, value: write, rule: .behindTaken, limit: position))
            }
        }
        let available = ringDistance(from: position, to: write, dataSize: dataSize)
        guard available >= RingPacketDescriptor.byteCount + RingPacketDescriptor.trailerByteCount else {
            throw .damage(RingDamage(field: .writeIndex, value: write, rule: .descriptorAndTrailer, limit: 24))
        }
        // Every word is copied once and only the copy is looked at, as the peer may change the ring at any time.
        let whole = memory.address(of: position, count: available)
        let descriptor =
            if let whole {
                RingPacketDescriptor(first: whole.ringWord, transactionID: (whole + 8).ringWord)
            } else {
                RingPacketDescriptor(
                    first: try memory.dataWord64(position),
                    transactionID: try memory.dataWord64(ringOffset(position, advancedBy: 8, dataSize: dataSize)))
            }
        if let damage = ReceivedPacket.damage(in: descriptor, at: position, available: available) {
            throw .damage(damage)
        }
        if settings.checksTrailers {
            let trailer =
                if let whole {
                    (whole + Int(descriptor.totalLength)).ringWord
                } else {
                    try memory.dataWord64(ringOffset(position, advancedBy: descriptor.totalLength, dataSize: dataSize))
                }
            let start = UInt32(truncatingIfNeeded: trailer >> 32)
            guard start == position else {
                throw .damage(
                    RingDamage(field: .trailer, value: start, rule: .packetStart, limit: position, offset: position))
            }
        }
        knownWriteIndex = write
        _position = ringOffset(
            position, advancedBy: descriptor.totalLength + RingPacketDescriptor.trailerByteCount, dataSize: dataSize)
        return ReceivedPacket(offset: position, descriptor: descriptor)
    }

    /// Takes the next packet and appends its bytes, from descriptor to payload, to `bytes`; see
    /// ``ReceivedPacket/appendPacket(from:to:)``. On failure neither this receiver nor `bytes` has changed.
    /// - Returns: nil when the ring is read to its end.
    /// - Throws: damage, naming the field; the memory's failure.
    @inlinable
    public mutating func next<Memory: RingMemory>(
        in memory: Memory, appendingTo bytes: inout [UInt8]
    ) throws(RingError<Memory.Failure>) -> ReceivedPacket? {
        var reading = self
        guard let packet = try reading.next(in: memory) else { return nil }
        do throws(Memory.Failure) {
            try packet.appendPacket(from: memory, to: &bytes)
        } catch {
            throw .memory(error)
        }
        self = reading
        return packet
    }

    /// Goes back to the first packet whose space was not given back yet: what was taken since will be taken again.
    @inlinable
    public mutating func revert() {
        _position = published
    }

    /// Gives the space of the packets taken so far back to the sender. Cheapest once for many packets.
    /// - Returns: whether the sender must be signalled, as it waits for space and now has it (reference §4.8).
    @inlinable @inline(__always)
    public mutating func commit<Memory: RingMemory>(
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> Bool {
        if position == published { return false }
        let position = try memory.checked(position, .position)
        try memory.set(.readIndex, to: position)
        var signal = false
        if try memory.word32(.featureBits) & RingControl.pendingSendSizeFeature != 0 {
            #if Mutations
                if settings.mutation != .noBarrierAfterReadIndex { try memory.fullBarrier() }
            #else
                try memory.fullBarrier()
            #endif
            // The pending-send size comes before the write index: the other way round a wake-up can be lost.
            #if Mutations
                var pending = try memory.word32(.pendingSendSize)
                if settings.mutation == .pendingSizeOneStepLate, pending != 0 { pending &+= 8 }
            #else
                let pending = try memory.word32(.pendingSendSize)
            #endif
            if pending != 0 {
                let write = try memory.index(.writeIndex, .writeIndex)
                signal = Self.mustSignal(
                    settings.wakeRule, pending: pending,
                    freed: ringDistance(
                        from: published, to: position, dataSize: memory.dataSize),
                    free: memory.dataSize - ringDistance(from: position, to: write, dataSize: memory.dataSize))
            }
        }
        _published = position
        return signal
    }

    /// Whether freeing `freed` bytes, after which `free` (data size − used) are free, ends a wait for `pending` bytes.
    @inlinable
    static func mustSignal(_ rule: WakeRule, pending: UInt32, freed: UInt32, free: UInt32) -> Bool {
        // A sender that has filled what was freed just now has seen the new read index already.
        guard pending != 0, free >= freed else { return false }
        let before = free - freed
        switch rule {
        case .strictlyMore:
            return before <= pending && pending < free
        case .atLeast:
            // Some peers store the ring's size less 1. Free space keeps 8 bytes that are never filled, so it is compared
            // with those added to the other side, which cannot fall below 0.
            let rounded = UInt64(pending & ~7) + 8
            return before < rounded && rounded <= free
        }
    }

    /// Asks for no signals while this end reads (reference §4.7).
    @inlinable
    public func mask<Memory: RingMemory>(in memory: inout Memory) throws(RingError<Memory.Failure>) {
        try memory.set(.interruptMask, to: 1)
        try memory.fullBarrier()
    }

    /// Commits, asks for signals again, and looks for packets that came before the sender saw that; if there are any, masks
    /// again, so that no packet waits for a signal that never comes.
    ///
    /// It commits first, because a sender does not signal as long as the read index lags behind.
    @inlinable
    public mutating func finishDraining<Memory: RingMemory>(
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> DrainOutcome {
        var drained = self
        let signal = try drained.commit(in: &memory)
        try memory.set(.interruptMask, to: 0)
        try memory.fullBarrier()
        #if Mutations
            if settings.mutation == .noRecheckAfterUnmask {
                self = drained
                return DrainOutcome(signal: signal, hasMore: false)
            }
        #endif
        let write = try memory.index(.writeIndex, .writeIndex)
        let hasMore = write != drained.position
        if hasMore { try drained.mask(in: &memory) }
        self = drained
        return DrainOutcome(signal: signal, hasMore: hasMore)
    }

    /// Bytes of packets not yet taken, with their trailers.
    @inlinable
    public func waitingBytes<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> UInt32 {
        let position = try memory.checked(position, .position)
        return ringDistance(
            from: position, to: try memory.index(.writeIndex, .writeIndex), dataSize: memory.dataSize)
    }
}
