public import VMBusWire

/// A range of guest pages as it lies in a packet: checked, its page frame numbers still in the ring (reference §4.4).
public struct GuestPageSpan: Hashable, Sendable {
    /// Bytes in the range.
    public let byteCount: UInt32
    /// Where they begin in the first page; below 4096.
    public let byteOffset: UInt32
    /// How many pages they touch.
    public let pageCount: UInt32
    /// Where the first page frame number lies in the data area.
    @usableFromInline let firstNumber: UInt32

    @inlinable
    init(byteCount: UInt32, byteOffset: UInt32, pageCount: UInt32, firstNumber: UInt32) {
        self.byteCount = byteCount
        self.byteOffset = byteOffset
        self.pageCount = pageCount
        self.firstNumber = firstNumber
    }

    /// The number of a page of the range, loaded once; nil for an index that is not below ``pageCount``.
    @inlinable
    public func pageFrameNumber<Memory: RingMemory>(
        _ index: UInt32, in memory: Memory
    ) throws(Memory.Failure) -> UInt64? {
        guard index < pageCount else { return nil }
        return try memory.loadData(at: ringOffset(firstNumber, advancedBy: index * 8, dataSize: memory.dataSize))
    }
}

/// Goes through the ranges of a packet where they lie. Every word is loaded once and only the copy is looked at.
public struct PacketRanges: Hashable, Sendable {
    /// The packet whose header lists the ranges.
    public let packet: ReceivedPacket
    /// How many ranges the packet lists.
    public let count: UInt32
    /// The transfer-page set that ranges of transfer pages lie in; 0 where guest pages are listed.
    public let transferPageSetID: UInt16
    /// How many ranges were taken.
    @inlinable public var taken: UInt32 { _taken }
    @usableFromInline var _taken: UInt32 = 0
    /// Bytes from the packet's start to the next range.
    @usableFromInline var place: UInt32 = headerEnd

    /// Bytes of the descriptor and of what stands before the ranges.
    @inlinable static var headerEnd: UInt32 { RingPacketDescriptor.byteCount + 8 }

    /// Starts with the first range.
    /// - Throws: damage, naming the field, for another type, an impossible count or a header that ends before the ranges can.
    @inlinable
    init<Memory: RingMemory>(
        _ packet: ReceivedPacket, listedBy type: PacketType, in memory: Memory
    ) throws(RingError<Memory.Failure>) {
        let end = packet.descriptor.headerLength
        guard packet.type == type else {
            throw .damage(
                RingDamage(
                    field: .type, value: UInt32(packet.type.rawValue), rule: .otherType, limit: UInt32(type.rawValue),
                    offset: packet.offset))
        }
        guard end >= Self.headerEnd else {
            throw .damage(
                RingDamage(
                    field: .dataOffset, value: end, rule: .rangesHeaderInside, limit: Self.headerEnd,
                    offset: packet.offset))
        }
        let word = try memory.dataWord64(packet.headerOffset(dataSize: memory.dataSize))
        self.packet = packet
        count = UInt32(truncatingIfNeeded: word >> 32)
        let listsGuestPages = type == .dataUsingGPADirect
        transferPageSetID = listsGuestPages ? 0 : UInt16(truncatingIfNeeded: word)
        guard count > 0 || !listsGuestPages else {
            throw .damage(
                RingDamage(field: .rangeCount, value: 0, rule: .atLeastOneRange, limit: 1, offset: packet.offset))
        }
        guard count <= (end - Self.headerEnd) / 8 else {
            throw .damage(
                RingDamage(field: .rangeCount, value: count, rule: .rangesInside, limit: end, offset: packet.offset))
        }
    }

