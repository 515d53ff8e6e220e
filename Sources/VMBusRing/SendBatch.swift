/// Packets that are written into the ring and not yet published; dropping the value takes them back.
///
/// The free space is what it was when the batch was started; a receiver's progress since then is seen by the next batch.
public struct SendBatch: Hashable, Sendable {
    /// The sender's position when the batch was started.
    public let start: UInt32
    /// Where the next packet will start.
    @inlinable public var position: UInt32 { _position }
    @usableFromInline var _position: UInt32
    /// Bytes still free; a packet fits when it takes strictly fewer.
    @inlinable public var free: UInt32 { _free }
    @usableFromInline var _free: UInt32
    /// Packets written so far.
    @inlinable public var packetCount: Int { _packetCount }
    @usableFromInline var _packetCount = 0

    @usableFromInline
    init(start: UInt32, position: UInt32, free: UInt32) {
        self.start = start
        _position = position
        _free = free
    }

    /// Bytes of ring that a packet takes: descriptor, header, padded payload and trailer.
    /// - Throws: why no ring of this data size can carry it.
    @inlinable
    public static func ringBytes(
        headerCount: Int, payloadCount: Int, dataSize: UInt32
    ) throws(SendRefusal) -> UInt32 {
        guard headerCount & 7 == 0 else { throw .headerLength(headerCount) }
        // A packet may fill the ring but for 8 bytes, as a ring filled to the last one would look empty.
        let overhead = Int(RingPacketDescriptor.byteCount)
        let limit = min(Int(RingPacketDescriptor.maximumTotalLength), Int(dataSize) - 16)
        guard headerCount <= limit - overhead, payloadCount <= limit - overhead - headerCount else {
            let (sum, overflow) = headerCount.addingReportingOverflow(payloadCount)
            throw .tooLong(total: overflow || sum > Int.max - 32 ? .max : (sum + overhead + 7) & ~7, limit: limit)
        }
        return UInt32((overhead + headerCount + payloadCount + 7) & ~7) + RingPacketDescriptor.trailerByteCount
    }

    /// Writes a packet behind the others; parameters as in ``RingSender/send(_:header:payload:in:)-(_,RawSpan,_,_)``.
    /// - Returns: nil when it was written, else the bytes of ring that it takes, of which ``free`` has not enough.
    @inlinable
    public mutating func append<Memory: RingMemory>(
        _ info: PacketInfo, header: RawSpan, payload: RawSpan, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        let dataSize = memory.dataSize
        let needed: UInt32
        do throws(SendRefusal) {
            needed = try Self.ringBytes(
                headerCount: header.byteCount, payloadCount: payload.byteCount, dataSize: dataSize)
        } catch {
            throw .refused(error)
        }
        guard free > needed else { return needed }
        let descriptor = RingPacketDescriptor(
            info, headerLength: RingPacketDescriptor.byteCount + UInt32(header.byteCount),
            totalLength: needed - RingPacketDescriptor.trailerByteCount)
        try memory.setData(descriptor.first, at: position)
        var place = ringOffset(position, advancedBy: 8, dataSize: dataSize)
        try memory.setData(info.transactionID, at: place)
        place = ringOffset(place, advancedBy: 8, dataSize: dataSize)
        if header.byteCount > 0 {
            place = try Self.copy(header, to: place, in: &memory)
        }
        if payload.byteCount > 0 {
            place = try Self.copy(payload, to: place, in: &memory)
        }
        try memory.setData(UInt64(position) << 32, at: place)
        _position = ringOffset(position, advancedBy: needed, dataSize: dataSize)
        _free -= needed
        _packetCount += 1
        return nil
    }

    /// Writes a packet from arrays.
    public mutating func append<Memory: RingMemory>(
        _ info: PacketInfo, header: [UInt8] = [], payload: [UInt8], in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        try append(info, header: header.span.bytes, payload: payload.span.bytes, in: &memory)
    }

    /// Writes a packet whose payload is a part of an array.
    public mutating func append<Memory: RingMemory>(
        _ info: PacketInfo, header: [UInt8] = [], payload: ArraySlice<UInt8>, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        try append(info, header: header.span.bytes, payload: payload.span.bytes, in: &memory)
    }

    /// Copies whole units of 8 bytes, then the rest as one unit padded with zeros, so that nothing of ours leaks.
    /// - Returns: the offset behind the padding.
    @inlinable @inline(__always)
    static func copy<Memory: RingMemory>(
        _ bytes: RawSpan, to offset: UInt32, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32 {
        try bytes.withUnsafeBytes { (buffer) throws(RingError<Memory.Failure>) in
            let whole = buffer.count & ~7
            let dataSize = memory.dataSize
            if whole > 0 {
                try memory.putData(UnsafeRawBufferPointer(rebasing: buffer[..<whole]), at: offset)
            }
            let place = ringOffset(offset, advancedBy: UInt32(whole), dataSize: dataSize)
            if whole == buffer.count { return place }
            var rest: UInt64 = 0
            for position in whole..<buffer.count {
                rest |= UInt64(buffer[position]) << UInt64((position & 7) * 8)
            }
            try memory.setData(rest, at: place)
            return ringOffset(place, advancedBy: 8, dataSize: dataSize)
        }
    }
}
