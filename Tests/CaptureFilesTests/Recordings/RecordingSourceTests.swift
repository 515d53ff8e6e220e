import BusModel
import CaptureFiles
import Synchronization
import Testing
import VMBusWire

@Suite struct RecordingSourceTests {
    @Test func `a recording knows at every record what the log knew there`() throws {
        let log = RecordedLog(records: 300)
        let snapshots = log.snapshots
        var source = RecordingSource(log.recorded(interval: 40), name: "x")
        var stepped = source
        #expect(source.title == "x: a log")
        #expect(source.snapshot == BusSnapshot())
        for (number, snapshot) in snapshots.enumerated() {
            let batch = try stepped.advance(.steps(1))
            #expect(batch.headers.map(\.sequence) == [UInt64(number + 1)])
            let isEqual = stepped.snapshot == snapshot
            #expect(isEqual, "record \(number + 1)")
        }
        for number in [299, 0, 150, 39, 40, 41, 298] {
            try source.seek(Position(sequence: UInt64(number + 1), time: 0))
            let isEqual = source.snapshot == snapshots[number]
            #expect(isEqual, "record \(number + 1)")
            #expect(source.position == snapshots[number].position)
        }
        try source.seek(Position(sequence: 0, time: 0))
        let again = try source.advance(.steps(.max))
        #expect(PlainRecord.all(again) == PlainRecord.all(log.batch))
    }

    @Test func `its keyframe tells all that is known`() throws {
        let log = RecordedLog(records: 100)
        var source = RecordingSource(log.recorded(interval: 30), name: "x")
        try source.seek(Position(sequence: 77, time: 0))
        var told = BusSnapshot()
        told.apply(source.keyframe)
        #expect(told == log.snapshots[76])
    }

    @Test func `it advances by steps, units and time`() throws {
        let log = RecordedLog(records: 200)
        var source = RecordingSource(log.recorded(), name: "x")
        #expect(try source.advance(.steps(0)).isEmpty)
        #expect(try source.advance(.steps(9)).headers.count == 9)
        let packets = try source.advance(.until(.packet, limit: 100))
        #expect(packets.headers.last?.kind == .packet)
        #expect(packets.headers.dropLast().allSatisfy { $0.kind != .packet })
        let time = log.batch.headers[120].time
        let timed = try source.advance(.time(time, limit: 1000))
        #expect(timed.headers.last?.time == time)
        let rest = try source.advance(.time(.max, limit: 1000))
        #expect(rest.headers.last?.sequence == log.batch.headers.last?.sequence)
        #expect(try source.advance(.steps(5)).isEmpty)
    }

    @Test func `a place behind the end is refused`() {
        let log = RecordedLog(records: 20)
        var source = RecordingSource(log.recorded(), name: "x")
        do throws(SourceError) {
            try source.seek(Position(sequence: 500, time: 0))
            Issue.record("record 500 was found")
        } catch {
            #expect(error.message == "the recording ends with record \(log.batch.headers.count)")
        }
    }

    @Test func `a file that grows is followed`() throws {
        let log = RecordedLog(records: 100)
        let bytes = log.recorded()
        let file = Mutex<[UInt8]?>(nil)
        var source = RecordingSource(
            Array(bytes[..<(bytes.count / 2)]), name: "x", following: { file.withLock { $0.take() } })
        var records = try source.advance(.steps(.max))
        let before = records.headers.count
        #expect(before > 20 && before < 100)
        file.withLock { $0 = bytes }
        records.append(try source.advance(.steps(.max)))
        #expect(PlainRecord.all(records) == PlainRecord.all(log.batch))
        #expect(source.damages.isEmpty)
        try source.seek(Position(sequence: 99, time: 0))
        #expect(source.snapshot == log.snapshots[98])
    }

    @Test func `a filter finds what its fields say`() throws {
        let log = RecordedLog(records: 5000)
        let bytes = log.recorded(interval: 900)
        var index = RecordingIndex()
        bytes.withBytes { index.extend($0) }
        #expect(index.count == UInt64(log.batch.headers.count))
        #expect(index.memoryByteCount < 24 * log.batch.headers.count)
        func numbers(_ filter: RecordingFilter, from first: UInt64 = 0, limit: Int = .max) -> [UInt64] {
            bytes.withBytes { index.matches(filter, in: $0, from: first, limit: limit) }
        }
        func expected(_ holds: (FlowRecordHeader) -> Bool) -> [UInt64] {
            log.batch.headers.enumerated().filter { holds($0.element) }.map { UInt64($0.offset) }
        }
        #expect(numbers(RecordingFilter()) == expected { _ in true })
        var filter = RecordingFilter()
        filter.kinds = [.packet]
        #expect(numbers(filter) == expected { $0.kind == .packet })
        filter.direction = .hostToGuest
        filter.device = RecordedLog.other
        let found = expected {
            $0.kind == .packet && $0.direction == .hostToGuest && $0.device == RecordedLog.other
        }
        #expect(numbers(filter) == found && !found.isEmpty)
        #expect(numbers(filter, from: 2000, limit: 3) == Array(found.filter { $0 >= 2000 }.prefix(3)))
        filter = RecordingFilter()
        filter.kinds = [FlowKind(rawValue: 77)]
        #expect(numbers(filter) == expected { $0.kind.rawValue == 77 })
        filter = RecordingFilter()
        (filter.relid, filter.code, filter.partition) = (16, 11, 1)
        #expect(numbers(filter) == expected { $0.relid == 16 && $0.code == 11 })
        filter = RecordingFilter()
        let (start, end) = (log.batch.headers[1500].time, log.batch.headers[1700].time)
        filter.times = start...end
        #expect(numbers(filter) == expected { (start...end).contains($0.time) })
    }
}
