#if Mutations
    public import VMBusWire
#endif

/// What became of a packet that was to be sent.
public enum SendOutcome: Hashable, Sendable {
    /// It is in the ring; `signal` tells whether the receiver must be signalled (reference §4.7).
    case sent(signal: Bool)
    /// Nothing was written: the packet takes `needed` bytes of ring with its trailer and `free` are free, which must be
    /// strictly more. Call ``RingSender/waitForSpace(_:in:)`` before blocking.
    case full(needed: UInt32, free: UInt32)
}

/// Whether a sender may block.
public enum SpaceOutcome: Hashable, Sendable {
    /// Block: the receiver will signal when there is space.
    case wait
    /// Space came in the meantime: send now.
    case free
    /// Look again later: this sender does not use the pending-send size, so nobody will signal (reference §4.8).
    case poll
}

/// The sending end of a ring: a private position and settings; the memory is given to each operation.
///
/// Nothing in a sender changes before its operation has succeeded, so that an operation which ended in a memory's failure
/// can be run again from its start, and a copy of a sender goes back to where it was taken.
public struct RingSender: Hashable, Sendable {
    /// How this end behaves.
    public let settings: RingSettings
    /// Where the next packet will start: what this end last published as the write index.
    @inlinable public var position: UInt32 { _position }
    @usableFromInline var _position: UInt32
    /// What this end last stored as the pending-send size.
    @inlinable public var pendingSendSize: UInt32 { _pendingSendSize }
    @usableFromInline var _pendingSendSize: UInt32

    /// A sender at a position, 0 for a fresh ring.
    @inlinable
    public init(_ settings: RingSettings = RingSettings(), position: UInt32 = 0, pendingSendSize: UInt32 = 0) {
        self.settings = settings
        _position = position
        _pendingSendSize = pendingSendSize
    }

    /// A sender that goes on where the control page says that the last one stopped.
    /// - Throws: damage for an impossible write index; the memory's failure.
    public init<Memory: RingMemory>(
        resuming memory: Memory, _ settings: RingSettings = RingSettings()
    ) throws(RingError<Memory.Failure>) {
        self.init(
            settings, position: try memory.index(.writeIndex, .writeIndex),
            pendingSendSize: try memory.word32(.pendingSendSize))
    }

    /// Writes the words that belong to the sender as this value has them, before the channel opens.
    public func initialize<Memory: RingMemory>(_ memory: inout Memory) throws(RingError<Memory.Failure>) {
        try memory.set(.writeIndex, to: memory.checked(position, .position))
        try memory.set(.pendingSendSize, to: pendingSendSize)
        try memory.set(.featureBits, to: settings.usesPendingSendSize ? RingControl.pendingSendSizeFeature : 0)
        #if Mutations
            if settings.mutation == .pendingWithoutFeature {
                try memory.set(.pendingSendSize, to: 8)
                try memory.set(.featureBits, to: 0)
            }
        #endif
    }

    /// Bytes that are free (reference §4.2); a packet fits when it takes strictly fewer, trailer included.
    @inlinable
    public func freeBytes<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> UInt32 {
        let position = try memory.checked(position, .position)
        let read = try memory.index(.readIndex, .readIndex)
        return memory.dataSize - ringDistance(from: read, to: position, dataSize: memory.dataSize)
    }

    /// Starts a batch: packets that are written one after the other and published at once.
    @inlinable @inline(__always)
    public func batch<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> SendBatch {
        let position = try memory.checked(position, .position)
        let read = try memory.index(.readIndex, .readIndex)
        let used = ringDistance(from: read, to: position, dataSize: memory.dataSize)
        #if Mutations
            return SendBatch(start: position, position: position, free: memory.dataSize - used + settings.mutatedFree)
        #else
            return SendBatch(start: position, position: position, free: memory.dataSize - used)
        #endif
    }

