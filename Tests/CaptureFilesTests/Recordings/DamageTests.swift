import BusModel
import CaptureFiles
import TestSupport
import Testing
import VMBusWire

@Suite struct DamageTests {
    @Test func `a file that ends at any byte gives every record that is whole`() {
        let log = RecordedLog(records: 30)
        let bytes = log.recorded(interval: 1000, isFinished: false)
        let all = PlainRecord.all(log.batch)
        var counts: [Int] = []
        for end in 0...bytes.count {
            let (records, damages) = read(Array(bytes[..<end]))
            let plain = PlainRecord.all(records)
            #expect(plain == Array(all.prefix(plain.count)), "cut at \(end)")
            counts.append(plain.count)
            // Either the cut is between two blocks or it is told with its place.
            if let damage = damages.first.first {
                #expect(damages.count == 1 && damage.kind == .cutShort && damage.offset + damage.length == end)
            }
        }
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 == $1 || $0 + 1 == $1 })
        #expect(counts.last == all.count)
    }

    @Test(arguments: [1, 2, 3]) func `flipped bits lose what they hit and nothing else`(_ seed: UInt64) {
        var random = SeededNumbers(seed: seed)
        let log = RecordedLog(records: 40, seed: seed)
        let bytes = log.recorded(interval: 16)
        let all = PlainRecord.all(log.batch)
        let descriptions = Self.descriptions(bytes)
        for _ in 0..<500 {
            var broken = bytes
            let place = Int(random.next() % UInt64(bytes.count))
            broken[place] ^= 1 << UInt8(random.next() % 8)
            let found = PlainRecord.all(read(broken).records)
            // A description that is lost takes the records of its interface with it.
            if !descriptions.contains(where: { $0.contains(place) }) {
                let equal = found.count { record in
                    let index = Int(truncatingIfNeeded: record.header.sequence &- 1)
                    return all.indices.contains(index) && all[index] == record
                }
                #expect(equal >= all.count - 1, "byte \(place): \(equal) of \(all.count)")
            }
            let source = RecordingSource(broken, name: "x")
            _ = source.keyframe
        }
    }

    /// Where the descriptions of interfaces lie.
    private static func descriptions(_ bytes: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var place = 0
        while place < bytes.count {
            let end = place + Int(bytes[place...].word32(4))
            if bytes[place...].word32(0) == 1 { ranges.append(place..<end) }
            place = end
        }
        return ranges
    }

    @Test func `any bytes are read to their end`() {
        var random = SeededNumbers(seed: 9)
        let bytes = RecordedLog(records: 30).recorded(interval: 8)
        for number in 0..<1000 {
            var hostile: [UInt8]
            if number.isMultiple(of: 3) {
                hostile = (0..<Int(random.next() % 600)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            } else {
                // Pieces of a recording, put together anyhow, with words that are lengths and counts changed.
                hostile = []
                for _ in 0..<4 {
                    let start = Int(random.next() % UInt64(bytes.count)) & ~3
                    hostile += bytes[start...].prefix(Int(random.next() % 900))
                }
                if number.isMultiple(of: 2) { hostile = bytes.prefix(300) + hostile }
                for _ in 0..<3 where hostile.count > 8 {
                    let place = Int(random.next() % UInt64(hostile.count - 4)) & ~3
                    let value: UInt32 = [0, .max, 0x8000_0000, 32, UInt32(truncatingIfNeeded: random.next())][
                        Int(random.next() % 5)]
                    for byte in 0..<4 { hostile[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte))) }
                }
            }
            let whole = read(hostile)
            let pieces = read(hostile, pieces: 1 + Int(random.next() % 200))
            #expect(PlainRecord.all(whole.records) == PlainRecord.all(pieces.records), "variant \(number)")
            var source = RecordingSource(hostile, name: "x")
            source.extendIndex()
            _ = try? source.seek(Position(sequence: source.end.sequence / 2, time: 0))
            _ = source.keyframe
        }
    }

    @Test func `a length that is wrong costs one record, and is told with its place`() {
        let log = RecordedLog(records: 50)
        var bytes = log.recorded(interval: 1000)
        // The last note that is written.
        guard let note = log.batch.headers.last(where: { $0.kind == .note }) else { return }
        let text = Array("note \(note.sequence - 1)".utf8)
        guard let place = bytes.indices.last(where: { bytes[$0...].starts(with: text) }) else { return }
        bytes[place - 24 - 28 + 4] = 0xFC
        let (records, damages) = read(bytes)
        #expect(damages.count == 1)
        #expect(damages.first.first?.kind == .blocks)
        #expect(damages.first.first?.offset == UInt64(place - 52))
        #expect(records.headers.filter { $0.kind != .keyframe }.count == 49)
    }

    @Test func `a piece without a beginning is read from its first manifest on`() {
        let log = RecordedLog(records: 200)
        let bytes = log.recorded(interval: 50)
        let (records, damages) = read(Array(bytes[1001...]))
        #expect(damages.first.first?.kind == .beginning)
        #expect(records.headers.first?.kind == .keyframe)
        #expect(records.headers.count > 140)
        var snapshot = BusSnapshot()
        snapshot.apply(records)
        let isEqual = snapshot == log.snapshots.last
        #expect(isEqual)
    }

    @Test func `two recordings one behind the other are read as two`() {
        let (one, two) = (RecordedLog(records: 70, seed: 1), RecordedLog(records: 80, seed: 2))
        let (records, damages) = read(one.recorded() + two.recorded())
        #expect(damages.isEmpty)
        #expect(PlainRecord.all(records) == PlainRecord.all(one.batch) + PlainRecord.all(two.batch))
    }

    @Test func `what is no recording is told as such`() {
        let (records, damages) = read(Array("Mon Nov 23 kernel: hv_vmbus: registering driver".utf8))
        #expect(records.isEmpty)
        #expect(damages.first.map(\.kind) == [.beginning])
        var reversed = RecordedLog(records: 5).recorded()
        for place in stride(from: 0, to: 12, by: 4) { reversed[place..<place + 4].reverse() }
        #expect(read(reversed).damages.first.map(\.kind) == [.byteOrder])
    }
}
