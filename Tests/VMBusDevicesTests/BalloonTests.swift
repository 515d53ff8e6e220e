import Testing
import VMBusDevices
import VMBusWire

typealias BalloonPair = DevicePair<BalloonConsumer, BalloonProvider>

@Suite struct BalloonTests {
    static func pair(
        guest: (inout BalloonConsumer.Configuration) -> Void = { _ in },
        host: (inout BalloonProvider.Configuration) -> Void = { _ in }
    ) -> BalloonPair {
        var consumer = BalloonConsumer.Configuration()
        guest(&consumer)
        var provider = BalloonProvider.Configuration()
        host(&provider)
        return BalloonPair(
            guest: BalloonConsumer(configuration: consumer), host: BalloonProvider(configuration: provider))
    }

    static func running(
        guest: (inout BalloonConsumer.Configuration) -> Void = { _ in },
        host: (inout BalloonProvider.Configuration) -> Void = { _ in }
    ) -> BalloonPair {
        var pair = pair(guest: guest, host: host)
        pair.open()
        pair.settle()
        return pair
    }

    // MARK: Bytes

    static let header: [UInt8] = [0, 0, 0, 0]

    static let layouts: [(name: String, bytes: [UInt8], change: @Sendable (inout Balloon.Message) -> Void)] = [
        (
            "VERSION_REQUEST", [1, 0, 16, 0, 7, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0],
            {
                $0.version = .version20
                $0.attempt = .last
            }
        ),
        ("VERSION_RESPONSE", [2, 0, 16, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], { $0.acceptance = .accepted }),
        (
            "CAPABILITIES",
            [3, 0, 32, 0, 7, 0, 0, 0, 0x1F, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]
                + [UInt8](repeating: 255, count: 8),
            {
                $0.abilities.capabilities = .init(balloon: true, hotAdd: true, alignment: 7)
                $0.abilities.minimumPages = 5
                $0.abilities.maximumPage = .max
            }
        ),
        ("CAPABILITIES_RESPONSE", [4, 0, 16, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], { _ in }),
        (
            "STATUS",
            [5, 0, 48, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]
                + [4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0],
            {
                ($0.status.available, $0.status.committed, $0.status.pageFile) = (1, 2, 3)
                ($0.status.zeroFree, $0.status.pageFileWrites, $0.status.ioDifference) = (4, 5, 6)
            }
        ),
        ("BALLOON_REQUEST", [6, 0, 16, 0, 7, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0], { $0.pageCount = 512 }),
        (
            "BALLOON_RESPONSE",
            [7, 0, 24, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0x45, 0x23, 1, 0, 0, 0, 2, 0],
            {
                $0.rangeCount = .init(rawValue: 3)
                $0.ranges = [.init(.init(first: 0x1_2345, count: 512))]
            }
        ),
        (
            "UNBALLOON_REQUEST",
            [8, 0, 24, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0x45, 0x23, 1, 0, 0, 0, 2, 0],
            {
                $0.rangeCount = .init(rawValue: 1)
                $0.unballoonCount = 1
                $0.ranges = [.init(.init(first: 0x1_2345, count: 512))]
            }
        ),
        ("UNBALLOON_RESPONSE", [9, 0, 8, 0, 7, 0, 0, 0], { _ in }),
        (
            "HOT_ADD_REQUEST", [10, 0, 16, 0, 7, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0x80, 0],
            { $0.added = .init(first: 0x4_0000, count: 0x8000) }
        ),
        (
            "HOT_ADD_REQUEST", [10, 0, 24, 0, 7, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0x80, 0, 0, 0, 4, 0, 0, 0, 0, 1],
            {
                $0.added = .init(first: 0x4_0000, count: 0x8000)
                $0.region = .init(first: 0x4_0000, count: 0x1_0000)
            }
        ),
        (
            "HOT_ADD_RESPONSE", [11, 0, 16, 0, 7, 0, 0, 0, 0, 0x80, 0, 0, 1, 0, 0, 0],
            { ($0.pageCount, $0.result) = (0x8000, 1) }
        ),
        (
            "INFO",
            [12, 0, 32, 0, 7, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0],
            { $0.info.maximumPages = 0x4_0000 }
        ),
    ]

