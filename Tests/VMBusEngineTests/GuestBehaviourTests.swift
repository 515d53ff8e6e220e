import Testing
import VMBusEngine
import VMBusWire

/// The behaviours of OpenVMM's client tests (anchors B.4), under their behaviour's name. Where OpenVMM panics, we report.
@Suite struct GuestBehaviourTests {
    private func client(_ version: ProtocolVersion = .copper, offers: [OfferChannel] = []) -> GuestRig {
        GuestRig.connected(version, profile: .openvmm, offers: offers)
    }

    private func events(_ effects: [GuestEffect]) -> [GuestEvent] { effects.map { GuestEvent($0) } }

    private func posted(_ effects: [GuestEffect], _ rig: GuestRig) throws -> ChannelMessage {
        try #require(rig.posts(effects).first)
    }

    @Test func `a contact proposes 6_0 with its features, and success connects and asks for the offers`() throws {
        var rig = GuestRig(GuestConnection.Configuration(profile: .openvmm))
        rig.effects = rig.guest.connect()
        guard case .initiateContact(let contact) = try posted(rig.effects, rig) else { throw Unexpected() }
        #expect(contact.version == .copper)
        #expect(contact.features == GuestProfile.openvmm.features)
        rig.answerContact()
        #expect(events(rig.effects) == [.connected, .post(.requestOffers)])
        let delivered = rig.send(.allOffersDelivered)
        #expect(delivered == [.allOffersDelivered])
    }

    @Test func `a client id travels with the contact`() throws {
        var configuration = GuestConnection.Configuration(profile: .openvmm)
        configuration.clientID = GUID(1, 2, 3, 4)
        var rig = GuestRig(configuration)
        rig.effects = rig.guest.connect()
        guard case .initiateContact(let contact) = try posted(rig.effects, rig) else { throw Unexpected() }
        #expect(contact.clientID == GUID(1, 2, 3, 4))
    }

    @Test func `where 6_0 is refused, 5_3 is proposed, and there is nothing after it`() {
        var rig = GuestRig(GuestConnection.Configuration(profile: .openvmm))
        rig.effects = rig.guest.connect()
        rig.send(.versionResponse(VersionResponse(supported: false)))
        #expect(rig.guest.state == .connecting(.iron))
        var refused = rig
        let failed = refused.send(.versionResponse(VersionResponse(supported: false)))
        #expect(failed == [.connectFailed])
        rig.answerContact()
        #expect(rig.guest.agreement == WireContext(version: .iron))
    }

    @Test func `only what both sides have is agreed on`() {
        var rig = GuestRig(GuestConnection.Configuration(profile: .openvmm))
        rig.effects = rig.guest.connect()
        rig.answerContact(features: [.modifyConnection, .gpaPinning])
        #expect(rig.guest.agreement.features == .modifyConnection)
        #expect(throws: GuestRefusal.self) { try rig.guest.pauseMessages() }
    }

    @Test func `a second connect while connected does nothing`() {
        var rig = client()
        let before = rig.guest
        let effects = rig.guest.connect()
        #expect(effects.isEmpty)
        #expect(rig.guest == before)
    }

    @Test func `a channel opens, or it does not and can be tried again`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        let handle = try rig.startOpen(1)
        var failed = rig
        let refused = failed.send(.openChannelResult(OpenChannelResult(relid: 1, openID: 0, status: .unexpected)))
        #expect(refused == [.openRefused(relid: 1, .unexpected)])
        let again = try failed.guest.open(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        #expect(events(again) == [.post(.openChannel)])
        let opened = rig.send(.openChannelResult(OpenChannelResult(relid: 1, openID: 0, status: .success)))
        #expect(opened == [.opened(relid: 1)])
    }

