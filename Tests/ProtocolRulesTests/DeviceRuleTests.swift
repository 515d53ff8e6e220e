import BusModel
import ProtocolRules
import Testing
import VMBusWire

@Suite struct RequestRuleTests {
    static func request(_ id: UInt64) -> HandMadePacket { HandMadePacket(flags: 1, id: id) }
    static func completion(_ id: UInt64) -> HandMadePacket { HandMadePacket(type: 0xB, id: id) }

    @Test func `a completion answers an outstanding request`() {
        var log = HandMadeLog.opened()
        for id in [UInt64(1), 2, 3] { log.packet(Self.request(id), .guestToHost) }
        for id in [UInt64(3), 1, 2] { log.packet(Self.completion(id), .hostToGuest) }
        #expect(log.broken == [])
        #expect(log.checker.checks(of: .completionMatches) == 3)
        #expect(log.checker.checks(of: .idsUnique) == 3)
    }

    @Test func `a second completion answers nothing`() {
        var log = HandMadeLog.opened()
        log.packet(Self.request(7), .guestToHost)
        log.packet(Self.completion(7), .hostToGuest)
        log.packet(Self.completion(7), .hostToGuest)
        #expect(log.broken == [.completionMatches])
    }

    @Test func `what asks for no completion gets none`() {
        var log = HandMadeLog.opened()
        log.packet(HandMadePacket(id: 7), .guestToHost)
        log.packet(Self.completion(7), .hostToGuest)
        #expect(log.broken == [.completionMatches])
    }

    @Test func `requests of both directions have ids of their own`() {
        var log = HandMadeLog.opened()
        log.packet(Self.request(7), .guestToHost)
        log.packet(Self.request(7), .hostToGuest)
        log.packet(Self.completion(7), .hostToGuest)
        log.packet(Self.completion(7), .guestToHost)
        #expect(log.broken == [])
    }

    @Test func `an id is used again only after its completion`() {
        var log = HandMadeLog.opened()
        log.packet(Self.request(7), .guestToHost)
        log.packet(Self.completion(7), .hostToGuest)
        log.packet(Self.request(7), .guestToHost)
        #expect(log.broken == [])
        log.packet(Self.request(7), .guestToHost)
        #expect(log.broken == [.idsUnique])
    }

    @Test func `a host that has not heard of the close may still complete, and not once it has answered the teardown`()
    {
        var log = HandMadeLog.opened()
        for id in [UInt64(1), 2] { log.packet(Self.request(id), .guestToHost) }
        log.message(.closeChannel(ChannelReference(relid: 1)), .guestToHost)
        log.packet(Self.completion(1), .hostToGuest)
        #expect(log.broken == [])
        log.message(.gpadlTeardown(GPADLTeardown(relid: 1, gpadl: 1)), .guestToHost)
        log.message(.gpadlTorndown(GPADLTorndown(gpadl: 1)), .hostToGuest)
        log.packet(Self.completion(2), .hostToGuest)
        #expect(log.broken == [.completionMatches])
    }

    @Test func `what was asked before a channel was closed is not outstanding when it is opened again`() {
        var log = HandMadeLog.opened()
        log.packet(Self.request(1), .guestToHost)
        log.message(.closeChannel(ChannelReference(relid: 1)), .guestToHost)
        log.open(1)
        log.packet(Self.request(1), .guestToHost)
        #expect(log.broken == [])
        log.packet(Self.completion(1), .hostToGuest)
        log.packet(Self.completion(1), .hostToGuest)
        #expect(log.broken == [.completionMatches])
    }

    @Test func `nothing is said of a channel that was open before the log began`() {
        var log = HandMadeLog()
        log.packet(Self.completion(1), .hostToGuest)
        #expect(log.broken == [])
        #expect(log.checker.checks(of: .completionMatches) == 0)
    }
}

@Suite struct NetworkRuleTests {
    /// An adapter whose host has taken both buffers: places of 2048 bytes up to 8192, sections of 4096 bytes.
    static func adapter() -> HandMadeLog {
        var log = HandMadeLog.opened()
        log.packet(.nvsp([101, 1, 0xCAFE], id: 1), .guestToHost)
        log.packet(.nvsp([102, 1, 1, 0, 2048, 4, 8192], id: 1, type: 0xB), .hostToGuest)
        log.packet(.nvsp([104, 2, 0], id: 2), .guestToHost)
        log.packet(.nvsp([105, 1, 4096], id: 2, type: 0xB), .hostToGuest)
        return log
    }

    /// An RNDIS PACKET that says where its data lie.
    static func frame(offset: UInt32 = 36, length: UInt32 = 20, message: UInt32 = 64) -> [UInt8] {
        HandMadePacket.words([1, message, offset, length] + [UInt32](repeating: 0, count: 12))
    }

    /// A packet of the guest whose message lies in a section.
    static func sent(_ section: UInt32, id: UInt64, size: UInt32 = 64) -> HandMadePacket {
        .nvsp([107, 0, section, size], id: id)
    }

    /// A packet of the host whose messages lie in places of the receive buffer.
    static func received(_ offsets: [UInt32], id: UInt64, length: UInt32 = 64) -> HandMadePacket {
        .nvsp(
            [107, 0, 0xFFFF_FFFF, 0], id: id, type: 7,
            header: HandMadePacket.words([0xCAFE, UInt32(offsets.count)] + offsets.flatMap { [length, $0] }))
    }

