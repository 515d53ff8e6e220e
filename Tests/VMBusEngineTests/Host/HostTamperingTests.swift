import Testing
import VMBusEngine
import VMBusWire

/// Saved states in which single fields were changed so that they contradict others.
@Suite struct HostTamperingTests {
    /// Where fields lie in a state with one channel and no contact, in bytes.
    private enum Place {
        static let state = 16
        static let next = 17
        static let flags = 18
        static let version = 20
        static let features = 24
        static let channelCount = 100
        static let channelState = 112
        static let channelFlags = 113
        static let ringList = 140
        static let relid = 320
        static let openRing = 336
        static let openOffset = 344
        static let reservedVersion = 480
        static let reservedFeatures = 484
        static let listState = 344
        static let rangeCount = 346
        static let announcedWords = 348
        static let age = 352
        static let secondHandle = 436
    }

    private func refusal(
        _ bytes: [UInt8], _ configuration: HostConnection.Configuration = HostDriver.patient(), offers: Int = 1
    ) throws -> RestoreError? {
        var host = HostConnection(configuration)
        for number in 1...offers { _ = try host.addOffer(BothEnds.offer(UInt64(number))) }
        do throws(RestoreError) {
            _ = try host.restore(bytes)
            return nil
        } catch {
            return error
        }
    }

    private func expect(
        _ driver: HostDriver, _ changes: [(Int, [UInt8])], _ problem: String,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(try refusal(driver.host.saved()) == nil, sourceLocation: location)
        var bytes = driver.host.saved()
        for (place, value) in changes { bytes.replaceSubrange(place..<place + value.count, with: value) }
        let text = try refusal(bytes)?.description ?? "taken up"
        #expect(text.contains(problem), sourceLocation: location)
    }

    @Test func `a connection's fields fit each other`() throws {
        let row = HostConnectionTableTests.driver
        try expect(row(.disconnected), [(Place.flags, [2, 0])], "a connection that does not stand")
        try expect(row(.disconnected), [(Place.flags, [4, 0])], "it is trusted")
        try expect(row(.offersSent), [(Place.next, [1])], "nothing is waited for")
        try expect(row(.disconnectingReset), [(Place.next, [0])], "a disconnect without a reason")
        try expect(row(.connecting), [(Place.version, [3, 0, 5, 0])], "not the one that is being answered")
        try expect(row(.offersSent), [(Place.version, [9, 0, 9, 0])], "version 9.9 does not exist")
        try expect(row(.offersSent), [(Place.version, [3, 0, 5, 0])], "which has none")
        try expect(row(.paused), [(Place.features, [4])], "paused without the feature")
        try expect(row(.modifying), [(Place.features, [0x20])], "changed without the feature")
        try expect(row(.offersSent), [(Place.flags, [0x41, 0])], "none are being changed")
        try expect(row(.offersSent), [(Place.flags, [1, 1])], "a client id without the feature")
        try expect(row(.offersSent), [(Place.flags, [9, 0])], "this host does not give")
        try expect(row(.offersSent), [(Place.flags, [0x11, 0])], "monitor pages at address 0")
        try expect(row(.offersSent), [(Place.flags, [0x81, 0])], "an interrupt page at version 6.0")
        try expect(row(.offersSent), [(Place.flags, [0, 0x80])], "flags")
        try expect(row(.offersSent), [(Place.channelCount, [0])], "bytes behind the state")
        try expect(row(.offersSent), [(Place.channelCount, [2])], "bytes")
    }

    @Test func `what waits has something to wait for`() throws {
        var held = HostConnectionTableTests.driver(.paused)
        let key = held.keys[0]
        held.answer { $0.revoke(key) }
        held.answer { (try? $0.addOffer(BothEnds.offer(1)).effects) ?? [] }
        try expect(held, [(Place.flags, [1, 0])], "a guest that is not paused")
        var socket = HostConnectionTableTests.driver(.offersSent)
        socket.send(.tlConnectRequest(TLConnectRequest(endpointID: .zero, serviceID: .zero)))
        try expect(
            socket, [(Place.version, [0, 0, 3, 0]), (Place.features, [0])], "sockets without a connection that has them"
        )
    }