    @Test(arguments: layouts.indices) func `messages have the bytes of the reference`(_ index: Int) throws {
        let layout = Self.layouts[index]
        var message = Balloon.Message(Balloon.MessageType(rawValue: UInt16(layout.bytes[0])))
        message.size = UInt16(layout.bytes[2])
        message.transactionID = 7
        layout.change(&message)
        #expect(message.encoded() == layout.bytes)
        let read = try Balloon.Message.decode(layout.bytes)
        #expect(read == message)
        #expect(message.type.name == layout.name)
    }

    @Test func `a range holds forty bits of place and twenty-four of length`() {
        let range = Balloon.PageRange(first: .max, count: .max)
        #expect(range.rawValue == .max)
        #expect(range.first == 0xFF_FFFF_FFFF)
        #expect(range.count == 0xFF_FFFF)
        #expect(Balloon.PageRange(first: 5, count: 3).end == 8)
        #expect(Balloon.Capabilities(rawValue: 0x1F).hotAddAlignment == 32_768)
    }

    // MARK: Conversations

    @Test(arguments: Balloon.Version.newestFirst, Balloon.Version.newestFirst)
    func `the ends agree on the newest version that both speak`(_ guest: Balloon.Version, _ host: Balloon.Version) {
        let pair = Self.running(guest: { $0.maximumVersion = guest }, host: { $0.maximumVersion = host })
        let newest = min(guest, host)
        #expect(pair.guest.version == newest)
        #expect(pair.host.version == newest)
        #expect(pair.readyCount == 2)
        #expect(pair.violations.isEmpty)
    }

    @Test func `a guest without a version that the host takes says so with its last try`() {
        let pair = Self.running(host: { $0.maximumVersion = .init(rawValue: 1) })
        #expect(pair.log.count == 6)
        #expect(pair.host.phase == .failed)
        #expect(pair.guest.phase == .failed)
        #expect(pair.failures.count == 2)
        #expect(pair.violations.isEmpty)
    }

    @Test func `pages go up in several messages and come down again`() {
        var pair = Self.running(guest: { $0.rangePages = 1 }, host: { $0.maximumPages = 1000 })
        #expect(pair.guest.maximumPages == 1000)
        pair.command("up 1500", .balloon)
        // 1500 pages are rounded up to 1536, and 510 ranges fit a message.
        #expect(pair.notes == ["balloon: the guest gave 1536 of 1536 pages in 4 messages"])
        #expect(pair.guest.given.count == 1536)
        #expect(pair.host.held.count == 1536)
        #expect(pair.guest.own.count == 64_000)
        pair.command("down 1000", .balloon)
        #expect(pair.guest.given.count == 536)
        #expect(pair.host.held.count == 536)
        pair.command("down all", .balloon)
        #expect(pair.guest.own.count == 65_536)
        #expect(pair.host.held.count == 0)
        #expect(pair.violations.isEmpty)
        #expect(pair.notes.last == "balloon: the guest has 536 pages back, 0 are held")
        #expect(pair.utilities.last == .memory(given: 0, added: 0))
    }

