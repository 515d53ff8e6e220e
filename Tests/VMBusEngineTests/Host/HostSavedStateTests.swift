import TestSupport
import Testing
import VMBusEngine
import VMBusWire

@Suite struct HostSavedStateTests {
    private static let pages = MonitorPages(parentToChild: 0x1000, childToParent: 0x2000)

    /// The problem that a restore has with some bytes.
    private func refusal(
        _ bytes: [UInt8], _ configuration: HostConnection.Configuration = HostDriver.patient()
    ) -> RestoreError? {
        var host = HostConnection(configuration)
        let before = host
        do throws(RestoreError) {
            _ = try host.restore(bytes)
            return nil
        } catch {
            #expect(host == before)
            return error
        }
    }

    private func expectSameBytes(_ driver: HostDriver, _ place: String) throws {
        let saved = driver.host.saved()
        #expect(saved == driver.host.saved())
        #expect(try driver.restored().host.saved() == saved, "\(place)")
    }

    @Test(arguments: ChannelRow.allCases)
    func `save, restore and save again give the same bytes for a channel in each state`(_ row: ChannelRow) throws {
        try expectSameBytes(HostChannelTableTests.driver(row), "\(row)")
    }

    @Test(arguments: PageListRow.allCases)
    func `save, restore and save again give the same bytes for a page list in each state`(_ row: PageListRow) throws {
        try expectSameBytes(HostPageListTableTests.driver(row), "\(row)")
    }

    @Test(arguments: ConnectionRow.allCases)
    func `save, restore and save again give the same bytes for a connection in each state`(_ row: ConnectionRow) throws
    {
        try expectSameBytes(HostConnectionTableTests.driver(row), "\(row)")
    }

    @Test func `everything that a connection has comes back`() throws {
        var driver = HostDriver(
            HostDriver.patient {
                $0.features = .all
                $0.monitorPages = Self.pages
            }, offers: (1...10).map { BothEnds.offer(UInt64($0)) })
        driver.connect(features: .all, trusted: true, vp: 3)
        let keys = driver.keys
        func send(_ message: ChannelMessage) { driver.send(message, trusted: true) }
        for relid in 1...5 as ClosedRange<UInt32> {
            for message in HostDriver.list(relid, relid: relid) { send(message) }
            driver.answer { $0.pageListAnswered(keys[Int(relid) - 1], handle: relid, accepted: true) }
            send(.openChannel(HostDriver.open(relid, ring: relid)))
        }
        driver.answer { $0.openCompleted(keys[0], success: true) }
        driver.answer { $0.openCompleted(keys[1], success: true) }
        send(.modifyChannel(ModifyChannel(relid: 1, targetVP: 9)))
        send(HostDriver.modifyConnection(nil))
        send(.tlConnectRequest(TLConnectRequest(endpointID: GUID(low: 1, high: 2), serviceID: .zero)))
        driver.host.limitVersion(to: .iron, afterNextConnection: true)
        send(.pause)
        driver.answer { $0.openCompleted(keys[2], success: false) }
        driver.answer { $0.revoke(keys[8]) }
        driver.answer { (try? $0.addOffer(BothEnds.offer(9)).effects) ?? [] }
        let restored = try driver.restored()
        #expect(restored.host.saved() == driver.host.saved())
        #expect(restored.host.agreement == driver.host.agreement)
        #expect(restored.host.monitorPages == Self.pages)
        #expect(restored.host.targetVP == 3)
        #expect(restored.host.isTrusted && restored.host.isPaused && restored.host.offersSent)
        #expect(restored.host.clientID == .zero)
        var resumed = restored
        let messages = resumed.send(.resume, trusted: true).messages().map(\.type)
        #expect(messages == [.openChannelResult, .rescindChannelOffer])
    }

