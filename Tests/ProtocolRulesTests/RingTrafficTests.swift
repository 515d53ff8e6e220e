import Configuration
import ProtocolRules
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// Rings of one page between guests that send more than fits.
@Suite struct RingTrafficTests {
    static let names = ["one", "two"]

    static func scenario() throws -> Scenario {
        let guests = names.indices.map { index in
            """
            [[guest]]
            name = "\(names[index])"
            processors = 2
            [[guest.device]]
            kind = "heartbeat"
            [[guest.device]]
            kind = "network"
            channels = 2
            monitored = true
            ring_kib = 8
            send_buffer_kib = 1024
            address = "10.0.0.\(index + 1)"
            ping = ["10.0.0.\(2 - index)"]
            ping_interval = "1us"
            """
        }
        let text = "name = \"full\"\n" + guests.joined(separator: "\n")
        return try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "full.toml"))
    }

    @Test(arguments: [UInt64(1), 2]) func `rings that are full most of the time break no rule`(seed: UInt64) throws {
        var simulation = Simulation(try Self.scenario(), seed: seed)
        simulation.checkRules()
        for _ in 0..<4000 { _ = simulation.step() }
        let checker = try #require(simulation.checker)
        #expect(checker.breaches.map(\.description) == [])
        for rule in HandMadeLog.rules { #expect(checker.checks(of: rule) > 0, "\(rule.id)") }
    }
}
