import BusModel
import Inspector
import Testing
import VMBusPartitions
import VMBusWire

@testable import VMBusSimulator

/// What sessions are tested with.
enum SessionFixture {
    static func source(_ name: String = "two-guests", seed: UInt64 = 7) throws -> SimulatorSource {
        SimulatorSource(try #require(try Scenarios.named(name)), seed: seed, reader: FlowReader())
    }

    /// Every record of a run with its bytes.
    static func records(_ batch: FlowBatch) -> [Record] {
        batch.headers.map { Record(header: Self.unplaced($0), bytes: Array(batch.payload(of: $0))) }
    }

    struct Record: Hashable {
        let header: FlowRecordHeader
        let bytes: [UInt8]
    }

    /// Where the bytes lie in their batch says nothing of the record.
    private static func unplaced(_ header: FlowRecordHeader) -> FlowRecordHeader {
        var header = header
        header.payloadOffset = 0
        return header
    }
}

@Suite struct TravelTests {
    @Test(arguments: [("two-guests", UInt64(7), UInt64(5000)), ("storage", 11, 600), ("utilities", 13, 2000)])
    func `a long random walk meets the records and states of the first pass again, whatever the way`(
        _ name: String, _ seed: UInt64, _ steps: UInt64
    ) throws {
        var first = try SessionFixture.source(name, seed: seed)
        var prints: [UInt64: UInt64] = [:]
        var batch = FlowBatch()
        while first.steps < steps {
            batch.append(first.advance(.steps(Int(steps / 8))))
            prints[first.steps] = first.fingerprint
        }
        let records = SessionFixture.records(batch)
        let marks = prints.keys.sorted()
        var walk = SeededGenerator(seed: seed, stream: 99)
        for _ in 0..<30 {
            let unit = StepUnit.allCases[Int(walk.next() % UInt64(StepUnit.allCases.count))]
            let count = Int(walk.next() % 40) + 1
            let before = first.position.sequence
            switch walk.next() % 5 {
            case 0: _ = try first.travel(.unit(unit, count), .backward, limit: Int(steps))
            case 1:
                guard first.steps + 100 < steps else { continue }
                let travel = try first.travel(.unit(unit, count), .forward, limit: 500)
                // Behind the first pass everything is new.
                guard first.position.sequence <= records.count else { continue }
                let expected = records[Int(before)..<Int(first.position.sequence)]
                #expect(SessionFixture.records(travel.records) == Array(expected), "\(unit) \(count)")
            case 2:
                let target = walk.next() % UInt64(records.count)
                try first.seek(Position(sequence: target, time: 0))
                #expect(first.position.sequence == target)
            case 3:
                let mark = marks[Int(walk.next() % UInt64(marks.count))]
                first.jump(to: SessionPlace(step: mark, sequence: .max))
                #expect(first.fingerprint == prints[mark], "\(name) at step \(mark)")
            default:
                let time = records[Int(walk.next() % UInt64(records.count))].header.time
                _ = try first.travel(.time(time), .backward, limit: Int(steps))
                #expect(first.position.time <= max(time, first.position.time))
            }
            let place = Int(first.position.sequence)
            guard place > 0, place < records.count else { continue }
            let next = try first.travel(.unit(.event, 1), .forward, limit: Int(steps)).records
            let range = place..<min(place + next.headers.count, records.count)
            #expect(SessionFixture.records(next).prefix(range.count) == records[range])
        }
    }

    @Test(arguments: StepUnit.allCases)
    func `going back by a unit undoes going forward by it`(_ unit: StepUnit) throws {
        var source = try SessionFixture.source()
        _ = try source.travel(.unit(unit, 3), .forward, limit: 20_000)
        var places: [(Position, UInt64)] = []
        for _ in 0..<4 {
            places.append((source.position, source.fingerprint))
            let travel = try source.travel(.unit(unit, 1), .forward, limit: 20_000)
            #expect(travel.arrival == .reached)
        }
        for (place, fingerprint) in places.reversed() {
            let travel = try source.travel(.unit(unit, 1), .backward, limit: 20_000)
            #expect(travel.place.sequence == place.sequence && travel.records.isEmpty)
            #expect(source.fingerprint == fingerprint)
        }
        let whole = try source.travel(.unit(unit, 1000), .backward, limit: 20_000)
        #expect(whole.arrival == .beginning && whole.place.sequence == 0)
    }

