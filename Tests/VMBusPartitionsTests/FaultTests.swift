import BusModel
import Configuration
import Testing
import VMBusRing
import VMBusWire

@testable import VMBusPartitions

@Suite struct `An injector of faults` {
    static let place = ChannelPlace(device: GUID(1, 2, 3, 4), subchannel: 0, relid: 5)

    private static func message(_ message: ChannelMessage, _ direction: Direction) -> PartitionEffect {
        let bytes = message.encoded()
        return direction == .guestToHost
            ? .post(bytes: bytes, connectionID: 4) : .send(bytes: bytes, targetVP: 0)
    }

    private static func packet(_ type: PacketType, _ direction: Direction, header: [UInt8] = []) -> PartitionEffect {
        let payload: [UInt8] = [108, 0, 0, 0] + [UInt8](repeating: 7, count: 28)
        let offset = UInt8((16 + header.count) / 8)
        let length = UInt8((16 + header.count + payload.count) / 8)
        let descriptor = [UInt8(type.rawValue), 0, offset, 0, length, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]
        return .packet(
            place, direction, type, bytes: descriptor + header + payload, attachment: [UInt8](repeating: 1, count: 64))
    }

    /// Something that a kind can be done to.
    static func sample(_ kind: FaultKind, _ direction: Direction) -> PartitionEffect {
        switch kind.target {
        case .signal: return .signal(place, connectionID: 5)
        case .interrupt: return .interrupt(place, EventFlagDelivery(vp: 1, flag: 5), throughInterruptPage: false)
        case .packet, .ring:
            let header: [UInt8] = [0xAF, 0xBE, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
            let type = kind.packet ?? .dataUsingTransferPages
            return packet(type, direction, header: type == .dataUsingTransferPages ? header : [])
        case .post, .message, .device: break
        }
        let relid = place.relid
        let message: ChannelMessage =
            switch kind.message {
            case .openChannel?:
                .openChannel(
                    OpenChannel(relid: relid, openID: 1, ringGPADL: 9, targetVP: 0, downstreamPageOffset: 4))
            case .modifyChannel?: .modifyChannel(ModifyChannel(relid: relid, targetVP: 1))
            case .modifyChannelResponse?: .modifyChannelResponse(ModifyChannelResponse(relid: relid, status: .success))
            case .versionResponse?:
                .versionResponse(VersionResponse(supported: true, features: .clientID))
            case .openChannelResult?:
                .openChannelResult(OpenChannelResult(relid: relid, openID: 1, status: .success))
            default: .gpadlCreated(GPADLCreated(relid: relid, gpadl: 9, status: .success))
            }
        return Self.message(message, direction)
    }

    static func armed(_ kind: FaultKind, _ direction: Direction? = nil) -> FaultConfiguration {
        var fault = FaultConfiguration(kind)
        if let direction { fault.direction = direction }
        if kind.parameters.contains(.field) { fault.field = "relid" }
        return fault
    }

    private static func pass(
        _ injector: inout FaultInjector, _ effect: PartitionEffect, time: UInt64 = 0
    ) -> [DelayedFaultAct]? {
        injector.pass(effect, guest: 0, time: time, place: place)
    }

    @Test func `knows every kind by a name of its own, with words`() {
        #expect(Set(FaultKind.all.map(\.id)).count == FaultKind.all.count)
        #expect(FaultKind.all.allSatisfy { !$0.summary.isEmpty && !$0.directions.isEmpty })
        #expect(Set(FaultKind.all.map(\.honesty)).count == FaultClass.allCases.count)
        #expect(Set(FaultKind.all.map(\.target)).count == FaultTarget.allCases.count)
    }

    @Test(arguments: FaultKind.all) func `does each kind once, in each direction, and tells`(kind: FaultKind) throws {
        for direction in kind.directions {
            let effect = Self.sample(kind, direction)
            var injector = FaultInjector([Self.armed(kind, direction)], seed: 3)
            let acts = try #require(Self.pass(&injector, effect))
            #expect(acts.map(\.act) != [.effect(effect)])
            let told = acts.contains { item in
                switch item.act {
                case .tell(let report):
                    report.kind == kind && String(decoding: report.payload, as: UTF8.self).hasPrefix(kind.id)
                case .packet(let edit): edit.report.kind == kind
                case .ring(let edit): edit.report.kind == kind
                default: false
                }
            }
            #expect(told)
            let again = Self.pass(&injector, effect, time: 1 << 40)
            #expect(again == nil)
            #expect(injector.counts.map(\.count) == [1])
            let isArmed = injector.isArmed
            #expect(!isArmed)
        }
    }

    @Test(arguments: FaultKind.all) func `gives the same for the same seed`(kind: FaultKind) {
        var fault = Self.armed(kind)
        (fault.times, fault.odds) = (0, 400_000)
        func run(_ seed: UInt64) -> [[DelayedFaultAct]?] {
            var injector = FaultInjector([fault], seed: seed)
            return (0..<64).map { Self.pass(&injector, Self.sample(kind, fault.direction), time: $0 << 32) }
        }
        let (first, same, other) = (run(1), run(1), run(2))
        #expect(first == same)
        #expect(first != other)
    }

    @Test func `loses, doubles and holds up`() throws {
        let effect = Self.sample(try #require(FaultKind.named("lost-signal")), .guestToHost)
        func acts(_ id: String) throws -> [DelayedFaultAct] {
            var fault = Self.armed(try #require(FaultKind.named(id)))
            fault.delay = 7
            var injector = FaultInjector([fault], seed: 1)
            return try #require(Self.pass(&injector, effect)).filter { if case .tell = $0.act { false } else { true } }
        }
        #expect(try acts("lost-signal").isEmpty)
        #expect(
            try acts("duplicate-signal") == [
                DelayedFaultAct(.effect(effect)), DelayedFaultAct(.effect(effect), after: 7),
            ])
        #expect(try acts("delay-signal") == [DelayedFaultAct(.effect(effect), after: 7)])
    }

    @Test func `makes one of the signals that come while one waits, and of no others`() throws {
        var fault = Self.armed(try #require(FaultKind.named("coalesce-signals")))
        fault.delay = 100
        var injector = FaultInjector([fault], seed: 1)
        let effect = Self.sample(fault.kind, .guestToHost)
        func carried(_ time: UInt64) -> [UInt64]? {
            Self.pass(&injector, effect, time: time).map { acts in
                acts.compactMap { if case .effect = $0.act { $0.delay } else { nil } }
            }
        }
        let (first, second, third) = (carried(10), carried(60), carried(120))
        #expect(first == [100])
        #expect(second == [])
        #expect(third == nil)
    }

    @Test func `keeps the order behind a message that is late`() throws {
        var fault = Self.armed(try #require(FaultKind.named("delay-message")))
        fault.delay = 100
        var injector = FaultInjector([fault], seed: 1)
        let effect = Self.sample(fault.kind, .hostToGuest)
        _ = Self.pass(&injector, effect, time: 0)
        let behind = Self.pass(&injector, effect, time: 40)
        #expect(behind == [DelayedFaultAct(.effect(effect), after: 60)])
        let later = Self.pass(&injector, effect, time: 100)
        #expect(later == nil)
    }

    @Test func `waits for the match that is meant, and for its time, device and message`() throws {
        var fault = Self.armed(try #require(FaultKind.named("lost-message")))
        (fault.nth, fault.time, fault.device) = (3, 50, Self.place.device)
        let effect = Self.sample(fault.kind, .hostToGuest)
        var injector = FaultInjector([fault], seed: 1)
        let times: [UInt64] = [0, 50, 51, 52, 53]
        let hits = times.map { Self.pass(&injector, effect, time: $0) != nil }
        #expect(hits == [false, false, false, true, false])
        fault.device = GUID(9, 9, 9, 9)
        var elsewhere = FaultInjector([fault], seed: 1)
        let missed = (50..<60).map { Self.pass(&elsewhere, effect, time: UInt64($0)) }
        #expect(missed.allSatisfy { $0 == nil })
        (fault.device, fault.nth, fault.message) = (nil, 1, .openChannelResult)
        var others = FaultInjector([fault], seed: 1)
        let other = Self.pass(&others, effect, time: 60)
        #expect(other == nil)
    }

    @Test func `changes the field that is meant and nothing else`() throws {
        var fault = Self.armed(try #require(FaultKind.named("wrong-open-id")))
        fault.value = 0xABCD
        var injector = FaultInjector([fault], seed: 1)
        let acts = try #require(Self.pass(&injector, Self.sample(fault.kind, .hostToGuest)))
        let expected = Self.message(
            .openChannelResult(OpenChannelResult(relid: 5, openID: 0xABCD, status: .success)), .hostToGuest)
        #expect(acts.last?.act == .effect(expected))
        guard case .tell(let report) = acts.first?.act else { return #expect(Bool(false), "it tells nothing") }
        #expect(report.text == "OPEN_CHANNEL_RESULT: bytes 12...13: 0100 -> cdab")
    }

    @Test func `changes words of a ring and puts them back`() throws {
        var memory = SimulatedMemory(byteCount: 64 * 4096)
        let guestToHost = try RingPages([1, 2, 3] as [UInt64])
        let hostToGuest = try RingPages([4, 5, 6] as [UInt64])
        let rings = HostPartition.OpenRings(place: Self.place, guestToHost: guestToHost, hostToGuest: hostToGuest)
        try memory.store32(0x18, at: 4 * 4096)
        for (id, word) in [
            ("write-index-back", UInt32(0x10)), ("write-index-odd", 0x1B), ("write-index-outside", 8200),
        ] {
            var injector = FaultInjector([Self.armed(try #require(FaultKind.named(id)))], seed: 1)
            let acts = Self.pass(&injector, Self.sample(try #require(FaultKind.named(id)), .hostToGuest))
            guard case .ring(let edit) = acts?.last?.act else { return #expect(Bool(false), "no change") }
            let (words, report) = memory.change(edit, rings)
            #expect(try memory.load32(4 * 4096) == word)
            #expect(report.text.contains("1800"))
            memory.put(words, back: true)
            #expect(try memory.load32(4 * 4096) == 0x18)
        }
    }

    @Test func `finds a packet in its ring, also one that others follow and one that wraps`() throws {
        let kind = try #require(FaultKind.named("forged-transaction"))
        let rings = HostPartition.OpenRings(
            place: Self.place, guestToHost: try RingPages([1, 2] as [UInt64]),
            hostToGuest: try RingPages([4, 5] as [UInt64]))
        guard case .packet(_, _, _, let bytes, _) = Self.sample(kind, .hostToGuest) else { return }
        var memory = SimulatedMemory(byteCount: 64 * 4096)
        for start: UInt32 in [64, 4072] as [UInt32] {
            memory.withRing(rings.hostToGuest) { ring in
                var place = start
                for packet in [bytes, [UInt8](repeating: 0, count: 32)] {
                    try? ring.copyIn(packet.span.bytes, at: place)
                    let end = (place + UInt32(packet.count)) % 4096
                    try? ring.storeData(UInt64(place) << 32, at: end)
                    place = (end + 8) % 4096
                }
                try? ring.storeReleasing(place, to: .writeIndex)
            }
            var injector = FaultInjector([Self.armed(kind)], seed: 1)
            guard
                case .packet(let edit) = Self.pass(&injector, Self.sample(kind, .hostToGuest))?.last?.act
            else { return #expect(Bool(false), "no change") }
            let (words, _) = memory.change(edit, rings, lists: [])
            #expect(words.map(\.changed) == [0xBEEF_0000, 0xDEAD])
            let ring = PagedRingMemory(guest: memory, pages: rings.hostToGuest)
            let id = try ring.loadData(at: (start + 8) % 4096)
            #expect(id == 0xDEAD_BEEF_0000)
        }
        var injector = FaultInjector([Self.armed(kind)], seed: 1)
        guard case .packet(let edit) = Self.pass(&injector, Self.sample(kind, .hostToGuest))?.last?.act else { return }
        var empty = SimulatedMemory(byteCount: 64 * 4096)
        let (words, report) = empty.change(edit, rings, lists: [])
        #expect(words.isEmpty && report.text.hasSuffix("it is not there any more"))
    }
}

@Suite struct `The faults of a scenario` {
    static let guest = "name = \"x\"\n[[guest]]\nname = \"a\"\n[[guest.device]]\nkind = \"heartbeat\"\n"

    static func scenario(_ faults: String) throws(ConfigurationError) -> Scenario {
        try Scenario(ConfigurationDocument(parsing: Array((guest + faults).utf8), file: "x.toml"))
    }

    @Test func `are read with all that is said of them`() throws {
        let fault = try #require(
            try Self.scenario(
                """
                [[faults]]
                kind = "delay-message"
                direction = "guest-to-host"
                guest = "a"
                device = "heartbeat"
                message = "OPEN_CHANNEL"
                at = "2ms"
                nth = 3
                times = 0
                odds = 0.5
                delay = "7us"
                """
            ).faults.first)
        #expect(fault.kind.id == "delay-message" && fault.direction == .guestToHost && fault.guest == 0)
        #expect(fault.device != nil && fault.message == .openChannel)
        let numbers = [fault.time, fault.nth, fault.times, fault.odds, fault.delay]
        #expect(numbers == [2_000_000, 3, 0, 500_000, 7000])
        let typed = try FaultConfiguration(
            words: "wrong-relid message=GPADL_CREATED value=0x20 times=2", guests: [])
        #expect(typed.value == 32 && typed.times == 2 && typed.message == .gpadlCreated)
    }

    @Test(arguments: [
        ("kind = \"no-such\"", "faults[0].kind"), ("kind = \"lost-signal\"\ndelay = \"1s\"", "faults[0].delay"),
        ("kind = \"lost-signal\"\nmessage = \"OPEN_CHANNEL\"", "faults[0].message"),
        ("kind = \"double-result\"\nmessage = \"OPEN_CHANNEL\"", "faults[0].message"),
        ("kind = \"lost-signal\"\ndirection = \"host-to-guest\"", "faults[0].direction"),
        ("kind = \"lost-signal\"\ndevice = \"network\"", "faults[0].device"),
        ("kind = \"lost-signal\"\nguest = \"b\"", "faults[0].guest"),
        ("kind = \"lost-signal\"\nodds = 2.0", "faults[0].odds"),
        ("kind = \"negative-size\"\nwidth = 3", "faults[0].width"), ("kind = \"changed-field\"", "faults[0].field"),
        ("kind = \"rapid-offers\"\nvalue = 0", "faults[0].value"), ("nth = 1", "faults[0].kind"),
    ])
    func `are refused with their place`(text: String, place: String) {
        do throws(ConfigurationError) {
            _ = try Self.scenario("[[faults]]\n\(text)\n")
            #expect(Bool(false), "it was taken")
        } catch {
            #expect(error.description.contains(place))
        }
    }
}
