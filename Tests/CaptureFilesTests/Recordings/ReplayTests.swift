import BusModel
import CaptureFiles
import Configuration
import Inspector
import ProtocolRules
import TestSupport
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// Recordings of the simulator, run again.
@Suite struct ReplayTests {
    private static let evidence: EvidenceKinds = [.messages, .packets, .signals]

    /// A session of the simulator and its recording.
    private struct Recorded {
        let log: FlowBatch
        let bytes: [UInt8]

        init(_ name: String, steps: Int, seed: UInt64 = 7) throws {
            try self.init(#require(try Scenarios.named(name)), steps: steps, seed: seed)
        }

        init(_ scenario: Scenario, steps: Int, seed: UInt64 = 7, interval: Int = 1000) throws {
            var simulator = SimulatorSource(scenario, seed: seed, checksRules: false)
            let manifest = RecordingManifest(tool: "test", source: .simulator, title: scenario.name)
            var writer = RecordingWriter(manifest, from: simulator.keyframe, interval: interval)
            var log = FlowBatch()
            for _ in 0..<steps / 100 { log.append(simulator.advance(.steps(100))) }
            writer.append(log)
            writer.finish()
            (self.log, bytes) = (log, writer.take())
        }

        var replay: ReplaySource<RecordingSource> {
            ReplaySource(RecordingSource(bytes, name: "x"), evidence: ReplayTests.evidence, reader: FlowReader())
        }
    }

    @Test(arguments: [
        ("two-guests", 4000), ("hibernate", 1200), ("rescind", 1200), ("hvsock", 2000), ("versions", 1000),
    ])
    func `every record of a long session leads to the simulator's snapshot, and the host's ends to the same state`(
        _ name: String, _ steps: Int
    ) throws {
        let recorded = try Recorded(name, steps: steps * min(Soak.factor, 25))
        // Unoptimised, the bytes of every snapshot would take minutes.
        let comparing: UInt64 = Soak.factor > 1 ? 1 : 97
        var replay = recorded.replay
        var snapshot = BusSnapshot()
        for header in recorded.log.headers {
            snapshot.apply(header, recorded.log.payload(of: header))
            let travel = try replay.travel(.steps(1), .forward, limit: 1)
            let isEqual = travel.place.sequence == header.sequence && replay.snapshot == snapshot
            try #require(isEqual, "record \(header.sequence)")
            guard header.sequence % comparing == 0 else { continue }
            let isSame = replay.keyframe == snapshot.keyframeRecord
            try #require(isSame, "record \(header.sequence)")
        }
        #expect(replay.replay.requests > 10 && replay.replay.answers > 10)
        #expect(replay.replay.differences == 0, "\(String(describing: replay.replay.first))")
        #expect(replay.stateDifferences.isEmpty)
        #expect(replay.checker.breachCount == 0)
        #expect(try replay.travel(.steps(1), .forward, limit: 1).arrival == .end)
    }

