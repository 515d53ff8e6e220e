import Testing
import VMBusEngine
import VMBusWire

/// The behaviours of anchors B.4, groups "life" (reserved channels), "GPADL", "sockets" and "queue", and B.6 themes 6, 9, 12.
@Suite struct HostReservedTests {
    private func opened(_ configuration: HostConnection.Configuration = .init()) -> HostDriver {
        var driver = HostDriver(configuration, offers: [BothEnds.offer(1), BothEnds.offer(2)])
        driver.connect()
        driver.share(HostDriver.ring)
        driver.send(HostDriver.openReserved())
        let key = driver.keys[0]
        driver.answer { $0.openCompleted(key, success: true) }
        return driver
    }

    @Test func `a reserved open is answered to its request's target and has no interrupts`() throws {
        let driver = opened()
        guard case .reply(_, let target)? = driver.effects.first else { throw Unexpected() }
        #expect(target == MessageTarget(vp: 3, sint: 5))
        guard case .open(let request)? = driver.host.channel(relid: 1)?.state else { throw Unexpected() }
        #expect(!request.interruptsEnabled)
        #expect(driver.host.channel(relid: 1)?.targetVP == OpenChannel.interruptsDisabled)
    }

    @Test func `a reserved channel and its lists survive the unload and the next connection`() throws {
        var driver = opened()
        #expect(driver.send(.unload).told() == [.disconnected, .sends(.unloadComplete)])
        #expect(driver.host.pageLists.count == 1)
        #expect(driver.host.channel(relid: 1)?.isOpen == true)
        driver.connect()
        let offered = driver.effects.messages().compactMap {
            if case .offerChannel(let body) = $0 { body } else { nil }
        }
        #expect(offered.map(\.relid) == [2])
        #expect(offered.map(\.interfaceInstance) == [BothEnds.offer(2).interfaceInstance])
        #expect(driver.send(HostDriver.closeMessage).rules == ["reserved-channel"])
        driver.send(HostDriver.closeReserved())
        let key = driver.keys[0]
        let effects = driver.answer { $0.closeCompleted(key) }
        #expect(effects.told() == [.replies(.closeReservedResponse)])
        #expect(driver.host.channel(relid: 1)?.state == .closed)
    }

    @Test func `a reserved channel is closed without a connection, and its number is free then`() throws {
        var driver = opened()
        driver.send(.unload)
        #expect(driver.send(HostDriver.closeReserved(vp: 7, sint: 1), on: 1).told() == [.close])
        let key = driver.keys[0]
        driver.answer { $0.closeCompleted(key) }
        #expect(driver.effects.told() == [.replies(.closeReservedResponse), .listReleased, .released])
        guard case .reply(_, let target)? = driver.effects.first else { throw Unexpected() }
        #expect(target == MessageTarget(vp: 7, sint: 1))
        #expect(driver.host.channel(relid: 1) == nil)
        driver.connect()
        #expect(driver.host.channels.map(\.relid) == [1, 2])
    }

