import Testing
import VMBusDevices
import VMBusWire

@Suite struct HeartbeatTests {
    /// Appendix A.13 and A.14 of the reference.
    static let request = bytes(
        """
        01000000 2c000000 0100000000000100 0000180000000000 0103000002000200
        00000000 03000000 01000000 03000000 01000000
        """)
    static let reply = bytes(
        """
        01000000 2c000000 0100000000000100 0000100000000000 0105000001000100
        00000000 03000000 03000000 03000000 01000000
        """)

    @Test func `a negotiation is what appendix A says`() throws {
        let message = try IntegrationComponent.Message.decode(Self.request)
        #expect(message.type == .negotiate)
        #expect(message.flags == [.transaction, .request])
        let versions = [IntegrationComponent.Version(3, 0), IntegrationComponent.Version(1, 0)]
        #expect(message.body == .negotiate(.init(frameworks: versions, messages: versions)))
        #expect(message.encoded() == Self.request)
    }

    @Test func `the guest's answer is what appendix A says`() {
        var guest = HeartbeatConsumer()
        var memory = FakeMemory()
        _ = guest.opened(subchannel: 0, time: 0, memory: &memory)
        let effects = guest.receive(
            ChannelPacket(transactionID: 9, payload: Self.request + [0, 0, 0, 0]), attachment: [], subchannel: 0,
            time: 0, memory: &memory)
        #expect(
            effects == [
                .send(
                    subchannel: 0, ChannelPacket(transactionID: 9, payload: Self.reply + [0, 0, 0, 0]), attachment: []),
                .ready,
            ])
    }

    @Test func `beats every two seconds and counts answers`() {
        var pair = HeartbeatPair(guest: HeartbeatConsumer(), host: HeartbeatProvider())
        pair.open()
        pair.settle()
        #expect(pair.readyCount == 2)
        for _ in 0..<5 {
            pair.tick()
            pair.settle()
        }
        #expect(pair.time == 10_000_000_000)
        #expect(pair.host.sequence == 6)
        #expect(pair.host.answered == 6)
        #expect(pair.host.missed == 0)
        #expect(pair.guest.sequence == 6)
        #expect(pair.violations.isEmpty)
    }

    @Test func `counts answers that stay out`() {
        var pair = HeartbeatPair(guest: HeartbeatConsumer(), host: HeartbeatProvider())
        pair.open()
        pair.settle()
        for _ in 0..<3 { pair.tick() }
        #expect(pair.host.missed == 3)
        pair.settle()
        #expect(pair.host.answered == 4)
        #expect(pair.host.missed == 0)
        #expect(pair.violations.isEmpty)
    }

    @Test func `a guest of other versions has nothing in common`() {
        var service = IntegrationComponent.Service.heartbeat
        service.messages = [IntegrationComponent.Version(9, 0)]
        var pair = HeartbeatPair(guest: HeartbeatConsumer(service: service), host: HeartbeatProvider())
        pair.open()
        pair.settle()
        #expect(pair.failures.count == 1)
        #expect(pair.readyCount == 0)
    }

    @Test func `refuses more than a hundred versions and answers that are not due`() {
        var pair = HeartbeatPair(guest: HeartbeatConsumer(), host: HeartbeatProvider())
        pair.open()
        pair.settle()
        var many = Self.request
        many[28] = 101
        pair.inject(ChannelPacket(payload: many), from: .hostToGuest)
        #expect(pair.violations.count == 1)
        pair.inject(ChannelPacket(payload: Self.reply), from: .guestToHost)
        #expect(pair.violations.last?.rule == "ic-reply")
        pair.inject(ChannelPacket(payload: []), from: .guestToHost)
        #expect(pair.violations.last?.rule == "well-formed")
    }

    @Test func `timers of a closed channel do nothing`() {
        var pair = HeartbeatPair(guest: HeartbeatConsumer(), host: HeartbeatProvider())
        pair.open()
        pair.settle()
        pair.perform(pair.host.closed(subchannel: 0), from: .hostToGuest)
        pair.open()
        pair.settle()
        let sent = pair.host.sequence
        pair.tick()
        #expect(pair.host.sequence == sent)
        pair.tick()
        #expect(pair.host.sequence == sent + 1)
    }
}