    @Test func `what comes back in many pieces goes in several messages`() {
        var pair = Self.running(guest: { $0.rangePages = 1 })
        // Every second page, so that nothing can be joined.
        pair.perform(
            pair.host.perform(.balloon(.up(pages: 2048)), time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
        var response = Balloon.Message(.balloonResponse)
        for part in 0..<4 {
            response.ranges = (0..<400).map { .init(.init(first: UInt64((part * 400 + $0) * 2), count: 1)) }
            response.rangeCount = .init(rawValue: 400 << 1 | (part < 3 ? 1 : 0))
            pair.inject(BalloonRejectionTests.packet(response), from: .guestToHost)
        }
        #expect(pair.host.held.count == 1600)
        let effects = pair.host.perform(.balloon(.down(pages: nil)), time: 0, memory: &pair.memory) ?? []
        var flags: [Bool] = []
        for case .send(_, let packet, _) in effects {
            #expect(packet.payload.count <= 4096)
            flags.append((try? Balloon.Message.decode(packet.payload))?.rangeCount.hasMore ?? false)
        }
        #expect(flags == [true, true, true, false])
    }

    @Test func `a guest never goes below its floor`() {
        var pair = Self.running(guest: { ($0.pageCount, $0.floor) = (4096, 1024) })
        pair.command("up 4096", .balloon)
        #expect(pair.guest.own.count == 1024)
        #expect(pair.notes == ["balloon: the guest gave 3072 of 4096 pages in 1 messages"])
        pair.command("up 512", .balloon)
        #expect(pair.notes.last == "balloon: the guest gave 0 of 512 pages in 1 messages")
    }

    @Test func `memory is added, inside its region and once`() {
        var pair = Self.running()
        pair.command("hot-add 0x200000 32768 0x200000 65536", .balloon)
        #expect(pair.guest.added == 32_768)
        #expect(pair.host.added == 32_768)
        #expect(pair.guest.own.count == 98_304)
        #expect(pair.violations.isEmpty)
        for wrong in ["hot-add 0x200000 1", "hot-add 0x300000 8 0x400000 8", "hot-add 0x100000 1"] {
            pair.command(wrong, .balloon)
            #expect(
                pair.notes.last == "balloon: the guest took 0 of \(wrong.hasSuffix(" 8") ? 8 : 1) added pages, result 0"
            )
        }
        #expect(pair.violations.map(\.rule) == ["dm-range", "dm-range", "dm-range"])
        var other = Self.running(guest: { $0.takesMemory = false })
        other.command("hot-add 0x200000 8", .balloon)
        #expect(other.notes == ["balloon: the guest takes no more memory"])
    }

    @Test func `a guest reports each second, and the host keeps the report`() {
        var pair = Self.running(guest: { $0.delay = 3_000_000_000 })
        pair.tick()
        pair.settle()
        #expect(pair.host.reports == 1)
        #expect(pair.time == 3_000_000_000)
        // The timers of the handshake run out meanwhile, and do nothing.
        while pair.time < 10_000_000_000 {
            pair.tick()
            pair.settle()
        }
        #expect(pair.host.reports == 8)
        #expect(pair.host.statusTime == 10_000_000_000)
        #expect(pair.host.status?.available == 49_152)
        #expect(pair.host.status?.pressure == 25)
        pair.command("up 16384", .balloon)
        while pair.host.status?.available == 49_152 {
            pair.tick()
            pair.settle()
        }
        #expect(pair.host.status?.available == 32_768)
        #expect(pair.host.status?.pressure == 50)
        pair.command("status", .balloon)
        #expect(pair.notes.last?.contains("pressure 50 %") == true)
        #expect(pair.violations.isEmpty)
    }

    @Test func `a guest whose host is silent gives up`() {
        var pair = Self.pair()
        pair.perform(pair.guest.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .guestToHost)
        pair.tick()
        #expect(pair.guest.phase == .failed)
        #expect(pair.failures == ["the host does not answer in time"])
        #expect(pair.time == 5_000_000_000)
    }

    @Test func `a closed channel begins anew, and old timers do nothing`() {
        var pair = Self.running()
        pair.command("up 512", .balloon)
        pair.perform(pair.guest.closed(subchannel: 0), from: .guestToHost)
        pair.perform(pair.host.closed(subchannel: 0), from: .hostToGuest)
        #expect(pair.host.held.count == 0)
        #expect(pair.guest.own.count == 65_536)
        let before = pair.log.count
        for _ in 0..<8 { pair.tick() }
        pair.settle()
        #expect(pair.log.count == before)
        pair.open()
        pair.settle()
        #expect(pair.guest.phase == .ready)
        #expect(pair.violations.isEmpty)
    }

    @Test(arguments: [1, 2, 3]) func `a ring that is nearly always full loses nothing`(_ room: Int) {
        var pair = Self.pair(guest: { $0.rangePages = 1 })
        pair.room = room
        pair.open()
        pair.settle()
        pair.command("up 4096", .balloon)
        pair.command("down all", .balloon)
        #expect(pair.violations.isEmpty)
        #expect(pair.guest.own.count == 65_536)
        #expect(pair.notes.count == 2)
    }

    // MARK: Dissector

    @Test func `every message is named, and its fields cover every byte`() {
        var pair = Self.running(host: { $0.maximumPages = 99 })
        pair.command("up 512", .balloon)
        pair.command("down all", .balloon)
        pair.command("hot-add 0x200000 8", .balloon)
        for _ in 0..<4 { pair.tick() }
        pair.settle()
        var dissector = ChannelDissector(kind: .balloon)
        var names: Set<String> = []
        for record in pair.log {
            let line = dissector.summarise(record.record[...], attachmentLength: 0, direction: record.direction)
            let tree = ChannelDissector.tree(
                record.record[...], attachmentLength: 0, direction: record.direction, kind: .balloon, hint: line.hint)
            #expect(tree.name == line.name)
            #expect(tree.problem == nil)
            #expect(!line.info.isEmpty)
            #expect(tree.fields.reduce(0) { $0 + $1.size } == record.bytes.count)
            names.insert(line.name)
        }
        #expect(names.count == 12)
        #expect(names.allSatisfy { $0.hasPrefix("DM.") })
    }
}

@Suite struct BalloonRejectionTests {
    static func packet(_ message: Balloon.Message) -> ChannelPacket {
        var message = message
        if message.region != nil { message.size = 24 }
        message.size = UInt16(message.encoded().count)
        return ChannelPacket(payload: message.encoded())
    }

