import Testing
import VMBusDevices
import VMBusWire

typealias VPCIPair = DevicePair<VPCIConsumer, VPCIProvider>

@Suite struct VPCITests {
    static func pair(
        guest: (inout VPCIConsumer.Configuration) -> Void = { _ in },
        host: (inout VPCIProvider.Configuration) -> Void = { _ in }
    ) -> VPCIPair {
        var consumer = VPCIConsumer.Configuration()
        guest(&consumer)
        var provider = VPCIProvider.Configuration()
        host(&provider)
        return VPCIPair(guest: VPCIConsumer(configuration: consumer), host: VPCIProvider(configuration: provider))
    }

    static func running(
        _ version: VPCI.Version = .version16, host: (inout VPCIProvider.Configuration) -> Void = { _ in }
    ) -> VPCIPair {
        var pair = pair(guest: { $0.maximumVersion = version }, host: host)
        pair.open()
        pair.settle()
        return pair
    }

    // MARK: Bytes

    /// The type as it lies in a message.
    static func type(_ index: UInt8) -> [UInt8] { [index, 0, 0x49, 0x42] }
    static let slot: [UInt8] = [0x21, 0, 0, 0]

    static let sizes: [(type: VPCI.MessageType, size: Int)] = [
        (.queryBusRelations, 4), (.powerStateChange, 12), (.queryResourceRequirements, 8), (.getResources, 8),
        (.busD0Entry, 16), (.busD0Exit, 4), (.readBlock, 16), (.writeBlock, 16), (.eject, 8), (.ejectionComplete, 12),
        (.resourcesAssigned, 148), (.resourcesReleased, 8), (.invalidateBlock, 16), (.queryProtocolVersion, 8),
        (.createInterrupt, 24), (.deleteInterrupt, 24), (.resourcesAssigned2, 202), (.createInterrupt2, 78),
        (.deleteInterrupt2, 24), (.resourcesAssigned3, 202), (.createInterrupt3, 82), (.resetDevice, 8),
        (.busRelations, 8), (.busRelations2, 8),
    ]

    @Test(arguments: sizes.indices) func `messages have the sizes of the reference`(_ index: Int) throws {
        let (type, size) = Self.sizes[index]
        let message = VPCI.Message(type, VPCI.Slot(rawValue: 0x21))
        let bytes = message.encoded()
        #expect(bytes.count == size)
        let read = try VPCI.Message.decode(bytes)
        #expect(read.type == type)
        #expect(read.encoded() == bytes)
    }

