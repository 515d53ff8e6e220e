import TestSupport
import Testing
import VMBusEngine
import VMBusWire

/// Long seeded walks through a host, with guests, devices and operators that do anything at any time.
@Suite struct HostSequenceTests {
    private static let handles: [UInt32] = [1, 2, 3]

    /// Mostly about a channel that there is, and about a list that fits.
    private func message(_ host: HostConnection, _ generator: inout SeededNumbers) -> ChannelMessage {
        let isWild = generator.next() % 8 == 0
        let held = host.channels.map(\.relid).filter { $0 != 0 }
        let relid = isWild ? UInt32(generator.next() % 5) : held.randomElement(using: &generator) ?? 1
        let handle = Self.handles[Int(generator.next() % 3)]
        if generator.next() % 60 == 0 { return ending(&generator) }
        switch generator.next() % 22 {
        case 0: return .requestOffers
        case 1: return .resume
        case 2:
            let pages = MonitorPages(parentToChild: 1, childToParent: 2)
            return HostDriver.modifyConnection(isWild ? nil : pages)
        case 3:
            let endpoint = GUID(low: generator.next() % 20, high: 1)
            return .tlConnectRequest(TLConnectRequest(endpointID: endpoint, serviceID: .zero))
        case 4: return HostDriver.openReserved(relid, ring: handle)
        case 5: return HostDriver.closeReserved(relid)
        case 6: return .relidReleased(ChannelReference(relid: relid))
        case 7, 8: return .modifyChannel(ModifyChannel(relid: relid, targetVP: UInt32(generator.next() % 3)))
        case 9, 10: return .closeChannel(ChannelReference(relid: relid))
        case 11...14: return .openChannel(HostDriver.open(relid, ring: handle))
        case 15: return .gpadlTeardown(GPADLTeardown(relid: relid, gpadl: handle))
        case 16: return HostDriver.list(handle, relid: relid, pages: 40)[Int(generator.next() % 2)]
        default: return HostDriver.list(handle, relid: relid)[0]
        }
    }

    private func ending(_ generator: inout SeededNumbers) -> ChannelMessage {
        let endings: [ChannelMessage] = [
            .unload, .pause, HostDriver.contact(), HostDriver.contact(ProtocolVersion(9, 9)),
            HostDriver.contact(.redstone5),
        ]
        return endings[Int(generator.next() % 5)]
    }

    private func isDecided(_ host: HostConnection) -> Bool {
        switch host.state {
        case .connected, .disconnected: true
        case .connecting, .disconnecting: false
        }
    }

    /// What a guest or the surroundings would do next to get on; nil when nothing is in the way.
    private func usual(_ driver: inout HostDriver) -> Bool {
        switch driver.host.state {
        case .disconnected: driver.send(HostDriver.contact(), context: .newest)
        case .connecting: driver.answer { $0.contactAccepted() }
        case .connected where driver.host.isPaused: driver.send(.resume)
        case .connected where !driver.host.offersSent: driver.send(.requestOffers)
        case .connected, .disconnecting: return false
        }
        return true
    }

    private func step(_ driver: inout HostDriver, _ generator: inout SeededNumbers) {
        if generator.next() % 4 == 0, usual(&driver) { return }
        let keys = driver.host.channels.map(\.key)
        let success = generator.next() % 4 != 0
        let handle = Self.handles[Int(generator.next() % 3)]
        let number = generator.next() % 6
        if !isDecided(driver.host), generator.next() % 4 == 0 {
            if success { driver.send(ending(&generator)) } else { driver.answer { $0.reset() } }
            return
        }
        switch generator.next() % (isDecided(driver.host) ? 300 : 150) {
        case 0...1: driver.answer { $0.reset(abandoning: success) }
        case 2...5: driver.answer { (try? $0.addOffer(BothEnds.offer(number)).effects) ?? [] }
        case 6...10: driver.answer { success ? $0.contactAccepted() : $0.contactRefused() }
        case 11...20: driver.answer { $0.connectionModified(success ? .successful : .lowResources) }
        case 21...23:
            let request = TLConnectRequest(endpointID: GUID(low: number, high: 1), serviceID: .zero)
            driver.answer { $0.socketRefused(request) }
        case 24...26:
            guard let key = keys.randomElement(using: &generator) else { return }
            driver.answer { $0.revoke(key) }
        case 27...140:
            guard let key = keys.randomElement(using: &generator) else { return }
            let kind = generator.next() % 8
            driver.answer { host in
                switch kind {
                case 0: host.moveCompleted(key, success: success)
                case 1, 2: host.openCompleted(key, success: success)
                case 3: host.closeCompleted(key)
                case 4: host.pageListTornDown(key, handle: handle)
                default: host.pageListAnswered(key, handle: handle, accepted: success)
                }
            }
        default: driver.send(message(driver.host, &generator))
        }
    }

    private func checkInvariants(_ host: HostConnection, _ place: String) {
        let relids = host.channels.map(\.relid).filter { $0 != 0 }
        #expect(Set(relids).count == relids.count, "\(place)")
        #expect(host.channels.allSatisfy { host.channel($0.key) == $0 }, "\(place)")
        #expect(relids.allSatisfy { host.channel(relid: $0)?.relid == $0 }, "\(place)")
        let identities = host.channels.map(\.identity)
        #expect(Set(identities).count == identities.count, "\(place)")
        if host.state == .disconnected {
            // Only a reserved channel has anything of the guest's then.
            let kept = host.channels.filter { $0.state != .clientReleased }
            #expect(kept.allSatisfy { $0.relid != 0 }, "\(place)")
            #expect(host.monitorPages == nil && !host.isTrusted && !host.isPaused && !host.offersSent, "\(place)")
        }
    }

    @Test(arguments: [AwaitedAnswers.all, [], [.pageLists], [.contacts, .moves]])
    func `no sequence breaks a host, each point of it can be saved, and a reset ends it`(
        _ awaits: AwaitedAnswers
    ) throws {
        var generator = SeededNumbers(seed: UInt64(awaits.rawValue) + 1)
        var configuration = HostConnection.Configuration()
        configuration.awaits = awaits
        var channelRows: Set<ChannelRow> = [.gone]
        var connectionRows: Set<ConnectionRow?> = []
        for walk in 0..<50 * Soak.factor {
            var driver = HostDriver(configuration, offers: [BothEnds.offer(1), BothEnds.offer(2)])
            driver.connect()
            for number in 0..<150 {
                step(&driver, &generator)
                let place = "\(awaits.rawValue) walk \(walk) step \(number)"
                checkInvariants(driver.host, place)
                channelRows.formUnion(driver.host.channels.map { ChannelRow($0) })
                connectionRows.insert(ConnectionRow(driver.host))
                guard number % 25 == 0 else { continue }
                let saved = driver.host.saved()
                let result = Result { () throws(RestoreError) -> HostDriver in try driver.restored(HostDriver.patient())
                }
                switch result {
                case .success(let restored): #expect(restored.host.saved() == saved, "\(place)")
                case .failure(let error): Issue.record("\(place): \(error)")
                }
            }
            _ = driver.host.reset(abandoning: true)
            #expect(driver.host.state == .disconnected)
            #expect(driver.host.pageLists.isEmpty)
            #expect(driver.host.channels.allSatisfy { $0.relid == 0 && $0.pageLists.isEmpty })
        }
        guard awaits == .all else { return }
        // A walk that leaves a state out tests less than it says.
        #expect(channelRows == Set(ChannelRow.allCases))
        #expect(connectionRows == Set(ConnectionRow.allCases))
    }
}
