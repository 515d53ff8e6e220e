import BusModel
import Configuration
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// The integration components in the simulator, as scenarios make them.
@Suite struct UtilitiesTests {
    static func notes(_ batch: FlowBatch) -> [String] {
        batch.headers.filter { $0.kind == .note }.map { String(decoding: batch.payload(of: $0), as: UTF8.self) }
    }

    static func run(_ text: String, until time: UInt64) throws -> FlowBatch {
        var source = SimulatorSource(try Scenario(ConfigurationDocument(parsing: text, file: "one.toml")), seed: 1)
        return source.advance(.time(time, limit: 20_000))
    }

    @Test func `the shipped scenario shows all six at work and breaks no rule`() throws {
        var source = SimulatorSource(try #require(try Scenarios.named("utilities")), seed: 1)
        let batch = source.advance(.time(8_000_000_000, limit: 20_000))
        #expect(!batch.headers.contains { $0.kind == .fault })
        let notes = Self.notes(batch)
        for expected in [
            "the guest's clock is set to 2026-01-01 00:00:00.000 UTC", "data exchange: external Greeting is set",
            "backup: hot-backup is done, flags 0x5", "the guest's file systems are frozen", "backup: thaw is done",
            "the guest has the whole file", "file copy: /tmp/pattern is whole, 20000 bytes",
            "shutdown: the guest begins its restart", "guest reboots",
        ] {
            #expect(notes.contains(expected), "\(expected)")
        }
        #expect(notes.count { $0 == "guest boots" } == 2)
        #expect(notes.count { $0.hasPrefix("data exchange: auto OSName") } == 2)
        var snapshot = BusSnapshot()
        snapshot.apply(batch)
        #expect(snapshot.partition(1)?.evidence.text(.operatingSystem) == "simulated")
        #expect(snapshot.partition(1)?.connection.value == .connected)
    }

    @Test func `a guest that is powered off stays off`() throws {
        let batch = try Self.run(
            """
            name = "one"
            [[guest]]
            name = "guest"
            [[guest.device]]
            kind = "shutdown"
            [[event]]
            at = "50ms"
            guest = "guest"
            action = "command"
            device = "shutdown"
            command = "power-off force"
            """, until: 2_000_000_000)
        let notes = Self.notes(batch)
        #expect(notes == ["guest boots", "shutdown: the guest begins its power-off", "guest shuts down"])
    }

    @Test func `versions, clocks and scripts come from the scenario`() throws {
        let batch = try Self.run(
            """
            name = "one"
            [[guest]]
            name = "guest"
            boot_at = "3s"
            [[guest.device]]
            kind = "timesync"
            version = "3.0"
            wall_clock = 946684800
            sample_interval = "0s"
            [[guest.device]]
            kind = "vss"
            fails = ["freeze"]
            [[event]]
            at = "4s"
            guest = "guest"
            action = "command"
            device = "vss"
            command = "freeze"
            """, until: 20_000_000_000)
        let notes = Self.notes(batch)
        #expect(notes.contains("the guest's clock is set to 2000-01-01 00:00:03.000 UTC"))
        #expect(notes.contains("backup: the guest's freeze failed: fail"))
        // Four packets negotiate, two tell the time once, two try to freeze.
        #expect(batch.headers.count { $0.kind == .packet } == 8)
    }

    @Test(arguments: [
        ("kind = \"timesync\"\nversion = \"9.0\"", "one of 4.0, 3.0, 1.0"),
        ("kind = \"vss\"\nfails = [\"melt\"]", "a step of a backup"), ("kind = \"network\"\nfails = []", "fails"),
        ("kind = \"timesync\"\nwall_clock = -1", "wall_clock"),
    ])
    func `what a scenario gets wrong is said`(device: String, words: String) {
        let text = "name = \"one\"\n[[guest]]\nname = \"guest\"\n[[guest.device]]\n\(device)\n"
        do {
            _ = try Scenario(ConfigurationDocument(parsing: text, file: "one.toml"))
            Issue.record("accepted: \(device)")
        } catch {
            #expect("\(error)".contains(words))
        }
    }
}