    static func message(
        _ type: Balloon.MessageType, _ change: (inout Balloon.Message) -> Void = { _ in }
    ) -> ChannelPacket {
        var message = Balloon.Message(type)
        change(&message)
        return packet(message)
    }

    static func ranges(_ ranges: [Balloon.PageRange], more: Bool = false) -> ChannelPacket {
        message(.balloonResponse) {
            $0.ranges = ranges.map { .init($0) }
            $0.rangeCount = .init(rawValue: UInt32(ranges.count) << 1 | (more ? 1 : 0))
        }
    }

    /// What is wrong whoever says it to whom.
    static let wrong: [(ChannelPacket, String)] = [
        (ChannelPacket(payload: []), "well-formed"),
        (ChannelPacket(payload: [6, 0, 16]), "well-formed"),
        // Longer than it is, shorter than a header, longer than any.
        (ChannelPacket(payload: [5, 0, 48, 0, 1, 0, 0, 0, 1, 0, 0, 0]), "well-formed"),
        (ChannelPacket(payload: [9, 0, 7, 0, 1, 0, 0, 0]), "well-formed"),
        (ChannelPacket(payload: [9, 0, 1, 16, 1, 0, 0, 0]), "well-formed"),
        // More ranges than there are bytes.
        (ChannelPacket(payload: [7, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]), "well-formed"),
        (ChannelPacket(payload: [8, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]), "well-formed"),
        (ChannelPacket(payload: [0, 0, 8, 0, 1, 0, 0, 0]), "dm-type"),
        (ChannelPacket(payload: [13, 0, 8, 0, 1, 0, 0, 0]), "dm-type"),
        (ChannelPacket(payload: [255, 255, 8, 0, 1, 0, 0, 0]), "dm-type"),
        (ChannelPacket(type: .completion, payload: [9, 0, 8, 0, 1, 0, 0, 0]), "dm-in-band"),
        (ChannelPacket(flags: .completionRequested, payload: [9, 0, 8, 0, 1, 0, 0, 0]), "dm-in-band"),
    ]

    @Test(arguments: wrong) func `a packet that is no message breaks a rule`(_ packet: ChannelPacket, _ rule: String) {
        var pair = BalloonTests.running()
        pair.inject(packet, from: .guestToHost)
        pair.inject(packet, from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == [rule, rule])
        #expect(pair.host.phase == .ready)
        #expect(pair.guest.phase == .ready)
    }

    static let guests: [Balloon.MessageType] = [
        .versionRequest, .capabilities, .status, .balloonResponse, .unballoonResponse, .hotAddResponse,
    ]
    static let hosts: [Balloon.MessageType] = [
        .versionResponse, .capabilitiesResponse, .balloonRequest, .unballoonRequest, .hotAddRequest, .info,
    ]

