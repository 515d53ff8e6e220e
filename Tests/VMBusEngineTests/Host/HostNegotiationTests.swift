import Testing
import VMBusEngine
import VMBusWire

/// The behaviours of anchors B.4, group "negotiation" and "connection", and of B.6 themes 3 and 11.
@Suite struct HostNegotiationTests {
    private let pages = MonitorPages(parentToChild: 0x1000, childToParent: 0x2000)

    private func response(_ effects: [HostEffect]) throws -> VersionResponse {
        guard case .versionResponse(let response)? = effects.messages().first else { throw Unexpected() }
        return response
    }

    @Test(arguments: ProtocolVersion.all, ProtocolVersion.all)
    func `a version up to the cap is taken, and a newer one gets a plain no`(
        _ asked: ProtocolVersion, _ cap: ProtocolVersion
    ) throws {
        var configuration = HostConnection.Configuration()
        configuration.maximumVersion = cap
        var driver = HostDriver(configuration)
        let effects = driver.send(HostDriver.contact(asked), on: asked >= .redstone3MultiClient ? 4 : 1)
        guard case .send(let bytes, _)? = effects.first else { throw Unexpected() }
        let response = try response(effects)
        if asked <= cap {
            #expect(driver.host.state == .connected)
            #expect(driver.host.agreement.version == asked)
            #expect(response.versionOrConnectionID == (asked >= .redstone3MultiClient ? 4 : asked.rawValue))
            #expect(bytes.count == (asked == .copper ? 20 : 16))
        } else {
            #expect(driver.host.state == .disconnected)
            #expect(bytes == [15, 0, 0, 0] + [UInt8](repeating: 0, count: 12))
        }
    }

    @Test func `a version that does not exist is refused`() throws {
        for version in [
            ProtocolVersion(0, 0), ProtocolVersion(2, 5), ProtocolVersion(6, 1), ProtocolVersion(rawValue: .max),
        ] {
            var driver = HostDriver()
            #expect(try response(driver.send(HostDriver.contact(version))).versionSupported == 0)
            #expect(driver.host.state == .disconnected)
        }
    }

    @Test func `another source is refused there, whatever the connection does`() throws {
        for connected in [false, true] {
            var driver = HostDriver()
            if connected { driver.connect() }
            let before = driver.host
            let effects = driver.send(HostDriver.contact(.iron, sint: 7, vp: 3))
            #expect(effects.told() == [.repliesNo(.versionResponse), .breaks("contact-sint")])
            guard case .reply(_, let target)? = effects.first else { throw Unexpected() }
            #expect(target == MessageTarget(vp: 3, sint: 7))
            #expect(driver.host == before)
        }
        var driver = HostDriver()
        #expect(driver.send(HostDriver.contact(.iron, sint: 16)).told() == [.breaks("contact-sint")])
    }

