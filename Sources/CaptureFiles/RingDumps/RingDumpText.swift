import BusModel
import VMBusDevices
import VMBusRing
import VMBusWire

/// A dump as text for people.
public enum RingDumpText {
    /// Bytes after which what has been written is handed on.
    private static let piece = 1 << 16
    /// Cells of the bar that stands for the data area.
    private static let barColumns = 72

    /// Writes the text in pieces, as it may be longer than the dump.
    /// - Parameters:
    ///   - decoding: what the packets' payloads are to be read as.
    ///   - output: takes each piece.
    public static func write<Failure: Error>(
        _ dump: RingDump, decoding: RingDumpDecoding, to output: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        for (index, ring) in dump.rings.enumerated() {
            var text = index > 0 ? "\n" : ""
            let sender = decoding.sender(ofRing: index).words
            text += dump.rings.count > 1 ? "RING \(index + 1) of \(dump.rings.count), \(sender)\n" : "RING\n"
            text += control(ring)
            var dissection = RingDumpDissection(decoding, ring: index, of: dump)
            let consumed = dissection.summaries(of: ring.consumed, in: ring)
            let waiting = dissection.summaries(of: ring.listing.packets, in: ring)
            for (title, packets, summaries) in [
                ("PACKETS WAITING", ring.listing.packets, waiting), ("CONSUMED BUT INTACT", ring.consumed, consumed),
            ] {
                text += "\n\(title): \(packets.isEmpty ? "none" : "\(packets.count), oldest first")\n"
                if !packets.isEmpty { text += line("offset", "bytes", "flags", "transaction", "packet", "") }
                for (packet, summary) in zip(packets, summaries) {
                    text += line(ring.details(packet), summary)
                    if text.utf8.count > piece {
                        try output(Array(text.utf8))
                        text = ""
                    }
                }
            }
            text += "\nDAMAGE: \(ring.damage.isEmpty ? "none" : "\(ring.damage.count)")\n"
            for damage in ring.damage {
                text += "  \(damage.kind.rawValue): \(harmless(damage.message))\n"
            }
            try output(Array(text.utf8))
        }
    }

    // MARK: Control words

    private static func control(_ ring: DumpedRing) -> String {
        let control = ring.listing.control
        let size = ring.image.dataSize
        let facts: [(String, String)] = [
            ("data size", "\(size)"),
            ("write index", "\(control.writeIndex)"),
            ("read index", "\(control.readIndex)"),
            (
                "interrupt mask",
                "\(control.interruptMask) (the reader wants \(control.interruptMask == 0 ? "" : "no ")signals)"
            ),
            (
                "pending send size",
                "\(control.pendingSendSize) ("
                    + (control.pendingSendSize == 0
                        ? "no sender waits" : "a sender waits for more than so many bytes") + ")"
            ),
            (
                "feature bits",
                "0x\(String(control.featureBits, radix: 16)) (the sender "
                    + (control.featureBits & RingControl.pendingSendSizeFeature == 0 ? "does not use" : "uses")
                    + " the pending send size)"
            ),
            ("used, free", ring.listing.usedBytes.map { "\($0), \(size - $0) bytes" } ?? "not known: see DAMAGE"),
        ]
        let rows = facts.map { "  \(padded($0.0, 19))\($0.1)\n" }.joined()
        return ring.listing.usedBytes == nil ? rows : rows + bar(ring)
    }

    /// The data area to scale, and below it where is read and written next.
    private static func bar(_ ring: DumpedRing) -> String {
        let size = UInt64(ring.image.dataSize)
        var cells = [Character](repeating: ".", count: barColumns)
        func cell(_ byte: UInt64) -> Int { min(barColumns - 1, Int(byte % size * UInt64(barColumns) / size)) }
        func paint(_ mark: Character, from start: UInt32, count: UInt32) {
            guard count > 0 else { return }
            let first = cell(UInt64(start))
            let last = cell(UInt64(start) + UInt64(count) - 1)
            let isRoundTheEnd = UInt64(start) + UInt64(count) > size
            for column in 0..<barColumns
            where isRoundTheEnd ? column >= first || column <= last : (first...last).contains(column) {
                cells[column] = mark
            }
        }
        for packet in ring.consumed { paint("-", from: packet.offset, count: packet.ringBytes) }
        paint("#", from: ring.listing.control.readIndex, count: ring.listing.usedBytes ?? 0)
        var marks = [Character](repeating: " ", count: barColumns)
        let read = cell(UInt64(ring.listing.control.readIndex))
        let write = cell(UInt64(ring.listing.control.writeIndex))
        marks[read] = "R"
        marks[write] = read == write ? "*" : "W"
        return "  [\(String(cells))]  # waiting, - consumed, . free\n"
            + "   \(String(marks))   R read next, W written next\(read == write ? ", * both" : "")\n"
    }

    // MARK: Packets

    private static func line(_ details: DumpedPacket, _ summary: PacketSummary) -> String {
        let packet = details.packet
        var info = [summary.info].filter { !$0.isEmpty }
        if !details.ranges.isEmpty {
            let bytes = details.ranges.reduce(0) { $0 + UInt64($1.byteCount) }
            info.append("\(details.ranges.count) range\(details.ranges.count == 1 ? "" : "s") of \(bytes) bytes")
        }
        if details.wraps { info.append("goes on at offset 0") }
        if !details.damage.isEmpty { info.append("damaged") }
        return line(
            "\(packet.offset)", "\(packet.ringBytes)", "\(packet.flags.rawValue)",
            Hexadecimal.prefixed(packet.transactionID), harmless(summary.name),
            harmless(info.joined(separator: ", ")))
    }

    private static func line(
        _ offset: String, _ bytes: String, _ flags: String, _ transaction: String, _ name: String, _ info: String
    ) -> String {
        var line = "  " + aligned(offset, 9) + aligned(bytes, 8) + aligned(flags, 7) + aligned(transaction, 20) + "  "
        line += info.isEmpty ? name : padded(name, 30) + " " + info
        return line + "\n"
    }

    private static func aligned(_ text: String, _ columns: Int) -> String {
        String(repeating: " ", count: max(0, columns - text.count)) + text
    }

    private static func padded(_ text: String, _ columns: Int) -> String {
        text + String(repeating: " ", count: max(0, columns - text.count))
    }

    private static func harmless(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.steersTerminal ? "\u{FFFD}" : $0 }))
    }
}
