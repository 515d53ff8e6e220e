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

    @Test func `reserved channels need 4_0`() throws {
        var rig = GuestRig.connected(.windows8_1, offers: [GuestRig.offer(1)])
        let handle = try rig.share(1)
        #expect(throws: GuestRefusal.self) {
            try rig.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        }
    }
}

@Suite struct GuestHibernationTests {
    private func suspended(_ profile: GuestProfile = .linux) throws -> GuestRig {
        var rig = GuestRig.connected(
            .iron, profile: profile,
            offers: [GuestRig.offer(1), GuestRig.offer(2), GuestRig.offer(3, instance: 1, subchannel: 1)])
        let effects = try rig.guest.suspend()
        #expect(effects.map { GuestEvent($0) } == [.rescinded, .post(.unload)])
        #expect(effects.first == .rescinded(relid: 3))
        rig.send(.unloadComplete)
        #expect(rig.effects == [.suspended])
        #expect(rig.guest.awaitedOffers.map(\.relid) == [GuestChannel.noRelid, GuestChannel.noRelid])
        return rig
    }

    @Test func `devices are found again by instance, under their new numbers`() throws {
        var rig = try suspended()
        rig.effects = try rig.guest.resume()
        #expect(rig.guest.state == .resuming(.iron))
        rig.answerContact()
        #expect(rig.effects.map { GuestEvent($0) } == [.connected, .post(.requestOffers), .wake])
        var back = GuestRig.offer(7, instance: 1)
        back.connectionID = 0x77
        let readopted = rig.send(.offerChannel(back))
        #expect(readopted.map { GuestEvent($0) } == [.readopted])
        #expect(rig.guest.channel(7)?.offer.connectionID == 0x77)
        #expect(rig.guest.channel(1) == nil)
        let fresh = rig.send(.offerChannel(GuestRig.offer(8, instance: 99)))
        #expect(fresh.map { GuestEvent($0) } == [.offered])
        try rig.open(7)
    }

    @Test func `devices that do not come back in time are named`() throws {
        var rig = try suspended()
        rig.effects = try rig.guest.resume()
        rig.answerContact()
        guard case .wake(let wake, let limit)? = rig.effects.last else { throw Unexpected() }
        #expect(limit == 10_000_000)
        rig.send(.offerChannel(GuestRig.offer(7, instance: 1)))
        rig.send(.allOffersDelivered)
        let effects = rig.guest.wake(wake)
        guard case .offersMissing(let missing)? = effects.first else { throw Unexpected() }
        #expect(missing.map(\.interfaceInstance) == [GUID(0, 0, 0, 2)])
        let late = rig.send(.offerChannel(GuestRig.offer(9, instance: 2)))
        #expect(late.map { GuestEvent($0) } == [.readopted])
        #expect(rig.guest.awaitedOffers.isEmpty)
    }

    @Test func `a guest resumes with its old version or not at all`() throws {
        var rig = try suspended()
        rig.effects = try rig.guest.resume()
        let refused = rig.send(.versionResponse(VersionResponse(supported: false)))
        #expect(refused == [.connectFailed])
        #expect(rig.guest.state == .suspended)
        let again = try rig.guest.resume()
        #expect(again.map { GuestEvent($0) } == [.post(.initiateContact)])
    }

    @Test func `open channels keep a guest awake, and some guests never sleep`() throws {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        try rig.open(1)
        #expect(throws: GuestRefusal.self) { try rig.guest.suspend() }
        for profile in [GuestProfile.freebsd, .openvmm] {
            var other = GuestRig.connected(try #require(profile.versions.first), profile: profile)
            #expect(throws: GuestRefusal.self) { try other.guest.suspend() }
        }
    }

    @Test func `a hibernating guest is saved and restored`() throws {
        let rig = try suspended()
        var (guest, _) = try GuestConnection.restore(rig.guest.saved(), configuration: rig.configuration)
        #expect(guest.state == .suspended)
        #expect(guest.awaitedOffers == rig.guest.awaitedOffers)
        let effects = try guest.resume()
        #expect(effects.map { GuestEvent($0) } == [.post(.initiateContact)])
    }
}
