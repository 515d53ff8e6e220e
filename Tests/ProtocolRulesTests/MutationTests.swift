import BusModel
import Configuration
import ProtocolRules
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// The engine, the rings and the devices as they are shipped break no rule; with one planted bug they break just that rule first.
@Suite struct MutationTests {
    /// The checker after so many steps, or when the first rule is broken.
    static func checked(_ scenario: Scenario, seed: UInt64? = nil, steps: Int) -> RuleChecker {
        var simulation = Simulation(scenario, seed: seed)
        simulation.checkRules()
        for _ in 0..<steps {
            guard simulation.step() != nil, simulation.checker?.breaches.isEmpty == true else { break }
        }
        return simulation.checker ?? RuleChecker()
    }

    static func parsed(_ text: String) throws -> Scenario {
        try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "test"))
    }

    @Test(arguments: Scenarios.names, [1, 2] as [UInt64])
    func `a shipped scenario breaks no rule`(name: String, seed: UInt64) throws {
        let scenario = try #require(try Scenarios.named(name))
        let checker = Self.checked(scenario, seed: seed, steps: 1500)
        #expect(checker.breaches.map { "\($0.sequence) \($0.description)" } == [])
        #expect(checker.checks(of: .contactFirst) > 0)
    }

    @Test func `a breach is a record of the log with the rule's number and its text`() throws {
        var simulation = Simulation(try Self.parsed(Self.text(guest: "processors = 2")))
        simulation.checkRules()
        while let batch = simulation.step(), !batch.headers.contains(where: { $0.kind == .message }) {}
        simulation.checkRules()
        #expect(simulation.checker?.breaches == [])
    }

    /// One guest with a heartbeat and a network adapter, and what happens to them.
    static func text(guest: String, network: String = "channels = 2", events: String = "") -> String {
        """
        name = "test"
        [root]
        version = "6.0"
        [[guest]]
        name = "guest"
        \(guest)
        [[guest.device]]
        kind = "heartbeat"
        [[guest.device]]
        kind = "network"
        \(network)
        \(events)
        """
    }

    static func event(_ action: String, at time: String, device: String? = "network") -> String {
        "[[event]]\nat = \"\(time)\"\nguest = \"guest\"\naction = \"\(action)\"\n"
            + (device.map { "device = \"\($0)\"\n" } ?? "")
    }
}
