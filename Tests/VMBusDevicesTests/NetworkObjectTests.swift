import Testing
import VMBusDevices
import VMBusWire

/// What hosts answer to queries and settings, and what they tell unasked.
@Suite struct NetworkObjectTests {
    static func query(_ pair: inout NetworkPair, _ object: UInt32) -> RNDIS.Answer? {
        pair.perform(pair.guest.query(.init(rawValue: object), memory: &pair.memory), from: .guestToHost)
        pair.settle()
        return pair.guest.lastAnswer
    }

    static func set(
        _ pair: inout NetworkPair, _ object: RNDIS.ObjectIdentifier, _ value: RNDIS.Information
    ) -> RNDIS.Status? {
        pair.perform(pair.guest.set(object, value, memory: &pair.memory), from: .guestToHost)
        pair.settle()
        return pair.guest.lastAnswer?.status
    }

    @Test func `every object of the list is answered or can be set`() {
        var pair = HostileTests.running()
        guard case .objects(let list) = Self.query(&pair, 0x0001_0101)?.information else {
            Issue.record("no list")
            return
        }
        #expect(list.count > 40)
        let onlySet: [RNDIS.ObjectIdentifier] = [.receiveScaleParameters, .configurationParameter, .offloadParameters]
        for entry in list where !onlySet.contains(entry.object) && entry.object != .offloadEncapsulation {
            let answer = Self.query(&pair, entry.object.rawValue)
            #expect(answer?.status == .success, "\(entry.object.name)")
            #expect(entry.object.meaning != nil)
        }
        #expect(Self.query(&pair, 0x0001_0212)?.status == .notSupported)
        #expect(pair.violations.isEmpty)
    }

    static let values: [(UInt32, RNDIS.Information)] = [
        (UInt32(0x0001_0106), RNDIS.Information.number(1500)), (0x0001_0111, .number(1514)),
        (0x0001_0107, .linkSpeed(.init(rawValue: 100_000_000))), (0x0001_0114, .mediaState(.connected)),
        (0x0001_0206, .linkSpeeds(.init(hundreds: 100_000_000))),
        (0x0001_0207, .linkState(.init(.connected, speeds: .init(hundreds: 100_000_000)))),
        (0x0101_0101, .address(Frames.guest)), (0x0101_0102, .address(Frames.guest)),
        (0x0001_010E, .packetFilter([.directed, .allMulticast, .broadcast])),
    ]

    @Test(arguments: values)
    func `objects have the values of the adapter`(object: UInt32, value: RNDIS.Information) {
        var pair = HostileTests.running()
        #expect(Self.query(&pair, object)?.information == value)
    }