    @Test func `a host that takes sub-channels back when the guest has unloaded already answers as recorded`() throws {
        let text = """
            name = "reboot"
            [[guest]]
            name = "guest"
            profile = "linux"
            processors = 4
            [[guest.device]]
            kind = "network"
            channels = 4
            [[event]]
            at = "60ms"
            guest = "guest"
            action = "reboot"
            """
        let recorded = try Recorded(
            Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "reboot")), steps: 500)
        var replay = recorded.replay
        _ = try replay.advance(.steps(.max))
        #expect(replay.replay.requests == 47)
        #expect(replay.replay.differences == 0, "\(String(describing: replay.replay.first))")
        #expect(replay.stateDifferences.isEmpty)
    }

    @Test func `any place is reached from any other, with what is known there`() throws {
        let recorded = try Recorded("network", steps: 1500)
        var snapshots: [BusSnapshot] = [BusSnapshot()]
        for header in recorded.log.headers {
            snapshots.append(snapshots[snapshots.count - 1])
            snapshots[snapshots.count - 1].apply(header, recorded.log.payload(of: header))
        }
        var replay = recorded.replay
        var random = SeededNumbers(seed: 5)
        for _ in 0..<25 {
            let target = 1 + random.next() % UInt64(recorded.log.headers.count)
            switch random.next() % 3 {
            case 0: try replay.seek(Position(sequence: target, time: 0))
            case 1: _ = try replay.travel(.sequence(target), .backward, limit: 1)
            default:
                let here = replay.passedCount
                let way: TravelDirection = target > here ? .forward : .backward
                let count = Int(target > here ? target - here : here - target)
                _ = try replay.travel(.steps(count), way, limit: .max)
            }
            #expect(replay.passedCount == target)
            let isEqual = replay.snapshot == snapshots[Int(target)]
            #expect(isEqual, "record \(target)")
            #expect(replay.stateDifferences.isEmpty)
        }
    }

    @Test(arguments: ["name == VMBUS.OPEN_CHANNEL", "kind == interrupt and partition == peer"])
    func `a breakpoint stops at the same places in both directions`(_ text: String) throws {
        let recorded = try Recorded("network", steps: 2000)
        var replay = recorded.replay
        try replay.perform(.addBreakpoint(text, ignoring: 0))
        var places: [UInt64] = []
        while places.count < 12 {
            let travel = try replay.travel(.breakpoint, .forward, limit: .max)
            places.append(travel.place.sequence)
            if travel.arrival == .end { break }
            #expect(travel.arrival == .breakpoint(1))
        }
        #expect(places.count >= 3)
        // The last is where it stands: a stop, or the end.
        for place in places.dropLast().reversed() {
            let travel = try replay.travel(.breakpoint, .backward, limit: .max)
            #expect(travel.arrival == .breakpoint(1) && travel.place.sequence == place)
        }
        #expect(try replay.travel(.breakpoint, .backward, limit: .max).arrival == .beginning)
        // The same as an expression that one goes to.
        let travel = try replay.travel(.expression(text), .forward, limit: .max)
        #expect(travel.place.sequence == places[0])
    }

    @Test func `a unit is gone to and back`() throws {
        let recorded = try Recorded("network", steps: 2000)
        var replay = recorded.replay
        let messages = recorded.log.headers.filter { $0.kind == .message }.map(\.sequence)
        let third = try replay.travel(.unit(.message, 3), .forward, limit: .max)
        #expect(third.place.sequence == messages[2])
        let second = try replay.travel(.unit(.message, 1), .backward, limit: .max)
        #expect(second.place.sequence == messages[1])
    }

    @Test func `a host that answers what it must not is told, with the record`() throws {
        let recorded = try Recorded("boot", steps: 600)
        var changed = FlowBatch()
        var target: UInt64 = 0
        for header in recorded.log.headers {
            var payload = Array(recorded.log.payload(of: header))
            if target == 0, header.kind == .message, header.code == MessageType.openChannelResult.rawValue {
                // Another open_id than the guest's.
                payload[12] ^= 0xFF
                target = header.sequence
            }
            changed.append(header, payload)
        }
        #expect(target > 0)
        var writer = RecordingWriter(RecordingManifest(tool: "test", source: .host, title: "changed"))
        writer.append(changed)
        var replay = ReplaySource(
            RecordingSource(writer.take(), name: "x"), evidence: Self.evidence, reader: nil)
        _ = try replay.advance(.steps(.max))
        #expect(replay.replay.differences == 1)
        #expect(replay.replay.first?.sequence == target)
        #expect(replay.session?.replay?.differences == 1)
    }

    @Test func `behind a gap nothing is claimed until the guest begins anew`() throws {
        let recorded = try Recorded("two-guests", steps: 3000)
        var writer = RecordingWriter(RecordingManifest(tool: "test", source: .simulator, title: "gap"))
        var (first, rest, snapshot) = (FlowBatch(), FlowBatch(), BusSnapshot())
        for header in recorded.log.headers {
            let payload = recorded.log.payload(of: header)
            if header.sequence < 150 || header.sequence > 160 {
                if header.sequence < 150 {
                    first.append(header, from: recorded.log)
                } else {
                    rest.append(header, from: recorded.log)
                }
            }
            if header.sequence <= 160 { snapshot.apply(header, payload) }
        }
        writer.append(first)
        writer.appendGap(of: 11, reason: "a test", from: snapshot.keyframeRecord)
        writer.append(rest)
        var replay = ReplaySource(
            RecordingSource(writer.take(), name: "x"), evidence: Self.evidence, reader: FlowReader())
        _ = try replay.advance(.steps(.max))
        #expect(replay.replay.differences == 0 && replay.stateDifferences.isEmpty)
        #expect(replay.checker.breachCount == 0)
        let end = replay.snapshot
        // Going there by steps from the gap on says the same.
        try replay.seek(Position(sequence: 150, time: 0))
        _ = try replay.advance(.steps(.max))
        let isEqual = replay.snapshot == end
        #expect(isEqual)
    }

    @Test func `what has happened is not changed`() throws {
        var replay = try Recorded("boot", steps: 100).replay
        for command in [
            Command.unload(partition: 1), .addBranch("x"), .askPerson(true), .addBreakpoint("watch time", ignoring: 0),
            .addBreakpoint("no such field == 1", ignoring: 0), .removeBreakpoint(3),
        ] {
            var isRefused = false
            do throws(CommandRefusal) {
                try replay.perform(command)
            } catch {
                isRefused = true
            }
            #expect(isRefused, "\(command)")
        }
    }

    @Test func `a log of counters becomes a scenario of the same devices and rates`() throws {
        let scenario = try #require(try Scenarios.named("sub-channels"))
        var simulator = SimulatorSource(scenario, checksRules: false)
        var (first, last) = (BusSnapshot(), BusSnapshot())
        first.apply(simulator.advance(.time(1_000_000_000, limit: .max)))
        last = first
        last.apply(simulator.advance(.time(1_900_000_000, limit: .max)))
        let text = ScenarioSketch.text(first, last, name: "a\nb\"c")
        let sketch = try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "sketch"))
        #expect(sketch.guests.map(\.name) == scenario.guests.map(\.name))
        for (left, right) in zip(sketch.guests, scenario.guests) {
            #expect(left.host.devices.map(\.instance).sorted() == right.host.devices.map(\.instance).sorted())
            #expect(left.host.devices.map(\.channelCount).sorted() == right.host.devices.map(\.channelCount).sorted())
            #expect(left.processors == right.processors)
        }
        let interval = try #require(sketch.guests[0].addresses.first?.pingInterval)
        #expect((1_000_000...100_000_000).contains(interval))
        var run = SimulatorSource(sketch)
        #expect(!run.advance(.time(1_000_000_000, limit: 3000)).isEmpty)
    }
}