    @Test func `requests without an answer are repeated, and answers that were given are not`() throws {
        let expected: [(ChannelRow, [Told])] = [
            (.closed, [.connected, .listCreated, .listCreated]),
            (.opening, [.connected, .listCreated, .listCreated, .open]),
            (.open, [.connected, .listCreated, .listCreated, .resumed]),
            (.openMoving, [.connected, .listCreated, .listCreated, .resumed, .move]),
            (.closing, [.connected, .listCreated, .listCreated, .close]),
            (.closingReserved, [.connected, .listCreated, .listCreated, .close]),
            (.closingReopen, [.connected, .listCreated, .listCreated, .close]),
            (.closingClientRelease, [.connected, .close]),
            (.openingClientRelease, [.open]),
        ]
        for (row, told) in expected {
            #expect(try HostChannelTableTests.driver(row).restored().effects.told() == told, "\(row)")
        }
        let lists: [(PageListRow, [Told])] = [
            (.offered, [.connected, .listOffered]), (.tearingDown, [.connected, .listTeardown]),
            (.offeredTearingDown, [.connected, .listOffered]),
        ]
        for (row, told) in lists {
            #expect(try HostPageListTableTests.driver(row).restored().effects.told() == told, "\(row)")
        }
        let connections: [(ConnectionRow, [Told])] = [
            (.connecting, [.contact]), (.modifying, [.connected, .modifyConnection]), (.connected, [.connected]),
            (.disconnected, []), (.disconnectingUnload, [.close]),
        ]
        for (row, told) in connections {
            #expect(try HostConnectionTableTests.driver(row).restored().effects.told() == told, "\(row)")
        }
    }

    @Test func `a side that answers at once finishes what was waiting`() throws {
        let atOnce = HostConnection.Configuration()
        let offered = try HostPageListTableTests.driver(.offered).restored(atOnce)
        #expect(offered.effects.told() == [.connected, .listCreated, .sends(.gpadlCreated)])
        let connecting = try HostConnectionTableTests.driver(.connecting).restored(atOnce)
        #expect(connecting.effects.told() == [.sends(.versionResponse), .connected])
        let moving = try HostChannelTableTests.driver(.openMoving).restored(atOnce)
        #expect(moving.effects.told().suffix(3) == [.resumed, .moved, .sends(.modifyChannelResponse)])
    }

    @Test(arguments: ChannelRow.allCases)
    func `a saved channel without a device is rescinded`(_ row: ChannelRow) throws {
        let driver = HostChannelTableTests.driver(row)
        var host = HostConnection(driver.host.configuration)
        let told = try host.restore(driver.host.saved()).told()
        let isRescinded = told.contains(.sends(.rescindChannelOffer))
        switch row {
        case .clientReleased, .closingClientRelease, .openingClientRelease, .gone:
            #expect(!isRescinded)
            #expect(host.channels.isEmpty)
        case .revoked: #expect(!isRescinded && host.channels.count == 1)
        case .closed, .opening, .openingReserved, .open, .openMoving, .openReserved, .closing, .closingReserved,
            .closingReopen, .reoffered:
            #expect(isRescinded == (row != .reoffered))
            #expect(host.channels.map(\.state) == [.revoked])
        }
        #expect(!told.contains(.open) && !told.contains(.close))
        _ = host.receive(HostDriver.releaseMessage.encoded(), connectionID: 4)
        #expect(host.channels.isEmpty)
    }

    @Test func `a device without a saved state is new to the guest, once it has asked for offers`() throws {
        for asked in [false, true] {
            var driver = HostDriver(offers: [BothEnds.offer(1)])
            driver.connect(offers: asked)
            var other = HostDriver(offers: [BothEnds.offer(0), BothEnds.offer(1)])
            let effects = try other.host.restore(driver.host.saved())
            #expect(effects.told() == (asked ? [.connected, .sends(.offerChannel)] : [.connected]))
            if !asked {
                let offers = other.send(.requestOffers).messages().map(\.type)
                #expect(offers == [.offerChannel, .offerChannel, .allOffersDelivered])
            }
            #expect(Set(other.host.channels.map(\.relid)) == [1, 2])
        }
    }

    @Test func `a device that is back on the new side is offered again after its release`() throws {
        let driver = HostChannelTableTests.driver(.revoked)
        var other = HostDriver(driver.host.configuration)
        #expect(try other.host.restore(driver.host.saved()).messages().isEmpty)
        #expect(other.host.channels.map(\.state) == [.reoffered])
        #expect(other.send(HostDriver.releaseMessage).messages().map(\.type) == [.offerChannel])
    }