    @Test func `a contact for another trust level is handed on without an answer`() {
        var driver = HostDriver()
        #expect(driver.send(HostDriver.contact(.redstone4, vtl: 2)).told() == [.forward])
        #expect(
            driver.send(HostDriver.contact(.redstone4, vtl: 2), on: ConnectionID.redirectedMessage).told() == [.forward]
        )
        #expect(driver.host.state == .disconnected)
        var configuration = HostConnection.Configuration()
        configuration.vtl = 2
        driver = HostDriver(configuration)
        driver.send(HostDriver.contact(.redstone4, vtl: 2))
        #expect(driver.host.state == .connected)
    }

    @Test func `source and trust level count only on the multi-client connection, and from their version on`() {
        for (version, connection) in [
            (ProtocolVersion.copper, ConnectionID.message), (.redstone3, ConnectionID.multiClientMessage),
        ] {
            var driver = HostDriver()
            driver.send(HostDriver.contact(version, sint: 7, vtl: 2), on: connection)
            #expect(driver.host.state == .connected, "\(version)")
        }
        var driver = HostDriver()
        driver.send(HostDriver.contact(.redstone3MultiClient, vtl: 2))
        #expect(driver.host.state == .connected)
    }

    @Test(arguments: 0..<256)
    func `features are what both sides have, and the confidential one needs trust`(_ bits: Int) throws {
        let asked = FeatureFlags(rawValue: UInt32(bits))
        for (has, trusted) in [(FeatureFlags.all, false), (.all, true), ([.pauseResume, .clientID], true), ([], true)] {
            var configuration = HostConnection.Configuration()
            configuration.features = has
            var driver = HostDriver(configuration)
            driver.send(HostDriver.contact(features: asked, clientID: .zero), trusted: trusted)
            var expected = asked.intersection(has)
            if !trusted { expected.remove(.confidentialChannels) }
            #expect(driver.host.agreement.features == expected)
            #expect(try response(driver.effects).features == expected)
        }
    }

    @Test func `features below 6 are ignored`() {
        var driver = HostDriver()
        driver.send(HostDriver.contact(.iron, features: .all))
        #expect(driver.host.agreement.features == [])
    }

    @Test func `a client id that is announced and missing ends the message, and changes nothing`() {
        var driver = HostDriver()
        driver.connect()
        let before = driver.host
        #expect(driver.send(HostDriver.contact(features: .clientID)).told() == [.breaks("client-id")])
        #expect(driver.host == before)
        let id = GUID(low: 1, high: 2)
        driver.send(HostDriver.contact(features: .clientID, clientID: id))
        #expect(driver.host.clientID == id)
    }

    @Test(arguments: ProtocolVersion.all)
    func `the interrupt page is used below 2·4 only, and the processor from 3·0 on`(_ version: ProtocolVersion) {
        var driver = HostDriver()
        driver.send(HostDriver.contact(version, vp: 5, interruptPage: version < .redstone3MultiClient ? 0x5000 : 0))
        #expect(driver.host.state == .connected || version >= .redstone3MultiClient)
        #expect(driver.host.interruptPage == (version < .windows8 ? 0x5000 : nil))
        #expect(driver.host.targetVP == (version >= .windows8_1 ? 5 : 0))
    }

    @Test(arguments: ProtocolVersion.all)
    func `a failed contact is told as such from 2·4 on`(_ version: ProtocolVersion) throws {
        var driver = HostDriver(HostDriver.patient())
        driver.send(HostDriver.contact(version), on: version >= .redstone3MultiClient ? 4 : 1)
        let response = try response(driver.answer { $0.contactRefused(.lowResources) })
        #expect(response.versionSupported == (version >= .windows8 ? 1 : 0))
        #expect(response.connectionState == (version >= .windows8 ? .lowResources : .successful))
        #expect(driver.host.state == .disconnected)
    }

    @Test func `one monitor page without the other leaves the host disconnected`() throws {
        for (first, second) in [(0x1000, 0), (0, 0x1000)] as [(UInt64, UInt64)] {
            var driver = HostDriver()
            let pages = MonitorPages(parentToChild: first, childToParent: second)
            let response = try response(driver.send(HostDriver.contact(pages: pages)))
            #expect(response.versionSupported == 1 && response.connectionState == .unknownFailure)
            #expect(driver.host.state == .disconnected)
        }
    }

    @Test func `a cap can wait until the next connection has ended`() {
        var driver = HostDriver()
        driver.host.limitVersion(to: .iron, afterNextConnection: true)
        driver.connect(.copper)
        #expect(driver.host.agreement.version == .copper)
        driver.send(.unload)
        #expect(driver.send(HostDriver.contact(.copper)).told() == [.refuses(.versionResponse)])
        driver.connect(.iron)
        #expect(driver.host.agreement.version == .iron)
        driver.host.limitVersion(to: .windows10)
        #expect(driver.host.state == .connected)
        #expect(driver.send(HostDriver.contact(.iron)).told() == [.disconnected, .refuses(.versionResponse)])
    }

    @Test func `a cap counts for a contact that the surroundings have not answered yet`() {
        var driver = HostDriver(HostDriver.patient())
        #expect(driver.send(HostDriver.contact(.copper)).told() == [.contact])
        driver.host.limitVersion(to: .iron)
        driver.answer { $0.contactAccepted() }
        #expect(driver.effects.told() == [.disconnected, .refuses(.versionResponse)])
        #expect(driver.host.state == .disconnected)
        driver.send(HostDriver.contact(.iron))
        driver.answer { $0.contactAccepted() }
        #expect(driver.host.agreement.version == .iron)
    }

    @Test func `a second contact closes everything before it is answered`() {
        var driver = HostChannelTableTests.driver(.open)
        let key = driver.keys[0]
        #expect(driver.send(HostDriver.contact(.iron)).told() == [.close, .listTeardown])
        driver.answer { $0.pageListTornDown(key, handle: HostDriver.spare) }
        driver.answer { $0.closeCompleted(key) }
        #expect(driver.effects.told() == [.listTeardown, .released])
        driver.answer { $0.pageListTornDown(key, handle: HostDriver.ring) }
        #expect(driver.effects.told() == [.listReleased, .disconnected, .contact])
        driver.answer { $0.contactAccepted() }
        #expect(driver.host.agreement.version == .iron)
        #expect(driver.send(.requestOffers).messages().count == 2)
    }

    @Test func `an unload closes many channels, gives all lists back and is answered once`() {
        var driver = HostDriver(offers: (1...5).map { BothEnds.offer(UInt64($0)) })
        driver.connect()
        for relid in 1...5 as ClosedRange<UInt32> {
            driver.share(relid, relid: relid)
            driver.share(relid + 10, relid: relid)
        }
        for relid in 1...3 as ClosedRange<UInt32> {
            driver.send(.openChannel(HostDriver.open(relid, ring: relid)))
            let key = driver.keys[Int(relid) - 1]
            driver.answer { $0.openCompleted(key, success: true) }
        }
        let lists = [Told](repeating: .listReleased, count: 2)
        #expect(
            driver.send(.unload).told() == [.close, .listReleased, .close, .listReleased, .close, .listReleased] + lists
                + lists)
        for index in 0..<2 {
            let key = driver.keys[index]
            #expect(driver.answer { $0.closeCompleted(key) }.told() == [.listReleased, .released])
        }
        let last = driver.keys[2]
        #expect(
            driver.answer { $0.closeCompleted(last) }.told()
                == [.listReleased, .released, .disconnected, .sends(.unloadComplete)])
        #expect(driver.host.pageLists.isEmpty)
        #expect(driver.host.channels.allSatisfy { $0.state == .clientReleased && $0.relid == 0 })
    }

    // MARK: Monitor pages

    @Test func `the host gives its monitor pages to those who can take them`() throws {
        var configuration = HostConnection.Configuration()
        configuration.features = .all
        configuration.monitorPages = pages
        for features in [FeatureFlags.serverSpecifiedMonitorPages, []] {
            var driver = HostDriver(configuration)
            let own = MonitorPages(parentToChild: 0x8000, childToParent: 0x9000)
            let effects = driver.send(HostDriver.contact(features: features, pages: own))
            guard case .send(let bytes, _)? = effects.first else { throw Unexpected() }
            let isGiven = !features.isEmpty
            #expect(bytes.count == (isGiven ? 40 : 20))
            #expect(driver.host.monitorPages == (isGiven ? pages : own))
            let response = try response(effects)
            #expect(response.childToParentMonitorPage == (isGiven ? 0x2000 : nil))
        }
    }

    @Test func `monitor pages are moved and switched off, one alone is not, and not without the feature`() {
        var driver = HostDriver()
        driver.connect(pages: pages)
        let other = MonitorPages(parentToChild: 0x3000, childToParent: 0x4000)
        #expect(driver.send(HostDriver.modifyConnection(other)).told() == [.sends(.modifyConnectionResponse)])
        #expect(driver.host.monitorPages == other)
        let half = MonitorPages(parentToChild: 0x3000, childToParent: 0)
        #expect(
            driver.send(HostDriver.modifyConnection(half)).told()
                == [.refuses(.modifyConnectionResponse), .breaks("modify-connection")])
        #expect(driver.host.monitorPages == other)
        driver.send(HostDriver.modifyConnection(nil))
        #expect(driver.host.monitorPages == nil)
        driver.connect(features: [])
        #expect(driver.send(HostDriver.modifyConnection(other)).told() == [.breaks("feature")])
        driver.connect(.iron)
        #expect(driver.send(HostDriver.modifyConnection(other)).told() == [.breaks("version")])
    }

    @Test func `pages that the host gave are not moved`() {
        var configuration = HostConnection.Configuration()
        configuration.features = .all
        configuration.monitorPages = pages
        var driver = HostDriver(configuration)
        driver.connect(features: [.serverSpecifiedMonitorPages, .modifyConnection])
        driver.send(HostDriver.modifyConnection(nil))
        #expect(driver.effects.told() == [.refuses(.modifyConnectionResponse), .breaks("modify-connection")])
        #expect(driver.host.monitorPages == pages)
    }

    // MARK: Trust

    @Test(arguments: GuestMessage.allCases)
    func `a trusted connection takes trusted messages only`(_ message: GuestMessage) {
        var driver = HostDriver()
        driver.connect(trusted: true)
        let before = driver.host
        driver.send(HostChannelTableTests.message(message))
        #expect(driver.effects.rules == ["trusted-connection"])
        #expect(driver.host == before)
        driver.send(.unload, trusted: true)
        driver.connect(trusted: false)
        #expect(driver.host.state == .connected && !driver.host.isTrusted)
    }

    @Test func `messages go to the processor of the contact, and refusals to the processor of the request`() {
        var driver = HostDriver()
        driver.connect(vp: 6)
        for effect in driver.effects {
            guard case .send(_, let vp) = effect else { continue }
            #expect(vp == 6)
        }
        driver.send(HostDriver.contact(ProtocolVersion(9, 9), vp: 2))
        let targets = driver.effects.compactMap { if case .send(_, let vp) = $0 { vp } else { nil } }
        #expect(targets == [2])
    }
}
