public import VMBusWire

/// Where the Ethernet frames of a netvsc packet and the stream's bytes of an hv_sock packet lie, for those who keep them apart
/// from the packet. What is not in order is left where it is.
public enum CarriedFrames {
    /// The places of the frames in a packet's record, from its start, in their order.
    ///
    /// - Parameters:
    ///   - record: a ring packet from its descriptor, without its trailer, then what it points to.
    ///   - attachmentLength: how many bytes at the end of `record` it points to.
    ///   - sender: who sent it.
    public static func frames(
        in record: ArraySlice<UInt8>, attachmentLength: Int, sender: Direction
    ) -> [Range<Int>] {
        guard attachmentLength > 0, attachmentLength < record.count else { return [] }
        let packet = record.dropLast(attachmentLength)
        guard let start = payloadOffset(packet), packet.count - start >= 4,
            packet.word32(start) == NVSP.MessageType.sendRNDISPacket.rawValue
        else { return [] }
        var frames: [Range<Int>] = []
        var rest = record[packet.endIndex...]
        if PacketType(rawValue: packet.word16(0)) == .dataUsingTransferPages {
            let header = packet.prefix(start).dropFirst(PacketDescriptor.byteCount)
            guard header.count >= 8, Int(header.word32(4)) <= (header.count - 8) / 8 else { return [] }
            for range in 0..<Int(header.word32(4)) where !rest.isEmpty {
                let length = Int(header.word32(8 + 8 * range))
                add(rest.prefix(length), record.startIndex, sender, &frames)
                rest = rest.dropFirst(length)
            }
        } else {
            add(rest, record.startIndex, sender, &frames)
        }
        return frames
    }

    /// The place of the stream's bytes in an hv_sock packet's record, from its start; nil for a packet that has none.
    public static func streamBytes(in record: ArraySlice<UInt8>) -> Range<Int>? {
        guard let start = payloadOffset(record), PacketType(rawValue: record.word16(0)) == .dataInBand,
            record.count - start >= 8, record.word32(start) == 1
        else { return nil }
        let length = Int(record.word32(start + 4))
        guard length > 0, length <= record.count - start - 8 else { return nil }
        return start + 8..<start + 8 + length
    }

    /// Where a packet's payload begins.
    private static func payloadOffset(_ packet: ArraySlice<UInt8>) -> Int? {
        guard packet.count >= PacketDescriptor.byteCount else { return nil }
        let start = Int(packet.word16(2)) * 8
        return start >= PacketDescriptor.byteCount && start <= packet.count ? start : nil
    }

    /// Adds the frames of messages that lie one behind the other, each aligned as hosts usually ask for.
    private static func add(
        _ messages: ArraySlice<UInt8>, _ base: Int, _ sender: Direction, _ frames: inout [Range<Int>]
    ) {
        var rest = messages
        while rest.count >= RNDIS.headerSize {
            let length = Int(rest.word32(4))
            guard length >= RNDIS.headerSize, length <= rest.count else { return }
            if let view = FrameView(rest, sender: sender), !view.frame.isEmpty {
                frames.append(view.frame.startIndex - base..<view.frame.endIndex - base)
            }
            let step = (length + 7) & ~7
            if step >= rest.count { return }
            rest = rest.dropFirst(step)
        }
    }
}
