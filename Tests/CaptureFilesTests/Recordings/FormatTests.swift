import BusModel
import CaptureFiles
import Testing
import VMBusWire

/// The specification, held against what is written.
@Suite struct FormatTests {
    private static let lines = String(decoding: RecordingFormat.specification, as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

    /// The cells of the tables' rows.
    private static let rows = lines.filter { $0.hasPrefix("|") }.map { line in
        line.split(separator: "|").map { cell in
            String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// The bytes of its example.
    private static let example: [UInt8] =
        lines
        .drop { $0 != "## An example" }.filter { $0.hasPrefix("    ") }
        .flatMap { line in
            line.split(separator: " ").prefix { $0.count == 2 }.compactMap { UInt8($0, radix: 16) }
        }

    @Test func `the fixed fields stand where it says`() {
        let (fields, _, _) = RecordHeader.fields([1, 1, 0, 0, 24, 0] + [UInt8](repeating: 0, count: 18))
        #expect(fields.count == 9)
        for field in fields {
            let row = Self.rows.first { $0.count == 4 && $0[2] == field.name }
            #expect(row?[0] == "\(field.offset)" && row?[1] == "\(field.size)", "\(field.name)")
        }
    }

    @Test func `fields that a flag adds stand in its order`() {
        var header = RecordHeader()
        header.flags = [.request, .parts, .channel]
        header.frames = [CarriedPlace(0..<1)]
        let (fields, _, _) = RecordHeader.fields(header.encoded()[...])
        let names = fields.dropFirst(9).map(\.name)
        #expect(names == ["request", "attachment_length", "frame_count", "frame", "device", "subchannel", "reserved"])
        let told = Self.rows.filter { $0.first?.hasPrefix("0x0") == true }.map { $0[2] }
        #expect(told == ["request", "attachment_length", "frame_count", "offset, length", "device", "subchannel"])
    }

    @Test func `every kind has a row`() {
        for kind in FlowKind.all {
            #expect(Self.rows.contains { $0.first == "\(kind.rawValue)" && $0[1] == kind.word }, "\(kind.word)")
        }
    }

    @Test func `its example is what the writer writes`() {
        var log = FlowBatch()
        var header = FlowRecordHeader(
            kind: .message, time: 1_000_000, partition: 1, direction: .guestToHost,
            code: MessageType.requestOffers.rawValue)
        header.sequence = 3
        log.append(header, ChannelMessage.requestOffers.encoded(context: WireContext(version: .iron)))
        var writer = RecordingWriter(RecordingManifest(tool: "test", source: .simulator, title: "example"))
        _ = writer.take()
        writer.append(log)
        #expect(writer.take() == Self.example)
        #expect(Self.example.count == 64)
    }

    @Test func `the writer writes what the declaration says`() throws {
        let log = RecordedLog(records: 300)
        let bytes = log.recorded()
        var (place, count, flags) = (0, 0, RecordFlags())
        while place < bytes.count {
            let block = bytes[place...]
            if block.word32(0) == 6, block[(place + 28)...].first == 1 {
                let packet = block[(place + 28)...].prefix(Int(block.word32(20)))
                // Frames begin with anything; records with their version and a length that fits.
                if let header = try? RecordHeader.decode(packet), header.length == UInt16(header.encoded().count) {
                    #expect(packet.starts(with: header.encoded()))
                    count += 1
                    flags.formUnion(header.flags)
                }
            }
            place += Int(block.word32(4))
        }
        #expect(count > 300)
        #expect(flags.isSuperset(of: [.request, .parts, .aside]))
    }
}
