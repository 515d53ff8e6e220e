public import VMBusWire

extension SendBatch {
    /// Writes a GPA-direct packet (reference §4.4) behind the others.
    /// - Parameters:
    ///   - ranges: the guest pages that it points to; at least one range, each with exactly the pages that it needs.
    ///   - payload: as in ``append(_:header:payload:in:)-(_,RawSpan,_,_)``.
    /// - Returns: nil when it was written, else the bytes of ring that it takes, of which ``free`` has not enough.
    /// - Throws: a refusal, naming the range; the memory's failure.
    public mutating func append<Memory: RingMemory>(
        flags: PacketFlags = [], transactionID: UInt64 = 0, guestPages ranges: [GPARange], payload: RawSpan,
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        guard !ranges.isEmpty else { throw .refused(.noRanges) }
        var headerCount = 8
        for (index, range) in ranges.enumerated() {
            guard range.byteOffset < RingShape.pageSize, range.pages.count == range.pageCount,
                range.pageCount <= GPARange.maximumPages
            else {
                throw .refused(
                    .range(
                        index: index, byteCount: range.byteCount, byteOffset: range.byteOffset,
                        pages: range.pages.count, needed: range.pageCount))
            }
            headerCount += 8 + range.pages.count * 8
        }
        return try append(
            PacketInfo(.dataUsingGPADirect, flags: flags, transactionID: transactionID), headerCount: headerCount,
            payload: payload, in: &memory
        ) { (packet, memory) throws(RingError<Memory.Failure>) in
            try packet.setWord(UInt64(ranges.count) << 32, at: 0, in: &memory)
            var place = 8
            for range in ranges {
                try packet.setWord(
                    UInt64(range.byteCount) | UInt64(range.byteOffset) << 32, at: place, in: &memory)
                place += 8
                for page in range.pages {
                    try packet.setWord(page.number, at: place, in: &memory)
                    place += 8
                }
            }
        }
    }

    /// Writes a packet whose bulk lies in transfer pages (reference §4.5) behind the others.
    /// - Parameters:
    ///   - setID: the transfer-page set; 0xCAFE for the network's receive buffer.
    ///   - ranges: where the bulk lies in it.
    ///   - payload: as in ``append(_:header:payload:in:)-(_,RawSpan,_,_)``.
    /// - Returns: nil when it was written, else the bytes of ring that it takes, of which ``free`` has not enough.
    /// - Throws: a refusal; the memory's failure.
    public mutating func append<Memory: RingMemory>(
        flags: PacketFlags = [], transactionID: UInt64 = 0, transferPageSet setID: UInt16, ranges: [TransferPageRange],
        payload: RawSpan, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        try append(
            PacketInfo(.dataUsingTransferPages, flags: flags, transactionID: transactionID),
            headerCount: 8 + ranges.count * 8, payload: payload, in: &memory
        ) { (packet, memory) throws(RingError<Memory.Failure>) in
            try packet.setWord(UInt64(setID) | UInt64(ranges.count) << 32, at: 0, in: &memory)
            for (index, range) in ranges.enumerated() {
                try packet.setWord(
                    UInt64(range.byteCount) | UInt64(range.byteOffset) << 32, at: 8 + index * 8, in: &memory)
            }
        }
    }

    private mutating func append<Memory: RingMemory>(
        _ info: PacketInfo, headerCount: Int, payload: RawSpan, in memory: inout Memory,
        _ writeHeader: (ReservedPacket, inout Memory) throws(RingError<Memory.Failure>) -> Void
    ) throws(RingError<Memory.Failure>) -> UInt32? {
        var batch = self
        switch try batch.reserve(info, headerCount: headerCount, payloadCount: payload.byteCount, in: &memory) {
        case .full(let needed): return needed
        case .packet(let packet):
            try writeHeader(packet, &memory)
            try packet.writePayload(payload, in: &memory)
        }
        self = batch
        return nil
    }
}

extension RingSender {
    /// Sends one GPA-direct packet; parameters as in ``SendBatch``.
    public mutating func send<Memory: RingMemory>(
        flags: PacketFlags = [], transactionID: UInt64 = 0, guestPages ranges: [GPARange], payload: RawSpan,
        in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        var batch = try batch(in: memory)
        if let needed = try batch.append(
            flags: flags, transactionID: transactionID, guestPages: ranges, payload: payload, in: &memory)
        {
            return .full(needed: needed, free: batch.free)
        }
        return .sent(signal: try publish(batch, in: &memory))
    }

    /// Sends one packet whose bulk lies in transfer pages; parameters as in ``SendBatch``.
    public mutating func send<Memory: RingMemory>(
        flags: PacketFlags = [], transactionID: UInt64 = 0, transferPageSet setID: UInt16, ranges: [TransferPageRange],
        payload: RawSpan, in memory: inout Memory
    ) throws(RingError<Memory.Failure>) -> SendOutcome {
        var batch = try batch(in: memory)
        if let needed = try batch.append(
            flags: flags, transactionID: transactionID, transferPageSet: setID, ranges: ranges, payload: payload,
            in: &memory)
        {
            return .full(needed: needed, free: batch.free)
        }
        return .sent(signal: try publish(batch, in: &memory))
    }
}