    @Test func `each message comes from its own side, and in its own phase`() {
        for (types, sender) in [(Self.guests, Direction.guestToHost), (Self.hosts, .hostToGuest)] {
            for type in types {
                // From the wrong side.
                var pair = BalloonTests.running()
                pair.inject(Self.message(type), from: sender == .hostToGuest ? .guestToHost : .hostToGuest)
                #expect(pair.violations.map(\.rule) == ["dm-type"], "\(type.name)")
                // Before the channel is open.
                pair = BalloonTests.pair()
                pair.inject(Self.message(type), from: sender)
                #expect(pair.violations.map(\.rule) == ["channel-open"], "\(type.name)")
            }
        }
        for type in Self.guests where type != .status {
            var pair = BalloonTests.running()
            pair.inject(Self.message(type), from: .guestToHost)
            #expect(pair.violations.map(\.rule) == ["dm-order"], "\(type.name)")
        }
        for type in Self.guests where type != .versionRequest {
            var pair = BalloonTests.pair()
            pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
            pair.inject(Self.message(type), from: .guestToHost)
            #expect(pair.violations.map(\.rule) == ["dm-order"], "\(type.name)")
        }
        for type in Self.hosts where type != .versionResponse {
            var pair = BalloonTests.pair()
            pair.perform(pair.guest.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .guestToHost)
            pair.inject(Self.message(type), from: .hostToGuest)
            #expect(pair.violations.map(\.rule) == ["dm-order"], "\(type.name)")
        }
    }

    @Test func `a size that is not the message's own is refused`() {
        for size in [UInt8(8), 15, 17, 24] {
            var pair = BalloonTests.running()
            pair.inject(
                ChannelPacket(payload: [6, 0, size, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]), from: .hostToGuest)
            #expect(pair.violations.map(\.rule) == ["dm-size"], "\(size)")
            #expect(pair.guest.given.count == 0)
        }
    }

    static let badRanges: [([Balloon.PageRange], String)] = [
        ([.init(first: 5, count: 0)], "dm-range"), ([.init(first: .max, count: 2)], "dm-range"),
        ([.init(first: 5, count: 513)], "dm-count"),
        ([.init(first: 5, count: 300), .init(first: 500, count: 300)], "dm-count"),
        ([.init(first: 5, count: 10), .init(first: 14, count: 10)], "dm-pages-once"),
        ([.init(first: 5, count: 1), .init(first: 7, count: 1), .init(first: 9, count: 1)], "dm-ranges"),
    ]

    @Test(arguments: badRanges)
    func `pages that cannot be given are not held`(_ ranges: [Balloon.PageRange], _ rule: String) {
        var pair = BalloonTests.running(host: { $0.maximumRanges = 2 })
        _ = pair.host.perform(.balloon(.up(pages: 512)), time: 0, memory: &pair.memory)
        pair.inject(Self.ranges(ranges), from: .guestToHost)
        #expect(pair.violations.map(\.rule) == [rule])
        let good = ranges.dropLast().reduce(0) { $0 + $1.count }
        #expect(pair.host.held.count == good)
        #expect(pair.host.work == nil)
    }

    @Test func `one piece of work waits for the end of the one before`() {
        var pair = BalloonTests.running()
        _ = pair.host.perform(.balloon(.up(pages: 512)), time: 0, memory: &pair.memory)
        pair.inject(Self.ranges([.init(first: 5, count: 100)], more: true), from: .guestToHost)
        for command in [
            BalloonCommand.up(pages: 1), .down(pages: nil), .hotAdd(.init(first: 1, count: 1), region: nil),
        ] {
            let effects = pair.host.perform(.balloon(command), time: 0, memory: &pair.memory)
            #expect(effects == [.note("balloon: the guest has not done yet what it was asked before")])
        }
        pair.inject(Self.message(.unballoonResponse), from: .guestToHost)
        pair.inject(Self.message(.hotAddResponse), from: .guestToHost)
        #expect(pair.violations.map(\.rule) == ["dm-order", "dm-order"])
        pair.inject(Self.ranges([]), from: .guestToHost)
        #expect(pair.host.held.count == 100)
        #expect(pair.host.work == nil)
    }

