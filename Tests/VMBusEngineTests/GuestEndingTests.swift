import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestEndingTests {
    private func events(_ effects: [GuestEffect]) -> [GuestEvent] { effects.map { GuestEvent($0) } }

    private func wake(_ effects: [GuestEffect]) -> GuestWake? {
        for case .wake(let wake, _) in effects { return wake }
        return nil
    }

    @Test(arguments: ["linux", "freebsd", "default"])
    func `a goodbye is said from the version that the profile names, and waited for where it waits`(
        _ name: String
    ) throws {
        let profile = try #require(GuestProfile.named(name))
        for version in profile.versions {
            var rig = GuestRig.connected(version, profile: profile)
            let says = version >= (name == "freebsd" ? .windows2008 : .windows8_1)
            let waits = says && name != "freebsd"
            let goodbye = rig.guest.unload()
            #expect(events(goodbye) == (says ? [.post(.unload)] : []) + (waits ? [] : [.unloaded]), "\(version)")
            #expect(rig.guest.state == (waits ? .disconnecting : .disconnected))
            guard waits else { continue }
            let complete = rig.send(.unloadComplete)
            #expect(complete == [.unloaded])
        }
    }

    @Test func `a crashing guest looks for the answer each 10 ms, and goes on without it after 100 s`() throws {
        var rig = GuestRig.connected(.iron, profile: .linux, offers: [GuestRig.offer(1)])
        var effects = rig.guest.crash()
        #expect(events(effects) == [.post(.unload), .pollMessagePages, .wake])
        var polls = 0
        while let wake = wake(effects) {
            polls += 1
            effects = rig.guest.wake(wake)
        }
        #expect(polls == 10_000)
        #expect(effects == [.unloadAbandoned, .clearMessageSlots, .unloaded])
        #expect(rig.guest.state == .disconnected)
    }

    @Test func `a crash below 3_0, or of a guest that says nothing, just ends`() {
        var old = GuestRig.connected(.windows8, profile: .linux)
        let silent = old.guest.crash()
        #expect(silent == [.unloaded])
        var freebsd = GuestRig.connected(.windows10, profile: .freebsd)
        let nothing = freebsd.guest.crash()
        #expect(nothing == [.unloaded])
    }

    @Test func `what comes while the connection ends is about things that end`() throws {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        let handle = try rig.share(1)
        _ = try rig.guest.tearDownPageList(handle)
        _ = rig.guest.unload()
        for message in [
            ChannelMessage.gpadlTorndown(GPADLTorndown(gpadl: handle)), .offerChannel(GuestRig.offer(2)),
            .rescindChannelOffer(ChannelReference(relid: 1)),
        ] {
            let effects = rig.send(message)
            #expect(effects.isEmpty)
        }
        let ended = rig.send(.unloadComplete)
        #expect(ended == [.unloaded])
        #expect(rig.guest.channels.isEmpty)
    }

    @Test func `a reserved channel outlives its connection, and its close is answered without one`() throws {
        var rig = GuestRig.connected(.windows10, offers: [GuestRig.offer(1)])
        let handle = try rig.share(1)
        let open = try rig.guest.openReserved(
            relid: 1, pageList: handle, targetVP: 3, targetSINT: 5, downstreamPageOffset: 4)
        guard case .openReservedChannel(let message)? = rig.posts(open).first else { throw Unexpected() }
        #expect((message.targetVP, message.targetSINT, message.downstreamPageOffset) == (3, 5, 4))
        rig.send(.openChannelResult(OpenChannelResult(relid: 1, openID: 0, status: .success)))
        #expect(throws: GuestRefusal.self) { try rig.guest.tearDownPageList(handle) }
        #expect(throws: GuestRefusal.self) { try rig.guest.close(relid: 1) }
        _ = rig.guest.unload()
        rig.send(.unloadComplete)
        #expect(rig.guest.reservedChannels.map(\.relid) == [1])
        let early = rig.send(.closeReservedResponse(ChannelReference(relid: 1)))
        #expect(events(early) == [.violation("reserved-channel")])
        let close = try rig.guest.closeReserved(relid: 1)
        guard case .closeReservedChannel(let closing)? = rig.posts(close).first else { throw Unexpected() }
        #expect((closing.targetVP, closing.targetSINT) == (3, 5))
        let closed = rig.send(.closeReservedResponse(ChannelReference(relid: 1)))
        #expect(closed == [.reservedClosed(relid: 1, pageLists: [handle])])
        #expect(rig.guest.reservedChannels.isEmpty)
    }

    @Test func `a reserved channel that outlived its connection is not closed over one that has no such message`()
        throws
    {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)]) { $0.versions = [.copper, .windows8_1] }
        let handle = try rig.share(1)
        _ = try rig.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        rig.send(.openChannelResult(OpenChannelResult(relid: 1, openID: 0, status: .success)))
        _ = rig.guest.unload()
        rig.send(.unloadComplete)
        rig.effects = rig.guest.connect()
        rig.send(.versionResponse(VersionResponse(supported: false)))
        rig.answerContact()
        #expect(rig.guest.agreement.version == .windows8_1)
        #expect(throws: GuestRefusal.self) { try rig.guest.closeReserved(relid: 1) }
        #expect(rig.guest.reservedChannels.map(\.isClosing) == [false])
    }

    @Test func `reserved channels need 4_0`() throws {
        var rig = GuestRig.connected(.windows8_1, offers: [GuestRig.offer(1)])
        let handle = try rig.share(1)
        #expect(throws: GuestRefusal.self) {
            try rig.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        }
    }
}