    static let layouts: [(bytes: [UInt8], subject: VPCI.MessageType?, change: @Sendable (inout VPCI.Message) -> Void)] =
        [
            (
                type(0x13) + [4, 0, 1, 0], nil,
                { ($0.type, $0.version) = (.queryProtocolVersion, .version14) }
            ),
            (
                type(0x07) + [0, 0, 0, 0, 0, 0x20, 0, 0x30, 0, 0, 0, 0], nil,
                { ($0.type, $0.window) = (.busD0Entry, 0x3000_2000) }
            ),
            (
                type(0x04) + slot + [4, 0, 0, 0], nil,
                { ($0.type, $0.power) = (.powerStateChange, .d3) }
            ),
            (
                type(0x0A) + [2, 0, 0, 0] + slot + [3, 0, 0, 0, 7, 8, 9], nil,
                { ($0.type, $0.blockID, $0.byteCount, $0.block) = (.writeBlock, 2, 3, [7, 8, 9]) }
            ),
            (
                type(0x00) + [1, 0, 0, 0, 0x14, 0x14, 0x53, 0x56, 1, 2, 3, 4, 5, 0, 0, 0] + slot + [9, 0, 0, 0], nil,
                {
                    ($0.type, $0.functionCount, $0.functions) = (.busRelations, 1, [function])
                    $0.slot = VPCI.Slot(rawValue: 0)
                }
            ),
            (
                type(0x19) + [1, 0, 0, 0, 0x14, 0x14, 0x53, 0x56, 1, 2, 3, 4, 5, 0, 0, 0] + slot + [9, 0, 0, 0]
                    + [1, 0, 0, 0, 6, 0, 0, 0], nil,
                {
                    ($0.type, $0.functionCount, $0.functions2) = (.busRelations2, 1, [VPCI.Function2()])
                    $0.slot = VPCI.Slot(rawValue: 0)
                    ($0.functions2[0].function, $0.functions2[0].flags) = (function, .hasNode)
                    $0.functions2[0].node = 6
                }
            ),
            (
                type(0x14) + slot + [0x41, 1, 2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0], nil,
                {
                    $0.type = .createInterrupt
                    ($0.interrupt.vector, $0.interrupt.deliveryMode, $0.interrupt.vectorCount) = (0x41, 1, 2)
                    $0.interrupt.mask = 5
                }
            ),
            (
                type(0x17) + slot + [0x41, 1, 2, 0, 1, 0, 3, 0] + [UInt8](repeating: 0, count: 62), nil,
                {
                    ($0.type, $0.interrupt) = (.createInterrupt2, .init(vector: 0x41, processors: [3]))
                    ($0.interrupt.deliveryMode, $0.interrupt.vectorCount, $0.interrupt.mask) = (1, 2, 0)
                }
            ),
            (
                type(0x1B) + slot + [0x41, 0, 1, 0, 1, 0, 2, 0, 1, 0, 3, 0] + [UInt8](repeating: 0, count: 62), nil,
                {
                    ($0.type, $0.interrupt) = (.createInterrupt3, .init(vector: 0x1_0041, processors: [3]))
                    ($0.interrupt.deliveryMode, $0.interrupt.vectorCount, $0.interrupt.mask) = (1, 2, 0)
                }
            ),
            (
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x41, 0, 0, 0, 0, 0x30, 0xE0, 0xFE, 0, 0, 0, 0], .createInterrupt3,
                {
                    ($0.type, $0.slot) = (.createInterrupt3, VPCI.Slot(rawValue: 0))
                    ($0.translated.vectorCount, $0.translated.data) = (1, 0x41)
                    $0.translated.address = 0xFEE0_3000
                }
            ),
            (
                [0x59, 0, 0, 0xC0], .queryProtocolVersion,
                {
                    ($0.type, $0.slot) = (.queryProtocolVersion, VPCI.Slot(rawValue: 0))
                    $0.status = .revisionMismatch
                }
            ),
            (
                [0, 0, 0, 0, 0, 0xF0, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 20), .queryResourceRequirements,
                {
                    ($0.type, $0.slot) = (.queryResourceRequirements, VPCI.Slot(rawValue: 0))
                    $0.bars.values = [0xFFFF_F000, 0, 0, 0, 0, 0]
                }
            ),
        ]

    static let function: VPCI.Function = {
        var function = VPCI.Function()
        (function.vendor, function.device, function.revision) = (0x1414, 0x5653, 1)
        (function.interface, function.subclass, function.baseClass) = (2, 3, 4)
        (function.subsystem, function.slot, function.serial) = (5, VPCI.Slot(rawValue: 0x21), 9)
        return function
    }()

    @Test(arguments: layouts.indices) func `messages and answers have the bytes of the reference`(_ index: Int) throws {
        let layout = Self.layouts[index]
        var message = VPCI.Message(VPCI.MessageType(rawValue: 0), VPCI.Slot(rawValue: 0x21))
        layout.change(&message)
        let context = WireContext.newest(sender: .guestToHost, subject: layout.subject?.rawValue ?? 0)
        #expect(message.encoded(context: context) == layout.bytes)
        let read = try VPCI.Message.decode(layout.bytes, context: context)
        #expect(read.encoded(context: context) == layout.bytes)
        #expect(read.type == message.type)
    }

    @Test func `names, places and power have words`() {
        #expect(VPCI.MessageType(rawValue: 0x4249_001D).name == "TDISP_COMMAND")
        #expect(VPCI.MessageType(rawValue: 0x4249_001E).meaning == nil)
        #expect(VPCI.MessageType(rawValue: 0x4248_FFFF).meaning == nil)
        #expect(VPCI.Slot(rawValue: 0x21).meaning == "1.1")
        #expect(VPCI.PowerState.d3.meaning == "D3")
        #expect(VPCI.Version.version15.meaning == "1.5")
    }

    // MARK: Conversations

    @Test(arguments: VPCI.Version.newestFirst, VPCI.Version.newestFirst)
    func `every pair of versions comes up, each in its own form`(_ guest: VPCI.Version, _ host: VPCI.Version) throws {
        var pair = Self.pair(guest: { $0.maximumVersion = guest }, host: { $0.maximumVersion = host })
        pair.open()
        pair.settle()
        let version = min(guest, host)
        #expect(pair.guest.version == version)
        #expect(pair.host.version == version)
        #expect(pair.violations.isEmpty)
        #expect(pair.failures.isEmpty)
        #expect(pair.guest.phase == .running)
        #expect(pair.guest.functions.map(\.step) == [.running])
        #expect(pair.host.isAssigned)
        #expect(pair.host.given.count == 1)
        var types: [VPCI.MessageType] = []
        for record in pair.log {
            guard let packet = try? ChannelPacket.decode(record.bytes[...]), packet.type == .dataInBand else {
                continue
            }
            types.append(try VPCI.Message.decode(packet.payload).type)
        }
        let isNew = version >= .version12
        #expect(types.contains(.busRelations2) == (version >= .version13))
        #expect(types.contains(.createInterrupt3) == (version >= .version14))
        #expect(types.contains(.createInterrupt2) == (isNew && version < .version14))
        #expect(types.contains(.resourcesAssigned) == !isNew)
    }

    @Test func `the guest finds the function in the window, and the host sees what it writes there`() {
        var pair = Self.running(host: { $0.memorySize = 4096 })
        #expect(pair.notes == ["pci: function 1414:5653 at 0.0 works, with vector 64"])
        pair.command("status", .pci)
        // Memory and bus master, and the message that was given.
        #expect(pair.notes.last?.contains("command 0x6, interrupt messages on, 1 given") == true)
        #expect(pair.host.space.messageAddress == 0xFEE0_0000)
        #expect(pair.host.space.messageData == 0x40)
        #expect(pair.host.space.word(0x10) == 0xF000_0000)
        #expect(pair.host.space.word(0) == 0x5653_1414)
    }

    @Test func `what cannot be written comes back, what can stays`() {
        var pair = Self.running()
        let base = pair.guest.window / 4096 + 1
        let all = GPARange(byteCount: 256, byteOffset: 0, pages: [base])
        _ = pair.memory.write(all, [UInt8](repeating: 0xFF, count: 256))
        pair.tick()
        let after = pair.memory.read(all) ?? []
        #expect(after.count == 256)
        #expect(after == pair.host.space.bytes)
        #expect(pair.host.space.word(0) == 0x5653_1414)
        #expect(pair.host.space.word(4) == 0x0010_0407)
        // A function without memory has no register for it.
        #expect(pair.host.space.word(0x10) == 0)
        #expect(pair.host.space.messageData == 0xFFFF)
    }

    @Test func `an interrupt goes through the message that the guest made`() {
        var pair = Self.running()
        pair.command("interrupt", .pci)
        pair.command("interrupt", .pci)
        #expect(pair.guest.interrupts == 2)
        #expect(pair.host.interrupts == 2)
        #expect(pair.notes.last == "pci: function 1414:5653 at 0.0 interrupts with vector 64")
        // With another address in the register it is nobody's.
        _ = pair.memory.write(
            GPARange(byteCount: 4, byteOffset: 0x44, pages: [pair.guest.window / 4096 + 1]), [0, 0x10, 0xE0, 0xFE])
        pair.command("interrupt", .pci)
        #expect(pair.violations.map(\.rule) == ["vpci-interrupt"])
        // Switched off there are none.
        _ = pair.memory.write(
            GPARange(byteCount: 2, byteOffset: 0x42, pages: [pair.guest.window / 4096 + 1]), [0x80, 0])
        pair.command("interrupt", .pci)
        #expect(pair.notes.last == "pci: the guest has not switched the function's interrupt messages on")
        #expect(pair.host.interrupts == 2)
    }

    @Test(arguments: VPCI.Version.newestFirst) func `a function is ejected and comes again`(_ version: VPCI.Version) {
        var pair = Self.running(version)
        for round in 1...3 {
            pair.command("eject", .pci)
            #expect(pair.host.presence == .absent)
            #expect(pair.host.given.isEmpty)
            #expect(pair.guest.functions.isEmpty)
            let page = pair.memory.read(
                GPARange(byteCount: 4, byteOffset: 0, pages: [pair.guest.window / 4096 + 1]))
            #expect(page == [255, 255, 255, 255])
            pair.command("insert", .pci)
            #expect(pair.guest.functions.map(\.step) == [.running])
            #expect(pair.host.given.count == 1)
            pair.command("interrupt", .pci)
            #expect(pair.guest.interrupts == UInt64(round))
        }
        #expect(pair.guest.ejections == 3)
        #expect(pair.violations.isEmpty)
    }

    @Test func `commands that come at the wrong moment say so`() {
        var pair = Self.running()
        pair.command("insert", .pci)
        #expect(pair.notes.last == "pci: the function is the guest's already")
        pair.command("invalidate 0x5", .pci)
        #expect(pair.notes.last == "pci: blocks 0x5 have changed")
        pair.command("eject", .pci)
        pair.command("eject", .pci)
        #expect(pair.notes.last == "pci: the function is not the guest's")
        pair.command("interrupt", .pci)
        #expect(pair.notes.last?.contains("not switched") == true)
        pair.command("invalidate 1", .pci)
        #expect(pair.notes.last == "pci: the function is not the guest's")
        var early = Self.pair()
        early.command("eject", .pci)
        #expect(early.notes.last == "pci: the guest has not heard of the function, which is the host's again")
        early.open()
        early.settle()
        #expect(early.guest.functions.isEmpty)
        #expect(early.guest.phase == .running)
        early.command("insert", .pci)
        #expect(early.guest.functions.map(\.step) == [.running])
        #expect(early.violations.isEmpty)
    }

    @Test(arguments: [1, 2]) func `a ring that is nearly always full loses nothing`(_ room: Int) {
        var pair = Self.pair()
        pair.room = room
        pair.open()
        pair.settle()
        pair.command("eject", .pci)
        pair.command("insert", .pci)
        #expect(pair.violations.isEmpty)
        #expect(pair.guest.functions.map(\.step) == [.running])
    }

    @Test func `a closed channel begins anew`() {
        var pair = Self.running()
        pair.perform(pair.guest.closed(subchannel: 0), from: .guestToHost)
        pair.perform(pair.host.closed(subchannel: 0), from: .hostToGuest)
        #expect(pair.host.window == nil)
        #expect(pair.host.given.isEmpty)
        for _ in 0..<4 { pair.tick() }
        pair.open()
        pair.settle()
        #expect(pair.guest.functions.map(\.step) == [.running])
        #expect(pair.violations.isEmpty)
    }

    @Test func `ends without a common version say so`() {
        var pair = Self.pair(
            guest: { $0.maximumVersion = .version11 }, host: { $0.maximumVersion = .init(rawValue: 1) })
        pair.open()
        pair.settle()
        #expect(pair.failures == ["the host takes no version of vPCI"])
        #expect(pair.violations.isEmpty)
    }

    // MARK: Dissector

    @Test(arguments: VPCI.Version.newestFirst)
    func `every message and answer is named, and its fields cover every byte`(_ version: VPCI.Version) {
        var pair = Self.running(version)
        pair.command("invalidate 3", .pci)
        pair.command("eject", .pci)
        var dissector = ChannelDissector(kind: .pci)
        var names: Set<String> = []
        for record in pair.log {
            let line = dissector.summarise(record.record[...], attachmentLength: 0, direction: record.direction)
            let tree = ChannelDissector.tree(
                record.record[...], attachmentLength: 0, direction: record.direction, kind: .pci, hint: line.hint)
            #expect(tree.name == line.name)
            #expect(tree.problem == nil, "\(line.name)")
            #expect(!line.info.isEmpty)
            #expect(tree.fields.reduce(0) { $0 + $1.size } == record.bytes.count)
            names.insert(line.name)
        }
        #expect(names.count == 11)
        #expect(names.allSatisfy { $0.hasPrefix("VPCI.") && !$0.contains("UNKNOWN") && !$0.contains("ANSWER") })
    }
}