    @Test(arguments: ProtocolVersion.all, ProtocolVersion.all)
    func `a state newer than the new side allows is refused`(_ saved: ProtocolVersion, _ allowed: ProtocolVersion) {
        var driver = HostDriver(offers: [])
        driver.connect(saved, features: [])
        var configuration = HostConnection.Configuration()
        configuration.maximumVersion = allowed
        #expect(
            refusal(driver.host.saved(), configuration) == (saved > allowed ? .version(saved, allowed: allowed) : nil))
    }

    @Test func `features that the new side does not have are refused, and features below 6 too`() {
        var driver = HostDriver(offers: [])
        driver.connect(features: [.pauseResume, .modifyConnection])
        var configuration = HostConnection.Configuration()
        configuration.features = [.pauseResume]
        #expect(
            refusal(driver.host.saved(), configuration)
                == .features([.pauseResume, .modifyConnection], allowed: .pauseResume))
        #expect(refusal(driver.host.saved()) == nil)
        // Bytes 20 to 23 of the state hold the version.
        var tampered = driver.host.saved()
        tampered.replaceSubrange(20..<24, with: [3, 0, 5, 0])
        #expect(refusal(tampered).map { if case .inconsistent = $0 { true } else { false } } == true)
    }

    @Test func `a reserved channel keeps the limits of the version under which it was opened`() {
        var driver = HostChannelTableTests.driver(.openReserved)
        driver.send(.unload)
        #expect(driver.host.state == .disconnected)
        #expect(refusal(driver.host.saved()) == nil)
        let old = HostDriver.patient { $0.maximumVersion = .iron }
        #expect(refusal(driver.host.saved(), old) == .version(.copper, allowed: .iron))
        let poor = HostDriver.patient { $0.features = [] }
        #expect(
            refusal(driver.host.saved(), poor) == .features([.modifyConnection, .pauseResume], allowed: []))
    }

    @Test func `a connection that is in use takes up no other`() {
        var driver = HostDriver()
        driver.connect()
        let saved = driver.host.saved()
        let result = Result { try driver.host.restore(saved) }
        #expect(throws: RestoreError.self) { try result.get() }
    }

    @Test func `two channels do not share a number, and a number has an event flag`() {
        var driver = HostDriver(offers: [BothEnds.offer(1), BothEnds.offer(2)])
        driver.connect()
        let saved = driver.host.saved()
        for (number, problem) in [
            (UInt8(1), "relid 1 belongs to two channels"), (0, "is known to the guest and has no number"),
        ] {
            let refusals = saved.indices.dropLast(4).filter { Array(saved[$0..<$0 + 4]) == [2, 0, 0, 0] }.filter {
                place in
                var tampered = saved
                tampered[place] = number
                guard case .inconsistent(let what)? = refusal(tampered) else { return false }
                return what.contains(problem)
            }
            #expect(refusals.count == 1, "\(problem)")
        }
    }

    @Test func `every prefix and every changed byte is refused or gives a host that lives`() throws {
        var drivers = ChannelRow.allCases.map { HostChannelTableTests.driver($0) }
        drivers += PageListRow.allCases.map { HostPageListTableTests.driver($0) }
        var generator = SeededNumbers(seed: 5)
        for driver in drivers {
            let saved = driver.host.saved()
            for length in stride(from: 0, to: saved.count, by: 31) { #expect(refusal(Array(saved[..<length])) != nil) }
            for _ in 0..<40 * Soak.factor {
                var tampered = saved
                for _ in 0...(generator.next() % 3) {
                    tampered[Int(generator.next() % UInt64(saved.count))] = UInt8(
                        truncatingIfNeeded: generator.next() >> 9)
                }
                var host = HostConnection(HostDriver.patient())
                let (key, _) = try host.addOffer(BothEnds.offer(1))
                guard (try? host.restore(tampered)) != nil else { continue }
                for message in HostChannelTableTests.messages.shuffled(using: &generator) {
                    _ = host.receive(message.encoded(), connectionID: 4)
                    _ = host.openCompleted(key, success: true)
                    _ = host.closeCompleted(key)
                }
                _ = host.reset(abandoning: true)
                #expect(host.state == .disconnected)
            }
        }
    }

    @Test func `two thousand channels and their lists come back`() throws {
        var driver = HostDriver(offers: (1...2000).map { BothEnds.offer(UInt64($0)) })
        driver.connect()
        for relid in 1...2000 as ClosedRange<UInt32> { driver.share(relid, relid: relid, pages: 4) }
        let restored = try driver.restored()
        #expect(restored.host.channels.count == 2000)
        #expect(restored.host.pageLists.count == 2000)
        #expect(restored.host.saved() == driver.host.saved())
    }
}
