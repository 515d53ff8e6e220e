import Platform
import Testing

@Suite struct `Records of a perf buffer` {
    private func word(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private func sample(_ raw: [UInt8], time: UInt64 = 9) -> [UInt8] {
        word(9, 4) + word(1, 2) + word(UInt64(36 + raw.count), 2) + word(7, 4) + word(8, 4) + word(time, 8)
            + word(3, 4) + word(0, 4) + word(UInt64(raw.count), 4) + raw
    }

    private func lost(_ count: UInt64, time: UInt64) -> [UInt8] {
        word(2, 4) + word(0, 2) + word(48, 2) + word(99, 8) + word(count, 8) + word(0, 8) + word(time, 8) + word(0, 8)
    }

    private func all(_ bytes: [UInt8]) -> (records: [PerfRecord], isDamaged: Bool) {
        var reader = PerfRecordReader(bytes)
        var records: [PerfRecord] = []
        while let record = reader.next() { records.append(record) }
        return (records, reader.isDamaged)
    }

    @Test func `tell thread, time, processor and raw bytes, and what was lost`() {
        let (records, isDamaged) = all(sample([1, 2, 3, 4]) + lost(12, time: 55) + sample([], time: 60))
        #expect(!isDamaged)
        #expect(records.count == 3)
        guard case .sample(let first) = records.first else {
            Issue.record("no sample first")
            return
        }
        #expect(first.process == 7)
        #expect(first.thread == 8)
        #expect(first.time == 9)
        #expect(first.processor == 3)
        #expect(Array(first.raw) == [1, 2, 3, 4])
        #expect(records[1] == .lost(12, time: 55))
    }

    @Test(arguments: [0, 7, 36, 65535])
    func `with a length that makes no sense end there`(size: Int) {
        var bytes = sample([1, 2, 3, 4])
        bytes.replaceSubrange(6..<8, with: word(UInt64(size), 2))
        bytes += sample([5])
        let (records, isDamaged) = all(bytes)
        // The header's own length is enough for the header alone when there are no bytes for the rest.
        #expect(isDamaged)
        #expect(records.count <= 1)
    }

    @Test func `with raw data longer than the record end there`() {
        var bytes = sample([1, 2, 3, 4])
        bytes.replaceSubrange(32..<36, with: word(5, 4))
        let (records, isDamaged) = all(bytes)
        #expect(isDamaged)
        #expect(records.isEmpty)
    }

    @Test func `of a kind that is not known are passed over`() {
        var bytes = lost(1, time: 2)
        bytes[0] = 77
        let (records, isDamaged) = all(bytes + sample([]))
        #expect(!isDamaged)
        #expect(records.first == .other(77))
        #expect(records.count == 2)
    }

    @Test func `may be any bytes`() {
        var state: UInt64 = 3
        for _ in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1
                bytes += word(state >> 60 == 0 ? state : state >> 56 & 0x3F, 2)
            }
            #expect(all(bytes).records.count <= 10)
        }
    }
}
