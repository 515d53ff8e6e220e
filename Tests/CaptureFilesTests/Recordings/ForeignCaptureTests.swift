import BusModel
import CaptureFiles
import TestSupport
import Testing
import VMBusWire

/// Captures of other programs.
@Suite struct ForeignCaptureTests {
    private static let frame: [UInt8] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x15, 0x5D, 0x0A, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
    ]

    /// Numbers in one byte order.
    private struct Writer {
        let isBig: Bool
        var bytes: [UInt8] = []

        mutating func word32(_ word: UInt32) { add(withUnsafeBytes(of: word.littleEndian) { Array($0) }) }
        mutating func word16(_ word: UInt16) { add(withUnsafeBytes(of: word.littleEndian) { Array($0) }) }
        private mutating func add(_ little: [UInt8]) { bytes += isBig ? little.reversed() : little }

        mutating func block(_ type: UInt32, _ body: (inout Writer) -> Void) {
            var inner = Writer(isBig: isBig)
            body(&inner)
            while inner.bytes.count % 4 != 0 { inner.bytes.append(0) }
            word32(type)
            word32(UInt32(inner.bytes.count + 12))
            bytes += inner.bytes
            word32(UInt32(inner.bytes.count + 12))
        }
    }

    private static func pcap(isBig: Bool, magic: UInt32, linkType: UInt32) -> [UInt8] {
        var writer = Writer(isBig: isBig)
        writer.word32(magic)
        writer.word16(2)
        writer.word16(4)
        for word: UInt32 in [0, 0, 65535, linkType] { writer.word32(word) }
        for number: UInt32 in 0..<3 {
            for word in [1_700_000_000 + number, 500, UInt32(frame.count), UInt32(frame.count) + 10] {
                writer.word32(word)
            }
            writer.bytes += frame
        }
        return writer.bytes
    }

    private static func pcapng(isBig: Bool) -> [UInt8] {
        var writer = Writer(isBig: isBig)
        writer.block(0x0A0D_0D0A) { block in
            block.word32(0x1A2B_3C4D)
            block.word32(1)
            block.word32(.max)
            block.word32(.max)
        }
        writer.block(1) { block in
            block.word16(1)
            block.word16(0)
            block.word32(0)
        }
        // Nanoseconds, of another link type.
        writer.block(1) { block in
            block.word16(101)
            block.word16(0)
            block.word32(0)
            block.word16(9)
            block.word16(1)
            block.bytes += [9, 0, 0, 0]
        }
        for (interface, time) in [(UInt32(0), UInt64(1_000_000)), (1, 3_000_000_000)] {
            writer.block(6) { block in
                block.word32(interface)
                block.word32(UInt32(time >> 32))
                block.word32(UInt32(truncatingIfNeeded: time))
                block.word32(UInt32(frame.count))
                block.word32(UInt32(frame.count))
                block.bytes += frame
            }
        }
        writer.block(3) { block in
            block.word32(UInt32(frame.count))
            block.bytes += frame
        }
        return writer.bytes
    }

    private func read(_ bytes: [UInt8]) throws -> (records: FlowBatch, capture: ForeignCapture) {
        var capture = try #require(bytes.withBytes { ForeignCapture($0) })
        var batch = FlowBatch()
        while case let more = bytes.withBytes({ capture.read($0, limit: 2) }), !more.isEmpty { batch.append(more) }
        #expect(capture.isAtEnd)
        return (batch, capture)
    }

    @Test(arguments: [false, true]) func `pcap of either byte order, in micro- and nanoseconds`(_ isBig: Bool) throws {
        let units: [(magic: UInt32, fraction: UInt64)] = [(0xA1B2_C3D4, 500_000), (0xA1B2_3C4D, 500)]
        for (magic, fraction) in units {
            let (records, capture) = try read(Self.pcap(isBig: isBig, magic: magic, linkType: 1))
            #expect(records.headers.map(\.time) == [0, 1_000_000_000, 2_000_000_000])
            #expect(records.headers.map(\.sequence) == [1, 2, 3])
            #expect(capture.epoch == 1_700_000_000_000_000_000 + fraction)
            for header in records.headers {
                #expect(header.kind == .frame && header.code == 1 && header.omittedLength == 10)
                #expect(Array(records.payload(of: header)) == Self.frame)
            }
            #expect(capture.damages.isEmpty)
        }
        let raw = try read(Self.pcap(isBig: isBig, magic: 0xA1B2_C3D4, linkType: 113)).records
        #expect(raw.headers.allSatisfy { $0.code == 113 })
    }

    @Test(arguments: [false, true]) func `pcapng of either byte order, each interface in its own unit of time`(
        _ isBig: Bool
    ) throws {
        let (records, capture) = try read(Self.pcapng(isBig: isBig))
        #expect(records.headers.map(\.time) == [0, 2_000_000_000, 0])
        #expect(records.headers.map(\.code) == [1, 101, 1])
        #expect(capture.damages.isEmpty)
    }

    @Test func `a capture that was cut or broken is read as far as it goes`() throws {
        let whole = Self.pcapng(isBig: true)
        for count in stride(from: 24, to: whole.count, by: 3) {
            let (records, capture) = try read(Array(whole.prefix(count)))
            #expect(records.headers.count <= 3)
            #expect(capture.damages.count <= 1)
        }
        var random = SeededNumbers(seed: 9)
        for source in [whole, Self.pcap(isBig: false, magic: 0xA1B2_C3D4, linkType: 1)] {
            for _ in 0..<2000 {
                var bytes = source
                for _ in 0..<3 {
                    bytes[4 + Int(random.next() % UInt64(bytes.count - 4))] = UInt8(truncatingIfNeeded: random.next())
                }
                _ = try read(bytes)
            }
        }
    }

    @Test func `other bytes are no capture`() {
        for bytes: [UInt8] in [[], Array("hello, this is a text of many bytes".utf8), [0xD4, 0xC3, 0xB2, 0xA1]] {
            #expect(bytes.withBytes { ForeignCapture($0) } == nil)
        }
    }
}
