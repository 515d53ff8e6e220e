import BusModel
import TestSupport
import Testing
import VMBusWire

/// Records as a guest's start leaves them.
struct LogMaker {
    static let network = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)
    static let instance = GUID(0x1111_1111, 0x2222, 0x3333, 0x4444_5555_6666_7777)

    private(set) var batch = FlowBatch()
    private var time: UInt64 = 0
    private var sequence: UInt64 = 0

    mutating func add(
        _ kind: FlowKind, _ payload: [UInt8], code: UInt32 = 0, device: GUID = .zero, relid: UInt32 = 0,
        subchannel: UInt16 = 0, direction: Direction? = nil
    ) {
        time += 1000
        sequence += 1
        var header = FlowRecordHeader(
            kind: kind, time: time, partition: 1, device: device, subchannel: subchannel, relid: relid,
            direction: direction, code: code)
        header.sequence = sequence
        batch.append(header, payload)
    }

    mutating func add(_ message: ChannelMessage) {
        add(
            .message, message.encoded(context: WireContext(version: .iron)), code: message.type.rawValue,
            direction: message.type.facts?.direction)
    }

    mutating func connect(_ version: ProtocolVersion = .iron) {
        add(.initiateContact(InitiateContact(version: version)))
        add(.versionResponse(VersionResponse(supported: true)))
    }

    mutating func offer(relid: UInt32, subchannel: UInt16 = 0, monitorID: UInt8? = nil) {
        var offer = OfferChannel()
        (offer.interfaceType, offer.interfaceInstance) = (Self.network, Self.instance)
        (offer.relid, offer.subchannelIndex, offer.connectionID) = (relid, subchannel, 0x2000 + relid)
        offer.userData = [UInt8](repeating: 0, count: 120)
        if let monitorID { (offer.monitorID, offer.monitorAllocated) = (monitorID, 1) }
        add(.offerChannel(offer))
    }

    mutating func open(relid: UInt32, gpadl: UInt32 = 0xE1E10, pages: Int = 10, split: UInt32 = 5) {
        let words = [UInt64(pages) * 4096] + (0..<UInt64(pages)).map { 0x1000 + $0 }
        add(
            .gpadlHeader(
                GPADLHeader(
                    relid: relid, gpadl: gpadl, rangeBufferLength: UInt16(words.count * 8), rangeCount: 1, words: words)
            ))
        add(.gpadlCreated(answer(relid, gpadl)))
        var request = OpenChannel(
            relid: relid, openID: relid, ringGPADL: gpadl, targetVP: 3, downstreamPageOffset: split)
        request.userData = [UInt8](repeating: 0, count: 120)
        add(.openChannel(request))
        add(.openChannelResult(OpenChannelResult(relid: relid, openID: relid, status: .success)))
    }

    private func answer(_ relid: UInt32, _ gpadl: UInt32) -> GPADLCreated {
        GPADLCreated(relid: relid, gpadl: gpadl, status: .success)
    }

    var snapshot: BusSnapshot {
        var snapshot = BusSnapshot()
        snapshot.apply(batch)
        return snapshot
    }

    var channel: ChannelSnapshot? {
        snapshot.channel(ChannelKey(partition: 1, device: Self.instance, subchannel: 0))
    }
}

@Suite struct BusFoldTests {
    @Test func `a contact and its answer make a connection`() throws {
        var log = LogMaker()
        log.add(.initiateContact(InitiateContact(version: .iron)))
        #expect(log.snapshot.partition(1)?.connection.value == .connecting)
        #expect(log.snapshot.partition(1)?.requestedVersion == .iron)
        log.add(.versionResponse(VersionResponse(supported: true)))
        let partition = try #require(log.snapshot.partition(1))
        #expect(partition.connection.value == .connected)
        #expect(partition.version.value == .iron)
        #expect(partition.requestedVersion == nil)
        #expect(partition.name == "guest 1")
    }

    @Test func `a refused version leaves the connection undecided`() {
        var log = LogMaker()
        log.add(.initiateContact(InitiateContact(version: .copper)))
        log.add(.versionResponse(VersionResponse(supported: false)))
        #expect(log.snapshot.partition(1)?.version.value == nil)
        #expect(log.snapshot.partition(1)?.connection.value == .connecting)
    }

