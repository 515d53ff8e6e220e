public import VMBusWire

/// A packet in a ring whose descriptor was copied and checked; its other bytes still lie in the ring.
///
/// They may be read until the receiver commits, and the peer can change them at any time: copy first, then look.
public struct ReceivedPacket: Hashable, Sendable {
    /// Where the packet starts in the data area.
    public let offset: UInt32
    /// The checked copy of the descriptor.
    public let descriptor: RingPacketDescriptor

    @usableFromInline
    init(offset: UInt32, descriptor: RingPacketDescriptor) {
        self.offset = offset
        self.descriptor = descriptor
    }

    /// What the packet is.
    @inlinable public var type: PacketType { descriptor.info.type }
    /// Whether a completion is asked for.
    @inlinable public var flags: PacketFlags { descriptor.info.flags }
    /// The requester's number for it.
    @inlinable public var transactionID: UInt64 { descriptor.info.transactionID }
    /// Bytes of the type-specific header between descriptor and payload.
    @inlinable public var headerCount: Int { Int(descriptor.headerLength - RingPacketDescriptor.byteCount) }
    /// Bytes of the payload, padding included: the ring does not say how many of the last 7 are padding.
    @inlinable public var payloadCount: Int { Int(descriptor.totalLength - descriptor.headerLength) }
    /// Bytes of ring that the packet takes, with its trailer.
    @inlinable public var ringBytes: UInt32 { descriptor.totalLength + RingPacketDescriptor.trailerByteCount }

    /// Where the type-specific header starts in a data area of `dataSize` bytes.
    @inlinable
    public func headerOffset(dataSize: UInt32) -> UInt32 {
        ringOffset(offset, advancedBy: RingPacketDescriptor.byteCount, dataSize: dataSize)
    }

    /// Where the payload starts in a data area of `dataSize` bytes.
    @inlinable
    public func payloadOffset(dataSize: UInt32) -> UInt32 {
        ringOffset(offset, advancedBy: descriptor.headerLength, dataSize: dataSize)
    }

    /// Where the trailer starts in a data area of `dataSize` bytes.
    @inlinable
    public func trailerOffset(dataSize: UInt32) -> UInt32 {
        ringOffset(offset, advancedBy: descriptor.totalLength, dataSize: dataSize)
    }

    /// Whether the packet or its trailer goes on at the start of a data area of `dataSize` bytes.
    @inlinable
    public func wraps(dataSize: UInt32) -> Bool {
        offset > dataSize - ringBytes
    }

    /// Copies the payload from byte `start` on, or as much of it as `buffer` takes.
    /// - Returns: the bytes copied, 0 where the payload does not reach `start`.
    @inlinable @inline(__always)
    public func copyPayload<Memory: RingMemory>(
        from memory: Memory, startingAt start: Int = 0, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Memory.Failure) -> Int {
        guard start >= 0, start < payloadCount else { return 0 }
        let count = min(payloadCount - start, buffer.count)
        if count > 0 {
            try memory.copyOut(
                from: ringOffset(
                    offset, advancedBy: descriptor.headerLength + UInt32(start), dataSize: memory.dataSize),
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
        }
        return count
    }

    /// Appends the type-specific header to `bytes`.
    public func appendHeader<Memory: RingMemory>(
        from memory: Memory, to bytes: inout [UInt8]
    ) throws(Memory.Failure) {
        try memory.appendBytes(from: headerOffset(dataSize: memory.dataSize), count: headerCount, to: &bytes)
    }

    /// Appends the payload, padding included, to `bytes`.
    public func appendPayload<Memory: RingMemory>(
        from memory: Memory, to bytes: inout [UInt8]
    ) throws(Memory.Failure) {
        try memory.appendBytes(from: payloadOffset(dataSize: memory.dataSize), count: payloadCount, to: &bytes)
    }

    /// The whole packet from descriptor to payload, as the dissectors take it. The descriptor is the checked copy, so that
    /// the bytes agree with what was checked whatever the peer did since.
    @inlinable
    public func appendPacket<Memory: RingMemory>(
        from memory: Memory, to bytes: inout [UInt8]
    ) throws(Memory.Failure) {
        let old = bytes.count
        withUnsafeBytes(of: (descriptor.first.littleEndian, transactionID.littleEndian)) {
            bytes.append(contentsOf: $0)
        }
        do throws(Memory.Failure) {
            try memory.appendBytes(
                from: headerOffset(dataSize: memory.dataSize),
                count: Int(descriptor.totalLength - RingPacketDescriptor.byteCount), to: &bytes)
        } catch {
            bytes.removeLast(bytes.count - old)
            throw error
        }
    }

    /// The first rule that a descriptor breaks where `available` bytes are announced, at least 24.
    @inlinable
    static func damage(in descriptor: RingPacketDescriptor, at offset: UInt32, available: UInt32) -> RingDamage? {
        let header = descriptor.headerLength
        let total = descriptor.totalLength
        let room = available - RingPacketDescriptor.trailerByteCount
        if header >= RingPacketDescriptor.byteCount, total >= header, total <= room { return nil }
        if header < RingPacketDescriptor.byteCount {
            return RingDamage(
                field: .dataOffset, value: header, rule: .descriptorInside, limit: RingPacketDescriptor.byteCount,
                offset: offset)
        }
        if total < header {
            return RingDamage(field: .length, value: total, rule: .headerInside, limit: header, offset: offset)
        }
        return RingDamage(field: .length, value: total, rule: .beforeWriteIndex, limit: room, offset: offset)
    }
}
