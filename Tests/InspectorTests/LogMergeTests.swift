import BusModel
import Inspector
import Testing
import VMBusWire

@Suite struct LogMergeTests {
    private static func log(step: UInt64) -> FlowBatch {
        var log = GuestLog(step: step)
        log.boot()
        return log.take()
    }

    private static func merged(_ logs: [(FlowBatch, delay: UInt64)], isOneLog: Bool, piece: Int = 3) -> FlowBatch {
        var merge = LogMerge(logs.map { LogMerge.Log(delay: $0.delay) }, isOneLog: isOneLog)
        var (rests, result) = (logs.map { $0.0.headers[...] }, FlowBatch())
        while true {
            guard let wanted = merge.wanted else {
                let batch = merge.take()
                result.append(batch)
                if batch.isEmpty { return result }
                continue
            }
            var batch = FlowBatch()
            for header in rests[wanted].prefix(piece) { batch.append(header, from: logs[wanted].0) }
            rests[wanted] = rests[wanted].dropFirst(piece)
            merge.add(batch.isEmpty ? nil : batch, to: wanted)
        }
    }

    @Test func `logs of two guests become one, by time, with a partition for each`() {
        let (one, two) = (Self.log(step: 1_000_000), Self.log(step: 700_000))
        let both = Self.merged([(one, 0), (two, 500)], isOneLog: false)
        #expect(both.headers.count == one.headers.count + two.headers.count)
        #expect(both.headers.map(\.sequence) == Array(1...UInt64(both.headers.count)))
        #expect(zip(both.headers, both.headers.dropFirst()).allSatisfy { $0.time <= $1.time })
        #expect(Set(both.headers.map(\.partition)) == [1, 2])
        var snapshot = BusSnapshot()
        snapshot.apply(both)
        #expect(snapshot.partition(1)?.devices.count == snapshot.partition(2)?.devices.count)
    }

    @Test func `pieces of a log become the log`() {
        let log = Self.log(step: 1000)
        var pieces = [FlowBatch(), FlowBatch()]
        for header in log.headers { pieces[header.sequence < 6 ? 0 : 1].append(header, from: log) }
        let whole = Self.merged(pieces.map { ($0, 0) }, isOneLog: true)
        #expect(whole == log)
    }

    @Test func `what one keyframe tells does not make the other log forgotten`() {
        let one = Self.log(step: 1_000_000)
        var snapshot = BusSnapshot()
        snapshot.apply(one)
        let both = Self.merged([(one, 0), (snapshot.keyframeRecord, 0)], isOneLog: false)
        var known = BusSnapshot()
        known.apply(both)
        #expect(known.partition(1)?.devices.count == snapshot.partition(1)?.devices.count)
        #expect(known.partition(2)?.devices.count == snapshot.partition(1)?.devices.count)
        #expect(!both.headers.contains { $0.kind == .keyframe })
    }
}