@Suite struct VPCIRejectionTests {
    static func ask(
        _ type: VPCI.MessageType, slot: UInt32 = 0, id: UInt64 = 77, _ change: (inout VPCI.Message) -> Void = { _ in }
    ) -> ChannelPacket {
        var message = VPCI.Message(type, VPCI.Slot(rawValue: slot))
        change(&message)
        return ChannelPacket(flags: .completionRequested, transactionID: id, payload: message.encoded())
    }

    /// What a host answers to a packet, and which rules it says were broken.
    static func answer(_ host: inout VPCIProvider, _ packet: ChannelPacket, _ memory: inout FakeMemory) -> (
        status: UInt32?, rules: [String]
    ) {
        var (status, rules): (UInt32?, [String]) = (nil, [])
        for effect in host.receive(packet, attachment: [], subchannel: 0, time: 0, memory: &memory) {
            if case .send(_, let packet, _) = effect, packet.type == .completion {
                status = packet.payload.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
            }
            if case .violation(let violation) = effect { rules.append(violation.rule) }
        }
        return (status, rules)
    }

    static let guests: [VPCI.MessageType] = [
        .queryBusRelations, .powerStateChange, .queryResourceRequirements, .getResources, .busD0Entry, .busD0Exit,
        .readBlock, .writeBlock, .ejectionComplete, .resourcesAssigned, .resourcesReleased, .createInterrupt,
        .deleteInterrupt, .resourcesAssigned2, .createInterrupt2, .deleteInterrupt2, .resourcesAssigned3,
        .createInterrupt3, .resetDevice,
    ]

