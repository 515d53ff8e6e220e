import Testing
import VMBusEngine
import VMBusWire

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

    @Test func `no more devices are awaited than a guest has channels, however often it hibernates`() throws {
        var rig = GuestRig.connected(.iron)
        for round in 0..<3 as Range<UInt64> {
            for relid in 1...1000 as ClosedRange<UInt32> {
                rig.send(.offerChannel(GuestRig.offer(relid, instance: round << 32 | UInt64(relid))))
            }
            let effects = try rig.guest.suspend()
            let taken = effects.count { if case .rescinded = $0 { true } else { false } }
            #expect(taken == (round < 2 ? 0 : 953))
            rig.send(.unloadComplete)
            rig.effects = try rig.guest.resume()
            rig.answerContact()
        }
        #expect(rig.guest.awaitedOffers.count == GuestConnection.maximumChannels)
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
