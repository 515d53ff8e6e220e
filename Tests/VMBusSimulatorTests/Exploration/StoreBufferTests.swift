import Configuration
import ProtocolRules
import Testing
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMBusSimulator

/// Machines whose ends hold stores back from each other.
@Suite struct StoreBufferTests {
    /// Guests that send more than their rings hold.
    static func traffic() throws -> Scenario {
        let guests = (1...2).map { number in
            """
            [[guest]]
            name = "guest\(number)"
            processors = 2
            [[guest.device]]
            kind = "network"
            channels = 2
            ring_kib = 8
            send_buffer_kib = 1024
            address = "10.0.0.\(number)"
            ping = ["10.0.0.\(3 - number)"]
            ping_interval = "1us"
            """
        }
        let text = "name = \"full\"\n" + guests.joined(separator: "\n")
        return try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "full.toml"))
    }

    static func checked(_ scenario: Scenario, _ order: MemoryOrder, seed: UInt64, steps: Int) -> RuleChecker {
        var simulation = Simulation(scenario, choices: .seed(seed), memoryOrder: order)
        simulation.checkRules()
        for _ in 0..<steps {
            guard simulation.step() != nil, simulation.checker?.breaches.isEmpty == true else { break }
        }
        return simulation.checker ?? RuleChecker()
    }

    @Test func `a store is seen by its own end at once and by others after a fence`() throws {
        var memory = SimulatedMemory(byteCount: 4096)
        memory.heldStores = HeldStores()
        try memory.store32(7, at: 8)
        try memory.store32(9, at: 8)
        try memory.store32(1, at: 16)
        let own = try memory.load32(8)
        #expect(own == 9)
        var others = memory
        others.heldStores = nil
        let unseen = try others.load32(8)
        #expect(unseen == 0)
        let isPublished = memory.publishOldest()
        #expect(isPublished)
        others = memory
        others.heldStores = nil
        let first = try others.load32(8)
        #expect(first == 7)
        memory.fence()
        #expect(memory.heldStores?.isEmpty == true)
        memory.heldStores = nil
        let words = [try memory.load32(8), try memory.load32(16)]
        #expect(words == [9, 1])
        let isMore = memory.publishOldest()
        #expect(!isMore)
    }

    @Test(arguments: [UInt64(1), 2]) func `the ring that is shipped keeps all rules behind store buffers`(seed: UInt64)
        throws
    {
        let checker = Self.checked(try Self.traffic(), .tso, seed: seed, steps: 4000)
        #expect(checker.breaches.map(\.description) == [])
        #expect(checker.checks(of: .noLostWakeupSpace) > 0)
    }

    @Test(arguments: Scenarios.names) func `shipped scenarios keep all rules behind store buffers`(name: String) throws
    {
        let scenario = try #require(try Scenarios.named(name))
        #expect(Self.checked(scenario, .tso, seed: 1, steps: 800).breaches.map(\.description) == [])
    }

    #if Mutations
        /// What lacks behind the read index, every visit makes up for before the sender can come: the ring's model shows that.
        @Test func `a missing barrier before the mask test shows in a machine with store buffers, and not without`()
            throws
        {
            var scenario = try Self.traffic()
            for index in scenario.guests.indices {
                scenario.guests[index].mutation = .noBarrierBeforeMaskTest
                scenario.guests[index].host.mutation = .noBarrierBeforeMaskTest
            }
            let found = Self.checked(scenario, .tso, seed: 1, steps: 40_000)
            #expect(found.breaches.first?.rule.id == "no-lost-wakeup-data")
            #expect(Self.checked(scenario, .sc, seed: 1, steps: 1000).breaches.map(\.description) == [])
        }
    #endif
}
