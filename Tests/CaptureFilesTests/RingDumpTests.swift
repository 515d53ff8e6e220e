import CaptureFiles
import Testing
import VMBusRing
import VMBusWire

@Suite struct RingDumpTests {
    private func text(_ dump: RingDump, _ decoding: RingDumpDecoding = RingDumpDecoding(.unknown)) -> String {
        var written: [UInt8] = []
        RingDumpText.write(dump, decoding: decoding) { (piece) throws(Never) in written += piece }
        return String(decoding: written, as: UTF8.self)
    }

    private func failure(_ count: Int, _ layout: RingDump.Layout = .automatic) -> RingDumpError? {
        do throws(RingDumpError) {
            _ = try RingDump([UInt8](repeating: 0, count: count), layout: layout)
            return nil
        } catch {
            return error
        }
    }

    @Test func `bytes that cannot be rings are refused`() {
        for count in [0, 1, 4095, 4096, 4097, 8191, 8193, 12287] { #expect(failure(count) == .byteCount(count)) }
        #expect(failure(8192) == nil)
        #expect(failure(8192, .pair) == .noPair(pages: 2))
        #expect(failure(20480, .pair) == .noPair(pages: 5))
        #expect(failure(16384, .pair) == nil)
        #expect(failure(RingDump.maximumByteCount + 4096) == .tooLong)
    }

    @Test func `a page of zeros in the middle makes no second ring`() throws {
        let zeros = [UInt8](repeating: 0, count: 16384)
        #expect(try RingDump(zeros).rings.count == 1)
        #expect(try RingDump(zeros, layout: .pair).rings.count == 2)
        var second = zeros
        second[8192 + 0x40] = 1
        #expect(try RingDump(second).rings.count == 2)
        #expect(try RingDump(second, layout: .single).rings.count == 1)
        second[8192 + 0x100] = 1
        #expect(try RingDump(second).rings.count == 1)
    }

    @Test func `packets have names where the device is known`() throws {
        // A heartbeat as the host sends it: pipe header, component header of a heartbeat, sequence number.
        var payload = [UInt8](repeating: 0, count: 72)
        for (at, value) in [(0, 1), (4, 64), (8, 3), (12, 1), (14, 3), (18, 44), (24, 1), (25, 3), (28, 9)] {
            payload[at] = UInt8(value)
        }
        var image = try RingCopy(control: RingControl(), data: [UInt8](repeating: 0, count: 4096))
        var sender = RingSender()
        for number: UInt64 in 1...2 {
            _ = try sender.send(PacketInfo(.dataInBand, transactionID: number), payload: payload[...], in: &image)
        }
        image.storeReleasing(96, to: .readIndex)
        let dump = try RingDump(bytes(of: image))
        #expect(text(dump).contains("0x2  PACKET.DATA_IN_BAND"))
        let named = text(dump, RingDumpDecoding(.heartbeat, firstSender: .hostToGuest))
        #expect(named.contains("0x2  HEARTBEAT.SEQUENCE             sequence 9"))
        #expect(named.contains("PACKETS WAITING: 1, oldest first") && named.contains("CONSUMED BUT INTACT: 1, oldest"))
        var written: [UInt8] = []
        RingDumpJSON.write(dump, decoding: RingDumpDecoding(.heartbeat, firstSender: .hostToGuest)) {
            (piece) throws(Never) in written += piece
        }
        #expect(String(decoding: written, as: UTF8.self).contains(#""name":"HEARTBEAT.SEQUENCE","info":"sequence 9"}"#))
    }

    @Test func `the bar shows what waits and what was read`() throws {
        var image = try RingCopy(control: RingControl(), data: [UInt8](repeating: 0, count: 4096))
        image.storeReleasing(3072, to: .readIndex)
        var sender = RingSender(position: 3072)
        for _ in 0..<2 {
            _ = try sender.send(
                PacketInfo(.dataInBand), payload: [UInt8](repeating: 5, count: 1000)[...], in: &image)
        }
        image.storeReleasing(0, to: .readIndex)
        image.storeReleasing(1024, to: .writeIndex)
        let lines = text(try RingDump(bytes(of: image))).split(separator: "\n", omittingEmptySubsequences: false)
        let (waiting, free, consumed) = (
            String(repeating: "#", count: 18), String(repeating: ".", count: 36), String(repeating: "-", count: 18)
        )
        #expect(lines.contains { $0.hasPrefix("  [\(waiting)\(free)\(consumed)]") })
        #expect(lines.contains { $0.hasPrefix("   R                 W") })
        #expect(lines.contains("DAMAGE: none"))
    }

    @Test func `every kind of damage is explained`() {
        #expect(Set(RingDumpDamage.Kind.allCases.map(\.explanation)).count == RingDumpDamage.Kind.allCases.count)
    }

    private func bytes(of image: RingCopy) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: RingControl.byteCount)
        for word in RingWord.allCases {
            let value = image.loadAcquiring(word)
            for at in 0..<4 { bytes[Int(word.rawValue) + at] = UInt8(truncatingIfNeeded: value >> UInt32(at * 8)) }
        }
        return bytes + image.data
    }
}
