import BusModel
import Configuration
import Testing
import VMBusPartitions
import VMBusSimulator
import VMBusWire

@Suite struct SimulationTests {
    static func scenario() throws -> Scenario {
        try #require(try Scenarios.named(Scenarios.defaultName))
    }

    static func source(seed: UInt64 = 7) throws -> SimulatorSource { SimulatorSource(try scenario(), seed: seed) }

    @Test func `one seed gives one log, byte for byte`() throws {
        var (first, second, other) = (try Self.source(), try Self.source(), try Self.source(seed: 8))
        let batch = first.advance(.steps(1500))
        let (same, different) = (second.advance(.steps(1500)), other.advance(.steps(1500)))
        let (isSame, isDifferent) = (batch == same, batch != different)
        #expect(isSame && isDifferent)
        #expect(batch.headers.map(\.sequence) == Array(1...UInt64(batch.headers.count)))
        #expect(batch.headers.map(\.time) == batch.headers.map(\.time).sorted())
    }

    @Test func `the partitions stand before the first choice`() throws {
        var source = try Self.source()
        var snapshot = BusSnapshot()
        snapshot.apply(source.advance(.steps(0)))
        #expect(snapshot.partitions.map(\.name) == ["root", "bookworm", "wheezy"])
        try source.seek(Position(sequence: 1, time: 0))
        let rest = source.advance(.steps(0))
        #expect(rest.headers.map(\.sequence) == [2, 3])
    }