    /// The next range of guest pages.
    /// - Returns: nil behind the last one.
    /// - Throws: damage, naming the field and the range; the memory's failure.
    @inlinable
    public mutating func nextGuestPages<Memory: RingMemory>(
        in memory: Memory
    ) throws(RingError<Memory.Failure>) -> GuestPageSpan? {
        guard taken < count, packet.type == .dataUsingGPADirect else { return nil }
        let end = packet.descriptor.headerLength
        guard place <= end - 8 else {
            throw damaged(.rangeCount, count, .rangesInside, limit: end)
        }
        let word = try memory.dataWord64(ringOffset(packet.offset, advancedBy: place, dataSize: memory.dataSize))
        let byteCount = UInt32(truncatingIfNeeded: word)
        let byteOffset = UInt32(truncatingIfNeeded: word >> 32)
        guard byteOffset < RingShape.pageSize else {
            throw damaged(.rangeByteOffset, byteOffset, .insidePage, limit: RingShape.pageSize)
        }
        let pages = (UInt64(byteOffset) + UInt64(byteCount) + 4095) / 4096
        guard pages <= UInt64(GPARange.maximumPages) else {
            throw damaged(.rangeByteCount, byteCount, .pagesInRange, limit: UInt32(GPARange.maximumPages))
        }
        guard pages * 8 <= UInt64(end - 8 - place) else {
            throw damaged(.rangeByteCount, byteCount, .rangesInside, limit: end)
        }
        let span = GuestPageSpan(
            byteCount: byteCount, byteOffset: byteOffset, pageCount: UInt32(pages),
            firstNumber: ringOffset(packet.offset, advancedBy: place + 8, dataSize: memory.dataSize))
        place += 8 + UInt32(pages) * 8
        _taken += 1
        return span
    }

    /// The next range of transfer pages.
    /// - Returns: nil behind the last one.
    /// - Throws: the memory's failure.
    @inlinable
    public mutating func nextTransferPages<Memory: RingMemory>(
        in memory: Memory
    ) throws(RingError<Memory.Failure>) -> TransferPageRange? {
        guard taken < count, packet.type == .dataUsingTransferPages else { return nil }
        let word = try memory.dataWord64(ringOffset(packet.offset, advancedBy: place, dataSize: memory.dataSize))
        place += 8
        _taken += 1
        return TransferPageRange(
            byteCount: UInt32(truncatingIfNeeded: word), byteOffset: UInt32(truncatingIfNeeded: word >> 32))
    }

    @usableFromInline
    func damaged<Failure>(
        _ field: RingDamage.Field, _ value: UInt32, _ rule: RingDamage.Rule, limit: UInt32
    ) -> RingError<Failure> {
        .damage(
            RingDamage(field: field, value: value, rule: rule, limit: limit, offset: packet.offset, range: taken))
    }
}

extension ReceivedPacket {
    /// The guest pages that a GPA-direct packet points to (reference §4.4), to go through one by one.
    /// - Throws: damage, naming the field; the memory's failure.
    @inlinable
    public func guestPages<Memory: RingMemory>(in memory: Memory) throws(RingError<Memory.Failure>) -> PacketRanges {
        try PacketRanges(self, listedBy: .dataUsingGPADirect, in: memory)
    }

    /// The transfer pages that a packet points to (reference §4.5), to go through one by one.
    /// - Throws: damage, naming the field; the memory's failure.
    @inlinable
    public func transferPages<Memory: RingMemory>(
        in memory: Memory
    ) throws(RingError<Memory.Failure>) -> PacketRanges {
        try PacketRanges(self, listedBy: .dataUsingTransferPages, in: memory)
    }

    /// All guest pages that a GPA-direct packet points to, copied.
    /// - Throws: damage, naming the field; the memory's failure.
    public func guestPageRanges<Memory: RingMemory>(
        in memory: Memory
    ) throws(RingError<Memory.Failure>) -> [GPARange] {
        var ranges: [GPARange] = []
        var walk = try guestPages(in: memory)
        while let span = try walk.nextGuestPages(in: memory) {
            var numbers: [UInt64] = []
            do throws(Memory.Failure) {
                for index in 0..<span.pageCount {
                    if let number = try span.pageFrameNumber(index, in: memory) { numbers.append(number) }
                }
            } catch {
                throw .memory(error)
            }
            ranges.append(GPARange(byteCount: span.byteCount, byteOffset: span.byteOffset, pages: numbers))
        }
        return ranges
    }

    /// All transfer pages that a packet points to, copied, and the set that they lie in.
    /// - Throws: damage, naming the field; the memory's failure.
    public func transferPageRanges<Memory: RingMemory>(
        in memory: Memory
    ) throws(RingError<Memory.Failure>) -> (setID: UInt16, ranges: [TransferPageRange]) {
        var ranges: [TransferPageRange] = []
        var walk = try transferPages(in: memory)
        while let range = try walk.nextTransferPages(in: memory) { ranges.append(range) }
        return (walk.transferPageSetID, ranges)
    }
}