    @Test func `an offer makes a device with a closed channel`() throws {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14, monitorID: 5)
        let device = try #require(log.snapshot.device(1, LogMaker.instance))
        #expect(device.deviceClass.kind == .network)
        #expect(log.channel?.relid == 14)
        #expect(log.channel?.phase.value == .closed)
        #expect(log.channel?.connectionID.value == 0x200E)
        #expect(log.channel?.monitorID.value == 5)
    }

    @Test func `opening measures both rings without their control pages`() {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.open(relid: 14, pages: 10, split: 4)
        #expect(log.channel?.phase.value == .open)
        #expect(log.channel?.cpu.value == 3)
        #expect(log.channel?.outbound.size.value == 12_288)
        #expect(log.channel?.inbound.size.value == 20_480)
        #expect(log.channel?.ringPageList == 0xE1E10)
        #expect(log.snapshot.partition(1)?.pageLists.first?.isCreated == true)
        #expect(log.snapshot.partition(1)?.openChannelCount == 1)
    }

    @Test func `packets, signals and interrupts are counted where they belong`() throws {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.add(
            .packet, [UInt8](repeating: 0, count: 48), device: LogMaker.instance, relid: 14, direction: .guestToHost)
        log.add(
            .packet, [UInt8](repeating: 0, count: 24), device: LogMaker.instance, relid: 14, direction: .hostToGuest)
        log.add(.signal, [], device: LogMaker.instance, relid: 14)
        log.add(.interrupt, [], device: LogMaker.instance, relid: 14)
        for traffic in [try #require(log.channel).traffic, try #require(log.snapshot.partition(1)).traffic] {
            #expect(traffic.packetsOut == 1)
            #expect(traffic.bytesOut == 48)
            #expect(traffic.packetsIn == 1)
            #expect(traffic.bytesIn == 24)
            #expect(traffic.signals == 1)
            #expect(traffic.interrupts == 1)
        }
    }

    @Test func `rescind, close and release end a channel step by step`() {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.open(relid: 14)
        log.add(.rescindChannelOffer(ChannelReference(relid: 14)))
        #expect(log.channel?.phase.value == .rescinded)
        log.add(.closeChannel(ChannelReference(relid: 14)))
        #expect(log.channel?.phase.value == .rescinded)
        #expect(log.channel?.inbound.size.value == nil)
        log.add(.relidReleased(ChannelReference(relid: 14)))
        #expect(log.channel == nil)
        #expect(log.snapshot.partition(1)?.devices.isEmpty == true)
    }

    @Test func `the same device offered again is a new generation with another number`() {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.offer(relid: 20)
        #expect(log.channel?.relid == 20)
        #expect(log.channel?.generation == 1)
    }

    @Test func `unload ends everything`() {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.add(.unload)
        #expect(log.snapshot.partition(1)?.connection.value == .disconnecting)
        log.add(.unloadComplete)
        #expect(log.snapshot.partition(1)?.connection.value == .disconnected)
        #expect(log.snapshot.partition(1)?.devices.isEmpty == true)
    }

    @Test func `state records say what no message tells`() throws {
        var log = LogMaker()
        log.add(
            .state,
            AttributeList([
                AttributeReading(.classID, guid: LogMaker.network), AttributeReading(.name, text: "vmbus_0"),
                AttributeReading(.networkInterfaces, text: "eth0"),
                AttributeReading(.driver, reading: Reading(.denied)),
                AttributeReading(problem: SnapshotProblem(path: "channels/14/in_mask", error: "EINVAL")),
            ]).encoded(), code: StateCode.appeared.rawValue, device: LogMaker.instance)
        log.add(
            .sample,
            AttributeList([
                AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.inSize, 4096),
                AttributeReading(.inUsed, 1024), AttributeReading(.interrupts, 77),
            ]).encoded(), device: LogMaker.instance, relid: 14)
        let device = try #require(log.snapshot.device(1, LogMaker.instance))
        #expect(device.name == "vmbus_0")
        #expect(device.kernel.all == ["eth0"])
        #expect(device.driver.outcome == .denied)
        #expect(device.problems == [SnapshotProblem(path: "channels/14/in_mask", error: "EINVAL")])
        #expect(log.channel?.inbound.fill == 0.25)
        #expect(log.channel?.interrupts.value == 77)
    }

    @Test func `a removed device is gone, and a missing bus is known to be missing`() {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.add(.state, [], code: StateCode.removed.rawValue, device: LogMaker.instance)
        #expect(log.snapshot.device(1, LogMaker.instance) == nil)
        log.add(.state, [], code: StateCode.busMissing.rawValue)
        #expect(!log.snapshot.busAvailable)
    }

    @Test func `a keyframe brings back everything`() {
        var log = LogMaker()
        log.connect()
        log.offer(relid: 14)
        log.offer(relid: 15, subchannel: 1)
        log.open(relid: 14)
        log.add(.packet, [UInt8](repeating: 7, count: 40), device: LogMaker.instance, relid: 14)
        log.add(
            .sample, AttributeList([AttributeReading(.interrupts, reading: Reading(.denied))]).encoded(),
            device: LogMaker.instance, relid: 15)
        log.add(.state, AttributeList([AttributeReading(.daemons, text: "kvp")]).encoded())
        log.add(
            .state,
            AttributeList([AttributeReading(problem: SnapshotProblem(path: "/sys/x", error: "EIO"))]).encoded())
        let before = log.snapshot
        #expect(before.partition(1)?.pageLists.isEmpty == false && before.problems.count == 1)
        var header = FlowRecordHeader(kind: .keyframe, time: before.position.time, partition: 0)
        header.sequence = before.position.sequence
        var after = BusSnapshot()
        after.apply(header, before.keyframe[...])
        #expect(after == before)
        #expect(after.partition(1)?.version.value == .iron)
        let key = ChannelKey(partition: 1, device: LogMaker.instance, subchannel: 0)
        #expect(after.channel(key)?.phase.value == .open)
        #expect(after.channel(key)?.outbound.size.value == before.channel(key)?.outbound.size.value)
        #expect(after.partition(1)?.channelCount == 2)
    }

    @Test func `bytes that are no records change nothing and stop nothing`() {
        var random = SeededNumbers(seed: 7)
        var snapshot = BusSnapshot()
        for number in 1...3000 {
            var header = FlowRecordHeader(
                kind: FlowKind(rawValue: UInt8(truncatingIfNeeded: random.next() % 12)), time: random.next(),
                partition: UInt16(random.next() % 3), device: random.next() % 2 == 0 ? .zero : LogMaker.instance,
                subchannel: UInt16(random.next() % 3), relid: UInt32(random.next() % 4),
                code: UInt32(random.next() % 40))
            header.sequence = UInt64(number)
            var bytes = (0..<Int(random.next() % 260)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Half of them begin like a message or attribute that exists.
            if number.isMultiple(of: 2), bytes.count > 4 {
                bytes[0] = UInt8(random.next() % 62)
                (bytes[1], bytes[2], bytes[3]) = (0, UInt8(random.next() % 7), 0)
            }
            snapshot.apply(header, bytes[...])
        }
        #expect(snapshot.position.sequence == 3000)
        #expect(snapshot.partitions.count <= 3)
    }
}