    /// The places of NDIS_OFFLOAD where Linux, FreeBSD and DPDK look (reference §6.1.5).
    @Test(arguments: [(NVSP.Version.version61, 156), (.version4, 144), (.version2, 112)])
    func `offloads are where drivers look for them`(version: NVSP.Version, size: Int) {
        var pair = NetworkVersionTests.pair(version, version)
        guard case .offloadCapabilities(let offload) = Self.query(&pair, 0xFC01_020D)?.information else {
            Issue.record("no offloads")
            return
        }
        let bytes = offload.encoded()
        #expect(bytes.count == size)
        #expect(Int(offload.header.size) == size)
        func word(_ offset: Int) -> UInt32 { bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        // TCP with options and UDP for IPv4 frames of the guest; the same with extension headers for IPv6.
        #expect(word(8) & 0x54 == 0x54 && word(24) & 0x55 == 0x55)
        // Large segments around 802.3, as large as a driver may take, over IPv6 with options.
        #expect(word(80) & 2 == 2 && word(84) == 62_000 && word(92) & 2 == 2 && word(104) & 5 == 5)
    }

    @Test func `a guest may set an address, and gets the frames for it`() {
        var pair = HostileTests.running()
        let other: [UInt8] = [0x02, 0, 0, 0, 0xAB, 0xCD]
        for (text, status) in [
            ("02000000abcd", RNDIS.Status.success), ("03000000abcd", .invalidData), ("0200", .invalidData),
            ("zz000000abcd", .invalidData),
        ] {
            let value = RNDIS.Information.configurationParameter(.init(name: "NetworkAddress", value: text))
            #expect(Self.set(&pair, .configurationParameter, value) == status)
        }
        #expect(Self.query(&pair, 0x0101_0102)?.information == .address(other))
        #expect(Self.query(&pair, 0x0101_0101)?.information == .address(Frames.guest))
        pair.deliver(Frames.echo(1, to: other, from: Frames.other))
        pair.deliver(Frames.echo(1, to: Frames.guest, from: Frames.other))
        pair.settle()
        #expect(pair.guestFrames.count == 1)
    }

    @Test func `groups that the guest joined are let through`() {
        var pair = HostileTests.running()
        let (joined, other): ([UInt8], [UInt8]) = ([0x33, 0x33, 0, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 2])
        #expect(Self.set(&pair, .packetFilter, .packetFilter([.multicast])) == .success)
        #expect(Self.set(&pair, .multicastList, .addresses([.init(joined)])) == .success)
        for target in [joined, other] { pair.deliver(Frames.echo(1, to: target, from: Frames.other)) }
        pair.settle()
        #expect(pair.guestFrames.map { Array($0.prefix(6)) } == [joined])
        let many = (0..<65).map { _ in RNDIS.HardwareAddress(joined) }
        #expect(Self.set(&pair, .multicastList, .addresses(many)) == .invalidData)
    }

    @Test func `tables may be changed in parts`() {
        var pair = HostileTests.running()
        var parameters = RNDIS.ReceiveScaleParameters(
            table: [3, 2], key: FlowHash.commonKey, enabled: true)
        parameters.flags = [.keyUnchanged]
        #expect(Self.set(&pair, .receiveScaleParameters, .receiveScaleParameters(parameters)) == .success)
        #expect(pair.host.receiveScale?.table.map { $0.channel } == [3, 2])
        #expect(pair.host.receiveScale?.key == FlowHash.commonKey)
        let wrong = RNDIS.ReceiveScaleParameters(table: [4], key: FlowHash.commonKey, enabled: true)
        #expect(Self.set(&pair, .receiveScaleParameters, .receiveScaleParameters(wrong)) == .invalidData)
        let short = RNDIS.ReceiveScaleParameters(table: [1], key: [1, 2, 3], enabled: true)
        #expect(Self.set(&pair, .receiveScaleParameters, .receiveScaleParameters(short)) == .invalidData)
        let off = RNDIS.ReceiveScaleParameters(table: [], key: [], enabled: false)
        #expect(Self.set(&pair, .receiveScaleParameters, .receiveScaleParameters(off)) == .success)
        #expect(pair.host.receiveScale == nil)
    }

    @Test func `values that are too short for their object are refused`() {
        var pair = HostileTests.running()
        for object in [
            RNDIS.ObjectIdentifier.packetFilter, .receiveScaleParameters, .offloadParameters, .configurationParameter,
        ] {
            #expect(Self.set(&pair, object, .bytes([1, 2, 3])) == .bufferTooShort)
        }
        #expect(Self.set(&pair, .friendlyName, .text([65, 0])) == .notSupported)
        #expect(pair.violations.isEmpty)
    }

    @Test func `speed and network changes are told`() {
        var pair = HostileTests.running()
        for command in [NetworkCommand.speed(10_000_000), .networkChange, .networkChange] {
            pair.perform(
                pair.host.perform(.network(command), time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
        }
        pair.settle()
        #expect(pair.guest.linkSpeed == 10_000_000)
        #expect(pair.guest.counters.networkChanges == 2)
        #expect(Self.query(&pair, 0x0001_0107)?.information == .linkSpeed(.init(rawValue: 10_000_000)))
        #expect(pair.violations.isEmpty)
    }

    static let commands: [([String], NetworkCommand)] = [
        (["link", "up"], NetworkCommand.link(connected: true)), (["link", "down"], .link(connected: false)),
        (["speed", "1000"], .speed(10_000_000)), (["network", "change"], .networkChange),
        (["vf", "3"], .virtualFunction(3)), (["vf", "none"], .virtualFunction(nil)),
    ]

    @Test(arguments: commands)
    func `commands are words`(words: [String], command: NetworkCommand) throws {
        #expect(try DeviceCommand(words, for: .network) == .network(command))
    }

    static let refusedWords: [[String]] = [
        [], ["link"], ["vf", "x"], ["speed", "0"], ["speed", "999999999"], ["vf", "1", "2"],
    ]

    @Test(arguments: refusedWords)
    func `other words are refused with what is known`(words: [String]) {
        do throws(DeviceCommandError) {
            _ = try DeviceCommand(words, for: .network)
            Issue.record("taken: \(words)")
        } catch {
            #expect(error.description.contains("vf NUMBER"))
        }
    }

    @Test func `a reset forgets what the guest set, and says so`() {
        var pair = HostileTests.running()
        Self.control(&pair, RNDIS.Message(.reset, .reset(.init())))
        #expect(pair.host.packetFilter.isEmpty && pair.host.receiveScale == nil)
        _ = pair.deliver()
        #expect(pair.log.last?.attachment == bytes("06000080 10000000 00000000 01000000"))
    }

    @Test func `an extended set is answered with a place for data`() {
        var pair = HostileTests.running()
        let request = RNDIS.Request(requestID: 9, object: .packetFilter, information: .packetFilter(.broadcast))
        Self.control(&pair, RNDIS.Message(.setEx, .request(request)))
        #expect(pair.host.packetFilter == .broadcast)
        _ = pair.deliver()
        #expect(pair.log.last?.attachment == bytes("09000080 18000000 09000000 00000000 00000000 00000000"))
    }

    /// A control message of the guest that is not the consumer's own.
    static func control(_ pair: inout NetworkPair, _ message: RNDIS.Message) {
        let bytes = message.encoded(context: .newest(sender: .guestToHost))
        pair.inject(
            ChannelPacket(
                type: .dataUsingGPADirect,
                bulk: .guestPages([GPARange(byteCount: UInt32(bytes.count), byteOffset: 0, pages: [0x1000])]),
                payload: HostileTests.rndis(.init(channelType: .control))), attachment: bytes, from: .guestToHost)
    }
}
