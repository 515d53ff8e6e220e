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
    @inlinable @inline(__always)
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
    @inlinable @inline(__always)
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
        if let place = memory.address(of: position, count: needed) {
            Self.write(descriptor, header: header, payload: payload, start: position, to: place)
        } else {
            try Self.write(descriptor, header: header, payload: payload, start: position, in: &memory)
        }
        take(needed, dataSize: dataSize)
        return nil
    }

    /// Counts a packet that was written.
    @inlinable @inline(__always)
    mutating func take(_ ringBytes: UInt32, dataSize: UInt32) {
        _position = ringOffset(position, advancedBy: ringBytes, dataSize: dataSize)
        _free -= ringBytes
        _packetCount += 1
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

    /// Writes a packet that lies in one piece. The last unit of 8 bytes is cleared before the payload goes over it, so that
    /// its padding is zeros and nothing of ours leaks.
    @inlinable @inline(__always)
    static func write(
        _ descriptor: RingPacketDescriptor, header: RawSpan, payload: RawSpan, start: UInt32,
        to place: UnsafeMutableRawPointer
    ) {
        let total = Int(descriptor.totalLength)
        place.setRingWord(descriptor.first)
        (place + 8).setRingWord(descriptor.info.transactionID)
        if payload.byteCount & 7 != 0 { (place + (total &- 8)).setRingWord(0) }
        if header.byteCount > 0 {
            header.withUnsafeBytes { bytes in
                if let source = bytes.baseAddress {
                    (place + 16).copyMemory(from: source, byteCount: bytes.count)
                }
            }
        }
        payload.withUnsafeBytes { bytes in
            if let source = bytes.baseAddress {
                (place + Int(descriptor.headerLength)).copyMemory(from: source, byteCount: bytes.count)
            }
        }
        (place + total).setRingWord(UInt64(start) << 32)
    }

    /// The same, part by part, each of which may lie round the end or behind a memory that counts.
    @inlinable
    static func write<Memory: RingMemory>(
        _ descriptor: RingPacketDescriptor, header: RawSpan, payload: RawSpan, start: UInt32, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        let dataSize = memory.dataSize
        try writeFrame(of: descriptor, clearsLastUnit: payload.byteCount & 7 != 0, start: start, in: &memory)
        if header.byteCount > 0 {
            try memory.putData(
                header, at: ringOffset(start, advancedBy: RingPacketDescriptor.byteCount, dataSize: dataSize))
        }
        if payload.byteCount > 0 {
            try memory.putData(payload, at: ringOffset(start, advancedBy: descriptor.headerLength, dataSize: dataSize))
        }
    }

    /// Writes descriptor and trailer, and zeros where padding will be.
    @inlinable
    static func writeFrame<Memory: RingMemory>(
        of descriptor: RingPacketDescriptor, clearsLastUnit: Bool, start: UInt32, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) {
        let dataSize = memory.dataSize
        try memory.setData(descriptor.first, at: start)
        try memory.setData(
            descriptor.info.transactionID, at: ringOffset(start, advancedBy: 8, dataSize: dataSize))
        if clearsLastUnit {
            try memory.setData(
                0, at: ringOffset(start, advancedBy: descriptor.totalLength &- 8, dataSize: dataSize))
        }
        let end = ringOffset(start, advancedBy: descriptor.totalLength, dataSize: dataSize)
        try memory.setData(UInt64(start) << 32, at: end)
    }
}
