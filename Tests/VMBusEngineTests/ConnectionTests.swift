import Testing
import VMBusEngine
import VMBusWire

@Suite struct ConnectionTests {
    @Test(arguments: ProtocolVersion.all)
    func `both ends agree on the newest version that the host accepts`(_ version: ProtocolVersion) {
        var configuration = HostConnection.Configuration()
        configuration.maximumVersion = version
        var ends = BothEnds(host: configuration, offers: [BothEnds.offer(1)])
        ends.connect()
        #expect(ends.guest.state == .connected)
        #expect(ends.guest.agreement.version == version)
        #expect(ends.host.agreement == ends.guest.agreement)
        #expect(ends.guest.channels.count == 1)
        #expect(ends.violations.isEmpty)
    }

    @Test func `a host before 5 fails the post itself, and the guest goes on with connection 1`() {
        var configuration = HostConnection.Configuration()
        configuration.maximumVersion = .windows10
        var ends = BothEnds(host: configuration)
        ends.connect(hostKnowsMultiClient: false)
        #expect(ends.guest.agreement.version == .windows10)
        #expect(ends.guest.messageConnection == ConnectionID.message)
        #expect(ends.log.prefix(4) == [.initiateContact, .versionResponse, .initiateContact, .versionResponse])
    }

    @Test func `a guest with no version left gives up`() {
        var guest = GuestConnection.Configuration()
        guest.versions = [.copper]
        var host = HostConnection.Configuration()
        host.maximumVersion = .iron
        var ends = BothEnds(guest: guest, host: host)
        ends.connect()
        #expect(ends.guest.state == .disconnected)
        #expect(ends.guestEvents == [.connectFailed])
    }

    @Test func `features are what both sides have`() {
        var guest = GuestConnection.Configuration()
        guest.features = [.modifyConnection, .pauseResume]
        var host = HostConnection.Configuration()
        host.features = [.pauseResume, .clientID]
        var ends = BothEnds(guest: guest, host: host)
        ends.connect()
        #expect(ends.guest.agreement.features == .pauseResume)
        #expect(ends.host.agreement.features == .pauseResume)
    }

    @Test func `one monitor page without the other is refused`() {
        var guest = GuestConnection.Configuration()
        guest.parentToChildMonitorPage = 0x1000
        var ends = BothEnds(guest: guest)
        ends.connect()
        #expect(ends.host.state == .disconnected)
        #expect(ends.guest.state == .disconnected)
    }

    @Test func `offers come in the order of their class with numbers from 1, then the end mark`() {
        var ends = BothEnds(offers: [BothEnds.offer(2), BothEnds.offer(1), BothEnds.offer(3)])
        ends.connect()
        #expect(ends.guest.channels.map(\.relid) == [1, 2, 3])
        #expect(ends.log.suffix(4) == [.offerChannel, .offerChannel, .offerChannel, .allOffersDelivered])
    }

    @Test func `a second contact while connected starts over`() {
        var ends = BothEnds(offers: [BothEnds.offer(1)])
        ends.connect()
        ends.guest = GuestConnection()
        ends.connect()
        #expect(ends.guest.state == .connected)
        #expect(ends.guest.channels.map(\.relid) == [1])
    }

    @Test func `unload is answered when all is closed`() throws {
        var ends = try ends(open: 1)
        ends.run(ends.guest.unload())
        #expect(ends.host.state == .disconnected)
        #expect(ends.guest.state == .disconnected)
        #expect(ends.log.suffix(2) == [.unload, .unloadComplete])
        #expect(ends.host.pageLists.isEmpty)
        ends.connect()
        #expect(ends.guest.state == .connected)
        #expect(ends.violations.isEmpty)
    }

    @Test func `a paused host holds its messages until it is resumed`() throws {
        var ends = BothEnds()
        ends.connect()
        let context = ends.host.agreement
        _ = ends.host.receive(ChannelMessage.pause.encoded(context: context), connectionID: 4)
        let (_, effects) = try ends.host.addOffer(BothEnds.offer(9))
        #expect(effects.isEmpty)
        let resumed = ends.host.receive(ChannelMessage.resume.encoded(context: context), connectionID: 4)
        #expect(resumed.count == 1)
    }

    private func ends(open count: Int) throws -> BothEnds {
        var ends = BothEnds(offers: (1...count).map { BothEnds.offer(UInt64($0)) })
        ends.connect()
        for relid in 1...UInt32(count) { try ends.open(relid) }
        return ends
    }
}

extension BothEnds {
    /// Shares eight pages and opens a channel on them.
    mutating func open(_ relid: UInt32, pages: Int = 8) throws {
        let list = PageList(pages: (0..<UInt64(pages)).map { UInt64(relid) << 16 | $0 })
        let (handle, effects) = try guest.createPageList(relid: relid, list ?? PageList(ranges: []))
        run(effects)
        run(try guest.open(relid: relid, pageList: handle, targetVP: 0, downstreamPageOffset: UInt32(pages / 2)))
    }
}
