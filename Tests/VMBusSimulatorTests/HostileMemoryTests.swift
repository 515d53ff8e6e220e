import BusModel
import Testing
import VMBusPartitions
import VMBusRing

@testable import VMBusSimulator

/// Memory that both ends share can hold anything at any time: neither end may trap on it.
@Suite struct HostileMemoryTests {
    @Test func `rings and buffers that are overwritten end in faults, not in traps`() throws {
        let scenario = try #require(try Scenarios.named(Scenarios.defaultName))
        var simulation = Simulation(scenario, seed: 5)
        while simulation.time < 45_000_000 { _ = simulation.step() }
        var generator = SeededGenerator(seed: 99, stream: 0)
        var faults = 0
        for _ in 0..<200 {
            var run = simulation
            let guest = Int(generator.next() % 2)
            for _ in 0...(generator.next() % 8) {
                let address = try #require(target(run, guest, &generator))
                let value = generator.next() % 3 == 0 ? 0xFFFF_FFF8 : UInt32(truncatingIfNeeded: generator.next() >> 20)
                try run.guests[guest].memory.store32(value, at: address)
            }
            var records = 0
            for _ in 0..<40 {
                let batch = run.step() ?? FlowBatch()
                records += batch.headers.count
                faults += batch.headers.count { $0.kind == .fault }
            }
            #expect(records > 0)
        }
        #expect(faults > 20, "only \(faults) faults: the memory was hardly hit")
    }

    /// An address of a control word, a packet or a shared buffer.
    private func target(_ run: Simulation, _ guest: Int, _ generator: inout SeededGenerator) -> UInt64? {
        let channels = run.guests[guest].guest.devices.flatMap(\.channels).compactMap(\.ringPages)
        guard !channels.isEmpty else { return nil }
        let rings = channels[Int(generator.next() % UInt64(channels.count))]
        let pages = (generator.next() % 2 == 0 ? rings.outgoing : rings.incoming).pageFrameNumbers
        let page = generator.next() % 2 == 0 ? pages[0] : pages[Int(generator.next() % UInt64(pages.count))]
        let offset = page == pages[0] ? generator.next() % 5 : generator.next() % 1024
        return page * 4096 + offset * 4
    }
}
