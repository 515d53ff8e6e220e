import TestSupport
import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestLimitTests {
    @Test func `every number is a channel once, all at the same time`() throws {
        var rig = GuestRig.connected { $0.requestsOffers = true }
        let count = UInt32(GuestConnection.maximumChannels)
        for relid in 1...count { rig.send(.offerChannel(GuestRig.offer(relid))) }
        #expect(rig.guest.channels.count == 2047)
        for relid in [0, count + 1, .max] as [UInt32] {
            let refused = rig.send(.offerChannel(GuestRig.offer(relid, instance: 1 << 40)))
            #expect(refused.map { GuestEvent($0) } == [.violation("relid-unique")])
        }
        for relid in 1...count { try rig.open(relid) }
        #expect(Set(rig.guest.channels.map(\.eventFlag)).count == 2047)
        let saved = rig.guest.saved()
        rig.guest = try GuestConnection.restore(saved, configuration: rig.configuration).connection
        for relid in 1...count {
            rig.rescind(relid)
            _ = try rig.guest.close(relid: relid)
            _ = try rig.guest.release(relid: relid)
        }
        #expect(rig.guest.channels.isEmpty)
        #expect(rig.guest.pageLists.isEmpty)
        let fresh = rig.send(.offerChannel(GuestRig.offer(2047)))
        #expect(fresh.map { GuestEvent($0) } == [.offered])
    }

    @Test func `a list that its messages cannot announce is refused before anything is posted`() throws {
        var rig = GuestRig.connected(.iron, profile: .linux)
        rig.send(.offerChannel(GuestRig.offer(1)))
        let range = GPARange(byteCount: 8190 * 4096, byteOffset: 0, pages: Array(0..<8190))
        let before = rig.guest
        #expect(throws: GuestRefusal.self) {
            try rig.guest.createPageList(relid: 1, PageList(ranges: [range, range]))
        }
        #expect(rig.guest.pageLists.count == before.pageLists.count)
    }

    @Test func `equal connections hash alike`() throws {
        var rig = GuestRig.connected(.iron, profile: .linux)
        rig.send(.offerChannel(GuestRig.offer(1)))
        let copy = rig.guest
        #expect(Set([rig.guest, copy]).count == 1)
    }

    @Test func `answers that never come are forgotten, the oldest first`() throws {
        var rig = GuestRig.connected(.iron, profile: .linux)
        let range = GPARange(byteCount: 4096, byteOffset: 0, pages: [7])
        var handles: [UInt32] = []
        for _ in 0..<GuestConnection.maximumLateAnswers + 2 {
            rig.send(.offerChannel(GuestRig.offer(1)))
            handles.append(try rig.guest.createPageList(relid: 1, PageList(ranges: [range])).handle)
            rig.rescind(1)
            _ = try rig.guest.release(relid: 1)
        }
        func answer(_ handle: UInt32) -> [GuestEvent] {
            rig.send(.gpadlCreated(GPADLCreated(relid: 1, gpadl: handle, status: .success))).map { GuestEvent($0) }
        }
        let (oldest, newest) = (answer(handles[0]), answer(handles[handles.count - 1]))
        #expect(oldest == [.violation("gpadl-lifecycle")])
        #expect(newest.isEmpty)
    }

    @Test(arguments: ProtocolVersion.all)
    func `every pair of caps agrees on the older one`(_ guestCap: ProtocolVersion) {
        for hostCap in ProtocolVersion.all {
            var guest = GuestConnection.Configuration()
            guest.maximumVersion = guestCap
            var host = HostConnection.Configuration()
            host.maximumVersion = hostCap
            var ends = BothEnds(guest: guest, host: host, offers: [BothEnds.offer(1)])
            ends.connect(hostKnowsMultiClient: hostCap >= .redstone3MultiClient)
            #expect(ends.guest.agreement.version == min(guestCap, hostCap), "\(guestCap) \(hostCap)")
            #expect(ends.guest.agreement.features == (min(guestCap, hostCap) >= .copper ? GuestProfile().features : []))
            #expect(ends.guest.channels.count == 1)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `seeded wishes and messages in any order keep the guest whole`(_ seed: UInt64) throws {
        let profiles = [GuestProfile(), .withSocketLimit, .openvmm]
        let profile = profiles[Int(seed) - 1]
        var generator = SeededNumbers(seed: seed)
        var rig = GuestRig.connected(profile: profile, offers: (1...4).map { GuestRig.offer($0) })
        var wakes: [GuestWake] = []
        var seen: Set<String> = []
        var answers: [ChannelMessage] = []
        for step in 0..<8_000 * Soak.factor {
            let relid = UInt32(1 + generator.next() % 5)
            let handles = rig.guest.pageLists.map(\.handle) + [profile.firstPageListHandle]
            let handle = handles[Int(generator.next() % UInt64(handles.count))]
            let effects: [GuestEffect]
            switch generator.next() % 8 {
            case 0:
                let input = GuestMessageInput.allCases[Int(generator.next() % 29)]
                effects = rig.send(input.message(relid: relid, openID: relid, handle: handle))
            case 1, 2: effects = answers.isEmpty ? [] : rig.send(answers.removeFirst())
            case 3, 4, 5, 6: effects = (try? wish(&rig.guest, relid, handle, generator.next())) ?? []
            default: effects = wakes.isEmpty ? [] : rig.guest.wake(wakes.removeFirst())
            }
            var posts: [GuestPost] = []
            answers += rig.posts(effects).compactMap { answer(to: $0, of: rig.guest) }
            for effect in effects {
                seen.insert("\(GuestEvent(effect))")
                if case .post(let bytes, let connectionID) = effect {
                    posts.append(GuestPost(bytes: bytes, connectionID: connectionID))
                    let type = MessageType(rawValue: UInt32(bytes[0]))
                    #expect(type.facts?.direction == .guestToHost)
                }
                if case .wake(let wake, _) = effect { wakes.append(wake) }
            }
            if !posts.isEmpty, generator.next() % 16 == 0 {
                let results = [PostResult.insufficientBuffers, .accessDenied, .timeout, .invalidConnectionID]
                for case .wake(let wake, _) in rig.guest.postRefused(results[Int(generator.next() % 4)], posts) {
                    wakes.append(wake)
                }
            }
            for list in rig.guest.pageLists { #expect(rig.guest.channel(list.relid) != nil) }
            if step % 50 == 0 {
                let saved = rig.guest.saved()
                let (guest, again) = try GuestConnection.restore(
                    saved, configuration: rig.configuration, repeatsRequests: false)
                #expect(guest.saved() == saved, "step \(step)")
                rig.guest = guest
                wakes = []
                for case .wake(let wake, _) in again { wakes.append(wake) }
            }
            if rig.guest.state == .disconnected {
                rig.effects = rig.guest.connect()
                rig.answerContact()
                answers = []
                for relid in 1...4 as ClosedRange<UInt32> { rig.send(.offerChannel(GuestRig.offer(relid))) }
            }
        }
        for event in ["opened", "pageListTorndown", "modified", "suspended", "messagesPaused", "unloaded"] {
            #expect(seen.contains(event) || (event == "suspended" && !profile.canHibernate), "\(event) never happened")
        }
    }

    /// What a host would answer.
    private func answer(to message: ChannelMessage, of guest: GuestConnection) -> ChannelMessage? {
        switch message {
        case .gpadlHeader(let header):
            .gpadlCreated(GPADLCreated(relid: header.relid, gpadl: header.gpadl, status: .success))
        case .gpadlTeardown(let teardown): .gpadlTorndown(GPADLTorndown(gpadl: teardown.gpadl))
        case .openChannel(let open):
            .openChannelResult(OpenChannelResult(relid: open.relid, openID: open.openID, status: .success))
        case .openReservedChannel(let open):
            .openChannelResult(OpenChannelResult(relid: open.relid, openID: 0, status: .success))
        case .closeReservedChannel(let close): .closeReservedResponse(ChannelReference(relid: close.relid))
        case .modifyChannel(let modify):
            .modifyChannelResponse(ModifyChannelResponse(relid: modify.relid, status: .success))
        case .modifyConnection: .modifyConnectionResponse(ModifyConnectionResponse())
        case .pause: .pauseResponse
        case .unload: .unloadComplete
        case .relidReleased(let reference): .offerChannel(GuestRig.offer(reference.relid))
        case .initiateContact:
            .versionResponse(
                VersionResponse(supported: true, versionOrConnectionID: 4, features: GuestProfile().features))
        default: nil
        }
    }

    private func wish(
        _ guest: inout GuestConnection, _ relid: UInt32, _ handle: UInt32, _ choice: UInt64
    ) throws(GuestRefusal) -> [GuestEffect] {
        switch choice % 18 {
        case 0, 1, 2:
            let range = GPARange(byteCount: 4 * 4096, byteOffset: 0, pages: [1, 2, 3, 4])
            return try guest.createPageList(relid: relid, PageList(ranges: [range])).effects
        case 3, 4: return try guest.tearDownPageList(handle)
        case 5, 6: return try guest.open(relid: relid, pageList: handle, targetVP: 0, downstreamPageOffset: 2)
        case 7: return try guest.openReserved(relid: relid, pageList: handle, targetVP: 0, downstreamPageOffset: 2)
        case 8: return try guest.close(relid: relid)
        case 9: return try guest.closeReserved(relid: relid)
        case 10: return try guest.modify(relid: relid, targetVP: 1)
        case 11: return try guest.release(relid: relid)
        case 12: return try guest.pauseMessages()
        case 13: return try guest.resumeMessages()
        case 14: return try guest.modifyConnection(parentToChild: 1, childToParent: 1)
        case 15:
            return try guest.connectSocket(
                TLConnectRequest(endpointID: GUID(low: choice % 7, high: 0), serviceID: .zero))
        case 16: return choice / 18 % 5 == 0 ? guest.unload() : try guest.resume()
        default:
            switch choice / 18 % 8 {
            case 0: return try guest.suspend()
            case 1: return guest.crash()
            case 2: return guest.reset()
            default: return []
            }
        }
    }
}