    @Test func `both guests boot, agree on their versions and open a network with four channels and a heartbeat`()
        throws
    {
        var source = try Self.source()
        var snapshot = BusSnapshot()
        let batch = source.advance(.time(40_000_000, limit: 5000))
        snapshot.apply(batch)
        #expect(snapshot.partitions.map(\.name) == ["root", "bookworm", "wheezy"])
        for (number, version) in [(UInt16(1), ProtocolVersion.iron), (2, .windows8)] {
            let partition = try #require(snapshot.partition(number))
            #expect(partition.version.value == version)
            #expect(partition.connection.value == .connected)
            #expect(
                partition.devices.map(\.deviceClass.kind).sorted { $0.rawValue < $1.rawValue } == [
                    .network, .heartbeat,
                ])
            #expect(partition.openChannelCount == 5)
            let network = try #require(partition.devices.first { $0.deviceClass.kind == .network })
            #expect(network.channels.map(\.subchannel) == [0, 1, 2, 3])
            #expect(network.channels.allSatisfy { $0.inbound.size.value == 15 * 4096 })
            #expect(partition.pageLists.count == 7)
        }
        #expect(!batch.headers.contains { $0.kind == .fault })
    }

    @Test func `guests with the habits of Linux, FreeBSD and OpenVMM agree with hosts that have others`() throws {
        var source = SimulatorSource(try #require(try Scenarios.named("versions")), seed: 3)
        var snapshot = BusSnapshot()
        let batch = source.advance(.time(60_000_000, limit: 20_000))
        snapshot.apply(batch)
        let versions: [(String, ProtocolVersion, Int)] = [
            ("linux", .iron, 5), ("freebsd", .windows8, 2), ("openvmm", .copper, 3),
        ]
        for (name, version, channels) in versions {
            let partition = try #require(snapshot.partitions.first { $0.name == name })
            #expect(partition.version.value == version, "\(name)")
            #expect(partition.openChannelCount == channels, "\(name)")
            let interrupts = batch.headers.filter { $0.kind == .interrupt && $0.partition == partition.number }
            // The ping of a few milliseconds and the heartbeat, both ways.
            #expect(interrupts.count > 20, "\(name)")
        }
        #expect(!batch.headers.contains { $0.kind == .fault })
    }

    @Test func `frames of one guest reach the other and are answered`() throws {
        var source = try Self.source()
        let batch = source.advance(.time(60_000_000, limit: 8000))
        let packets = batch.headers.filter { $0.kind == .packet && $0.attachmentLength > 0 }
        for partition in [UInt16(1), 2] {
            for direction in [Direction.guestToHost, .hostToGuest] {
                let found = packets.filter { $0.partition == partition && $0.direction == direction }
                #expect(found.contains { isEcho(batch.payload(of: $0), type: 8) }, "requests of \(partition)")
                #expect(found.contains { isEcho(batch.payload(of: $0), type: 0) }, "replies of \(partition)")
            }
        }
    }

    /// Whether the bytes hold an ICMP echo of a type, in a frame with a checked header.
    private func isEcho(_ payload: ArraySlice<UInt8>, type: UInt8) -> Bool {
        let bytes = Array(payload)
        return bytes.indices.dropLast(22).contains { index in
            bytes[index] == 0x45 && bytes[index + 9] == 1 && bytes[index + 12] == 10 && bytes[index + 20] == type
                && bytes[index - 2] == 0x08
        }
    }

    @Test func `going back and forth gives the same records and the same rings`() throws {
        var source = try Self.source()
        let past = source.advance(.time(30_000_000, limit: 4000))
        let position = Position(sequence: past.headers.last?.sequence ?? 0, time: source.time)
        let network = try #require(try Self.scenario().guests[0].host.devices.first { $0.kind == .network }).instance
        func rings(_ source: SimulatorSource) -> [RingImage] {
            (0..<4).compactMap { subchannel in
                source.ringImage(
                    ChannelKey(partition: 1, device: network, subchannel: subchannel), .guestToHost)
            }
        }
        let images = rings(source)
        #expect(images.count == 4)
        let future = source.advance(.steps(500))
        let haveChanged = rings(source) != images
        #expect(haveChanged)
        try source.seek(position)
        let areTheSame = rings(source) == images
        #expect(areTheSame)
        let replayed = source.advance(.steps(500))
        // Choices without a record may lie behind the place, so that both runs need not end at the same record.
        let common = min(replayed.headers.count, future.headers.count)
        #expect(common > 400)
        #expect(replayed.headers.prefix(common) == future.headers.prefix(common))
        #expect(replayed.payload(of: replayed.headers[common - 1]) == future.payload(of: future.headers[common - 1]))
        try source.seek(Position(sequence: 100, time: 0))
        let again = source.advance(.steps(1))
        let expected = try #require(past.headers.first { $0.sequence == 101 })
        let found = try #require(again.headers.first)
        #expect(found.sequence == 101 && found.time == expected.time)
        #expect(again.payload(of: found).elementsEqual(past.payload(of: expected)))
        var beyond = source
        #expect(throws: SourceError.self) { try beyond.seek(Position(sequence: 1_000_000, time: 0)) }
    }

    @Test func `signals and interrupts have the bytes that their declarations write`() throws {
        var source = try Self.source()
        let batch = source.advance(.time(40_000_000, limit: 5000))
        var found: Set<FlowKind> = []
        for header in batch.headers where header.code == SignalCode.hypercall.rawValue || header.kind == .interrupt {
            let bytes = Array(batch.payload(of: header))
            switch header.kind {
            case .signal: #expect(try SignalEventInput.decode(bytes).encoded() == bytes)
            case .interrupt: #expect(try EventFlagDelivery.decode(bytes).encoded() == bytes)
            default: continue
            }
            found.insert(header.kind)
        }
        #expect(found == [.signal, .interrupt])
    }

    @Test(arguments: StepUnit.allCases)
    func `a step ends with a record of its unit`(_ unit: StepUnit) throws {
        var source = try Self.source()
        _ = source.advance(.steps(20))
        var count = 0
        for _ in 0..<20 {
            let batch = source.advance(.until(unit, limit: 2000))
            // Not much comes and goes once both guests are up.
            guard source.session?.arrival == .reached else { continue }
            count += 1
            let last = try #require(batch.headers.last)
            #expect(unit.isReached(by: last, answersInBand: true))
        }
        #expect(count == 20 || unit == .state && count >= 2)
    }

    @Test func `a device that the host takes back leaves the guest, and its number is free again`() throws {
        var source = try Self.source()
        var snapshot = BusSnapshot()
        snapshot.apply(source.advance(.time(40_000_000, limit: 5000)))
        let device = try #require(snapshot.partition(1)?.devices.first { $0.deviceClass.kind == .network })
        try source.perform(.rescindDevice(partition: 1, device: device.instance))
        let batch = source.advance(.time(45_000_000, limit: 5000))
        snapshot.apply(batch)
        #expect(snapshot.partition(1)?.devices.map(\.deviceClass.kind) == [.heartbeat])
        let types = batch.headers.filter { $0.kind == .message && $0.partition == 1 }.map {
            MessageType(rawValue: $0.code)
        }
        #expect(types.count { $0 == .rescindChannelOffer } == 4)
        #expect(types.count { $0 == .relidReleased } == 4)
        #expect(!batch.headers.contains { $0.kind == .fault })
        #expect(throws: CommandRefusal.self) {
            try source.perform(.rescindDevice(partition: 1, device: device.instance))
        }
    }

    @Test func `a network that comes back carries as much work as before, not twice as much`() throws {
        let text = """
            name = "one"
            [[guest]]
            name = "guest"
            version = "5.3"
            memory_mib = 8
            [[guest.device]]
            kind = "network"
            ping = ["10.0.0.9"]
            ping_interval = "5ms"
            [[event]]
            at = "52ms"
            guest = "guest"
            action = "rescind"
            device = "network"
            [[event]]
            at = "53ms"
            guest = "guest"
            action = "offer"
            device = "network"
            """
        var source = SimulatorSource(try Scenario(ConfigurationDocument(parsing: text, file: "one.toml")), seed: 1)
        func questions(_ batch: FlowBatch) -> Int {
            batch.headers.count {
                $0.kind == .packet && $0.direction == .guestToHost && $0.code == 6 && $0.attachmentLength > 0
            }
        }
        _ = source.advance(.time(20_000_000, limit: 3000))
        let before = questions(source.advance(.time(50_000_000, limit: 3000)))
        _ = source.advance(.time(60_000_000, limit: 3000))
        let after = questions(source.advance(.time(90_000_000, limit: 3000)))
        #expect(before == 6)
        #expect(after == before)
    }

    @Test func `an event asks a device's host end for what it knows`() throws {
        let text = """
            name = "one"
            [[guest]]
            name = "guest"
            memory_mib = 8
            [[guest.device]]
            kind = "network"
            [[event]]
            at = "50ms"
            guest = "guest"
            action = "command"
            device = "network"
            command = "link down"
            """
        var source = SimulatorSource(try Scenario(ConfigurationDocument(parsing: text, file: "one.toml")), seed: 1)
        func statusMessages(_ batch: FlowBatch) -> Int {
            batch.headers.count { $0.kind == .packet && $0.direction == .hostToGuest && $0.time >= 50_000_000 }
        }
        #expect(statusMessages(source.advance(.time(49_000_000, limit: 5000))) == 0)
        #expect(statusMessages(source.advance(.time(60_000_000, limit: 5000))) == 1)
        let unknown = text.replacing("link down", with: "link sideways")
        #expect(throws: ConfigurationError.self) {
            try Scenario(ConfigurationDocument(parsing: unknown, file: "one.toml"))
        }
    }

    @Test func `a moved channel is interrupted on its new processor`() throws {
        var source = try Self.source()
        var snapshot = BusSnapshot()
        snapshot.apply(source.advance(.time(40_000_000, limit: 5000)))
        let heartbeat = try #require(snapshot.partition(1)?.devices.first { $0.deviceClass.kind == .heartbeat })
        let key = ChannelKey(partition: 1, device: heartbeat.instance, subchannel: 0)
        try source.perform(.moveChannel(key, cpu: 2))
        snapshot.apply(source.advance(.steps(50)))
        #expect(snapshot.channel(key)?.cpu.value == 2)
        #expect(throws: CommandRefusal.self) { try source.perform(.moveChannel(key, cpu: 99)) }
    }

    @Test func `a guest that shuts down lets go of everything and the host forgets it`() throws {
        var source = try Self.source()
        var snapshot = BusSnapshot()
        snapshot.apply(source.advance(.time(40_000_000, limit: 5000)))
        try source.perform(.unload(partition: 1))
        snapshot.apply(source.advance(.time(50_000_000, limit: 5000)))
        #expect(snapshot.partition(1)?.connection.value == .disconnected)
        #expect(snapshot.partition(1)?.devices.isEmpty == true)
        #expect(snapshot.partition(2)?.connection.value == .connected)
    }
}