    @Test func `a moved channel is answered, with its status`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        try rig.open(1)
        let move = try rig.guest.modify(relid: 1, targetVP: 2)
        #expect(try posted(move, rig) == .modifyChannel(ModifyChannel(relid: 1, targetVP: 2)))
        let answered = rig.send(.modifyChannelResponse(ModifyChannelResponse(relid: 1, status: .unexpected)))
        #expect(answered == [.modified(relid: 1, .unexpected)])
    }

    @Test func `a device is added and taken away while connected`() throws {
        var rig = client()
        let added = rig.send(.offerChannel(GuestRig.offer(5)))
        #expect(added == [.offered(try #require(rig.guest.channel(5)).offer)])
        rig.rescind(5)
        #expect(rig.effects == [.rescinded(relid: 5)])
        let released = try rig.guest.release(relid: 5)
        #expect(try posted(released, rig) == .relidReleased(ChannelReference(relid: 5)))
        #expect(rig.guest.channels.isEmpty)
    }

    @Test func `a page list is created and taken back, or refused`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        let handle = try rig.share(1)
        #expect(handle == 1)
        #expect(rig.effects == [.pageListCreated(handle: 1, relid: 1)])
        let teardown = try rig.guest.tearDownPageList(handle)
        #expect(try posted(teardown, rig) == .gpadlTeardown(GPADLTeardown(relid: 1, gpadl: 1)))
        let torndown = rig.send(.gpadlTorndown(GPADLTorndown(gpadl: 1)))
        #expect(torndown == [.pageListTorndown(handle: 1, relid: 1)])
        let next = try rig.guest.createPageList(relid: 1, PageList(ranges: [Self.range])).handle
        let failed = rig.send(.gpadlCreated(GPADLCreated(relid: 1, gpadl: next, status: .unexpected)))
        #expect(failed == [.pageListRefused(handle: next, relid: 1, .unexpected)])
    }

    private static let range = GPARange(byteCount: 4096, byteOffset: 0, pages: [7])

    @Test func `page lists of a channel that was taken back are answered late, and its number is released last`() throws
    {
        var rig = client(offers: [GuestRig.offer(1)])
        let first = try rig.share(1)
        let second = try rig.guest.createPageList(relid: 1, PageList(ranges: [Self.range])).handle
        _ = try rig.guest.tearDownPageList(first)
        rig.rescind(1)
        #expect(rig.effects == [.rescinded(relid: 1)])
        let released = try rig.guest.release(relid: 1)
        #expect(released.isEmpty)
        let created = rig.send(.gpadlCreated(GPADLCreated(relid: 1, gpadl: second, status: .success)))
        #expect(created == [.pageListCreated(handle: second, relid: 1)])
        let torndown = rig.send(.gpadlTorndown(GPADLTorndown(gpadl: first)))
        #expect(events(torndown) == [.pageListTorndown, .post(.relidReleased)])
        #expect(rig.guest.channels.isEmpty)
        #expect(rig.guest.pageLists.isEmpty)
    }

    @Test func `a page list is taken back from a host that has taken the channel back`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        let handle = try rig.share(1)
        rig.rescind(1)
        let teardown = try rig.guest.tearDownPageList(handle)
        #expect(events(teardown) == [.post(.gpadlTeardown)])
        // Everybody else knows that no answer comes, and takes the pages at once.
        var linux = GuestRig.connected(.iron, profile: .linux, offers: [GuestRig.offer(1)])
        let other = try linux.share(1)
        linux.rescind(1)
        let taken = try linux.guest.tearDownPageList(other)
        #expect(taken == [.pageListTorndown(handle: other, relid: 1)])
    }

    @Test func `monitor pages are moved, switched off, or stay`() throws {
        var rig = client()
        let moved = try rig.guest.modifyConnection(parentToChild: 0x1000, childToParent: 0x2000)
        var message = ModifyConnection()
        message.parentToChildMonitorPage = 0x1000
        message.childToParentMonitorPage = 0x2000
        #expect(try posted(moved, rig) == .modifyConnection(message))
        let answered = rig.send(.modifyConnectionResponse(ModifyConnectionResponse()))
        #expect(answered == [.connectionModified(.successful)])
        #expect(rig.guest.monitorPages.childToParent == 0x2000)
        #expect(throws: GuestRefusal.self) { try rig.guest.modifyConnection(parentToChild: 0, childToParent: 1) }
        _ = try rig.guest.modifyConnection(parentToChild: 0, childToParent: 0)
        var failure = ModifyConnectionResponse()
        failure.connectionState = .unknownFailure
        let failed = rig.send(.modifyConnectionResponse(failure))
        #expect(failed == [.connectionModified(.unknownFailure)])
        #expect(rig.guest.monitorPages.childToParent == 0x2000)
    }

    @Test func `a host without the feature is not asked to move monitor pages`() {
        var rig = client(.iron)
        #expect(throws: GuestRefusal.self) { try rig.guest.modifyConnection(parentToChild: 1, childToParent: 1) }
    }

    @Test func `an event flag that was freed is used again`() throws {
        var rig = client(offers: (1...5).map { GuestRig.offer($0 * 100) })
        for relid in [100, 200, 300, 400, 500] as [UInt32] { try rig.open(relid) }
        #expect(rig.guest.channels.map(\.eventFlag) == [1, 2, 3, 4, 5])
        #expect(rig.guest.relid(eventFlag: 3) == 300)
        _ = try rig.guest.close(relid: 300)
        #expect(rig.guest.relid(eventFlag: 3) == nil)
        try rig.open(300)
        #expect(rig.guest.channel(300)?.eventFlag == 3)
        rig.rescind(200)
        _ = try rig.guest.release(relid: 200)
        let freed = rig.guest.relid(eventFlag: 2)
        #expect(freed == nil)
    }

    @Test func `a channel that is taken back, let go of and offered again is a new one`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        try rig.open(1)
        rig.rescind(1)
        _ = try rig.guest.close(relid: 1)
        _ = try rig.guest.release(relid: 1)
        let again = rig.send(.offerChannel(GuestRig.offer(1)))
        #expect(events(again) == [.offered])
        #expect(rig.guest.channel(1)?.state == .closed)
    }

    @Test func `a channel that is let go of first, then taken back, gives its number back at once`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        let released = try rig.guest.release(relid: 1)
        #expect(released.isEmpty)
        #expect(throws: GuestRefusal.self) { try rig.guest.createPageList(relid: 1, PageList(ranges: [Self.range])) }
        rig.rescind(1)
        #expect(events(rig.effects) == [.post(.relidReleased)])
        let again = rig.send(.offerChannel(GuestRig.offer(1)))
        #expect(events(again) == [.offered])
    }

    @Test func `an offer under a number that is in use is reported, and the channel lives on`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        try rig.open(1)
        let before = rig.guest
        let again = rig.send(.offerChannel(GuestRig.offer(1, instance: 9)))
        #expect(events(again) == [.violation("relid-unique")])
        #expect(rig.guest == before)
        rig.rescind(1)
        let during = rig.send(.offerChannel(GuestRig.offer(1, instance: 9)))
        #expect(events(during) == [.violation("relid-unique")])
    }

    @Test func `after a restore a revoked channel still waits for its move`() throws {
        var rig = client(offers: [GuestRig.offer(1)])
        try rig.open(1)
        _ = try rig.guest.modify(relid: 1, targetVP: 2)
        rig.rescind(1)
        _ = try rig.guest.release(relid: 1)
        rig.guest = try GuestConnection.restore(rig.guest.saved(), configuration: rig.configuration).connection
        #expect(rig.guest.channel(1)?.isRescinded == true)
        let answered = rig.send(.modifyChannelResponse(ModifyChannelResponse(relid: 1, status: .success)))
        #expect(events(answered) == [.post(.relidReleased)])
    }
}
