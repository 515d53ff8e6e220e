import BusModel
import Inspector
import Testing
import VMBusSimulator
import VMBusWire

@Suite struct SnapshotDifferenceTests {
    private func snapshots(_ times: UInt64...) throws -> [BusSnapshot] {
        let scenario = try #require(try Scenarios.named("two-guests"))
        var simulator = SimulatorSource(scenario, checksRules: false)
        var snapshot = BusSnapshot()
        return times.map { time in
            snapshot.apply(simulator.advance(.time(time, limit: .max)))
            return snapshot
        }
    }

    @Test func `what comes, goes and changes is told by instance, and traffic is no change`() throws {
        // A channel is moved at 2 s, the heartbeat of the other guest goes at 3 s and comes again at 4 s.
        let all = try snapshots(1_500_000_000, 2_500_000_000, 3_500_000_000, 4_500_000_000)
        #expect(SnapshotDifference(all[0], all[0]).items.isEmpty)
        let moved = SnapshotDifference(all[0], all[1]).items
        #expect(moved.count == 1)
        #expect(moved.first?.field == "cpu" && moved.first?.after == "3" && moved.first?.subchannel == 1)
        let gone = SnapshotDifference(all[1], all[2]).items
        #expect(gone.map(\.change) == [.went] && gone.first?.name == "heartbeat" && gone.first?.partition == "wheezy")
        let back = SnapshotDifference(all[2], all[3]).items
        #expect(back.map(\.change) == [.came] && back.first?.device == gone.first?.device)
        let text = SnapshotDifference(all[0], all[3]).text()
        #expect(text.contains("changed bookworm ") && text.contains(": cpu ") && text.contains(" -> 3\n"))
        #expect(SnapshotDifference(all[0], all[0]).text() == "nothing came, went or changed\n")
    }

    @Test func `the document has every difference`() throws {
        let all = try snapshots(1_500_000_000, 2_500_000_000)
        let json = SnapshotDifference(all[0], all[1]).json()
        #expect(
            json.hasPrefix(
                #"{"schema":"vmbusscope.difference/1","differences":[{"change":"changed","partition":"bookworm","#))
        #expect(json.contains(#""field":"cpu","#) && json.hasSuffix("}]}\n"))
        let nothing = SnapshotDifference(all[0], all[0]).json()
        #expect(nothing == "{\"schema\":\"vmbusscope.difference/1\",\"differences\":[]}\n")
    }

    @Test func `whole partitions come and go`() throws {
        let all = try snapshots(1_500_000_000)
        let came = SnapshotDifference(BusSnapshot(), all[0])
        let went = SnapshotDifference(all[0], BusSnapshot())
        #expect(came.items.allSatisfy { $0.change == .came } && went.items.allSatisfy { $0.change == .went })
        #expect(came.items.count { $0.device == nil } == 3 && went.items.count == 3)
    }
}
