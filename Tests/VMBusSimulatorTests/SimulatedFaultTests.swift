import BusModel
import Configuration
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

@Suite struct `Faults in the simulator` {
    /// A bus with all that faults can be done to.
    private static func scenario(_ fault: String) throws -> Scenario {
        let text = """
            name = "faults"
            [root]
            version = "5.3"
            [[guest]]
            name = "a"
            processors = 2
            version = "5.3"
            [[guest.device]]
            kind = "heartbeat"
            [[guest.device]]
            kind = "network"
            channels = 2
            ping = ["10.0.0.254"]
            ping_interval = "200us"
            [[guest.device]]
            kind = "scsi"
            work_interval = "1ms"
            [[guest.device.disk]]
            size = "1M"
            [[event]]
            at = "3ms"
            guest = "a"
            action = "move"
            device = "network"
            cpu = 1
            [[event]]
            at = "60ms"
            guest = "a"
            action = "reboot"
            [switch]
            responder = "10.0.0.254/24"
            [[faults]]
            \(fault)
            """
        return try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "faults.toml"))
    }

    private static func run(_ scenario: Scenario, steps: Int) -> FlowBatch {
        var source = SimulatorSource(scenario)
        return source.advance(.steps(steps))
    }

    private static func faults(_ batch: FlowBatch, _ kind: FaultKind) -> Int {
        batch.headers.count {
            $0.kind == .fault && $0.code == kind.honesty.rawValue
                && String(decoding: batch.payload(of: $0), as: UTF8.self).hasPrefix("\(kind.id) (")
        }
    }

    private static func words(_ kind: FaultKind, _ direction: Direction) -> String {
        var text = "kind = \"\(kind.id)\"\n"
        text += "direction = \"\(direction == .guestToHost ? "guest-to-host" : "host-to-guest")\"\n"
        if kind.parameters.contains(.field) { text += "field = \"relid\"\n" }
        if kind.target == .device, kind.message == nil { text += "device = \"network\"\nmessage = \"OPEN_CHANNEL\"\n" }
        return text
    }

    @Test(arguments: FaultKind.all)
    func `leave both ends standing, are named in the record, and are the same for the same seed`(kind: FaultKind) throws
    {
        for direction in kind.directions {
            let fault = Self.words(kind, direction)
            let once = Self.run(try Self.scenario(fault), steps: 700)
            #expect(Self.faults(once, kind) > 0, "\(direction)")
            let often = try Self.scenario(fault + "times = 0\nodds = 0.3\n")
            let (first, second) = (Self.run(often, steps: 400), Self.run(often, steps: 400))
            let isSame = first == second
            #expect(isSame)
        }
    }

    @Test func `are done to a guest that runs when they are armed by hand`() throws {
        var source = SimulatorSource(try Self.scenario("kind = \"lost-signal\"\nnth = 1000000\n"))
        _ = source.advance(.time(10_000_000, limit: 5000))
        try source.perform(.armFault(partition: 1, "delay-interrupt device=network times=2"))
        let batch = source.advance(.steps(500))
        #expect(Self.faults(batch, try #require(FaultKind.named("delay-interrupt"))) == 2)
        do {
            try source.perform(.armFault(partition: 1, "no-such"))
            #expect(Bool(false), "it was taken")
        } catch {
            #expect(error.reason.contains("no-such"))
        }
    }

    @Test func `come by themselves at their time`() throws {
        for kind in ["rescind", "spurious-interrupt", "unknown-interrupt", "mask-stuck"] {
            let device = kind == "unknown-interrupt" ? "" : "device = \"network\"\n"
            let batch = Self.run(try Self.scenario("kind = \"\(kind)\"\n\(device)at = \"4ms\"\n"), steps: 1000)
            let found = batch.headers.filter { $0.kind == .fault && FaultCode(rawValue: $0.code).isInjected }
            #expect(found.map(\.time) == [4_000_000], "\(kind)")
        }
    }

    @Test func `that a correct guest must survive leave it with its network`() throws {
        let harmless = FaultKind.all.filter {
            $0.honesty == .legalAdversity && ![.device].contains($0.target) && !$0.id.hasPrefix("refuse")
        }
        for kind in harmless {
            // Messages wait one behind the other, and the pause before a post that was refused doubles each time.
            let times = [.message, .post].contains(kind.target) ? 4 : 20
            let scenario = try Self.scenario(Self.words(kind, kind.directions[0]) + "times = \(times)\n")
            var source = SimulatorSource(scenario)
            var snapshot = BusSnapshot()
            snapshot.apply(source.advance(.time(25_000_000, limit: 3000)))
            #expect(snapshot.partition(1)?.openChannelCount == 4, "\(kind.id)")
        }
    }
}