    @Test func `more added pages than came, or some of a failure, are not counted`() {
        for (pages, result) in [(UInt32(9), UInt32(1)), (1, 0)] {
            var pair = BalloonTests.running()
            let command = BalloonCommand.hotAdd(.init(first: 1, count: 8), region: nil)
            _ = pair.host.perform(.balloon(command), time: 0, memory: &pair.memory)
            let answer = Self.message(.hotAddResponse) { ($0.pageCount, $0.result) = (pages, result) }
            pair.inject(answer, from: .guestToHost)
            #expect(pair.violations.map(\.rule) == ["dm-count"])
            #expect(pair.host.added == 0)
        }
    }

    @Test func `pages that the host does not hold do not come back`() {
        var pair = BalloonTests.running()
        pair.command("up 512", .balloon)
        let before = pair.guest.given.count
        for range in [Balloon.PageRange(first: 1, count: 1), .init(first: 0x10_FE00, count: 513), .init(rawValue: 5)] {
            pair.inject(
                Self.message(.unballoonRequest) {
                    $0.ranges = [.init(range)]
                    $0.unballoonCount = 1
                }, from: .hostToGuest)
        }
        #expect(pair.violations.map(\.rule) == ["dm-held", "dm-held", "dm-held"])
        #expect(pair.guest.given.count == before)
    }

    @Test func `a guest that gives nothing is refused, and says why`() {
        var pair = BalloonTests.pair()
        pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
        pair.inject(Self.message(.versionRequest) { $0.version = .version10 }, from: .guestToHost)
        pair.inject(Self.message(.capabilities), from: .guestToHost)
        #expect(pair.host.phase == .failed)
        #expect(pair.failures == ["the guest gives no pages"])
        pair.inject(Self.message(.status), from: .guestToHost)
        #expect(pair.violations.map(\.rule) == ["dm-order"])
    }

    @Test(arguments: [
        "", "up", "up 0", "up 1073741825", "up x", "down", "down 0", "down -1", "hot-add 1", "hot-add 1 0",
        "hot-add 1 2 3", "hot-add 0x10000000000 1", "hot-add 1 16777216", "status now", "out 5",
    ])
    func `a command that is none lists those that are`(_ text: String) {
        do {
            _ = try DeviceCommand(text.split(separator: " ").map(String.init), for: .balloon)
            Issue.record("\(text) was understood")
        } catch {
            #expect(error.description.contains("down PAGES|all"))
        }
    }
}

@Suite struct PageAccountTests {
    /// A set of pages, page by page.
    @Test(arguments: [UInt64(1), 2, 3, 4]) func `an account counts as a set of pages does`(_ seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15
        func next(_ limit: UInt64) -> UInt64 {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return random % limit
        }
        var pair = BalloonTests.running(guest: { ($0.firstPage, $0.pageCount, $0.floor) = (0, 256, 0) })
        var model: Set<UInt64> = []
        var additions = 0
        for _ in 0..<300 {
            let range = Balloon.PageRange(first: next(300), count: next(40))
            let pages = Set(range.first..<range.end)
            if next(2) == 0 {
                _ = pair.host.perform(.balloon(.up(pages: 512)), time: 0, memory: &pair.memory)
                let isNew = !pages.isEmpty && pages.isDisjoint(with: model)
                let before = pair.host.held.count
                pair.inject(BalloonRejectionTests.ranges([range]), from: .guestToHost)
                #expect(pair.host.held.count - before == (isNew ? range.count : 0))
                if isNew { additions += 1 }
                if isNew { model.formUnion(pages) }
            } else {
                let count = next(60) + 1
                let effects = pair.host.perform(.balloon(.down(pages: count)), time: 0, memory: &pair.memory) ?? []
                for case .send(_, let packet, _) in effects {
                    let ranges = (try? Balloon.Message.decode(packet.payload))?.ranges.map(\.pages) ?? []
                    let taken = Set(ranges.flatMap { Array($0.first..<$0.end) })
                    #expect(taken.isSubset(of: model))
                    #expect(taken.count == min(Int(count), model.count))
                    model.subtract(taken)
                }
                if !effects.isEmpty, pair.host.work != nil {
                    pair.inject(BalloonRejectionTests.message(.unballoonResponse), from: .guestToHost)
                }
            }
            #expect(pair.host.held.count == UInt64(model.count))
        }
        #expect(additions > 20)
    }
}