    @Test func `several records of a unit are one journey`() throws {
        var (one, many) = (try SessionFixture.source(), try SessionFixture.source())
        for _ in 0..<12 { _ = try one.travel(.unit(.message, 1), .forward, limit: 5000) }
        _ = try many.travel(.unit(.message, 12), .forward, limit: 5000)
        #expect(one.position == many.position)
        _ = try many.travel(.unit(.message, 5), .backward, limit: 5000)
        for _ in 0..<5 { _ = try one.travel(.unit(.message, 1), .backward, limit: 5000) }
        #expect(one.position == many.position)
    }

    @Test func `a transaction ends with a completion or the answer of an integration component`() throws {
        var source = try SessionFixture.source()
        let travel = try source.travel(.unit(.transaction, 6), .forward, limit: 50_000)
        let last = try #require(travel.records.headers.last)
        #expect(last.kind == .packet)
        let isCompletion = last.code == UInt32(PacketType.completion.rawValue)
        #expect(isCompletion || last.direction == .guestToHost)
    }

    @Test func `to a time, both ways`() throws {
        var source = try SessionFixture.source()
        let there = try source.travel(.time(30_000_000), .forward, limit: 20_000)
        let records = SessionFixture.records(there.records)
        let fingerprint = source.fingerprint
        _ = try source.travel(.time(40_000_000), .forward, limit: 20_000)
        let back = try source.travel(.time(30_000_000), .backward, limit: 0)
        #expect(back.place == there.place && source.time == 30_000_000)
        #expect(source.fingerprint == fingerprint)
        #expect(records.allSatisfy { $0.header.time <= 30_000_000 })
        let next = try source.travel(.unit(.event, 1), .forward, limit: 1000)
        #expect((next.records.headers.first?.time ?? 0) > 30_000_000)
    }

    @Test func `until an expression holds, both ways`() throws {
        var source = try SessionFixture.source()
        let filter = "name == VMBUS.OPEN_CHANNEL and partition == wheezy"
        var places: [UInt64] = []
        for _ in 0..<5 {
            let travel = try source.travel(.expression(filter), .forward, limit: 50_000)
            #expect(travel.arrival == .reached)
            let last = try #require(travel.records.headers.last)
            #expect(last.kind == .message && last.code == MessageType.openChannel.rawValue && last.partition == 2)
            places.append(last.sequence)
        }
        _ = try source.travel(.steps(800), .forward, limit: 3000)
        for place in places.reversed() {
            let travel = try source.travel(.expression(filter), .backward, limit: 50_000)
            #expect(travel.place.sequence == place && travel.arrival == .reached)
        }
        #expect(try source.travel(.expression(filter), .backward, limit: 50_000).arrival == .beginning)
        var decoded = try SessionFixture.source()
        let field = try decoded.travel(.expression("version_supported == 1"), .forward, limit: 5000)
        #expect(field.records.headers.last?.code == MessageType.versionResponse.rawValue)
    }

    @Test func `a wrong expression says where it is wrong, and one without a reader that nobody reads`() throws {
        var source = try SessionFixture.source()
        do {
            _ = try source.travel(.expression("relid == banana"), .forward, limit: 10)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains("character"), "\(error)")
        }
        var deaf = SimulatorSource(source.scenario)
        do {
            _ = try deaf.travel(.expression("relid == 1"), .backward, limit: 10)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains("filters"), "\(error)")
        }
    }

    @Test func `what is known after a jump is what was known there, without the records before`() throws {
        var source = try SessionFixture.source()
        var state = InspectorState(capabilities: source.capabilities)
        state.ingest(try source.travel(.steps(1500), .forward, limit: 1500).records)
        let expected = state.snapshot
        _ = try source.travel(.steps(1200), .forward, limit: 9000)
        try source.seek(Position(sequence: expected.position.sequence, time: 0))
        var fresh = InspectorState(capabilities: source.capabilities)
        fresh.ingest(source.keyframe)
        #expect(fresh.snapshot.partitions.map(\.name) == expected.partitions.map(\.name))
        #expect(fresh.snapshot.partitions.map(\.openChannelCount) == expected.partitions.map(\.openChannelCount))
        #expect(fresh.lastSequence == expected.position.sequence)
    }

    @Test func `checkpoints that become too many are thinned, and every place stays reachable`() throws {
        var source = try SessionFixture.source()
        let distance = Int(SessionBranch.checkpointDistance)
        let first = SessionFixture.records(try source.travel(.steps(distance / 4), .forward, limit: distance).records)
        _ = try source.travel(.steps(distance), .forward, limit: distance)
        #expect(source.branches[0].checkpoints.count == 2)
        source.branches[0].thin()
        #expect(source.branches[0].checkpoints.count == 1)
        try source.seek(Position(sequence: 0, time: 0))
        let again = SessionFixture.records(try source.travel(.steps(distance / 4), .forward, limit: distance).records)
        #expect(again == first)
    }
}