    @Test func `sections are used one after the other, and both after their completion`() {
        var log = Self.adapter()
        log.packet(Self.sent(0, id: 3), .guestToHost, attachment: Self.frame())
        log.packet(Self.sent(1, id: 4), .guestToHost, attachment: Self.frame())
        log.packet(.nvsp([108, 1], id: 3, type: 0xB), .hostToGuest)
        log.packet(Self.sent(0, id: 5), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [])
        #expect(log.checker.checks(of: .sendSectionExclusive) == 3)
        log.packet(Self.sent(1, id: 6), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [.sendSectionExclusive])
    }

    @Test func `a control message's section is free once it is answered, completed or not`() {
        var log = Self.adapter()
        log.packet(
            .nvsp([107, 1, 0, 32], id: 3), .guestToHost, attachment: HandMadePacket.words([4, 28, 1, 2, 0, 0, 0]))
        log.packet(
            .nvsp(
                [107, 1, 0xFFFF_FFFF, 0], id: 1, type: 7, header: HandMadePacket.words([0xCAFE, 1, 28, 0])),
            .hostToGuest, attachment: HandMadePacket.words([0x8000_0004, 28, 1, 0, 0, 0, 0]))
        log.packet(Self.sent(0, id: 4), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [])
    }

    @Test func `places of the receive buffer are given out again after the guest's completion`() {
        var log = Self.adapter()
        log.packet(Self.received([0, 2048], id: 1), .hostToGuest, attachment: Self.frame() + Self.frame())
        log.packet(.nvsp([108, 1], id: 1, type: 0xB), .guestToHost)
        log.packet(Self.received([2048, 0], id: 2), .hostToGuest, attachment: Self.frame() + Self.frame())
        #expect(log.broken == [])
        log.packet(Self.received([2048], id: 3), .hostToGuest, attachment: Self.frame())
        #expect(log.broken == [.receiveSectionReturnedOnce])
    }

    @Test func `a guest gives a place back once`() {
        var log = Self.adapter()
        log.packet(Self.received([0], id: 1), .hostToGuest, attachment: Self.frame())
        log.packet(.nvsp([108, 1], id: 1, type: 0xB), .guestToHost)
        #expect(log.broken == [])
        log.packet(.nvsp([108, 1], id: 1, type: 0xB), .guestToHost)
        #expect(log.broken == [.receiveSectionReturnedOnce])
    }

    @Test(arguments: [
        (NetworkRuleTests.frame(), true), (NetworkRuleTests.frame(length: 21), false),
        (NetworkRuleTests.frame(offset: 0xFFFF_FFF8, length: 16), false),
        (NetworkRuleTests.frame(message: 65), false), (NetworkRuleTests.frame(message: 7), false),
        (NetworkRuleTests.frame() + NetworkRuleTests.frame(length: 30), false),
        (NetworkRuleTests.frame() + NetworkRuleTests.frame(), true),
    ])
    func `the data of a guest's message lie inside it`(bytes: [UInt8], holds: Bool) {
        var log = Self.adapter()
        log.packet(Self.sent(0, id: 3, size: UInt32(bytes.count)), .guestToHost, attachment: bytes)
        #expect(log.broken == (holds ? [] : [.rndisBounds]))
    }

    @Test func `no more of a section is used than it has`() {
        var log = Self.adapter()
        log.packet(Self.sent(0, id: 3, size: 4097), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [.rndisBounds])
    }

    @Test(arguments: [(UInt32(0), UInt32(64), true), (6144, 2048, true), (6144, 2049, false), (8192, 64, false)])
    func `a message of the host lies in one place of the receive buffer`(offset: UInt32, length: UInt32, holds: Bool) {
        var log = Self.adapter()
        let bytes = Self.frame() + [UInt8](repeating: 0, count: Int(length) - 64)
        log.packet(Self.received([offset], id: 1, length: length), .hostToGuest, attachment: bytes)
        #expect(log.broken == (holds ? [] : [.rndisBounds]))
    }

    @Test func `buffers come before data`() {
        var log = HandMadeLog.opened()
        log.packet(Self.sent(0xFFFF_FFFF, id: 1, size: 0), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [.netvscOrder])
        log.packet(.nvsp([101, 1, 0xCAFE], id: 2), .guestToHost)
        log.packet(.nvsp([102, 2, 0], id: 2, type: 0xB), .hostToGuest)
        log.packet(Self.received([0], id: 1), .hostToGuest, attachment: Self.frame())
        #expect(log.broken == [.netvscOrder, .netvscOrder])
    }

    @Test func `a section needs a send buffer`() {
        var log = HandMadeLog.opened()
        log.packet(.nvsp([101, 1, 0xCAFE], id: 1), .guestToHost)
        log.packet(.nvsp([102, 1, 1, 0, 2048, 4, 8192], id: 1, type: 0xB), .hostToGuest)
        log.packet(Self.sent(0xFFFF_FFFF, id: 2, size: 0), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [])
        log.packet(Self.sent(0, id: 3), .guestToHost, attachment: Self.frame())
        #expect(log.broken == [.netvscOrder])
    }

    @Test(arguments: [(false, UInt32(0), false), (true, 0, true), (false, 0x10, true)])
    func `the receive table names open channels`(opensSubchannel: Bool, flags: UInt32, holds: Bool) {
        var log = Self.adapter()
        if opensSubchannel { log.open(2) }
        // SET of the receive-scale parameters: a table of two entries, channels 0 and 1, behind 40 bytes.
        let parameters = HandMadePacket.words([0, flags, 0, 8, 40, 0, 0, 0, 0, 0, 0, 1])
        let message = HandMadePacket.words([5, 28 + 48, 1, 0x0001_0204, 48, 20, 0]) + parameters
        log.packet(.nvsp([107, 1, 0, 76], id: 3), .guestToHost, attachment: message)
        #expect(log.broken == (holds ? [] : [.netvscOrder]))
    }
}