    @Test func `a list left over from a reserved channel keeps its offer back until the device has let go of it`() {
        var driver = HostDriver(HostDriver.patient())
        driver.connect()
        driver.share(HostDriver.ring)
        driver.send(HostDriver.openReserved())
        let key = driver.keys[0]
        driver.answer { $0.openCompleted(key, success: true) }
        driver.send(.unload)
        driver.send(HostDriver.closeReserved())
        #expect(
            driver.answer { $0.closeCompleted(key) }.told()
                == [.replies(.closeReservedResponse), .listTeardown, .released])
        driver.connect()
        #expect(driver.effects.told() == [.sends(.allOffersDelivered)])
        #expect(
            driver.answer { $0.pageListTornDown(key, handle: HostDriver.ring) }.told() == [
                .listReleased, .sends(.offerChannel),
            ])
        driver.share(HostDriver.ring)
        #expect(driver.effects.told() == [.listCreated, .sends(.gpadlCreated)])
    }

    @Test func `what a guest was still sharing with a reserved channel is not met by the next guest`() {
        var driver = HostDriver(HostDriver.patient(), offers: [BothEnds.offer(1), BothEnds.offer(2)])
        driver.connect()
        driver.share(HostDriver.ring)
        driver.send(HostDriver.list(5, pages: 60)[0])
        driver.share(6, accept: false)
        driver.send(HostDriver.openReserved())
        let key = driver.keys[0]
        driver.answer { $0.openCompleted(key, success: true) }
        driver.send(.unload)
        driver.connect()
        #expect(driver.send(HostDriver.list(5, relid: 2)[0]).told() == [.listOffered])
        #expect(driver.answer { $0.pageListAnswered(key, handle: 6, accepted: true) }.told() == [.listTeardown])
    }

    @Test func `a close that is under way at the unload is answered to where it was asked from`() throws {
        var driver = opened()
        driver.send(HostDriver.closeReserved(vp: 7, sint: 1))
        driver.send(.unload)
        #expect(driver.host.state == .disconnected)
        let key = driver.keys[0]
        let effects = driver.answer { $0.closeCompleted(key) }
        guard case .reply(let bytes, let target)? = effects.first else { throw Unexpected() }
        #expect(target == MessageTarget(vp: 7, sint: 1))
        #expect(bytes[0] == 20)
    }

    @Test func `an open that is under way at the unload is not answered`() {
        var driver = HostDriver()
        driver.connect()
        driver.share(HostDriver.ring)
        driver.send(HostDriver.openReserved())
        driver.send(.unload)
        var failed = driver
        let key = driver.keys[0]
        #expect(driver.answer { $0.openCompleted(key, success: true) }.isEmpty)
        #expect(driver.host.channel(relid: 1)?.isOpen == true)
        #expect(failed.answer { $0.openCompleted(key, success: false) }.told() == [.listReleased, .released])
        #expect(failed.host.channel(relid: 1) == nil)
    }

    @Test func `a reset ends reserved channels too, connected or not`() {
        for unloaded in [false, true] {
            var driver = opened()
            if unloaded { driver.send(.unload) }
            #expect(driver.answer { $0.reset() }.told() == [.close])
            let key = driver.keys[0]
            #expect(driver.answer { $0.closeCompleted(key) }.told() == [.listReleased, .released, .disconnected])
            #expect(driver.host.pageLists.isEmpty)
            #expect(driver.host.channels.allSatisfy { $0.relid == 0 })
        }
    }

    @Test func `a target that no processor has is refused`() {
        var driver = opened()
        #expect(driver.send(HostDriver.closeReserved(sint: 16)).rules == ["reserved-target"])
        #expect(driver.host.channel(relid: 1)?.isOpen == true)
    }

    // MARK: Queue

    @Test func `what is held for a paused guest keeps its order, and goes with the unload`() throws {
        var driver = opened()
        driver.send(HostDriver.closeReserved())
        driver.send(.pause)
        let key = driver.keys[0]
        #expect(driver.answer { $0.closeCompleted(key) }.isEmpty)
        #expect(try driver.host.addOffer(BothEnds.offer(3)).effects.isEmpty)
        #expect(driver.host.revoke(driver.keys[1]).isEmpty)
        var unloaded = driver
        #expect(
            driver.send(.resume).told()
                == [.replies(.closeReservedResponse), .sends(.offerChannel), .sends(.rescindChannelOffer)])
        #expect(driver.send(.resume).isEmpty)
        #expect(unloaded.send(.unload).messages().map(\.type) == [.unloadComplete])
        unloaded.connect()
        #expect(unloaded.effects.messages().map(\.type) == [.offerChannel, .offerChannel, .allOffersDelivered])
    }

    @Test func `a paused guest hears of what it missed beyond the limit`() throws {
        var driver = HostDriver(HostDriver.patient(), offers: [BothEnds.offer(1), BothEnds.offer(2)])
        driver.connect()
        let limit = UInt32(HostConnection.maximumPageLists)
        for handle in 1...limit { driver.share(handle, pages: 1, accept: false) }
        #expect(driver.send(HostDriver.list(limit + 1, pages: 1)[0]).rules == ["gpadl-limit"])
        driver.send(.pause)
        let keys = driver.keys
        for handle in 1...limit { driver.answer { $0.pageListAnswered(keys[0], handle: handle, accepted: true) } }
        #expect(driver.answer { $0.revoke(keys[1]) }.rules == ["paused"])
        #expect(driver.send(.resume).count == Int(limit))
    }

    // MARK: Page lists

    @Test func `a refused list leaves its handle free, and a half one goes with the reset`() {
        var driver = HostDriver(HostDriver.patient())
        driver.connect()
        let key = driver.keys[0]
        driver.share(5, accept: false)
        #expect(
            driver.answer { $0.pageListAnswered(key, handle: 5, accepted: false) }.told() == [.refuses(.gpadlCreated)])
        driver.share(5)
        #expect(driver.effects.told() == [.listCreated, .sends(.gpadlCreated)])
        driver.send(HostDriver.list(6, pages: 60)[0])
        driver.answer { $0.reset(abandoning: true) }
        driver.connect()
        #expect(driver.send(HostDriver.list(6, pages: 60)[1]).rules == ["gpadl-complete"])
        #expect(driver.send(HostDriver.list(6)[0]).told() == [.listOffered])
    }

    @Test func `a handle under way is one for the whole connection, a complete one for its channel`() {
        var driver = HostDriver(offers: [BothEnds.offer(1), BothEnds.offer(2)])
        driver.connect()
        driver.send(HostDriver.list(5, relid: 1, pages: 60)[0])
        #expect(
            driver.send(HostDriver.list(5, relid: 2)[0]).told() == [
                .breaks("gpadl-lifecycle"), .refuses(.gpadlCreated),
            ])
        for body in HostDriver.list(5, relid: 1, pages: 60).dropFirst() { driver.send(body) }
        #expect(driver.send(HostDriver.list(5, relid: 2)[0]).told() == [.listCreated, .sends(.gpadlCreated)])
        driver.send(.gpadlTeardown(GPADLTeardown(relid: 2, gpadl: 5)))
        #expect(driver.host.pageLists.map(\.relid) == [1])
    }

    @Test func `at most 256 lists are under way`() {
        var driver = HostDriver()
        driver.connect()
        for handle in 1...256 as ClosedRange<UInt32> { driver.send(HostDriver.list(handle, pages: 60)[0]) }
        #expect(driver.send(HostDriver.list(257, pages: 60)[0]).rules == ["gpadl-limit"])
        for body in HostDriver.list(1, pages: 60).dropFirst() { driver.send(body) }
        #expect(driver.send(HostDriver.list(257, pages: 60)[0]).isEmpty)
    }

    // MARK: Sockets

    private let request = TLConnectRequest(endpointID: GUID(low: 7, high: 7), serviceID: GUID(low: 8, high: 8))

    @Test(arguments: [ProtocolVersion.windows10, .redstone3, .redstone5, .copper])
    func `a socket is offered when it is connected and refused by message from 4·1 on`(_ version: ProtocolVersion)
        throws
    {
        var driver = HostDriver(HostDriver.patient(), offers: [])
        driver.connect(version)
        var request = request
        for silo in [nil, GUID(low: 9, high: 9)] where silo == nil || version >= .redstone5 {
            request.siloID = silo
            #expect(driver.send(.tlConnectRequest(request)) == [.socket(request)])
            let refused = driver.answer { $0.socketRefused(request) }
            #expect(refused.told() == (version >= .redstone3 ? [.refuses(.tlConnectResult)] : []))
            driver.send(.tlConnectRequest(request))
            let accepted = try #require(try driver.host.socketAccepted(request))
            guard case .offerChannel(let offer)? = accepted.effects.messages(driver.host.agreement).first else {
                throw Unexpected()
            }
            #expect(offer.flags.contains(.tlnpiProvider))
            #expect((offer.interfaceInstance, offer.interfaceType) == (request.endpointID, request.serviceID))
            #expect(offer.siloID == (silo ?? .zero))
            #expect(offer.socketVersion == (version >= .redstone5 ? 1 : 0))
            _ = driver.host.revoke(accepted.key)
            driver.send(.relidReleased(ChannelReference(relid: offer.relid)))
        }
    }

    @Test func `the seventeenth socket at once is refused, and answers for a connection that has ended mean nothing`()
        throws
    {
        var driver = HostDriver(HostDriver.patient(), offers: [])
        driver.connect()
        func request(_ number: UInt64) -> TLConnectRequest {
            TLConnectRequest(endpointID: GUID(low: number, high: 1), serviceID: .zero)
        }
        for number in 1...16 as ClosedRange<UInt64> {
            #expect(driver.send(.tlConnectRequest(request(number))).told() == [.socket])
        }
        #expect(
            driver.send(.tlConnectRequest(request(17))).told() == [.refuses(.tlConnectResult), .breaks("socket-limit")])
        #expect(driver.send(.tlConnectRequest(request(3))).rules == ["socket-unique"])
        _ = driver.answer { $0.socketRefused(request(1)) }
        #expect(driver.send(.tlConnectRequest(request(17))).told() == [.socket])
        driver.send(.unload)
        #expect(driver.answer { $0.socketRefused(request(2)) }.isEmpty)
        #expect(try driver.host.socketAccepted(request(2)) == nil)
    }
}
