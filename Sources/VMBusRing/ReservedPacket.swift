/// A packet of a batch whose room is taken and framed, and whose header and payload are written piece by piece.
///
/// Like every packet of a batch it is not published before the batch is, and dropping the batch takes it back. What is not
/// written keeps the ring's old bytes, but for padding, which is zeros.
public struct ReservedPacket: Hashable, Sendable {
    /// Where the packet starts in the data area.
    public let offset: UInt32
    /// Bytes of the type-specific header.
    public let headerCount: Int
    /// Bytes of the payload, without padding.
    public let payloadCount: Int

    @inlinable
    init(offset: UInt32, headerCount: Int, payloadCount: Int) {
        self.offset = offset
        self.headerCount = headerCount
        self.payloadCount = payloadCount
    }

    /// Writes a part of the type-specific header, from byte `place` of it on.
    /// - Throws: a refusal of what reaches beyond the header; the memory's failure.
    @inlinable
    public func writeHeader<Memory: RingMemory>(
        _ bytes: RawSpan, at place: Int = 0, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        try write(bytes, at: place, of: headerCount, startingAt: 0, in: &memory)
    }

    /// Writes a part of the payload, from byte `place` of it on.
    /// - Throws: a refusal of what reaches beyond the payload; the memory's failure.
    @inlinable
    public func writePayload<Memory: RingMemory>(
        _ bytes: RawSpan, at place: Int = 0, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        try write(bytes, at: place, of: payloadCount, startingAt: headerCount, in: &memory)
    }

    @inlinable
    func write<Memory: RingMemory>(
        _ bytes: RawSpan, at place: Int, of count: Int, startingAt start: Int, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        guard place >= 0, place <= count, bytes.byteCount <= count - place else {
            throw .refused(.outsidePart(start: place, count: bytes.byteCount, limit: count))
        }
        guard bytes.byteCount > 0 else { return }
        let distance = RingPacketDescriptor.byteCount + UInt32(start + place)
        try memory.putData(bytes, at: ringOffset(offset, advancedBy: distance, dataSize: memory.dataSize))
    }

    /// Stores a whole unit of 8 bytes behind the descriptor; `place` counts from there and is the caller's promise.
    @inlinable
    func setWord<Memory: RingMemory>(
        _ value: UInt64, at place: Int, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        let distance = RingPacketDescriptor.byteCount + UInt32(place)
        try memory.setData(value, at: ringOffset(offset, advancedBy: distance, dataSize: memory.dataSize))
    }
}

/// What became of a packet that was to be written into a batch piece by piece.
public enum Reservation: Hashable, Sendable {
    /// It has its room.
    case packet(ReservedPacket)
    /// Nothing was written: the packet takes `needed` bytes of ring, of which the batch has not enough free.
    case full(needed: UInt32)
}

extension SendBatch {
    /// Takes room for a packet whose header and payload are written piece by piece afterwards.
    /// - Parameters:
    ///   - headerCount: bytes of the type-specific header; a multiple of 8.
    ///   - payloadCount: bytes of the payload.
    /// - Throws: a refusal of what no ring of this size carries; the memory's failure.
    @inlinable
    public mutating func reserve<Memory: RingMemory>(
        _ info: PacketInfo, headerCount: Int = 0, payloadCount: Int, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> Reservation {
        let dataSize = memory.dataSize
        let needed: UInt32
        do throws(SendRefusal) {
            needed = try Self.ringBytes(headerCount: headerCount, payloadCount: payloadCount, dataSize: dataSize)
        } catch {
            throw .refused(error)
        }
        guard free > needed else { return .full(needed: needed) }
        let descriptor = RingPacketDescriptor(
            info, headerLength: RingPacketDescriptor.byteCount + UInt32(headerCount),
            totalLength: needed - RingPacketDescriptor.trailerByteCount)
        try Self.writeFrame(of: descriptor, clearsLastUnit: payloadCount & 7 != 0, start: position, in: &memory)
        let packet = ReservedPacket(offset: position, headerCount: headerCount, payloadCount: payloadCount)
        take(needed, dataSize: dataSize)
        return .packet(packet)
    }
}