    /// Publishes the packets of a batch that was started by this sender and not yet published.
    /// - Returns: whether the receiver must be signalled: it does not mask signals and had read everything before the batch.
    @inlinable @inline(__always)
    public mutating func publish<Memory: RingMemory>(
        _ batch: SendBatch, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> Bool {
        precondition(batch.start == position, "a batch is published once, by the sender that started it")
        if batch.packetCount == 0 { return false }
        try memory.set(.writeIndex, to: batch.position)
        if pendingSendSize != settings.restingPendingSendSize {
            try memory.set(.pendingSendSize, to: settings.restingPendingSendSize)
        }
        #if Mutations
            if settings.mutation != .noBarrierBeforeMaskTest { try memory.fullBarrier() }
        #else
            try memory.fullBarrier()
        #endif
        var signal = false
        if try memory.word32(.interruptMask) == 0 {
            signal = try memory.index(.readIndex, .readIndex) == batch.start
        }
        #if Mutations
            signal = try settings.mutated(batch, signal, in: &memory)
        #endif
        _position = batch.position
        _pendingSendSize = settings.restingPendingSendSize
        return signal
    }

    /// Sends one packet.
    /// - Parameters:
    ///   - info: type, flags and transaction id.
    ///   - header: the type-specific header that follows the descriptor; a multiple of 8 bytes, often none.
    ///   - payload: the payload; it is padded with zeros to a multiple of 8 bytes.
    /// - Throws: a refusal of what no ring of this size carries; damage; the memory's failure.
    @inlinable @inline(__always)
    public mutating func send<Memory: RingMemory>(
        _ info: PacketInfo, header: RawSpan, payload: RawSpan, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        var batch = try batch(in: memory)
        if let needed = try batch.append(info, header: header, payload: payload, in: &memory) {
            return .full(needed: needed, free: batch.free)
        }
        return .sent(signal: try publish(batch, in: &memory))
    }

    /// Sends one packet that has nothing between descriptor and payload.
    @inlinable
    public mutating func send<Memory: RingMemory>(
        _ info: PacketInfo, payload: RawSpan, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        try send(info, header: RawSpan(), payload: payload, in: &memory)
    }

    /// Sends one packet from arrays.
    @inlinable @inline(__always)
    public mutating func send<Memory: RingMemory>(
        _ info: PacketInfo, header: [UInt8] = [], payload: [UInt8], in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        try send(info, header: header.span.bytes, payload: payload.span.bytes, in: &memory)
    }

    /// Sends one packet whose payload is a part of an array.
    public mutating func send<Memory: RingMemory>(
        _ info: PacketInfo, header: [UInt8] = [], payload: ArraySlice<UInt8>, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        try send(info, header: header.span.bytes, payload: payload.span.bytes, in: &memory)
    }

    /// A sender's duty before it blocks on a full ring: sets the pending-send size, then looks at the space again, as the
    /// receiver may have made it just before (reference §4.8). The next packet that is sent takes the size back.
    /// - Parameter needed: bytes of ring that the packet takes, as ``SendOutcome/full(needed:free:)`` told.
    @inlinable
    public mutating func waitForSpace<Memory: RingMemory>(
        _ needed: UInt32, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SpaceOutcome {
        guard settings.usesPendingSendSize else {
            return try freeBytes(in: memory) > needed ? .free : .poll
        }
        try memory.set(.pendingSendSize, to: needed)
        try memory.fullBarrier()
        #if Mutations
            if settings.mutation == .pendingSizeNotRechecked {
                _pendingSendSize = needed
                return .wait
            }
        #endif
        let free = try freeBytes(in: memory)
        _pendingSendSize = needed
        return free > needed ? .free : .wait
    }

    /// Gives up waiting for space: takes the pending-send size back without having sent.
    @inlinable
    public mutating func stopWaiting<Memory: RingMemory>(
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        guard pendingSendSize != settings.restingPendingSendSize else { return }
        try memory.set(.pendingSendSize, to: settings.restingPendingSendSize)
        _pendingSendSize = settings.restingPendingSendSize
    }
}
