import TestSupport
import Testing
import VMBusEngine
import VMBusWire

/// The behaviours of anchors B.4, groups "offers", "life", "monitor" and "security", and of B.6 themes 4, 5 and 10.
@Suite struct HostOfferTests {
    private let pages = MonitorPages(parentToChild: 0x1000, childToParent: 0x2000)

    private func offers(_ effects: [HostEffect], _ context: WireContext = .newest) -> [OfferChannel] {
        effects.messages(context).compactMap { if case .offerChannel(let offer) = $0 { offer } else { nil } }
    }

    private func offer(kind: UInt64, instance: UInt64, subchannel: UInt16 = 0) -> OfferChannel {
        var offer = BothEnds.offer(instance, subchannel: subchannel)
        offer.interfaceType = GUID(low: kind, high: 0)
        return offer
    }

    @Test func `the pipe's type lies at the start of the user area`() throws {
        var offer = BothEnds.offer(1)
        offer.flags.insert(.namedPipeMode)
        offer.pipeType = .message
        offer.userData = [0xAA, 0xBB]
        var driver = HostDriver(offers: [offer])
        driver.connect()
        guard case .send(let bytes, _)? = driver.effects.first else { throw Unexpected() }
        #expect(bytes[60..<66] == [4, 0, 0, 0, 0xAA, 0xBB])
    }

