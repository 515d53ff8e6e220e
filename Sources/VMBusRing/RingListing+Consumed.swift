extension RingListing {
    /// The packets behind the read index that nothing has overwritten yet, oldest first.
    ///
    /// Each packet's trailer names the packet's start (reference §4.3), so that they are found from the read index backwards,
    /// as long as a trailer and the descriptor that it names agree about a length that ends before what is in use. The first
    /// trailer that does not agree ends the search; where an index is impossible there is none to begin with.
    /// - Parameters:
    ///   - memory: what the listing was made of.
    ///   - limit: the most packets that are listed, the latest ones.
    /// - Throws: the memory's failure.
    public func consumedPackets<Memory: RingMemory>(
        in memory: Memory, limit: Int = .max
    ) throws(Memory.Failure) -> [ReceivedPacket] {
        guard let freeBytes else { return [] }
        var packets: [ReceivedPacket] = []
        var end = control.readIndex
        // A ring is never filled to its last 8 bytes, so no packet has the length of the whole data area.
        var room = min(freeBytes, dataSize - RingPacketDescriptor.trailerByteCount)
        while packets.count < limit, let packet = try Self.packet(endingAt: end, room: room, in: memory) {
            packets.append(packet)
            room -= packet.ringBytes
            end = packet.offset
        }
        return packets.reversed()
    }

    /// The packet whose trailer ends at an offset, if it takes at most `room` bytes.
    private static func packet<Memory: RingMemory>(
        endingAt end: UInt32, room: UInt32, in memory: Memory
    ) throws(Memory.Failure) -> ReceivedPacket? {
        let dataSize = memory.dataSize
        let trailerByteCount = RingPacketDescriptor.trailerByteCount
        let trailer = try memory.loadData(
            at: ringOffset(end, advancedBy: dataSize - trailerByteCount, dataSize: dataSize))
        let start = UInt32(truncatingIfNeeded: trailer >> 32)
        guard UInt32(truncatingIfNeeded: trailer) == 0, start < dataSize, start & 7 == 0 else { return nil }
        let length = ringDistance(from: start, to: end, dataSize: dataSize)
        guard length >= RingPacketDescriptor.byteCount + trailerByteCount, length <= room else { return nil }
        let descriptor = RingPacketDescriptor(
            first: try memory.loadData(at: start),
            transactionID: try memory.loadData(at: ringOffset(start, advancedBy: 8, dataSize: dataSize)))
        guard ReceivedPacket.damage(in: descriptor, at: start, available: length) == nil,
            descriptor.totalLength + trailerByteCount == length
        else { return nil }
        return ReceivedPacket(offset: start, descriptor: descriptor)
    }
}