    @Test func `nothing comes before the version, and the version comes once`() {
        for type in Self.guests {
            var pair = VPCITests.pair()
            pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
            let (status, rules) = Self.answer(&pair.host, Self.ask(type), &pair.memory)
            #expect(rules == ["vpci-order"], "\(type.name)")
            #expect(status == 0xC000_0184, "\(type.name)")
        }
        var pair = VPCITests.running()
        let again = Self.ask(.queryProtocolVersion) { $0.version = .version16 }
        let (status, rules) = Self.answer(&pair.host, again, &pair.memory)
        #expect(rules == ["vpci-order"])
        #expect(status == 0xC000_0184)
    }

    @Test func `what needs power is refused without, and what is newer than the version too`() {
        for type in Self.guests where ![.queryBusRelations, .busD0Exit].contains(type) {
            var pair = VPCITests.pair()
            pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
            _ = Self.answer(&pair.host, Self.ask(.queryProtocolVersion) { $0.version = .version16 }, &pair.memory)
            let (status, rules) = Self.answer(&pair.host, Self.ask(type), &pair.memory)
            switch type {
            case .queryResourceRequirements, .getResources, .readBlock, .writeBlock:
                #expect(rules == [] && status == 0, "\(type.name)")
            case .busD0Entry: #expect(rules == ["vpci-window"] && status == 0xC000_000D)
            default: #expect(rules == ["vpci-order"] && status == 0xC000_0184, "\(type.name)")
            }
        }
        for (type, version) in [
            (VPCI.MessageType.resourcesAssigned2, VPCI.Version.version11), (.createInterrupt2, .version11),
            (.deleteInterrupt2, .version10), (.resourcesAssigned3, .version13), (.createInterrupt3, .version13),
            (.resetDevice, .version14),
        ] {
            var pair = VPCITests.running(version)
            let (status, rules) = Self.answer(&pair.host, Self.ask(type), &pair.memory)
            #expect(rules == ["vpci-version"], "\(type.name)")
            #expect(status == 0xC000_00BB)
        }
    }