    @Test func `numbers follow kind, order and instance, whatever the order of arrival`() {
        for absolute in [false, true] {
            var configuration = HostConnection.Configuration()
            configuration.ordersAcrossKinds = absolute
            let expected: [(kind: UInt64, instance: UInt64, order: UInt64?)] =
                absolute
                ? [(2, 9, 1), (1, 5, 2), (1, 3, nil), (1, 4, nil), (3, 1, nil)]
                : [(1, 5, 2), (1, 3, nil), (1, 4, nil), (2, 9, 1), (3, 1, nil)]
            var generator = SeededNumbers(seed: 3)
            for _ in 0..<20 {
                var host = HostConnection(configuration)
                for entry in expected.shuffled(using: &generator) {
                    _ = try? host.addOffer(offer(kind: entry.kind, instance: entry.instance), order: entry.order)
                }
                var driver = HostDriver()
                driver.host = host
                driver.connect()
                let offered = offers(driver.effects)
                #expect(offered.map(\.relid) == [1, 2, 3, 4, 5])
                #expect(
                    offered.map(\.interfaceInstance.low)
                        == expected.map { BothEnds.offer($0.instance).interfaceInstance.low })
                #expect(
                    offered.map(\.interfaceInstance) == expected.map { BothEnds.offer($0.instance).interfaceInstance })
            }
        }
    }

    @Test func `an offer before contact, after contact and after the request arrives once`() throws {
        var driver = HostDriver(offers: [BothEnds.offer(1)])
        driver.connect(offers: false)
        #expect(try driver.host.addOffer(BothEnds.offer(2)).effects.isEmpty)
        #expect(
            driver.send(.requestOffers).told() == [
                .sends(.offerChannel), .sends(.offerChannel), .sends(.allOffersDelivered),
            ])
        #expect(try driver.host.addOffer(BothEnds.offer(3)).effects.told() == [.sends(.offerChannel)])
        #expect(driver.send(.requestOffers).rules == ["offers-after-request"])
    }

    @Test func `the host's own wrong offers are errors`() throws {
        var host = HostConnection()
        _ = try host.addOffer(BothEnds.offer(1))
        func problem(_ offer: OfferChannel) -> OfferRefusal? {
            do throws(OfferRefusal) { _ = try host.addOffer(offer) } catch { return error }
            return nil
        }
        let duplicate = problem(BothEnds.offer(1))
        #expect(duplicate.map { if case .duplicate = $0 { true } else { false } } == true)
        var external = BothEnds.offer(2)
        external.flags = .confidentialExternalMemory
        #expect(problem(external) == .confidentialMemoryWithoutRing)
        #expect(OfferRefusal.confidentialMemoryWithoutRing.description.contains("set both flags"))
        #expect(OfferRefusal.tooManyChannels.description.contains("2047"))
        #expect(duplicate?.description.contains("is on offer already") == true)
        for number in 2...2047 as ClosedRange<UInt64> { _ = try host.addOffer(BothEnds.offer(number)) }
        #expect(problem(BothEnds.offer(2048)) == .tooManyChannels)
        var driver = HostDriver(offers: [])
        driver.host = host
        driver.connect()
        #expect(offers(driver.effects).map(\.relid) == Array(1...2047))
    }

    @Test(arguments: ProtocolVersion.all)
    func `a channel lives from its offer to its release, at every version`(_ version: ProtocolVersion) throws {
        var driver = HostDriver(offers: [BothEnds.offer(1)])
        driver.connect(version)
        let key = driver.keys[0]
        #expect(offers(driver.effects, driver.host.agreement).count == 1)
        driver.share(HostDriver.ring)
        driver.send(.openChannel(HostDriver.open(vp: 3)))
        #expect(driver.effects.told() == [.open])
        driver.answer { $0.openCompleted(key, success: true) }
        #expect(driver.effects.told() == [.sends(.openChannelResult)])
        #expect(driver.host.channel(key)?.targetVP == (version >= .windows8 ? 3 : 0))
        driver.send(.modifyChannel(ModifyChannel(relid: 1, targetVP: 4)))
        let moves: [Told] =
            version >= .iron
            ? [.moved, .sends(.modifyChannelResponse)] : version >= .redstone3 ? [.moved] : [.breaks("version")]
        #expect(driver.effects.told() == moves)
        driver.answer { $0.revoke(key) }
        #expect(driver.effects.told() == [.close, .sends(.rescindChannelOffer)])
        driver.send(HostDriver.releaseMessage)
        #expect(driver.effects.told() == [.listReleased, .released])
        #expect(driver.host.channels.isEmpty && driver.host.pageLists.isEmpty)
        driver.send(.unload)
        #expect(
            driver.effects.told()
                == (version >= .windows7 ? [.disconnected, .sends(.unloadComplete)] : [.disconnected]))
    }

    @Test(arguments: [FeatureFlags.guestSpecifiedSignalParameters, .channelInterruptRedirection, []])
    func `signal parameters and flags are kept where they were agreed on`(_ features: FeatureFlags) throws {
        var driver = HostDriver()
        driver.connect(features: features)
        driver.share(HostDriver.ring)
        var open = HostDriver.open()
        open.connectionID = 0x1234
        open.eventFlag = 77
        open.flags = .redirectInterrupt
        driver.send(.openChannel(open), context: .newest)
        guard case .open(_, let request)? = driver.effects.first else { throw Unexpected() }
        let signals = features == .guestSpecifiedSignalParameters
        #expect(request.eventFlag == (signals ? 77 : 1))
        #expect(request.message.connectionID == (signals ? 0x1234 : 0))
        #expect(request.message.flags == (features == .channelInterruptRedirection ? .redirectInterrupt : []))
    }

    @Test func `an event flag that no source has is refused`() {
        var driver = HostDriver()
        driver.connect(features: .guestSpecifiedSignalParameters)
        driver.share(HostDriver.ring)
        for (flag, told) in [
            (UInt16(2048), [Told.breaks("open-preconditions"), .refuses(.openChannelResult)]), (2047, [.open]),
        ] {
            var open = HostDriver.open()
            open.eventFlag = flag
            #expect(driver.send(.openChannel(open)).told() == told)
        }
    }

    @Test func `a queued move is overtaken by the latest below 5·3`() {
        var driver = HostDriver(HostDriver.patient())
        driver.connect(.redstone5)
        driver.share(HostDriver.ring)
        driver.send(.openChannel(HostDriver.open()))
        let key = driver.keys[0]
        driver.answer { $0.openCompleted(key, success: true) }
        #expect(driver.send(.modifyChannel(ModifyChannel(relid: 1, targetVP: 1))).told() == [.move])
        #expect(driver.send(.modifyChannel(ModifyChannel(relid: 1, targetVP: 2))).isEmpty)
        #expect(driver.send(.modifyChannel(ModifyChannel(relid: 1, targetVP: 3))).isEmpty)
        driver.answer { $0.moveCompleted(key, success: true) }
        #expect(driver.effects == [.moved(key, targetVP: 1), .move(key, targetVP: 3)])
        driver.answer { $0.moveCompleted(key, success: true) }
        #expect(driver.effects == [.moved(key, targetVP: 3)])
    }

    @Test(arguments: ChannelRow.allCases)
    func `a rescind in each state ends with the release, and late answers mean nothing`(_ row: ChannelRow) {
        var driver = HostChannelTableTests.driver(row)
        let key = driver.keys[0]
        let isHeld =
            driver.host.channel(relid: 1) != nil && row != .closingClientRelease && row != .openingClientRelease
        driver.answer { $0.revoke(key) }
        #expect((driver.host.channel(key)?.state == .revoked) == isHeld)
        let revoked = driver.host
        for late in [
            driver.answer({ $0.openCompleted(key, success: true) }), driver.answer({ $0.closeCompleted(key) }),
            driver.answer({ $0.moveCompleted(key, success: true) }),
            driver.answer({ $0.pageListAnswered(key, handle: HostDriver.spare, accepted: false) }),
        ] { #expect(late.isEmpty) }
        #expect(driver.host == revoked)
        driver.send(HostDriver.releaseMessage)
        #expect(driver.effects.told().contains(.released) == isHeld)
        #expect(driver.host.channels.isEmpty)
    }

    // MARK: Monitor ids

    @Test func `a monitor id is published where it can be used`() throws {
        var monitored = BothEnds.offer(1)
        monitored.monitorAllocated = 1
        for (id, isUsed) in [(UInt8(0), true), (127, true), (128, false), (255, false)] {
            for given in [nil, pages] {
                monitored.monitorID = id
                var driver = HostDriver(offers: [monitored])
                driver.connect(pages: given)
                let offer = try #require(offers(driver.effects).first)
                #expect(offer.isMonitored == (isUsed && given != nil))
                #expect(offer.monitorID == (offer.isMonitored ? id : 0))
            }
        }
    }

    @Test func `a channel without interrupts is not monitored while it is open`() {
        var monitored = BothEnds.offer(1)
        monitored.monitorAllocated = 1
        monitored.monitorID = 9
        for (vp, id) in [(UInt32(0), UInt8(9)), (OpenChannel.interruptsDisabled, nil)] as [(UInt32, UInt8?)] {
            var driver = HostDriver(offers: [monitored])
            driver.connect(pages: pages)
            driver.share(HostDriver.ring)
            let key = driver.keys[0]
            #expect(driver.host.channel(key)?.monitorID == nil)
            driver.send(.openChannel(HostDriver.open(vp: vp)))
            driver.answer { $0.openCompleted(key, success: true) }
            #expect(driver.host.channel(key)?.monitorID == id)
        }
    }

    // MARK: Confidential channels

    @Test func `confidential and pinning flags are told to those who agreed on them`() throws {
        var confidential = BothEnds.offer(1)
        confidential.flags = [
            .enumerateDeviceInterface, .confidentialRingBuffer, .confidentialExternalMemory,
            .requirePinnedExternalMemory,
        ]
        for asked in [FeatureFlags.confidentialChannels, .gpaPinning, [.confidentialChannels, .gpaPinning], []] {
            for (trusted, has) in [(true, FeatureFlags.all), (false, .all), (true, [])] {
                var configuration = HostConnection.Configuration()
                configuration.features = has
                var driver = HostDriver(configuration, offers: [confidential])
                driver.connect(features: asked, trusted: trusted)
                let flags = try #require(offers(driver.effects).first?.flags)
                let isConfidential = asked.contains(.confidentialChannels) && trusted && !has.isEmpty
                let isPinned = asked.contains(.gpaPinning) && !has.isEmpty
                #expect(flags.contains(.confidentialRingBuffer) == isConfidential)
                #expect(flags.contains(.confidentialExternalMemory) == isConfidential)
                #expect(flags.contains(.requirePinnedExternalMemory) == isPinned)
                #expect(flags.contains(.enumerateDeviceInterface))
            }
        }
    }

    @Test func `sub-channels have an index from 2·4 on`() throws {
        for (version, index) in [(ProtocolVersion.windows7, UInt16(0)), (.windows8, 1)] {
            var driver = HostDriver(offers: [BothEnds.offer(1, subchannel: 1)])
            driver.connect(version)
            #expect(offers(driver.effects, driver.host.agreement).first?.subchannelIndex == index)
        }
    }
}
