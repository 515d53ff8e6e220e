public import VMBusWire

/// A frame on a pipe channel: the 8 bytes in front of a message or of a stretch of a byte stream (reference §4.6).
public struct PipeFrame: Hashable, Sendable {
    /// The packet that carries the frame.
    public let packet: ReceivedPacket
    /// Bytes of data in the frame. On a byte pipe 0 is the end of the stream.
    public let byteCount: Int
    /// Bytes of it that a reader has taken before and said so in place; 0 for a frame as it was sent.
    public let consumed: Int

    /// Bytes before the data.
    @inlinable public static var headerByteCount: Int { 8 }
    /// The most bytes of data in a frame.
    @inlinable public static var maximumByteCount: Int { 16384 }

    /// A frame is data, and only in its sender's word.
    @inlinable static var data: UInt32 { 1 }
    /// A frame of which a reader has taken a part.
    @inlinable static var partlyRead: UInt32 { 2 }

    @inlinable
    init(packet: ReceivedPacket, byteCount: Int, consumed: Int) {
        self.packet = packet
        self.byteCount = byteCount
        self.consumed = consumed
    }

    /// Copies data from byte `start` of the frame on, or as much of it as `buffer` takes.
    /// - Returns: the bytes copied, 0 where the data does not reach `start`.
    @inlinable
    public func copyData<Memory: RingMemory>(
        from memory: Memory, startingAt start: Int = 0, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Memory.Failure) -> Int {
        guard start >= 0, start < byteCount else { return 0 }
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, byteCount - start)])
        return try packet.copyPayload(from: memory, startingAt: Self.headerByteCount + start, into: part)
    }

    /// Appends all data that was not consumed before to `bytes`; on failure `bytes` is as before.
    public func appendData<Memory: RingMemory>(
        from memory: Memory, to bytes: inout [UInt8]
    ) throws(Memory.Failure) {
        let distance = packet.descriptor.headerLength + UInt32(Self.headerByteCount + consumed)
        try memory.appendBytes(
            from: ringOffset(packet.offset, advancedBy: distance, dataSize: memory.dataSize),
            count: byteCount - consumed, to: &bytes)
    }
}

extension ReceivedPacket {
    /// The frame that a packet on a pipe channel carries: its word is loaded once and checked.
    /// - Throws: damage, naming the field; the memory's failure.
    @inlinable
    public func pipeFrame<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> PipeFrame {
        guard type == .dataInBand else {
            throw pipeDamage(.type, UInt32(type.rawValue), .otherType, UInt32(PacketType.dataInBand.rawValue))
        }
        let room = payloadCount - PipeFrame.headerByteCount
        guard room >= 0 else {
            throw pipeDamage(
                .length, descriptor.totalLength, .pipeHeaderInside,
                descriptor.headerLength + UInt32(PipeFrame.headerByteCount))
        }
        let word = try memory.dataWord64(payloadOffset(dataSize: memory.dataSize))
        let kind = UInt32(truncatingIfNeeded: word)
        let length = UInt32(truncatingIfNeeded: word >> 32)
        guard kind == PipeFrame.data || kind == PipeFrame.partlyRead else {
            throw pipeDamage(.pipeType, kind, .pipeData, PipeFrame.partlyRead)
        }
        let byteCount = kind == PipeFrame.data ? length : length & 0xFFFF
        let consumed = kind == PipeFrame.data ? 0 : length >> 16
        let limit = UInt32(min(room, PipeFrame.maximumByteCount))
        guard byteCount <= limit else { throw pipeDamage(.pipeLength, byteCount, .pipeInside, limit) }
        guard consumed <= byteCount else { throw pipeDamage(.pipeConsumed, consumed, .consumedInside, byteCount) }
        return PipeFrame(packet: self, byteCount: Int(byteCount), consumed: Int(consumed))
    }

    @usableFromInline
    func pipeDamage<Failure>(
        _ field: RingDamage.Field, _ value: UInt32, _ rule: RingDamage.Rule, _ limit: UInt32
    ) -> RingError<Failure> {
        .damage(RingDamage(field: field, value: value, rule: rule, limit: limit, offset: offset))
    }
}

extension SendBatch {
    /// Writes a packet with a frame around `data` behind the others: a message of a message pipe, a stretch of a byte pipe.
    /// - Returns: nil when it was written, else the bytes of ring that it takes, of which ``free`` has not enough.
    /// - Throws: a refusal of more than 16384 bytes; the memory's failure.
    @inlinable
    public mutating func appendFrame<Memory: RingMemory>(
        _ data: RawSpan, transactionID: UInt64 = 0, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        guard data.byteCount <= PipeFrame.maximumByteCount else { throw .refused(.pipeMessage(data.byteCount)) }
        var batch = self
        let reservation = try batch.reserve(
            PacketInfo(.dataInBand, transactionID: transactionID),
            payloadCount: PipeFrame.headerByteCount + data.byteCount, in: &memory)
        switch reservation {
        case .full(let needed): return needed
        case .packet(let packet):
            try packet.setWord(UInt64(PipeFrame.data) | UInt64(data.byteCount) << 32, at: 0, in: &memory)
            try packet.writePayload(data, at: PipeFrame.headerByteCount, in: &memory)
        }
        self = batch
        return nil
    }
}

extension RingSender {
    /// Sends one message on a message pipe.
    /// - Throws: a refusal of more than 16384 bytes or of what this ring cannot carry; damage; the memory's failure.
    @inlinable
    public mutating func sendMessage<Memory: RingMemory>(
        _ data: RawSpan, transactionID: UInt64 = 0, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        var batch = try batch(in: memory)
        if let needed = try batch.appendFrame(data, transactionID: transactionID, in: &memory) {
            return .full(needed: needed, free: batch.free)
        }
        return .sent(signal: try publish(batch, in: &memory))
    }
}
