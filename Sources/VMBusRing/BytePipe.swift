/// What a reader of a byte pipe got.
public enum PipeRead: Hashable, Sendable {
    /// So many bytes, at least one unless the buffer takes none.
    case bytes(Int)
    /// Nothing now: finish draining, then wait for a signal.
    case nothing
    /// Nothing ever: the other side has ended the stream.
    case end
}

/// The reading end of a byte pipe: a stream whose frames a reader may take in parts (reference §4.6).
///
/// Like the receiver in it, it is a value: nothing in it changes before its operation has succeeded, and a copy goes back to
/// where it was taken as long as nothing is committed. The space of a frame is given back when all of it was read.
public struct BytePipeReceiver: Hashable, Sendable {
    /// The receiver, which stands before a frame that was read in part.
    public private(set) var ring: RingReceiver
    /// Whether the end of the stream was read.
    public private(set) var hasEnded = false
    private var current: Current?

    /// A frame that was read in part.
    private struct Current: Hashable, Sendable {
        var frame: PipeFrame
        var taken: Int
        /// The receiver behind the frame.
        var after: RingReceiver
    }

    /// Reads what `ring` receives. Where a reader before this one has left a frame in part, it goes on behind that part.
    public init(_ ring: RingReceiver) {
        self.ring = ring
    }

    /// Reads bytes of one frame, at most as many as `buffer` takes.
    /// - Throws: damage, naming the field; the memory's failure.
    public mutating func read<Memory: RingMemory>(
        into buffer: UnsafeMutableRawBufferPointer, in memory: Memory
    ) throws(RingError<Memory.Failure>) -> PipeRead {
        var reading = self
        guard try reading.advance(in: memory) else { return .nothing }
        guard var current = reading.current else {
            self = reading
            return .end
        }
        let count: Int
        do throws(Memory.Failure) {
            count = try current.frame.copyData(from: memory, startingAt: current.taken, into: buffer)
        } catch {
            throw .memory(error)
        }
        current.taken += count
        let isRead = current.taken == current.frame.byteCount
        reading.current = isRead ? nil : current
        if isRead { reading.ring = current.after }
        self = reading
        return .bytes(count)
    }

    /// Takes up the next frame that has something to read unless there is one; false when the ring is read to its end.
    private mutating func advance<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> Bool {
        while !hasEnded, current == nil {
            var after = ring
            guard let packet = try after.next(in: memory) else { return false }
            let frame = try packet.pipeFrame(in: memory)
            if frame.consumed < frame.byteCount {
                current = Current(frame: frame, taken: frame.consumed, after: after)
            } else {
                ring = after
                hasEnded = frame.byteCount == 0
            }
        }
        return true
    }

    /// Gives the space of the frames that were read to their end back to the sender.
    /// - Returns: whether the sender must be signalled.
    public mutating func commit<Memory: RingMemory>(
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> Bool {
        try ring.commit(in: &memory)
    }

    /// The receiver's ``RingReceiver/finishDraining(in:)``; a frame that was read in part counts as something to read.
    public mutating func finishDraining<Memory: RingMemory>(
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> DrainOutcome {
        try ring.finishDraining(in: &memory)
    }

    /// Writes into a frame that was read in part how far, so that whoever reads the ring next goes on there. Its packet still
    /// belongs to the reader, which is why a reader may write to it.
    public func leave<Memory: RingMemory>(in memory: inout Memory) throws(RingError<Memory.Failure>) {
        guard let current else { return }
        let length = UInt64(current.frame.byteCount) | UInt64(current.taken) << 16
        try memory.setData(
            UInt64(PipeFrame.partlyRead) | length << 32,
            at: current.frame.packet.payloadOffset(dataSize: memory.dataSize))
    }
}

/// What became of bytes that were to be written to a byte pipe.
public struct PipeWritten: Hashable, Sendable {
    /// Bytes that are in the ring; fewer than there were when it is full.
    public var count: Int
    /// The reader must be signalled.
    public var signal: Bool

    /// An outcome.
    public init(count: Int, signal: Bool) {
        self.count = count
        self.signal = signal
    }
}

/// The writing end of a byte pipe. It always leaves room for the end of the stream, which must not wait for a reader
/// (reference §9, 48).
public struct BytePipeSender: Hashable, Sendable {
    /// The sender. Before blocking on a full ring call its ``RingSender/waitForSpace(_:in:)`` with ``spaceForMore``.
    public var ring: RingSender
    /// Whether the end was sent.
    public private(set) var hasEnded = false

    /// Bytes of ring that an empty frame takes: the end of the stream.
    public static let endByteCount: UInt32 = 32
    /// Bytes of ring that must be free for one unit of data and the end of the stream behind it.
    public static let spaceForMore: UInt32 = 40 + endByteCount

    /// Writes what `ring` sends.
    public init(_ ring: RingSender) {
        self.ring = ring
    }

    /// Writes as many bytes as there is room for, in frames of at most 16384 bytes, published at once. Nothing after the end.
    /// - Throws: damage; the memory's failure.
    public mutating func write<Memory: RingMemory>(
        _ bytes: RawSpan, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> PipeWritten {
        guard !hasEnded else { return PipeWritten(count: 0, signal: false) }
        var batch = try ring.batch(in: memory)
        var count = 0
        while count < bytes.byteCount {
            // Descriptor, frame and trailer take 32 bytes; a packet fits when it takes strictly fewer than are free.
            let room = Int(batch.free) - 8 - 32 - Int(Self.endByteCount)
            let part = min(bytes.byteCount - count, PipeFrame.maximumByteCount, room)
            guard part > 0 else { break }
            let frame = bytes.extracting(count..<count + part)
            guard try batch.appendFrame(frame, in: &memory) == nil else { break }
            count += part
        }
        return PipeWritten(count: count, signal: try ring.publish(batch, in: &memory))
    }

    /// Ends the stream; sent once.
    /// - Throws: damage; the memory's failure.
    public mutating func end<Memory: RingMemory>(
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        guard !hasEnded else { return .sent(signal: false) }
        let outcome = try ring.sendMessage(RawSpan(), in: &memory)
        if case .sent = outcome { hasEnded = true }
        return outcome
    }
}