@Suite struct EveryVersionTests {
    @Test(arguments: ProtocolVersion.all)
    func `a guest of any version boots against a host that is newer, and its devices work`(
        _ version: ProtocolVersion
    ) throws {
        try boot(guest: version, host: .copper, expected: version)
    }

    @Test(arguments: ProtocolVersion.all)
    func `a new guest falls back to any older host`(_ version: ProtocolVersion) throws {
        try boot(guest: .copper, host: version, expected: version)
    }

    private func boot(guest: ProtocolVersion, host: ProtocolVersion, expected: ProtocolVersion) throws {
        let text = """
            name = "one"
            [root]
            version = "\(host)"
            [[guest]]
            name = "guest"
            version = "\(guest)"
            processors = 2
            memory_mib = 8
            [[guest.device]]
            kind = "heartbeat"
            [[guest.device]]
            kind = "network"
            channels = \(expected >= .windows8 ? 2 : 1)
            ring_kib = 16
            """
        let scenario = try Scenario(ConfigurationDocument(parsing: text, file: "one.toml"))
        var source = SimulatorSource(scenario, seed: 3)
        var snapshot = BusSnapshot()
        let batch = source.advance(.time(2_100_000_000, limit: 3000))
        snapshot.apply(batch)
        let partition = try #require(snapshot.partition(1))
        #expect(partition.version.value == expected)
        #expect(partition.openChannelCount == (expected >= .windows8 ? 3 : 2))
        let heartbeats = batch.headers.filter { header in
            header.kind == .packet && header.direction == .guestToHost
                && partition.devices.contains { $0.instance == header.device && $0.deviceClass.kind == .heartbeat }
        }
        #expect(heartbeats.count >= 2)
        #expect(!batch.headers.contains { $0.kind == .fault })
    }
}
