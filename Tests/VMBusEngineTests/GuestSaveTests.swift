import TestSupport
import Testing
import VMBusWire

@testable import VMBusEngine

@Suite struct GuestSaveTests {
    /// A guest with one of everything: channels in every state, lists, sockets, a reserved survivor, posts that wait.
    private func rich() throws -> GuestRig {
        var rig = GuestRig.connected(profile: .withSocketLimit) { $0.requestsOffers = true }
        for relid in 1...6 as ClosedRange<UInt32> { rig.send(.offerChannel(GuestRig.offer(relid))) }
        rig.send(.offerChannel(GuestRig.offer(7, instance: 1, subchannel: 1)))
        try rig.open(1)
        try rig.startOpen(2)
        let reserved = try rig.share(3)
        _ = try rig.guest.openReserved(relid: 3, pageList: reserved, targetVP: 5, downstreamPageOffset: 4)
        rig.send(.openChannelResult(OpenChannelResult(relid: 3, openID: 0, status: .success)))
        _ = try rig.guest.closeReserved(relid: 3)
        try rig.open(4)
        _ = try rig.guest.modify(relid: 4, targetVP: 3)
        rig.rescind(4)
        _ = try rig.guest.createPageList(relid: 5, PageList(ranges: [Self.range]))
        rig.rescind(5)
        _ = try rig.guest.createPageList(relid: 6, PageList(ranges: [Self.range, Self.range]))
        _ = try rig.guest.connectSocket(TLConnectRequest(endpointID: GUID(1, 2, 3, 4), serviceID: GUID(5, 6, 7, 8)))
        _ = try rig.guest.modifyConnection(parentToChild: 0x1000, childToParent: 0x2000)
        let busy = try posts(rig.guest.tearDownPageList(rig.share(6)))
        _ = rig.guest.postRefused(.insufficientBuffers, busy)
        _ = try rig.guest.close(relid: 1)
        return rig
    }

    private static let range = GPARange(byteCount: 5000, byteOffset: 100, pages: [7, 8])

    private func posts(_ effects: [GuestEffect]) -> [GuestPost] {
        effects.compactMap { effect in
            guard case .post(let bytes, let connectionID) = effect else { return nil }
            return GuestPost(bytes: bytes, connectionID: connectionID)
        }
    }

    private func restore(
        _ bytes: [UInt8], _ configuration: GuestConnection.Configuration, repeats: Bool = false
    ) -> Result<(connection: GuestConnection, effects: [GuestEffect]), RestoreError> {
        do throws(RestoreError) {
            return .success(
                try GuestConnection.restore(bytes, configuration: configuration, repeatsRequests: repeats))
        } catch {
            return .failure(error)
        }
    }

    private func error(_ bytes: [UInt8], _ configuration: GuestConnection.Configuration) -> RestoreError? {
        if case .failure(let error) = restore(bytes, configuration) { error } else { nil }
    }

    @Test func `save, restore, save gives the same bytes, and the same state always gives them`() throws {
        let rig = try rich()
        let saved = rig.guest.saved()
        let again = try rich().guest.saved()
        #expect(again == saved)
        let (guest, _) = try restore(saved, rig.configuration).get()
        #expect(guest.saved() == saved)
        #expect(guest.channels == rig.guest.channels)
        #expect(guest.pageLists == rig.guest.pageLists)
        let empty = GuestConnection().saved()
        let (fresh, effects) = try restore(empty, GuestConnection.Configuration()).get()
        #expect(fresh.saved() == empty)
        #expect(effects.isEmpty)
    }

    @Test func `wakes that are still meant are asked for again, and work`() throws {
        let rig = try rich()
        var (guest, effects) = try restore(rig.guest.saved(), rig.configuration).get()
        var purposes: [GuestWake.Purpose] = []
        for case .wake(let wake, _) in effects { purposes.append(wake.purpose) }
        #expect(purposes == [.retry, .socket(GUID(1, 2, 3, 4))])
        for case .wake(let wake, _) in effects where wake.purpose == .retry {
            let types = guest.wake(wake).map { GuestEvent($0) }
            #expect(types == [.post(.gpadlTeardown), .post(.closeChannel)])
        }
        for case .wake(let wake, _) in effects where wake.purpose != .retry {
            let events = guest.wake(wake).map { GuestEvent($0) }
            #expect(events == [.socketTimedOut])
        }
    }

