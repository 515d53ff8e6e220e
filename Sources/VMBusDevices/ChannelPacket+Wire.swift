public import VMBusWire

extension ChannelPacket {
    /// The packet as it lies in a ring, from its descriptor, padded with zeros to a multiple of eight, without the trailer
    /// (reference §4.3). Nil when it is longer than a descriptor can say: 524,280 bytes.
    public var encoded: [UInt8]? {
        let header = header
        let dataOffset = (PacketDescriptor.byteCount + header.count + 7) / 8
        let length = dataOffset + (payload.count + 7) / 8
        guard length <= Int(UInt16.max) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length * 8)
        // By hand, as every packet passes here.
        bytes.append(words: [
            UInt32(type.rawValue) | UInt32(dataOffset) << 16, UInt32(length) | UInt32(flags.rawValue) << 16,
            UInt32(truncatingIfNeeded: transactionID), UInt32(truncatingIfNeeded: transactionID >> 32),
        ])
        bytes += header
        bytes += payload
        if bytes.count < length * 8 { bytes += repeatElement(0, count: length * 8 - bytes.count) }
        return bytes
    }

    /// What lies between the descriptor and the payload: a multiple of eight bytes, none for a packet that is in-band.
    public var header: [UInt8] {
        switch bulk {
        case .inBand: []
        case .guestPages(let ranges): Self.header(ranges)
        case .transferPages(let setID, let ranges): Self.header(setID, ranges)
        }
    }

    /// Reads a packet as it lies in a ring, from its descriptor, without the trailer. The payload keeps its padding.
    ///
    /// - Throws: `WireError` for a descriptor or header that is short or breaks a rule.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(WireError) -> ChannelPacket {
        let descriptor = try descriptor(bytes)
        let (start, end) = (Int(descriptor.offset8) * 8, Int(descriptor.length8) * 8)
        guard end <= bytes.count else {
            throw WireError(
                structure: "PACKET", field: "length", offset: 4,
                problem: .truncated(needed: end, available: bytes.count))
        }
        let first = bytes.startIndex
        let header = bytes[(first + PacketDescriptor.byteCount)..<(first + start)]
        let bulk: Bulk
        switch descriptor.type {
        case .dataUsingGPADirect:
            if let ranges = guestPages(header) {
                bulk = .guestPages(ranges)
            } else {
                bulk = .guestPages(try GPADirectHeader.decode(header).ranges)
            }
        case .dataUsingTransferPages: bulk = try transferPages(header)
        default: bulk = .inBand
        }
        return ChannelPacket(
            type: descriptor.type, flags: descriptor.flags, transactionID: descriptor.transactionID, bulk: bulk,
            payload: Array(bytes[(first + start)..<(first + end)]))
    }

    /// The descriptor, by hand where it is in order, as every packet passes here.
    private static func descriptor(_ bytes: ArraySlice<UInt8>) throws(WireError) -> PacketDescriptor {
        guard bytes.count >= PacketDescriptor.byteCount, bytes.word16(2) >= 2, bytes.word16(4) >= bytes.word16(2)
        else { return try PacketDescriptor.decode(bytes) }
        var descriptor = PacketDescriptor()
        descriptor.type = PacketType(rawValue: bytes.word16(0))
        descriptor.offset8 = bytes.word16(2)
        descriptor.length8 = bytes.word16(4)
        descriptor.flags = PacketFlags(rawValue: bytes.word16(6))
        descriptor.transactionID = bytes.word64(8)
        return descriptor
    }

    /// The header of guest pages, by hand.
    private static func header(_ ranges: [GPARange]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + ranges.reduce(0) { $0 + 8 + 8 * $1.pages.count })
        bytes.append(words: [0, UInt32(truncatingIfNeeded: ranges.count)])
        for range in ranges {
            bytes.append(words: [range.byteCount, range.byteOffset])
            for page in range.pages { bytes.append(word64: page.number) }
        }
        return bytes
    }

    /// The header of parts of a page list, by hand.
    private static func header(_ setID: UInt16, _ ranges: [TransferPageRange]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 8 * ranges.count)
        bytes.append(words: [UInt32(setID), UInt32(truncatingIfNeeded: ranges.count)])
        for range in ranges { bytes.append(words: [range.byteCount, range.byteOffset]) }
        return bytes
    }

    /// Guest pages, by hand where they are in order; else nil, and the declaration tells what is wrong.
    private static func guestPages(_ header: ArraySlice<UInt8>) -> [GPARange]? {
        guard header.count >= 8 else { return nil }
        let count = Int(header.word32(4))
        // A range takes eight bytes at least.
        guard count > 0, count <= header.count / 8 else { return nil }
        var ranges: [GPARange] = []
        ranges.reserveCapacity(count)
        var place = 8
        while ranges.count < count {
            guard header.count - place >= 8 else { return nil }
            var range = GPARange()
            range.byteCount = header.word32(place)
            range.byteOffset = header.word32(place + 4)
            place += 8
            let pages = range.pageCount
            guard range.byteOffset < 4096, pages <= (header.count - place) / 8 else { return nil }
            range.pages.reserveCapacity(pages)
            for page in 0..<pages { range.pages.append(PageFrameNumber(number: header.word64(place + 8 * page))) }
            place += 8 * pages
            ranges.append(range)
        }
        return ranges
    }

    /// Parts of a page list, by hand where they are in order.
    private static func transferPages(_ header: ArraySlice<UInt8>) throws(WireError) -> Bulk {
        guard header.count >= 8, Int(header.word32(4)) <= (header.count - 8) / 8 else {
            let transfer = try TransferPageHeader.decode(header)
            return .transferPages(setID: transfer.setID, ranges: transfer.ranges)
        }
        let ranges = (0..<Int(header.word32(4))).map {
            TransferPageRange(byteCount: header.word32(8 + 8 * $0), byteOffset: header.word32(12 + 8 * $0))
        }
        return .transferPages(setID: UInt16(truncatingIfNeeded: header.word32(0)), ranges: ranges)
    }
}