    @Test func `a channel's fields fit each other and the connection`() throws {
        let row = HostChannelTableTests.driver
        let bare = HostPageListTableTests.driver(.absent)
        try expect(bare, [(Place.relid, [0, 8])], "beyond the event flags")
        try expect(bare, [(Place.relid, [0])], "has no number")
        try expect(bare, [(Place.channelState, [0])], "a number that nobody holds")
        try expect(bare, [(Place.channelState, [6])], "has no rings")
        try expect(bare, [(Place.channelState, [10])], "state")
        try expect(bare, [(Place.channelFlags, [4])], "has rings and is not in use")
        try expect(bare, [(Place.channelFlags, [8])], "moves and is not open")
        try expect(bare, [(Place.channelFlags, [16])], "waits for no move")
        try expect(bare, [(Place.channelFlags, [64])], "nothing keeps back")
        try expect(bare, [(Place.channelFlags, [128])], "flags")
        try expect(row(.clientReleased), [(Place.channelFlags, [1])], "is monitored and has no number")
        try expect(HostConnectionTableTests.driver(.disconnected), [(Place.channelState, [1])], "has no number")
        let open = HostPageListTableTests.driver(.ring)
        try expect(open, [(Place.openRing, [0x99])], "which has no room")
        try expect(open, [(Place.openOffset, [1])], "which has no room")
        try expect(open, [(Place.openOffset, [0xFF, 0xFF, 0xFF, 0xFF])], "which has no room")
        try expect(open, [(Place.ringList, [0x99])], "has no rings")
        try expect(
            row(.openReserved), [(Place.reservedVersion, [0, 0, 3, 0]), (Place.reservedFeatures, [0])],
            "a version that has no such channels")
        try expect(row(.openReserved), [(Place.reservedVersion, [3, 0, 5, 0])], "which has none")
    }

    @Test func `a page list's fields fit each other and the channel`() throws {
        let accepted = HostPageListTableTests.driver(.accepted)
        try expect(accepted, [(Place.listState, [0])], "waits for more")
        try expect(accepted, [(Place.rangeCount, [0])], "gpadl-complete")
        try expect(accepted, [(Place.rangeCount, [2])], "gpadl-complete")
        try expect(accepted, [(Place.announcedWords, [1])], "of 1 words")
        try expect(accepted, [(Place.announcedWords, [0, 0, 1, 0])], "of 65536 words")
        try expect(accepted, [(Place.age, [9])], "newer than the newest")
        try expect(HostPageListTableTests.driver(.inProgress), [(Place.listState, [3])], "too few parts")
        let offered = HostPageListTableTests.driver(.offeredTearingDown)
        try expect(offered, [(Place.listState, [1])], "in a state that its own does not allow")
        try expect(HostChannelTableTests.driver(.closed), [(Place.secondHandle, [1])], "is there twice")
        try expect(
            HostChannelTableTests.driver(.revoked), [(Place.listState, [4])], "in a state that its own does not allow")
    }

    @Test func `a new side with less room says so`() throws {
        let saved = HostPageListTableTests.driver(.accepted).host.saved()
        var configuration = HostDriver.patient()
        configuration.profile.maximumSharedPages = 3
        #expect(try refusal(saved, configuration)?.description.contains("8 shared pages; this side allows 3") == true)
        var strange = HostDriver(HostDriver.patient(), offers: [BothEnds.offer(5000)])
        strange.connect()
        #expect(try refusal(strange.host.saved(), offers: 2047)?.description.contains("more channels") == true)
    }

    @Test func `other states and other ends' states are told apart`() throws {
        let saved = HostDriver().host.saved()
        #expect(try refusal([UInt8](repeating: 0, count: 200)) == .notASavedState)
        var newer = saved
        newer[8] = 2
        #expect(try refusal(newer) == .unknownForm(2))
        var guest = saved
        guest[10] = 1
        #expect(try refusal(guest) == .otherRole(1))
        #expect(try refusal(saved + [0]) == .inconsistent("1 bytes behind the state"))
    }
}
