import TestSupport
import Testing
import VMBusEngine
import VMBusWire

@Suite struct ChannelLifeTests {
    @Test func `a channel opens on a list of pages and closes again`() throws {
        var ends = BothEnds(offers: [BothEnds.offer(1)])
        ends.connect()
        try ends.open(1)
        #expect(ends.guest.channel(1)?.state == .open)
        #expect(ends.host.channels.first?.isOpen == true)
        let handle = try #require(ends.guest.pageLists.first?.handle)
        #expect(handle == GuestConnection.firstPageListHandle)
        ends.run(try ends.guest.close(relid: 1))
        ends.run(try ends.guest.tearDownPageList(handle))
        #expect(ends.host.pageLists.isEmpty)
        #expect(ends.guest.pageLists.isEmpty)
        #expect(ends.log.suffix(3) == [.closeChannel, .gpadlTeardown, .gpadlTorndown])
        try ends.open(1)
        #expect(ends.guest.channel(1)?.state == .open)
        #expect(ends.violations.isEmpty)
    }

    @Test(arguments: [(1, 1), (26, 1), (27, 2), (54, 2), (55, 3), (256, 10), (4096, 147), (7936, 284)])
    func `a list of pages takes as many messages as the reference's table says`(_ pages: Int, _ messages: Int) throws {
        let list = try #require(PageList(pages: (0..<UInt64(pages)).map { $0 * 3 }))
        #expect(list.messages(relid: 1, handle: 2)?.count == messages)
        var ends = BothEnds(offers: [BothEnds.offer(1)])
        ends.connect()
        let before = ends.log.count
        let (_, effects) = try ends.guest.createPageList(relid: 1, list)
        ends.run(effects)
        #expect(ends.log.count == before + messages + 1)
        #expect(ends.host.pageLists.first?.list == list)
    }

    @Test func `a list that does not fit 16 bits is refused at its source`() {
        #expect(PageList(pages: Array(repeating: 1, count: 8191)) == nil)
    }

    @Test func `a rescind ends a channel in every state, and the number is free after its release`() throws {
        for open in [false, true] {
            var ends = BothEnds(offers: [BothEnds.offer(1)])
            ends.connect()
            if open { try ends.open(1) }
            let key = try #require(ends.host.channels.first?.key)
            ends.run(ends.host.revoke(key))
            #expect(ends.guest.channel(1)?.isRescinded == true)
            if open { ends.run(try ends.guest.close(relid: 1)) }
            ends.run(try ends.guest.release(relid: 1))
            #expect(ends.guest.channels.isEmpty)
            #expect(ends.host.channels.isEmpty)
            let (_, effects) = try ends.host.addOffer(BothEnds.offer(2))
            ends.run(effects)
            #expect(ends.guest.channel(1)?.offer.interfaceInstance == GUID(0, 0, 0, 2))
            #expect(ends.violations.isEmpty)
        }
    }

    @Test func `a device that comes back before its release is offered again under its number`() throws {
        var ends = BothEnds(offers: [BothEnds.offer(1), BothEnds.offer(2)])
        ends.connect()
        let key = try #require(ends.host.channels.first { $0.relid == 2 }?.key)
        ends.run(ends.host.revoke(key))
        let (again, effects) = try ends.host.addOffer(BothEnds.offer(2))
        #expect(again == key)
        #expect(effects.isEmpty)
        ends.run(try ends.guest.release(relid: 2))
        #expect(ends.guest.channel(2)?.isRescinded == false)
        #expect(ends.violations.isEmpty)
    }

    @Test func `who waits for an open is woken by the rescind`() throws {
        var guest = GuestConnection()
        var host = HostConnection()
        _ = try host.addOffer(BothEnds.offer(1))
        var ends = BothEnds(offers: [BothEnds.offer(1)])
        ends.connect()
        (guest, host) = (ends.guest, ends.host)
        let list = try #require(PageList(pages: [1, 2, 3, 4]))
        let (handle, _) = try guest.createPageList(relid: 1, list)
        let created = ChannelMessage.gpadlCreated(GPADLCreated(relid: 1, gpadl: handle, status: .success))
        _ = guest.receive(created.encoded(context: guest.agreement))
        _ = try guest.open(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 2)
        let rescind = ChannelMessage.rescindChannelOffer(ChannelReference(relid: 1))
        let effects = guest.receive(rescind.encoded(context: guest.agreement))
        #expect(effects == [.openRefused(relid: 1, .unexpected), .rescinded(relid: 1)])
    }

