import BusModel
import VMBusDevices
import VMBusRing
import VMBusWire

/// A dump as one document of schema `vmbusscope.ring/1`.
public enum RingDumpJSON {
    /// Bytes after which what has been written is handed on.
    private static let piece = 1 << 16

    /// Writes the document in pieces, as it is longer than the dump.
    /// - Parameters:
    ///   - decoding: what the packets' payloads are to be read as; nil leaves out the members `name` and `info`.
    ///   - output: takes each piece.
    public static func write<Failure: Error>(
        _ dump: RingDump, decoding: RingDumpDecoding? = nil, to output: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        var writer = JSONWriter()
        try writer.object { writer throws(Failure) in
            writer.member("schema", "vmbusscope.ring/1")
            try writer.memberArray("rings") { writer throws(Failure) in
                for (index, ring) in dump.rings.enumerated() {
                    var dissection = decoding.map { RingDumpDissection($0, ring: index, of: dump) }
                    try writer.object { writer throws(Failure) in
                        try write(ring, &dissection, &writer, output)
                    }
                }
            }
        }
        writer.endLine()
        try output(writer.take())
    }

    private static func write<Failure: Error>(
        _ ring: DumpedRing, _ dissection: inout RingDumpDissection?, _ writer: inout JSONWriter,
        _ output: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let control = ring.listing.control
        writer.member("data_size", ring.image.dataSize)
        writer.memberObject("control") { writer in
            writer.member("write_index", control.writeIndex)
            writer.member("read_index", control.readIndex)
            writer.member("interrupt_mask", control.interruptMask)
            writer.member("pending_send_size", control.pendingSendSize)
            writer.member("feature_bits", control.featureBits)
        }
        writer.member("used_bytes", ring.listing.usedBytes)
        writer.member("free_bytes", ring.listing.freeBytes)
        // What was consumed came first, so a dissector that follows the conversation reads it first.
        let consumed = dissection?.summaries(of: ring.consumed, in: ring)
        let waiting = dissection?.summaries(of: ring.listing.packets, in: ring)
        for (name, packets, summaries) in [
            ("packets", ring.listing.packets, waiting), ("consumed_but_intact", ring.consumed, consumed),
        ] {
            try writer.memberArray(name) { writer throws(Failure) in
                for (index, packet) in packets.enumerated() {
                    write(ring, packet, summaries?[index], &writer)
                    if writer.bytes.count > piece { try output(writer.take()) }
                }
            }
        }
        writer.memberObjects("damage", ring.damage) { writer, damage in
            writer.member("offset", damage.offset)
            writer.member("kind", damage.kind.rawValue)
            writer.member("message", damage.message)
        }
    }

    private static func write(
        _ ring: DumpedRing, _ packet: ReceivedPacket, _ summary: PacketSummary?, _ writer: inout JSONWriter
    ) {
        let details = ring.details(packet)
        let payload = ring.payload(of: packet)
        writer.object { writer in
            writer.member("offset", packet.offset)
            writer.member("type", packet.type.rawValue)
            writer.member("flags", packet.flags.rawValue)
            writer.member("transaction_id", Hexadecimal.prefixed(packet.transactionID))
            writer.member("header_length", packet.descriptor.headerLength)
            writer.member("total_length", packet.descriptor.totalLength)
            writer.member("payload_offset", details.payloadOffset)
            writer.member("payload_length", payload.count)
            writer.member("payload_prefix", hexadecimal(payload.prefix(16)))
            writer.member("payload_sha256", hexadecimal(SHA256.digest(payload)[...]))
            writer.member("wraps", details.wraps)
            writer.member("trailer", details.trailer)
            writer.memberObjects("ranges", details.ranges) { writer, range in
                writer.member("byte_count", range.byteCount)
                writer.member("byte_offset", range.byteOffset)
                writer.memberArray("pfns") { writer in
                    for page in range.pages { writer.value(Hexadecimal.prefixed(page.number)) }
                }
            }
            if let summary {
                writer.member("name", summary.name)
                writer.member("info", summary.info)
            }
        }
    }

    private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { Hexadecimal.digits(UInt64($0), count: 2) }.joined()
    }
}
