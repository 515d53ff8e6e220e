import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestProfileTests {
    @Test func `profiles are found by name, and the default speaks every version`() {
        #expect(GuestProfile.all.map(\.name) == ["default", "linux", "freebsd", "openvmm"])
        for profile in GuestProfile.all { #expect(GuestProfile.named(profile.name) == profile) }
        #expect(GuestProfile.named("windows") == nil)
        #expect(GuestProfile().versions == ProtocolVersion.all.reversed())
        #expect(GuestConnection.Configuration().features == GuestProfile().features)
    }

    @Test func `each guest tries the versions that it knows, newest first`() {
        #expect(GuestProfile.linux.versions.first == .iron)
        #expect(GuestProfile.linux.versions.last == .windows8)
        #expect(GuestProfile.freebsd.versions == [.windows10, .windows8_1, .windows8, .windows7, .windows2008])
        #expect(GuestProfile.openvmm.versions == [.copper, .iron])
        for profile in GuestProfile.all { #expect(profile.versions == profile.versions.sorted(by: >)) }
    }

    @Test func `each guest has its own open id and first handle`() throws {
        for (profile, openID, handle) in [
            (GuestProfile.linux, 1, 0xE1E10), (.freebsd, 1, 0xE1E10), (.openvmm, 0, 1),
        ] as [(GuestProfile, UInt32, UInt32)] {
            let version = try #require(profile.versions.first)
            var rig = GuestRig.connected(version, profile: profile, offers: [GuestRig.offer(1)])
            let given = try rig.startOpen(1)
            #expect(given == handle)
            guard case .openChannel(let open)? = rig.posts(rig.effects).first else { throw Unexpected() }
            #expect(open.openID == openID)
        }
    }

    @Test func `linux gives a number back at once, careful guests wait for the answers`() throws {
        for (profile, waits) in [(GuestProfile.linux, false), (.freebsd, false), (GuestProfile(), true)] {
            let version = try #require(profile.versions.first)
            var rig = GuestRig.connected(version, profile: profile, offers: [GuestRig.offer(1)])
            let range = GPARange(byteCount: 4096, byteOffset: 0, pages: [7])
            let handle = try rig.guest.createPageList(relid: 1, PageList(ranges: [range])).handle
            rig.rescind(1)
            #expect(rig.effects.map { GuestEvent($0) } == [.pageListRefused, .rescinded])
            let released = try rig.guest.release(relid: 1)
            #expect(released.isEmpty == waits)
            // The late answer is no surprise to either.
            let late = rig.send(.gpadlCreated(GPADLCreated(relid: 1, gpadl: handle, status: .success)))
            #expect(late.map { GuestEvent($0) } == (waits ? [.post(.relidReleased)] : []))
        }
    }

    @Test func `linux spreads channels over nodes, then over the free processors of each`() {
        var spread = ChannelSpread(.roundRobin, nodes: [[0, 1], [2, 3]])
        let first = (0..<4).map { _ in spread.next(isPerformance: true, used: [], given: 9) }
        #expect(first == [0, 2, 1, 3])
        let again = (0..<2).map { _ in spread.next(isPerformance: true, used: [], given: 9) }
        #expect(again == [0, 2])
        let slow = spread.next(isPerformance: false, used: [], given: 9)
        #expect(slow == 0)
    }

    @Test func `a processor that the device uses is avoided while others are free`() {
        var spread = ChannelSpread(.roundRobin, nodes: [[0, 1], [2, 3]])
        let free = spread.next(isPerformance: true, used: [0, 2], given: 9)
        #expect(free == 1)
        let all = spread.next(isPerformance: true, used: [0, 1, 2, 3], given: 9)
        #expect([0, 1, 2, 3].contains(all))
        var empty = ChannelSpread(.roundRobin, nodes: [[]], connectVP: 4)
        let only = empty.next(isPerformance: true, used: [], given: 9)
        #expect(only == 4)
        var given = ChannelSpread(.given, nodes: [[0, 1]])
        let own = given.next(isPerformance: true, used: [], given: 9)
        #expect(own == 9)
        #expect(GuestProfile.linux.spread == .roundRobin)
        #expect(GuestProfile.freebsd.spread == .given)
    }
}
