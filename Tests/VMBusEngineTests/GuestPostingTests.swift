import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestPostingTests {
    private func posts(_ effects: [GuestEffect]) -> [GuestPost] {
        effects.compactMap { effect in
            guard case .post(let bytes, let connectionID) = effect else { return nil }
            return GuestPost(bytes: bytes, connectionID: connectionID)
        }
    }

    private func wake(_ effects: [GuestEffect]) -> (wake: GuestWake, delay: UInt64)? {
        for case .wake(let wake, let delay) in effects { return (wake, delay) }
        return nil
    }

    @Test func `linux tries 100 times, first after a microsecond, doubled up to two seconds`() {
        let schedule = GuestProfile.linux.retry
        #expect((1...99).compactMap { schedule.delay(after: $0) }.count == 99)
        #expect(schedule.delay(after: 1) == 1)
        #expect(schedule.delay(after: 2) == 2)
        #expect(schedule.delay(after: 22) == 2_097_152)
        #expect(schedule.delay(after: 99) == 2_097_152)
        #expect(schedule.delay(after: 100) == nil)
        // Giving up takes about two minutes and three quarters.
        #expect((1...99).compactMap { schedule.delay(after: $0) }.reduce(0, +) / 1_000_000 == 165)
    }

    @Test func `freebsd tries 20 times, first after a millisecond, doubled up to two seconds`() {
        let schedule = GuestProfile.freebsd.retry
        #expect(schedule.delay(after: 1) == 1000)
        #expect(schedule.delay(after: 12) == 2_048_000)
        #expect(schedule.delay(after: 19) == 2_048_000)
        #expect(schedule.delay(after: 20) == nil)
        #expect(GuestProfile.openvmm.retry.delay(after: 1) == nil)
        #expect(RetrySchedule(attempts: 100, firstDelay: .max, longestDelay: 7).delay(after: 64) == 7)
    }

    @Test func `messages keep their order while one is being retried`() throws {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1), GuestRig.offer(2)])
        let list = try #require(PageList(pages: (0..<60).map { $0 }))
        let header = posts(try rig.guest.createPageList(relid: 1, list).effects)
        #expect(header.count == 3)
        // The header went out; the first body was refused, so the second was not tried.
        let waiting = rig.guest.postRefused(.insufficientBuffers, Array(header.dropFirst()))
        #expect(waiting.map { GuestEvent($0) } == [.wake])
        let socket = try rig.guest.connectSocket(TLConnectRequest())
        #expect(socket.isEmpty)
        let (token, delay) = try #require(wake(waiting))
        #expect(delay == 1)
        let again = rig.guest.wake(token)
        #expect(posts(again).prefix(2) == header.dropFirst())
        #expect(rig.posts(again).map(\.type) == [.gpadlBody, .gpadlBody, .tlConnectRequest])
        let stale = rig.guest.wake(token)
        #expect(stale.isEmpty)
        // Refused again, the delay grows; another message starts over.
        let second = rig.guest.postRefused(.insufficientMemory, posts(again))
        #expect(wake(second)?.delay == 2)
        let (next, _) = try #require(wake(second))
        let third = posts(rig.guest.wake(next))
        let other = rig.guest.postRefused(.insufficientBuffers, Array(third.dropFirst()))
        #expect(wake(other)?.delay == 1)
    }

    @Test func `a message that is refused for good is given up, and its waiter is told`() throws {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        let list = try #require(PageList(pages: (0..<60).map { $0 }))
        let (handle, effects) = try rig.guest.createPageList(relid: 1, list)
        let socket = try rig.guest.connectSocket(TLConnectRequest())
        let failed = rig.guest.postRefused(.invalidPortID, posts(effects) + posts(socket))
        // The bodies of a list without a header are not posted either; what follows is.
        #expect(failed.map { GuestEvent($0) } == [.postFailed, .pageListRefused, .post(.tlConnectRequest)])
        #expect(failed.first == .postFailed(.gpadlHeader, .invalidPortID))
        #expect(rig.guest.pageList(handle) == nil)
    }

    @Test func `after its last attempt a message is given up`() throws {
        var rig = GuestRig.connected(profile: Self.threeAttempts, offers: [GuestRig.offer(1)])
        var waiting = posts(try rig.guest.connectSocket(TLConnectRequest()))
        for _ in 1...2 {
            let (token, _) = try #require(wake(rig.guest.postRefused(.invalidConnectionID, waiting)))
            waiting = posts(rig.guest.wake(token))
        }
        let given = rig.guest.postRefused(.invalidConnectionID, waiting)
        #expect(given.map { GuestEvent($0) } == [.postFailed, .socketRefused])
    }

    private static let threeAttempts: GuestProfile = {
        var profile = GuestProfile()
        profile.retry = RetrySchedule(attempts: 3, firstDelay: 10, longestDelay: 10)
        return profile
    }()

    @Test func `a proposal that is refused for want of buffers is retried, one to nowhere leads on at once`() throws {
        var guest = GuestConnection()
        let contact = posts(guest.connect())
        let busy = guest.postRefused(.insufficientBuffers, contact)
        let (token, _) = try #require(wake(busy))
        #expect(posts(guest.wake(token)) == contact)
        let next = guest.postRefused(.invalidConnectionID, contact)
        #expect(next.map { GuestEvent($0) } == [.post(.initiateContact)])
        #expect(guest.state == .connecting(.iron))
        // Any other failure leads to the next version too, with a word about it; a timeout stops.
        let denied = guest.postRefused(.accessDenied, posts(next))
        #expect(denied.map { GuestEvent($0) } == [.postFailed, .post(.initiateContact)])
        #expect(guest.state == .connecting(.redstone5))
        let late = guest.postRefused(.timeout, posts(denied))
        #expect(late.map { GuestEvent($0) } == [.postFailed, .connectFailed])
    }

    @Test func `a goodbye does not wait behind what it ends`() throws {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        let socket = posts(try rig.guest.connectSocket(TLConnectRequest()))
        let waiting = rig.guest.postRefused(.insufficientBuffers, socket)
        let unload = rig.guest.unload()
        #expect(unload.map { GuestEvent($0) } == [.post(.unload)])
        let (token, _) = try #require(wake(waiting))
        let stale = rig.guest.wake(token)
        #expect(stale.isEmpty)
    }

    @Test func `pages whose return could not be asked for are leaked, except where they are known to be the guest's`()
        throws
    {
        for (profile, isIsolated, leaks) in [
            (GuestProfile(), false, true), (.linux, false, false), (.linux, true, true), (.freebsd, false, true),
        ] {
            let version = try #require(profile.versions.first)
            var rig = GuestRig.connected(version, profile: profile, offers: [GuestRig.offer(1)]) {
                $0.isIsolated = isIsolated
            }
            let handle = try rig.share(1)
            let teardown = posts(try rig.guest.tearDownPageList(handle))
            let failed = rig.guest.postRefused(.operationDenied, teardown)
            #expect(
                failed.last
                    == (leaks ? .pageListLeaked(handle: handle, relid: 1) : .pageListTorndown(handle: handle, relid: 1))
            )
        }
    }
}
