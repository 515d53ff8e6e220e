import BusModel
import Configuration
import Testing
import VMBusDevices
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// What a run of a scenario left in its log, as far as these tests look at it.
struct ScenarioRun {
    var notes: [String] = []
    var faults: [String] = []
    /// Messages by their type, of all guests.
    var messages: [UInt32: Int] = [:]
    var packets = 0
    var time: UInt64 = 0
    var steps = 0
    /// Of everything, so that two runs can be compared.
    var checksum: UInt64 = 0

    /// Runs a shipped scenario until a moment.
    init(_ name: String, until end: UInt64, limit: Int = 200_000) throws {
        try self.init(#require(try Scenarios.named(name)), until: end, limit: limit)
    }

    /// Runs the text of a scenario until a moment.
    init(text: String, until end: UInt64, limit: Int = 200_000) throws {
        try self.init(Scenario(ConfigurationDocument(parsing: text, file: "one.toml")), until: end, limit: limit)
    }

    private init(_ scenario: Scenario, until end: UInt64, limit: Int) throws {
        var simulation = Simulation(scenario)
        while steps < limit, let next = simulation.nextTime, next <= end, let batch = simulation.step() {
            steps += 1
            for header in batch.headers {
                let payload = batch.payload(of: header)
                for byte in payload { checksum = (checksum ^ UInt64(byte)) &* 0x100_0000_01B3 }
                checksum = (checksum ^ header.time) &* 0x100_0000_01B3
                switch header.kind {
                case .note: notes.append(String(decoding: payload, as: UTF8.self))
                case .fault: faults.append(String(decoding: payload, as: UTF8.self))
                case .message: messages[header.code, default: 0] += 1
                case .packet: packets += 1
                default: break
                }
            }
        }
        time = simulation.time
    }

    func count(_ type: MessageType) -> Int { messages[type.rawValue] ?? 0 }
    func has(_ text: String) -> Bool { notes.contains { $0.contains(text) } }
}

/// What each scenario for learning says that it shows, it shows; and nothing in it breaks a rule.
@Suite struct ShippedScenarioTests {
    static let second: UInt64 = 1_000_000_000

    @Test(arguments: Scenarios.names)
    func `the same scenario gives the same records, and no fault`(_ name: String) throws {
        let (first, second) = (
            try ScenarioRun(name, until: .max, limit: 400), try ScenarioRun(name, until: .max, limit: 400)
        )
        #expect(first.checksum == second.checksum)
        #expect(first.steps == 400 || name == "boot")
        #expect(first.faults == [])
    }

    @Test func `the list names every scenario with its title`() throws {
        let lines = try Scenarios.list().split(separator: "\n")
        #expect(lines.count == Scenarios.names.count + Scenarios.gallery.count)
        #expect(lines.allSatisfy { $0.count > 40 && $0.count < 120 })
        #expect(lines.first?.hasPrefix("boot              A guest comes up") == true)
    }

    @Test func `boot is a dozen messages and a heartbeat`() throws {
        let run = try ScenarioRun("boot", until: 9 * Self.second)
        #expect(run.faults == [])
        for type in [
            MessageType.versionResponse, .requestOffers, .offerChannel, .allOffersDelivered, .gpadlCreated,
            .openChannel,
            .openChannelResult,
        ] {
            #expect(run.count(type) == 1, "\(type)")
        }
        // Two for the negotiation, and both ways at 0, 2, 4, 6 and 8 s.
        #expect(run.packets == 12)
    }

    @Test func `network fills rings with bursts`() throws {
        let run = try ScenarioRun("network", until: Self.second / 25)
        #expect(run.faults == [])
        #expect(run.packets > 600)
        #expect(run.count(.openChannelResult) == 9)
    }

    @Test func `hvsock connects both ways, closes by halves, is refused and given up`() throws {
        let run = try ScenarioRun("hvsock", until: 4 * Self.second)
        #expect(run.faults == [])
        // Both ends tell the same of each stream.
        let ends = run.notes.filter { $0.contains("hv_sock: sent") }
        #expect(ends.count == 10)
        for (sent, got) in [(65_536, 40_000), (20_000, 65_536), (200_000, 0), (30_000, 30_000)] {
            let guest = ends.first {
                $0.hasPrefix("guest's") && $0.contains("sent \(sent) ") && $0.contains("got \(got) ")
            }
            let host = ends.first {
                $0.hasPrefix("host's") && $0.contains("sent \(got) ") && $0.contains("got \(sent) ")
            }
            let sums = { (note: String?) in
                (note ?? "").split(separator: " ").filter { $0.hasPrefix("0x") }.map { $0.filter(\.isHexDigit) }
            }
            #expect(sums(guest).count == 2)
            #expect(sums(guest) == Array(sums(host).reversed()))
        }
        #expect(run.has("no connection to port 5003 of the host: no answer in time"))
        #expect(run.has("no connection to port 5003 of the host: nobody listens"))
        #expect(run.has("no connection to port 5004 of the guest: no answer in time"))
        #expect(run.count(.tlConnectRequest) == 6)
        #expect(run.count(.tlConnectResult) == 2)
        // Every connection that was offered has gone again: the numbers were given back.
        #expect(run.count(.relidReleased) == run.count(.rescindChannelOffer))
        #expect(run.count(.rescindChannelOffer) == 6)
    }

    @Test func `console types, points and draws`() throws {
        let run = try ScenarioRun("console", until: 4 * Self.second)
        #expect(run.faults == [])
        #expect(run.has("the guest's keyboard: shift down"))
        #expect(run.has("the guest's keyboard: delete up"))
        #expect(run.notes.filter { $0.contains("the guest's keyboard:") }.count == 22)
        #expect(run.has("keyboard: the guest's lights: caps lock"))
        #expect(run.has("the guest's pointer: at 16384, 8192, right down"))
        #expect(run.has("video: the guest shows a picture of 640x480, 32 bits to a dot"))
        #expect(run.packets > 100)
    }

