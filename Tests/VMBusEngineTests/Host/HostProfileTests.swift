import Testing
import VMBusEngine
import VMBusWire

/// Every knob of a profile, as the guest sees it.
@Suite struct HostProfileTests {
    private func driver(_ change: (inout HostProfile) -> Void = { _ in }) -> HostDriver {
        var profile = HostProfile.openvmm
        change(&profile)
        return HostDriver(HostConnection.Configuration(profile: profile))
    }

    @Test func `profiles are found by their names`() {
        #expect(HostProfile.all.map(\.name) == ["openvmm", "windows-host", "windows-host-2012"])
        for profile in HostProfile.all { #expect(HostProfile.named(profile.name) == profile) }
        #expect(HostProfile.named("linux") == nil)
        #expect(HostConnection.Configuration().profile == .openvmm)
        #expect(HostConnection.Configuration(profile: .windowsHost).maximumVersion == .iron)
        #expect(HostConnection.Configuration(profile: .windowsHost2012).maximumVersion == .windows8)
    }

    @Test(arguments: HostProfile.all)
    func `a guest's life is the same with every profile`(_ profile: HostProfile) throws {
        var ends = BothEnds(host: HostConnection.Configuration(profile: profile), offers: [BothEnds.offer(1)])
        ends.connect(hostKnowsMultiClient: profile.maximumVersion >= .redstone3MultiClient)
        #expect(ends.guest.agreement.version == profile.maximumVersion)
        try ends.open(1)
        ends.run(try ends.guest.close(relid: 1))
        ends.run(ends.guest.unload())
        #expect(ends.guest.state == .disconnected)
        #expect(ends.violations.isEmpty)
    }

    @Test(arguments: HostProfile.all)
    func `failures have the profile's status`(_ profile: HostProfile) throws {
        var driver = HostDriver(HostConnection.Configuration(profile: profile))
        driver.connect(profile.maximumVersion, features: [])
        driver.send(HostDriver.list(0)[0])
        guard case .gpadlCreated(let created)? = driver.effects.messages().first else { throw Unexpected() }
        #expect(created.status == profile.failureStatus)
        driver.send(.openChannel(HostDriver.open()))
        guard case .openChannelResult(let result)? = driver.effects.messages().first else { throw Unexpected() }
        #expect(result.status == profile.failureStatus)
    }

    @Test func `a refused socket is answered or not`() {
        for answers in [true, false] {
            var driver = driver { $0.answersRefusedSockets = answers }
            driver.connect()
            driver.send(.tlConnectRequest(TLConnectRequest(endpointID: .zero, serviceID: .zero)))
            #expect(driver.effects.told() == (answers ? [.refuses(.tlConnectResult)] : []))
        }
    }

    @Test func `a move of a closed channel is answered or not`() {
        for answers in [true, false] {
            var driver = driver { $0.answersMoveOfClosedChannel = answers }
            driver.connect()
            driver.send(.modifyChannel(ModifyChannel(relid: 1, targetVP: 1)))
            #expect(
                driver.effects.told() == (answers ? [.refuses(.modifyChannelResponse)] : []) + [.breaks("modify-open")])
        }
    }

    @Test func `a failed contact is told, or looks like a refused version`() throws {
        for tells in [true, false] {
            var driver = driver { $0.reportsConnectionState = tells }
            driver.send(HostDriver.contact(pages: MonitorPages(parentToChild: 1, childToParent: 0)))
            guard case .versionResponse(let response)? = driver.effects.messages().first else { throw Unexpected() }
            #expect((response.versionSupported == 1) == tells)
            #expect(response.connectionState == (tells ? .unknownFailure : .successful))
        }
    }

    @Test func `a second contact is taken or refused`() {
        for allows in [true, false] {
            var driver = driver { $0.allowsSecondContact = allows }
            driver.connect()
            driver.send(HostDriver.contact(.iron))
            #expect(
                driver.effects.told()
                    == (allows
                        ? [.disconnected, .sends(.versionResponse), .connected]
                        : [.refuses(.versionResponse), .breaks("second-contact")]))
            #expect(driver.host.agreement.version == (allows ? .iron : .copper))
        }
    }

    @Test func `unload is answered or not`() {
        for answers in [true, false] {
            var driver = driver { $0.answersUnload = answers }
            driver.connect()
            #expect(driver.send(.unload).told() == [.disconnected] + (answers ? [.sends(.unloadComplete)] : []))
        }
    }

    @Test func `shared pages have a limit, counted with what is under way and given back`() {
        var driver = driver { $0.maximumSharedPages = 100 }
        driver.connect()
        driver.share(1, pages: 60)
        driver.send(HostDriver.list(2, pages: 40)[0])
        #expect(
            driver.send(HostDriver.list(3, pages: 1)[0]).told() == [.breaks("gpadl-limit"), .refuses(.gpadlCreated)])
        driver.send(.gpadlTeardown(GPADLTeardown(relid: 1, gpadl: 1)))
        #expect(driver.send(HostDriver.list(3, pages: 1)[0]).told() == [.listCreated, .sends(.gpadlCreated)])
        #expect(HostProfile.windowsHost.maximumSharedPages == 327_680)
        #expect(HostProfile.windowsHost2012.maximumSharedPages == 98_304)
    }

    @Test func `connection ids are packed or counted`() {
        for (ids, expected) in [(HostProfile.ConnectionIDs.packed, 0x2_2001), (.counted(from: 0x10000), 0x10001)]
            as [(HostProfile.ConnectionIDs, UInt32)]
        {
            var profile = HostProfile.openvmm
            profile.connectionIDs = ids
            var configuration = HostConnection.Configuration(profile: profile)
            configuration.vtl = 2
            var driver = HostDriver(configuration)
            driver.send(HostDriver.contact(vtl: 2))
            driver.send(.requestOffers)
            #expect(driver.host.channels.first?.offer.connectionID == expected)
        }
    }

    @Test func `bytes 40 to 55 of an offer are the profile's`() throws {
        var driver = driver()
        driver.connect()
        guard case .send(let zeros, _)? = driver.effects.first else { throw Unexpected() }
        #expect(zeros[40..<56].allSatisfy { $0 == 0 })
        driver = HostDriver(HostConnection.Configuration(profile: .windowsHost))
        driver.connect(.iron)
        guard case .send(let detailed, _)? = driver.effects.first else { throw Unexpected() }
        #expect(detailed[48..<52] == [1, 0, 0, 0])
        #expect(detailed[8..<40] == zeros[8..<40])
    }
}
