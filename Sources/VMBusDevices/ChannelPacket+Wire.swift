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
        var descriptor = PacketDescriptor()
        descriptor.type = type
        descriptor.offset8 = UInt16(dataOffset)
        descriptor.length8 = UInt16(length)
        descriptor.flags = flags
        descriptor.transactionID = transactionID
        var bytes = descriptor.encoded() + header
        bytes += repeatElement(0, count: dataOffset * 8 - bytes.count)
        bytes += payload
        bytes += repeatElement(0, count: length * 8 - bytes.count)
        return bytes
    }

    /// Reads a packet as it lies in a ring, from its descriptor, without the trailer. The payload keeps its padding.
    ///
    /// - Throws: `WireError` for a descriptor or header that is short or breaks a rule.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(WireError) -> ChannelPacket {
        let descriptor = try PacketDescriptor.decode(bytes)
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
}