    @Test func `a display's size must fit its frame buffer`() throws {
        let text = { (line: String) in
            "name = \"x\"\n[[guest]]\nname = \"a\"\n[[guest.device]]\nkind = \"video\"\n\(line)\n"
        }
        for line in ["resolution = \"1600x1400\"", "resolution = \"800\"", "resolution = \"0x5\"", "mmio_mib = 0"] {
            var problem = ""
            do {
                _ = try Scenario(ConfigurationDocument(parsing: text(line), file: "x.toml"))
            } catch {
                problem = "\(error)"
            }
            #expect(problem.hasPrefix("x.toml:6:"), "\(line): \(problem)")
        }
        let fits = try Scenario(
            ConfigurationDocument(parsing: text("mmio_mib = 9\nresolution = \"1600x1400\""), file: "x.toml"))
        #expect(fits.guests[0].host.devices[0].video?.host.resolutions[0] == VideoResolution(1600, 1400))
    }

    @Test func `rescind takes devices away in use, and while they open`() throws {
        let run = try ScenarioRun("rescind", until: 6 * Self.second)
        #expect(run.faults == [])
        #expect(run.count(.rescindChannelOffer) == 10)
        #expect(run.count(.relidReleased) == 10)
        // Twice four, and three times one for the heartbeat of which one is taken back before it opened.
        #expect(run.count(.offerChannel) == 9 + 4 + 4 + 2 + 1)
        #expect(run.count(.openChannelResult) < run.count(.offerChannel))
    }

    @Test func `sub-channels are asked for, spread and moved`() throws {
        let run = try ScenarioRun("sub-channels", until: 5 * Self.second)
        #expect(run.faults == [])
        #expect(run.count(.modifyChannel) == 2)
        #expect(run.count(.modifyChannelResponse) == 2)
        #expect(run.count(.offerChannel) == 14 + 8)
    }

    @Test func `versions go from 0_13 to 6_0`() throws {
        let run = try ScenarioRun("versions", until: Self.second / 50)
        #expect(run.faults == [])
        #expect(run.count(.versionResponse) > 5)
        // Three with a network of seven channels, and a heartbeat each.
        #expect(run.count(.openChannelResult) == 7 + 5)
    }

    @Test func `hibernate finds devices again, loses one, is served on by another host and crashes`() throws {
        let run = try ScenarioRun("hibernate", until: 17 * Self.second)
        #expect(run.faults == [])
        #expect(run.notes.contains("guest hibernates"))
        #expect(run.notes.contains("guest resumes"))
        #expect(run.has("network was channel"))
        #expect(run.has("heartbeat {") || run.has("did not come back after the hibernation"))
        #expect(run.has("the host is saved in"))
        #expect(run.notes.contains("another host takes the connection up"))
        #expect(run.notes.contains("guest crashes"))
        #expect(run.notes.filter { $0 == "guest boots" }.count == 2)
        #expect(run.count(.unload) == 2)
        #expect(run.count(.unloadComplete) == 2)
    }

    @Test func `a host that is saved while messages and packets are on their way loses none`() throws {
        let text = { (action: String) in
            """
            name = "one"
            [[guest]]
            name = "guest"
            processors = 2
            [[guest.device]]
            kind = "network"
            channels = 2
            ping = ["10.0.0.2"]
            ping_interval = "4ms"
            [[guest.device]]
            kind = "scsi"
            work_interval = "4ms"
            [[guest.device.disk]]
            size = "1M"
            [[guest.socket]]
            port = 9
            at = "1ms"
            guest_sends = 60000
            closes_first = "guest"
            [[guest]]
            name = "peer"
            [[guest.device]]
            kind = "network"
            \(action)
            """
        }
        // Any moment of a boot is one at which a host may be replaced.
        for moment in stride(from: 20, to: 700, by: 111) {
            let run = try ScenarioRun(
                text: text("[[event]]\nat = \"\(moment)us\"\nguest = \"guest\"\naction = \"save\"\nfor = \"1ms\""),
                until: 14_000_000)
            #expect(run.faults == [], "\(moment) µs")
            #expect(run.notes.filter { $0.contains("taken up") } == [], "\(moment) µs")
            #expect(run.count(.openChannelResult) == 5, "\(moment) µs")
            #expect(run.has("host's hv_sock: sent 0 bytes (CRC 0x0), got 60000 bytes"), "\(moment) µs")
        }
    }

    @Test func `the schema names every table and key with its default`() {
        let text = ScenarioSchema.text
        for word in [
            "[[guest.device.disk]]", "[[guest.socket]]", "[[event]]", "ring_kib", "closes_first", "hibernate",
            "must be there", "KiB, 64 to 31744",
        ] {
            #expect(text.contains(word), "\(word)")
        }
        #expect(text.split(separator: "\n").allSatisfy { $0.hasPrefix("#") })
    }

    @Test func `a mistake in a scenario is told with line and column`() {
        let text = "name = \"x\"\n\n[[guest]]\nname = \"a\"\n[[guest.socket]]\n  port = 0\n"
        do {
            _ = try Scenario(ConfigurationDocument(parsing: text, file: "x.toml"))
            Issue.record("accepted")
        } catch {
            #expect("\(error)".hasPrefix("x.toml:6:3: guest[0].socket[0].port: 0: expected 1 to"), "\(error)")
        }
    }
}