    @Test func `a moved channel is answered from 5.3 on`() throws {
        for (version, answered) in [(ProtocolVersion.redstone3, false), (.redstone5, false), (.iron, true)] {
            var host = HostConnection.Configuration()
            host.maximumVersion = version
            var ends = BothEnds(host: host, offers: [BothEnds.offer(1)])
            ends.connect()
            try ends.open(1)
            ends.run(try ends.guest.modify(relid: 1, targetVP: 3))
            #expect(ends.host.channels.first?.targetVP == 3)
            #expect(ends.guestEvents.contains(.modified(relid: 1, .success)) == answered)
            #expect(ends.log.last == (answered ? .modifyChannelResponse : .modifyChannel))
        }
        var host = HostConnection.Configuration()
        host.maximumVersion = .windows10
        var ends = BothEnds(host: host, offers: [BothEnds.offer(1)])
        ends.connect()
        try ends.open(1)
        #expect(throws: GuestRefusal.self) { try ends.guest.modify(relid: 1, targetVP: 3) }
    }
}

@Suite struct HostileMessageTests {
    private func connected() throws -> BothEnds {
        var ends = BothEnds(offers: [BothEnds.offer(1)])
        ends.connect()
        try ends.open(1)
        return ends
    }

    @Test func `a message of the wrong direction never reaches a handler`() throws {
        let ends = try connected()
        for message in [ChannelMessage.unload, .requestOffers, .closeChannel(ChannelReference(relid: 1))] {
            var guest = ends.guest
            let effects = guest.receive(message.encoded(context: guest.agreement))
            #expect(effects.count == 1)
            guard case .violation(let violation)? = effects.first else { throw Unexpected() }
            #expect(violation.rule == "direction")
            #expect(guest == ends.guest)
        }
        for message in [
            ChannelMessage.unloadComplete, .allOffersDelivered, .rescindChannelOffer(ChannelReference(relid: 1)),
        ] {
            var host = ends.host
            guard case .violation? = host.receive(message.encoded(context: host.agreement), connectionID: 4).first
            else {
                throw Unexpected()
            }
            #expect(host == ends.host)
        }
    }

    @Test func `nothing but a contact is heard before there is a version`() throws {
        for type in 1...29 as ClosedRange<UInt8> where type != 14 {
            var host = HostConnection()
            let effects = host.receive([type] + [UInt8](repeating: 0, count: 239), connectionID: 1)
            #expect(effects.allSatisfy { if case .violation = $0 { true } else { false } }, "\(type)")
            #expect(host == HostConnection())
        }
    }

    @Test func `an open channel's ring list is not given back`() throws {
        var ends = try connected()
        let handle = try #require(ends.guest.pageLists.first?.handle)
        ends.run(try ends.guest.tearDownPageList(handle))
        #expect(ends.violations.map(\.rule) == ["close-before-teardown"])
        #expect(ends.host.pageLists.count == 1)
    }

    @Test func `seeded garbage changes no more than it may, and never traps`() throws {
        let ends = try connected()
        var generator = SeededNumbers(seed: 11)
        var guest = ends.guest
        var host = ends.host
        for _ in 0..<20_000 * Soak.factor {
            var message = [UInt8](repeating: 0, count: 8 + Int(generator.next() % 233))
            for index in message.indices { message[index] = UInt8(truncatingIfNeeded: generator.next() >> 23) }
            message[0] = UInt8(generator.next() % 31)
            for index in 1..<8 { message[index] = 0 }
            if generator.next() % 2 == 0, message.count > 12 {
                message[8] = UInt8(generator.next() % 4)
                for index in 9..<12 { message[index] = 0 }
            }
            _ = guest.receive(message)
            for effect in host.receive(message, connectionID: 4) {
                switch effect {
                case .open(let key, _): _ = host.openCompleted(key, success: generator.next() % 2 == 0)
                case .close(let key): _ = host.closeCompleted(key)
                default: break
                }
            }
            #expect(host.channels.count <= HostConnection.maximumChannels)
            #expect(host.pageLists.count <= HostConnection.maximumPageLists)
        }
    }
}

struct Unexpected: Error {}
