public import VMBusWire

extension ChannelPacket {
    /// The packet as it lies in a ring, from its descriptor, padded with zeros to a multiple of eight, without the trailer
    /// (reference §4.3). Nil when it is longer than a descriptor can say: 524,280 bytes.
    public var encoded: [UInt8]? {
        let header: [UInt8] =
            switch bulk {
            case .inBand: []
            case .guestPages(let ranges): GPADirectHeader(ranges: ranges).encoded()
            case .transferPages(let setID, let ranges): TransferPageHeader(setID: setID, ranges: ranges).encoded()
            }
        let dataOffset = (PacketDescriptor.byteCount + header.count + 7) / 8
        let length = dataOffset + (payload.count + 7) / 8
        guard length <= Int(UInt16.max) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length * 8)
        // By hand, as every packet passes here.
        for word in [type.rawValue, UInt16(dataOffset), UInt16(length), flags.rawValue] {
            bytes.append(UInt8(truncatingIfNeeded: word))
            bytes.append(UInt8(truncatingIfNeeded: word >> 8))
        }
        for shift in 0..<8 as Range<UInt64> { bytes.append(UInt8(truncatingIfNeeded: transactionID >> (8 * shift))) }
        bytes += header
        bytes += repeatElement(0, count: dataOffset * 8 - bytes.count)
        bytes += payload
        bytes += repeatElement(0, count: length * 8 - bytes.count)
        return bytes
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
        let header = bytes.dropFirst(PacketDescriptor.byteCount).prefix(start - PacketDescriptor.byteCount)
        let bulk: Bulk
        switch descriptor.type {
        case .dataUsingGPADirect: bulk = .guestPages(try GPADirectHeader.decode(header).ranges)
        case .dataUsingTransferPages:
            let transfer = try TransferPageHeader.decode(header)
            bulk = .transferPages(setID: transfer.setID, ranges: transfer.ranges)
        default: bulk = .inBand
        }
        return ChannelPacket(
            type: descriptor.type, flags: descriptor.flags, transactionID: descriptor.transactionID, bulk: bulk,
            payload: Array(bytes.dropFirst(start).prefix(end - start)))
    }
    /// The descriptor, by hand where it is in order, as every packet passes here.
    private static func descriptor(_ bytes: ArraySlice<UInt8>) throws(WireError) -> PacketDescriptor {
        let start = bytes.startIndex
        func word(_ offset: Int) -> UInt16 { UInt16(bytes[start + offset]) | UInt16(bytes[start + offset + 1]) << 8 }
        guard bytes.count >= PacketDescriptor.byteCount, word(2) >= 2, word(4) >= word(2) else {
            return try PacketDescriptor.decode(bytes)
        }
        var descriptor = PacketDescriptor()
        descriptor.type = PacketType(rawValue: word(0))
        descriptor.offset8 = word(2)
        descriptor.length8 = word(4)
        descriptor.flags = PacketFlags(rawValue: word(6))
        descriptor.transactionID = (8..<16).reversed().reduce(0) { $0 << 8 | UInt64(bytes[start + $1]) }
        return descriptor
    }
}
