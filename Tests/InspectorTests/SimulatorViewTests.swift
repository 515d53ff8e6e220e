import BusModel
import Inspector
import Testing
import VMBusSimulator
import VMBusWire

/// The inspector over the shipped scenario: what a newcomer sees first.
@Suite struct SimulatorViewTests {
    private func run(_ steps: Int) throws -> (InspectorState, SimulatorSource) {
        let scenario = try #require(try Scenarios.named("two-guests"))
        var source = SimulatorSource(scenario, seed: 7)
        var state = InspectorState(capabilities: source.capabilities, title: source.title)
        var done = 0
        while done < steps {
            state.ingest(source.advance(.steps(100)))
            done += 100
        }
        return (state, source)
    }

    @Test func `every record of a boot has a name and fields that cover it`() throws {
        let (state, _) = try run(1500)
        #expect(state.history.count > 500)
        #expect(state.history.missingCount == 0)
        for index in 0..<state.history.count {
            let entry = try #require(state.history[index])
            let tree = try #require(state.history.tree(at: index))
            #expect(entry.name.contains(".") && !entry.name.contains("UNKNOWN"), "\(entry.name)")
            #expect(tree.problem == nil, "\(entry.name): \(tree.problem.map { "\($0)" } ?? "")")
            #expect(tree.name == entry.name)
            var place = 0
            for leaf in tree.leaves {
                #expect(leaf.offset == place, "\(tree.name) \(leaf.name)")
                place = leaf.offset + leaf.size
            }
            #expect(place == state.history.payload(at: index).count, "\(tree.name)")
        }
    }

    @Test func `a boot can be followed in words`() throws {
        let (state, _) = try run(100)
        let text = try HeadlessShow.render(.flow, state, format: .text, filter: "partition == bookworm and seq < 22")
        let names = text.split(separator: "\n").dropFirst().map { line in
            line.split(separator: " ").first { $0.contains(".") && $0.first?.isLetter == true } ?? ""
        }
        #expect(
            names.prefix(8) == [
                "STATE.APPEARED", "NOTE.TEXT", "VMBUS.INITIATE_CONTACT", "VMBUS.VERSION_RESPONSE",
                "VMBUS.REQUEST_OFFERS", "VMBUS.OFFER_CHANNEL", "VMBUS.OFFER_CHANNEL", "VMBUS.ALL_OFFERS_DELIVERED",
            ])
        #expect(text.contains("role=guest"))
    }

    @Test func `rings are drawn from the simulator's own bytes without damage`() throws {
        let (state, source) = try run(1500)
        #expect(!state.channelKeys.isEmpty)
        for key in state.channelKeys {
            let inbound = source.ringImage(key, .hostToGuest)
            let outbound = source.ringImage(key, .guestToHost)
            let model = try #require(state.ringModel(key, inbound: inbound, outbound: outbound))
            for ring in [model.inbound, model.outbound] where ring.isFromImage {
                #expect(ring.damage == nil)
                #expect(ring.blocks.reduce(0) { $0 + UInt64($1.length) } == ring.used)
            }
        }
    }

    @Test func `stepping back and forth shows the same`() throws {
        var (state, source) = try run(600)
        let shown = state.snapshot
        let end = state.lastSequence
        let target = Position(sequence: end / 2, time: state.snapshot.position.time)
        try source.seek(target)
        let reached = state.rewind(to: Position(sequence: end / 2, time: 0))
        #expect(reached)
        #expect(state.lastSequence == end / 2)
        while state.lastSequence < end { state.ingest(source.advance(.steps(1))) }
        let back = state.pause(at: end)
        #expect(back)
        #expect(state.snapshot == shown)
    }
}