    static let wrong: [(ChannelPacket, String, UInt32)] = [
        (ask(.busD0Entry) { $0.window = 0x1000 }, "vpci-order", 0xC000_0184),
        (ask(.powerStateChange) { $0.power = .init(rawValue: 2) }, "vpci-power", 0xC000_000D),
        (ask(.readBlock) { $0.blockID = 4 }, "vpci-block", 0xC000_000D),
        (ask(.writeBlock) { $0.blockID = .max }, "vpci-block", 0xC000_000D),
        (ask(.readBlock) { $0.byteCount = 129 }, "well-formed", 0xC000_000D),
        (
            ChannelPacket(
                flags: .completionRequested, transactionID: 5,
                payload: [0x0A, 0, 0x49, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0]), "well-formed", 0xC000_000D
        ),
        (ask(.queryResourceRequirements, slot: 1), "vpci-slot", 0xC000_000E),
        (ask(.createInterrupt3, slot: 0x20), "vpci-slot", 0xC000_000E),
        (ask(.ejectionComplete), "vpci-order", 0xC000_0184), (ask(.eject), "vpci-type", 0xC000_00BB),
        (ask(.busRelations), "vpci-type", 0xC000_00BB), (ask(.invalidateBlock), "vpci-type", 0xC000_00BB),
        (ask(.init(rawValue: 0x4249_001D)), "vpci-type", 0xC000_00BB),
        (ask(.init(rawValue: 0x4249_0055)), "vpci-type", 0xC000_00BB),
        (ask(.createInterrupt), "vpci-processors", 0xC000_000D),
        (ask(.createInterrupt3) { $0.interrupt.processorCount = 33 }, "well-formed", 0xC000_000D),
        (ask(.createInterrupt2), "vpci-processors", 0xC000_000D),
        (
            ask(.createInterrupt3) { $0.interrupt = .init(vector: 256, processors: [0]) }, "vpci-vectors",
            0xC000_000D
        ),
        (
            ask(.createInterrupt2) {
                $0.interrupt = .init(vector: 6, processors: [0])
                $0.interrupt.vectorCount = 0
            }, "vpci-vectors", 0xC000_000D
        ),
        (
            ask(.createInterrupt) {
                $0.interrupt = .init(vector: 6, processors: [0])
                $0.interrupt.vectorCount = 33
            }, "vpci-vectors", 0xC000_000D
        ),
        (ask(.deleteInterrupt2) { $0.translated.data = 5 }, "vpci-interrupt", 0xC000_000D),
        (ChannelPacket(flags: .completionRequested, transactionID: 5, payload: [1, 2]), "well-formed", 0xC000_000D),
        (
            ChannelPacket(flags: .completionRequested, transactionID: 5, payload: [0x1B, 0, 0x49, 0x42, 0, 0, 0, 0]),
            "well-formed", 0xC000_000D
        ),
        (
            ChannelPacket(flags: .completionRequested, transactionID: 5, payload: [0x10, 0, 0x49, 0x42, 0, 0, 0, 0]),
            "well-formed", 0xC000_000D
        ),
    ]