    @Test func `a host that missed what was on its way is asked again for all that is not answered`() throws {
        let rig = try rich()
        let (_, effects) = try restore(rig.guest.saved(), rig.configuration, repeats: true).get()
        let repeated = rig.posts(effects).map(\.type)
        // The teardown waits to be posted and is not repeated; what was taken back is over.
        #expect(
            repeated == [
                .modifyConnection, .gpadlHeader, .openChannel, .closeReservedChannel, .tlConnectRequest,
            ])
    }

    @Test func `a half negotiated and a half ended connection go on where they were`() throws {
        var configuration = GuestConnection.Configuration()
        configuration.clientID = GUID(9, 9, 9, 9)
        var connecting = GuestConnection(configuration)
        let contact = connecting.connect()
        let (again, effects) = try restore(connecting.saved(), configuration, repeats: true).get()
        #expect(effects == contact)
        var refused = again
        let next = refused.receive(ChannelMessage.versionResponse(VersionResponse(supported: false)).encoded())
        #expect(next.map { GuestEvent($0) } == [.post(.initiateContact)])
        #expect(refused.state == .connecting(.iron))

        var leaving = GuestRig.connected()
        let unload = leaving.guest.unload()
        #expect(try restore(leaving.guest.saved(), leaving.configuration, repeats: true).get().effects == unload)
        var paused = GuestRig.connected()
        _ = try paused.guest.pauseMessages()
        let asked = try restore(paused.guest.saved(), paused.configuration, repeats: true).get().effects
        #expect(asked.map { GuestEvent($0) } == [.post(.pause)])
    }

    @Test func `what the new side does not allow is refused`() throws {
        let saved = GuestRig.connected(.copper).guest.saved()
        var older = GuestConnection.Configuration()
        older.maximumVersion = .iron
        #expect(error(saved, older) == .version(.copper, allowed: .iron))
        var fewer = GuestConnection.Configuration()
        fewer.features = [.clientID]
        #expect(error(saved, fewer) == .features(GuestProfile().features, allowed: [.clientID]))
        let unisolated = GuestRig.connected(.redstone4).guest.saved()
        var isolated = GuestConnection.Configuration()
        isolated.isIsolated = true
        #expect(error(unisolated, isolated) != nil)
        #expect(error(unisolated, GuestConnection.Configuration()) == nil)
        var crashing = GuestRig.connected()
        _ = crashing.guest.crash()
        #expect(error(crashing.guest.saved(), GuestConnection.Configuration(profile: .freebsd)) != nil)
        #expect(
            error(HostRoleState.bytes, GuestConnection.Configuration()) == .otherRole(SavedRole.host.rawValue))
        #expect(error([1, 2, 3], GuestConnection.Configuration()) != nil)
    }

    @Test func `an isolated guest that proposes an old version goes on with the proposal, and ends where it is taken`()
        throws
    {
        var configuration = GuestConnection.Configuration()
        configuration.versions = [.redstone4]
        configuration.isIsolated = true
        var guest = GuestConnection(configuration)
        _ = guest.connect()
        var again = try restore(guest.saved(), configuration, repeats: false).get().connection
        #expect(again.state == .connecting(.redstone4))
        let accepted = VersionResponse(supported: true, versionOrConnectionID: 4)
        let effects = again.receive(ChannelMessage.versionResponse(accepted).encoded(context: again.agreement))
        #expect(effects == [.connectFailed])
    }

    @Test func `a request for offers that was given up after an offer came leaves a state that can be taken up`() throws
    {
        var rig = GuestRig(GuestConnection.Configuration())
        rig.effects = rig.guest.connect()
        rig.answerContact()
        guard case .post(let bytes, let connectionID)? = rig.effects.last else { throw Unexpected() }
        rig.send(.offerChannel(GuestRig.offer(1)))
        _ = rig.guest.postRefused(.accessDenied, [GuestPost(bytes: bytes, connectionID: connectionID)])
        #expect(error(rig.guest.saved(), rig.configuration) == nil)
    }

    private enum HostRoleState {
        static let bytes = SavedStateHeader(role: .host).encoded()
    }

    /// Ways to make a state contradict itself.
    static let contradictions: [(name: String, change: @Sendable (inout SavedGuestConnection) -> Void)] = [
        ("a feature below 6.0", { $0.version = .iron }),
        ("no such version", { $0.version = ProtocolVersion(9, 9) }),
        ("an unknown state", { $0.state = 200 }),
        ("an unknown flow", { $0.flow = 3 }),
        ("an unknown state of the offers", { $0.offers = 3 }),
        ("channels without a request", { $0.offers = 0 }),
        ("a channel twice", { $0.channels.append($0.channels[0]) }),
        (
            "two channels of one place",
            { $0.channels[1].offer.interfaceInstance = $0.channels[0].offer.interfaceInstance }
        ),
        ("channel 0", { $0.channels[5].offer.relid = 0 }),
        ("channel 2048", { $0.channels[5].offer.relid = 2048 }),
        ("an unknown channel state", { $0.channels[0].state = 6 }),
        ("an event flag twice", { $0.channels[3].eventFlag = 2 }),
        ("an event flag that does not exist", { $0.channels[1].eventFlag = 2048 }),
        ("no event flag", { $0.channels[1].eventFlag = 0 }),
        ("an open without its request", { $0.channels[1].request = [] }),
        ("a request of another channel", { $0.channels[1].request[8] = 9 }),
        ("a request without an open", { $0.channels[0].request = $0.channels[1].request }),
        ("an open that was taken back", { $0.channels[1].flags = 1 }),
        ("an open channel that was let go of", { $0.channels[1].flags = 2 }),
        ("a list twice", { $0.lists.append($0.lists[0]) }),
        ("a list of an unknown channel", { $0.lists[0].relid = 100 }),
        ("a list without a handle", { $0.lists[0].handle = 0 }),
        ("an unknown list state", { $0.lists[0].state = 3 }),
        ("a list without its pages", { $0.lists[0].list.words.removeLast() }),
        ("a list without ranges", { $0.lists[0].list.rangeCount = 0 }),
        ("a late answer twice", { $0.late.append($0.late[0]) }),
        ("a late answer that is waited for", { $0.late[0].handle = $0.lists[0].handle }),
        ("a socket twice", { $0.sockets.append($0.sockets[0]) }),
        ("proposals of an agreement", { $0.proposals = [SavedGuestProposal()] }),
        ("posts that wait for nothing", { $0.flags &= ~4 }),
        ("a wait for nothing", { $0.unposted = [] }),
        ("another post than the refused one", { $0.unposted.removeFirst() }),
        ("a refusal of nothing", { $0.flags &= ~8 }),
        (
            "a post of a host",
            { $0.unposted.append(SavedGuestPost(GuestPost(bytes: [4] + [0, 0, 0, 0, 0, 0, 0], connectionID: 4))) }
        ),
        ("held messages that flow", { $0.held = $0.unposted }),
        ("pages of a host without the feature", { $0.flags |= 1 }),
        ("polls without a crash", { $0.polls = 1 }),
        ("a device to come back with a number", { $0.awaited = [$0.channels[0]] }),
        ("a reserved channel twice", { $0.reserved = [SavedGuestReservedChannel(), SavedGuestReservedChannel()] }),
        ("channels of nobody", { $0.state = 0 }),
    ]

    @Test(arguments: contradictions.indices)
    func `a state that contradicts itself is refused`(_ index: Int) throws {
        let (name, change) = Self.contradictions[index]
        try check(rich(), name, change)
    }

    private func check(
        _ rig: GuestRig, _ name: String, _ change: (inout SavedGuestConnection) -> Void
    ) throws {
        var configuration = rig.configuration
        configuration.versions = ProtocolVersion.all
        var saved = try SavedGuestConnection.decode(rig.guest.saved())
        #expect(error(saved.encoded(), configuration) == nil)
        change(&saved)
        #expect(error(saved.encoded(), configuration) != nil, "\(name)")
    }

    @Test func `states other than connected hold nothing of a connection`() throws {
        var suspended = GuestRig.connected(offers: [GuestRig.offer(1)])
        _ = try suspended.guest.suspend()
        suspended.send(.unloadComplete)
        try check(suspended, "late answers while suspended") { $0.late = [SavedGuestLateAnswer()] }
        try check(suspended, "paused while suspended") { $0.flow = 2 }
        try check(suspended, "a twin that is to come back") { $0.awaited.append($0.awaited[0]) }
        var dozing = suspended.configuration
        dozing.profile.canHibernate = false
        #expect(error(suspended.guest.saved(), dozing) != nil)
        var connecting = GuestRig()
        _ = connecting.guest.connect()
        try check(connecting, "features of a proposal") { $0.features = .pauseResume }
        try check(connecting, "too many proposals") { saved in
            saved.proposals = (0..<3).flatMap { _ in saved.proposals }
        }
        try check(connecting, "a proposal of no version") { $0.proposals[0].version = ProtocolVersion(9, 9) }
        let fresh = GuestRig()
        try check(fresh, "a version that does not exist") { $0.version = ProtocolVersion(9, 9) }
        let old = GuestRig.connected(.windows8, offers: [GuestRig.offer(1)])
        try check(old, "paused without the feature") { $0.flow = 1 }
        try check(old, "reserved below 4.0") { $0.channels[0].state = 4 }
        try check(old, "moved below 5.3") { $0.channels[0].flags = 4 }
        try check(old, "sockets below 4.0") { $0.sockets = [SavedSocket()] }
        try check(old, "pages asked for by nobody") { $0.newChildToParent = 1 }
        try check(old, "a refused post of nobody") { $0.refused.bytes = [3] }
        var reserved = GuestRig.connected(offers: [GuestRig.offer(1)])
        let handle = try reserved.share(1)
        _ = try reserved.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        try check(reserved, "a reserved open of another channel") { $0.channels[0].request[8] = 2 }
        try check(reserved, "too many sockets") { saved in
            saved.sockets = (0...GuestConnection.maximumSockets).map { number in
                SavedSocket(TLConnectRequest(endpointID: GUID(low: UInt64(number), high: 0), serviceID: .zero))
            }
        }
        try check(reserved, "too many late answers") { saved in
            saved.late = (1...UInt32(GuestConnection.maximumLateAnswers) + 1).map { number in
                var answer = SavedGuestLateAnswer()
                answer.handle = number
                return answer
            }
        }
    }

    @Test func `host-given pages, a paused host and a closing survivor are restored`() throws {
        var given = GuestRig.connected { $0.features.insert(.serverSpecifiedMonitorPages) }
        let paused = try given.guest.pauseMessages()
        given.send(.pauseResponse)
        #expect(paused.count == 1)
        let (guest, effects) = try restore(given.guest.saved(), given.configuration, repeats: true).get()
        #expect(effects.isEmpty)
        #expect(guest.flow == .paused)
        var leaving = GuestRig.connected(.windows10, offers: [GuestRig.offer(1)])
        let handle = try leaving.share(1)
        _ = try leaving.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        leaving.send(.openChannelResult(OpenChannelResult(relid: 1, openID: 0, status: .success)))
        _ = leaving.guest.unload()
        leaving.send(.unloadComplete)
        _ = try leaving.guest.closeReserved(relid: 1)
        let (again, repeated) = try restore(leaving.guest.saved(), leaving.configuration, repeats: true).get()
        #expect(again.reservedChannels == leaving.guest.reservedChannels)
        #expect(repeated.map { GuestEvent($0) } == [.post(.closeReservedChannel)])
    }

    @Test func `a refused restore says in one line what is wrong`() {
        for error in [
            RestoreError.notASavedState, .unknownForm(9), .otherRole(2), .version(.copper, allowed: .iron),
            .features(.all, allowed: []), .inconsistent("x"),
            .damaged(WireError(structure: "S", field: "f", offset: 1, problem: .unknownType(3))),
        ] {
            #expect(error.description.count > 20)
            #expect(!error.description.contains("\n"))
        }
    }

    @Test func `cuts and damaged bytes everywhere are refused or give a state that is saved as itself`() throws {
        let rig = try rich()
        let saved = rig.guest.saved()
        for count in stride(from: 0, to: saved.count, by: 11) {
            #expect(error(Array(saved[..<count]), rig.configuration) != nil, "\(count)")
        }
        #expect(error(saved + [0], rig.configuration) != nil)
        var generator = SeededNumbers(seed: 3)
        var taken = 0
        for index in stride(from: 0, to: saved.count, by: 3) {
            var damaged = saved
            damaged[index] ^= UInt8(truncatingIfNeeded: 1 << (generator.next() % 8))
            guard case .success(let (guest, _)) = restore(damaged, rig.configuration, repeats: true) else { continue }
            taken += 1
            let once = guest.saved()
            #expect(try restore(once, rig.configuration).get().connection.saved() == once, "byte \(index)")
        }
        #expect(taken > 0)
    }

    @Test func `seeded garbage after a restore from seeded garbage never traps`() throws {
        let rig = try rich()
        let saved = rig.guest.saved()
        var generator = SeededNumbers(seed: 5)
        for _ in 0..<300 * Soak.factor {
            var damaged = saved
            for _ in 0..<1 + generator.next() % 4 {
                damaged[16 + Int(generator.next() % UInt64(saved.count - 16))] = UInt8(
                    truncatingIfNeeded: generator.next())
            }
            guard case .success(var (guest, _)) = restore(damaged, rig.configuration, repeats: true) else { continue }
            for _ in 0..<20 {
                let input = GuestMessageInput.allCases[Int(generator.next() % 29)]
                let relid = UInt32(generator.next() % 9)
                let message = input.message(relid: relid, openID: relid, handle: 0xE1E10 + relid)
                _ = guest.receive(message.encoded(context: guest.agreement))
            }
            _ = guest.unload()
        }
    }
}

extension GuestProfile {
    /// The default, which gives up on an hv_sock connection after two seconds.
    static var withSocketLimit: GuestProfile {
        var profile = GuestProfile()
        profile.socketLimit = 2_000_000
        return profile
    }
}
