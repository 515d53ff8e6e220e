import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestNegotiationTests {
    private func contact(_ effects: [GuestEffect]) throws -> (contact: InitiateContact, connectionID: UInt32, size: Int)
    {
        for case .post(let bytes, let connectionID) in effects {
            if case .initiateContact(let contact) = try ChannelMessage.decode(bytes) {
                return (contact, connectionID, bytes.count)
            }
        }
        throw Unexpected()
    }

    private func refuse(_ guest: inout GuestConnection) -> [GuestEffect] {
        guest.receive(ChannelMessage.versionResponse(VersionResponse(supported: false)).encoded())
    }

    @Test func `versions are tried in order, below the cap, on the connection of each`() throws {
        var configuration = GuestConnection.Configuration(profile: .linux)
        configuration.maximumVersion = .redstone3MultiClient
        var guest = GuestConnection(configuration)
        var effects = guest.connect()
        var tried: [ProtocolVersion] = []
        var connections: [UInt32] = []
        while effects != [.connectFailed] {
            let (contact, connection, _) = try contact(effects)
            tried.append(contact.version)
            connections.append(connection)
            effects = refuse(&guest)
        }
        #expect(tried == [.redstone3MultiClient, .redstone3, .windows10, .windows8_1, .windows8])
        #expect(connections == [4, 1, 1, 1, 1])
        #expect(guest.state == .disconnected)
    }

    @Test(arguments: ProtocolVersion.all)
    func `a proposal holds what its version has`(_ version: ProtocolVersion) throws {
        var configuration = GuestConnection.Configuration()
        configuration.versions = [version]
        configuration.targetVP = 3
        configuration.targetVTL = 1
        configuration.targetSINT = 5
        configuration.interruptPage = 0x1000
        configuration.clientID = GUID(1, 2, 3, 4)
        var guest = GuestConnection(configuration)
        let (contact, connection, size) = try contact(guest.connect())
        #expect(contact.targetVP == (version >= .windows8_1 ? 3 : 0))
        #expect(contact.interruptPage == (version < .redstone3MultiClient ? 0x1000 : 0))
        #expect(contact.targetSINT == (version >= .redstone3MultiClient ? 5 : 0))
        #expect(contact.targetVTL == (version >= .redstone4 ? 1 : 0))
        #expect(contact.features == (version >= .copper ? GuestProfile().features : []))
        #expect(contact.clientID == (version >= .copper ? GUID(1, 2, 3, 4) : nil))
        #expect(size == (version >= .copper ? 56 : 40))
        #expect(connection == (version >= .redstone3MultiClient ? 4 : 1))
    }

    @Test func `at trust level 2 the redirected connection is tried first, then 4 with the same version`() throws {
        var configuration = GuestConnection.Configuration()
        configuration.versions = [.iron, .windows10]
        configuration.targetVTL = 2
        var guest = GuestConnection(configuration)
        let first = try contact(guest.connect())
        #expect(first.connectionID == 0x0080_0074)
        let second = try contact(guest.postRefused())
        #expect(second.connectionID == 4)
        #expect(second.contact.version == .iron)
        let third = try contact(guest.postRefused())
        #expect(third.connectionID == 1)
        #expect(third.contact.version == .windows10)
        // A refusal by the host is about the version, whatever the connection.
        guest = GuestConnection(configuration)
        _ = guest.connect()
        let next = try contact(refuse(&guest))
        #expect(next.contact.version == .windows10)
    }

    @Test func `later messages go where the version response says`() {
        var rig = GuestRig(GuestConnection.Configuration())
        rig.effects = rig.guest.connect()
        rig.answerContact(connectionID: 0x77)
        #expect(rig.effects.contains { if case .post(_, 0x77) = $0 { true } else { false } })
        #expect(rig.guest.messageConnection == 0x77)
    }

    @Test func `an isolated guest is not content with less than 5_2`() {
        for (version, isEnough) in [(ProtocolVersion.redstone4, false), (.redstone5, true), (.iron, true)] {
            let rig = GuestRig.connected(version) { $0.isIsolated = true }
            #expect((rig.guest.state == .connected) == isEnough, "\(version)")
        }
    }

    @Test func `confidential channels are asked for only where there is a confidential bus`() throws {
        for hasBus in [false, true] {
            var configuration = GuestConnection.Configuration()
            configuration.hasConfidentialBus = hasBus
            configuration.features = .all
            var guest = GuestConnection(configuration)
            let contact = try contact(guest.connect()).contact
            #expect(contact.features.contains(.confidentialChannels) == hasBus)
            #expect(contact.features.contains(.gpaPinning))
        }
    }

    @Test func `a channel with confidential external memory and an open ring is not taken`() {
        for (hasBus, flags, isTaken) in [
            (true, OfferFlags.confidentialExternalMemory, false),
            (true, [.confidentialExternalMemory, .confidentialRingBuffer], true),
            (true, .confidentialRingBuffer, true),
            (false, .confidentialExternalMemory, true),
        ] {
            var rig = GuestRig.connected { $0.hasConfidentialBus = hasBus }
            var offer = GuestRig.offer(1)
            offer.flags.formUnion(flags)
            let events = rig.send(.offerChannel(offer)).map { GuestEvent($0) }
            #expect(events == [isTaken ? .offered : .violation("confidential-ring")])
        }
    }

    @Test func `features that nobody asked for end the attempt`() {
        var rig = GuestRig(GuestConnection.Configuration())
        rig.effects = rig.guest.connect()
        let response = VersionResponse(supported: true, versionOrConnectionID: 4, features: .all)
        let events = rig.send(.versionResponse(response)).map { GuestEvent($0) }
        #expect(events == [.violation("feature"), .connectFailed])
        #expect(rig.guest.state == .disconnected)
    }

    @Test func `monitor pages that the host gives are used, and cannot be changed`() throws {
        for isAgreed in [true, false] {
            var rig = GuestRig(GuestConnection.Configuration())
            var configuration = GuestConnection.Configuration()
            configuration.features.insert(.serverSpecifiedMonitorPages)
            configuration.parentToChildMonitorPage = 0x2000
            configuration.childToParentMonitorPage = 0x3000
            rig = GuestRig(configuration)
            rig.effects = rig.guest.connect()
            let agreed =
                isAgreed ? configuration.features : configuration.features.subtracting(.serverSpecifiedMonitorPages)
            var response = VersionResponse(supported: true, versionOrConnectionID: 4, features: agreed)
            response.parentToChildMonitorPage = 0x8000
            response.childToParentMonitorPage = 0x9000
            let events = rig.send(.versionResponse(response)).map { GuestEvent($0) }
            #expect(events.contains(.violation("feature")) == !isAgreed)
            #expect(rig.guest.state == .connected)
            #expect(rig.guest.monitorPages.childToParent == (isAgreed ? 0x9000 : 0x3000))
            #expect(rig.guest.monitorPages.parentToChild == (isAgreed ? 0x8000 : 0x2000))
            let modified = Result { try rig.guest.modifyConnection(parentToChild: 0x4000, childToParent: 0x5000) }
            #expect((try? modified.get()) == nil || !isAgreed)
        }
    }

    @Test func `a connection state that is not 0 counts where the profile and the version say so`() {
        for (profile, version, isConnected) in [
            (GuestProfile(), ProtocolVersion.iron, false), (GuestProfile(), .windows7, true), (.linux, .iron, true),
        ] {
            var configuration = GuestConnection.Configuration(profile: profile)
            configuration.versions = [version]
            var guest = GuestConnection(configuration)
            _ = guest.connect()
            let response = VersionResponse(supported: true, connectionState: .lowResources, versionOrConnectionID: 4)
            _ = guest.receive(ChannelMessage.versionResponse(response).encoded())
            #expect((guest.state == .connected) == isConnected, "\(profile.name) \(version)")
        }
    }

    @Test func `offers may be asked for later, and only once`() throws {
        var rig = GuestRig.connected { $0.requestsOffers = false }
        #expect(rig.guest.offers == .notRequested)
        let early = rig.send(.offerChannel(GuestRig.offer(1))).map { GuestEvent($0) }
        #expect(early == [.violation("offers-after-request")])
        let asked = try rig.guest.requestOffers().map { GuestEvent($0) }
        #expect(asked == [.post(.requestOffers)])
        #expect(throws: GuestRefusal.self) { try rig.guest.requestOffers() }
        let offered = rig.send(.offerChannel(GuestRig.offer(1))).map { GuestEvent($0) }
        #expect(offered == [.offered])
    }

    @Test func `a message longer than a slot and a message that is short are named`() {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        for input in GuestMessageInput.allCases {
            let bytes = input.message(relid: 1, openID: 1, handle: 2).encoded(context: rig.guest.agreement)
            let size = MessageType(rawValue: UInt32(bytes[0])).facts?.minimumSize ?? 0
            let before = rig.guest
            let short = rig.guest.receive(Array(bytes.prefix(size - 1))).map { GuestEvent($0) }
            #expect(short == [.violation("well-formed")], "\(input)")
            let long = rig.guest.receive(bytes + [UInt8](repeating: 0, count: 241 - bytes.count))
            #expect(long.map { GuestEvent($0) } == [.violation("well-formed")], "\(input)")
            #expect(rig.guest == before)
        }
    }
}