    @Test(arguments: wrong.indices) func `a question that breaks a rule is refused and changes nothing`(_ index: Int) {
        let (packet, rule, expected) = Self.wrong[index]
        var pair = VPCITests.running()
        // So that the host has seen what the guest wrote into the window.
        pair.command("status", .pci)
        let before = pair.host
        let (status, rules) = Self.answer(&pair.host, packet, &pair.memory)
        #expect(rules == [rule])
        #expect(status == expected)
        #expect(pair.host == before)
    }

    @Test(arguments: [UInt64(0), 1, 0xFFF, 0x1001, 1 << 52, 0xFFFF_FFFF_FFFF_F000, 0x7_0000_0000])
    func `a window that is none is refused`(_ base: UInt64) {
        var pair = VPCITests.pair()
        pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
        _ = Self.answer(&pair.host, Self.ask(.queryProtocolVersion) { $0.version = .version14 }, &pair.memory)
        let (status, rules) = Self.answer(&pair.host, Self.ask(.busD0Entry) { $0.window = base }, &pair.memory)
        #expect(rules == ["vpci-window"])
        #expect(status == 0xC000_000D)
        #expect(pair.host.window == nil)
    }

    @Test func `there are only so many interrupt messages, and one that was given back can be given again`() {
        var pair = VPCITests.running(host: { $0.maximumInterrupts = 3 })
        let ask = Self.ask(.createInterrupt3) { $0.interrupt = .init(vector: 0x50, processors: [300]) }
        for _ in 0..<2 { #expect(Self.answer(&pair.host, ask, &pair.memory).status == 0) }
        let (status, rules) = Self.answer(&pair.host, ask, &pair.memory)
        #expect(rules == ["vpci-interrupts"])
        #expect(status == 0xC000_009A)
        let last = pair.host.given[2].message
        #expect(last.address == 0x100_FEE2_C000)
        let back = Self.ask(.deleteInterrupt2) { $0.translated = last }
        #expect(Self.answer(&pair.host, back, &pair.memory).status == 0)
        #expect(pair.host.given.count == 2)
    }

    @Test func `power, blocks and resets do what they say`() {
        var pair = VPCITests.running()
        let write = Self.ask(.writeBlock) { ($0.blockID, $0.byteCount, $0.block) = (1, 3, [7, 8, 9]) }
        #expect(Self.answer(&pair.host, write, &pair.memory).status == 0)
        let read = Self.ask(.readBlock) { ($0.blockID, $0.byteCount) = (1, 4) }
        var data: [UInt8] = []
        for case .send(_, let packet, _) in pair.host.receive(
            read, attachment: [], subchannel: 0, time: 0, memory: &pair.memory)
        {
            data = packet.payload
        }
        #expect(data == [0, 0, 0, 0, 7, 8, 9, 0])
        #expect(Self.answer(&pair.host, Self.ask(.powerStateChange) { $0.power = .d3 }, &pair.memory).status == 0)
        #expect(pair.host.power == .d3)
        pair.command("interrupt", .pci)
        #expect(pair.host.interrupts == 0)
        #expect(Self.answer(&pair.host, Self.ask(.resetDevice), &pair.memory).status == 0)
        #expect(pair.host.power == .d0)
        #expect(pair.host.given.isEmpty)
        #expect(pair.host.space.word(4) == 0x0010_0000)
        #expect(Self.answer(&pair.host, Self.ask(.resourcesReleased), &pair.memory).status == 0)
        #expect(Self.answer(&pair.host, Self.ask(.busD0Exit), &pair.memory).status == 0)
        #expect(pair.host.window == nil)
        let (status, rules) = Self.answer(&pair.host, Self.ask(.busD0Exit), &pair.memory)
        #expect(status == 0xC000_0184)
        #expect(rules == [])
    }

    @Test func `who asks for no answer gets none`() {
        var pair = VPCITests.running()
        for packet in [
            ChannelPacket(payload: VPCI.Message(.getResources).encoded()), Self.ask(.getResources, id: 0),
        ] {
            let effects = pair.host.receive(packet, attachment: [], subchannel: 0, time: 0, memory: &pair.memory)
            #expect(effects.isEmpty)
        }
    }

    // MARK: The guest's end

    static func news(_ type: VPCI.MessageType, _ change: (inout VPCI.Message) -> Void = { _ in }) -> ChannelPacket {
        var message = VPCI.Message(type)
        change(&message)
        return ChannelPacket(payload: message.encoded())
    }

    static let badNews: [(ChannelPacket, String)] = [
        (news(.eject) { $0.slot = VPCI.Slot(rawValue: 3) }, "vpci-slot"),
        (news(.invalidateBlock) { $0.slot = VPCI.Slot(rawValue: 3) }, "vpci-slot"),
        (news(.createInterrupt), "vpci-type"), (news(.queryProtocolVersion), "vpci-type"),
        (news(.init(rawValue: 9)), "vpci-type"),
        (ChannelPacket(payload: [0, 0, 0x49, 0x42, 255, 255, 255, 255]), "well-formed"),
        (ChannelPacket(payload: [0x19, 0, 0x49, 0x42, 1, 0, 0, 0, 1, 2, 3, 4]), "well-formed"),
        (ChannelPacket(payload: [1, 2, 3]), "well-formed"),
        (ChannelPacket(type: .completion, transactionID: 99, payload: [0, 0, 0, 0]), "transaction-known"),
        (ChannelPacket(type: .dataUsingGPADirect, payload: [0, 0, 0, 0]), "vpci-packet"),
    ]

    @Test(arguments: badNews) func `news that break a rule change nothing`(_ packet: ChannelPacket, _ rule: String) {
        var pair = VPCITests.running()
        pair.inject(packet, from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == [rule])
        #expect(pair.guest.functions.map(\.step) == [.running])
    }

    @Test func `functions beyond what a guest takes, and two in one place, are left out`() {
        var pair = VPCITests.running()
        let relations = Self.news(.busRelations) {
            $0.functions = (0..<40).map { index in
                var function = VPCITests.function
                function.slot = VPCI.Slot(rawValue: UInt32(index / 2))
                function.serial = UInt32(index)
                return function
            }
            $0.functionCount = 40
        }
        pair.inject(relations, from: .hostToGuest)
        #expect(pair.guest.functions.count == 8)
        #expect(Set(pair.violations.map(\.rule)) == ["vpci-slot"])
        #expect(pair.notes.contains { $0.contains("one more than this guest takes") })
        // Those of which the host knows nothing go as soon as it says so.
        pair.settle()
        #expect(pair.guest.functions.allSatisfy { $0.function.slot.rawValue == 0 })
    }

    @Test func `a configuration space that is another function's is reported`() {
        var pair = VPCITests.pair()
        pair.open()
        while pair.guest.functions.first?.step != .assigning, pair.deliver() {}
        _ = pair.memory.write(
            GPARange(byteCount: 2, byteOffset: 0, pages: [pair.guest.window / 4096 + 1]), [0x99, 0x99])
        // The guest looks before the host does.
        let status: [UInt8] = [0, 0, 0, 0]
        pair.inject(ChannelPacket(type: .completion, transactionID: 4, payload: status), from: .hostToGuest)
        #expect(pair.violations.first?.rule == "vpci-space")
        #expect(pair.guest.functions.isEmpty)
    }

    @Test func `a list of capabilities that goes in circles ends`() {
        var pair = VPCITests.pair()
        pair.open()
        while pair.guest.functions.first?.step != .assigning, pair.deliver() {}
        let page = pair.guest.window / 4096 + 1
        _ = pair.memory.write(GPARange(byteCount: 2, byteOffset: 0x40, pages: [page]), [9, 0x40])
        pair.inject(
            ChannelPacket(type: .completion, transactionID: 4, payload: [0, 0, 0, 0]), from: .hostToGuest)
        #expect(pair.notes == ["pci: function 1414:5653 at 0.0 works, without interrupts"])
    }

    @Test(arguments: ["", "eject now", "insert 1", "interrupt 2", "invalidate", "invalidate x", "status all", "reset"])
    func `a command that is none lists those that are`(_ text: String) {
        do {
            _ = try DeviceCommand(text.split(separator: " ").map(String.init), for: .pci)
            Issue.record("\(text) was understood")
        } catch {
            #expect(error.description.contains("invalidate MASK"))
        }
    }
}
