import BusModel
import ProtocolRules
import VMBusWire

/// A log written by hand, record by record, with the checker that reads it.
struct RuleLog {
    static let network = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)
    static let heartbeat = GUID(0x5716_4F39, 0x9115, 0x4E78, 0xAB55_382F_3BD5_422D)
    /// The smallest packet: a descriptor of type 6 and nothing behind it.
    static let packet: [UInt8] = [6, 0, 2, 0, 2] + [UInt8](repeating: 0, count: 11)

    var checker: RuleChecker
    var time: UInt64 = 0
    var context = WireContext(version: .iron)
    private var sequence: UInt64

    /// A log from its first record on, or from somewhere in the middle.
    init(available: EvidenceKinds = .all, isWhole: Bool = true) {
        checker = RuleChecker(available: available)
        sequence = isWhole ? 0 : 1000
    }

    /// A log in which a version was accepted.
    init(connectedAt version: ProtocolVersion, features: FeatureFlags = []) {
        self.init()
        connect(version, features: features)
    }

    /// The ids of the rules that were broken, in order.
    var broken: [String] { checker.breaches.map(\.rule.id) }

    /// Who broke the first one.
    var culprit: RuleParty? { checker.breaches.first?.party }

    private mutating func add(
        _ kind: FlowKind, _ direction: Direction?, relid: UInt32, code: UInt32, _ bytes: [UInt8]
    ) {
        sequence += 1
        time += 1000
        var header = FlowRecordHeader(
            kind: kind, time: time, partition: 1, device: relid == 0 ? .zero : Self.network, relid: relid,
            direction: direction, code: code)
        header.sequence = sequence
        var batch = FlowBatch()
        batch.append(header, bytes)
        checker.observe(batch)
    }

    mutating func guest(_ message: ChannelMessage) {
        add(
            .message, .guestToHost, relid: message.relid ?? 0, code: message.type.rawValue,
            message.encoded(context: context))
    }

    mutating func host(_ message: ChannelMessage) {
        add(
            .message, .hostToGuest, relid: message.relid ?? 0, code: message.type.rawValue,
            message.encoded(context: context))
    }

    mutating func packet(_ direction: Direction, relid: UInt32, _ bytes: [UInt8]) {
        add(.packet, direction, relid: relid, code: UInt32(bytes.first ?? 0), bytes)
    }

    mutating func signal(relid: UInt32) {
        add(
            .signal, .guestToHost, relid: relid, code: SignalCode.hypercall.rawValue,
            SignalEventInput(connectionID: relid).encoded())
    }

    mutating func monitorSignal(relid: UInt32, id: UInt8) {
        add(
            .signal, .guestToHost, relid: relid, code: SignalCode.monitorPage.rawValue,
            MonitorSignal(monitorID: id).encoded())
    }

    mutating func interrupt(relid: UInt32, vp: UInt32) {
        add(.interrupt, .hostToGuest, relid: relid, code: 0, EventFlagDelivery(vp: vp, flag: relid).encoded())
    }

    mutating func gap() { add(.gap, nil, relid: 0, code: 0, []) }

    mutating func show(_ evidence: RuleEvidence) { checker.observe(evidence) }
}

extension RuleLog {
    mutating func contact(_ version: ProtocolVersion) {
        context = WireContext(version: version)
        guest(.initiateContact(InitiateContact(version: version)))
    }

    mutating func answer(_ version: ProtocolVersion, accepted: Bool = true, features: FeatureFlags = []) {
        host(
            .versionResponse(
                VersionResponse(
                    supported: accepted,
                    versionOrConnectionID: !accepted ? 0 : version >= .redstone3MultiClient ? 4 : version.rawValue,
                    features: accepted && version >= .copper ? features : nil)))
    }

    mutating func connect(_ version: ProtocolVersion, features: FeatureFlags = []) {
        contact(version)
        answer(version, features: features)
        context = WireContext(version: version, features: features)
    }

    mutating func offer(
        _ relid: UInt32, device: GUID = RuleLog.network, type: GUID = RuleLog.network, subchannel: UInt16 = 0,
        monitorID: UInt8? = nil
    ) {
        var offer = OfferChannel()
        offer.interfaceType = type
        offer.interfaceInstance = device
        offer.subchannelIndex = subchannel
        offer.relid = relid
        offer.isDedicatedInterrupt = 1
        offer.connectionID = relid
        if let monitorID { (offer.monitorAllocated, offer.monitorID) = (1, monitorID) }
        host(.offerChannel(offer))
    }

    /// A page list of whole pages in one range, as one header and what does not fit it.
    mutating func header(_ handle: UInt32, relid: UInt32, pages: [UInt64], byteCount: UInt32? = nil, only: Int = 26) {
        let words = [UInt64(byteCount ?? UInt32(pages.count) * 4096)] + pages
        guest(
            .gpadlHeader(
                GPADLHeader(
                    relid: relid, gpadl: handle, rangeBufferLength: UInt16(words.count * 8), rangeCount: 1,
                    words: Array(words.prefix(only + 1)))))
    }

    mutating func body(_ handle: UInt32, _ words: [UInt64]) {
        guest(.gpadlBody(GPADLBody(gpadl: handle, words: words)))
    }

    mutating func created(_ handle: UInt32, relid: UInt32, _ status: MessageStatus = .success) {
        host(.gpadlCreated(GPADLCreated(relid: relid, gpadl: handle, status: status)))
    }

    /// A page list that the host holds.
    mutating func share(_ handle: UInt32, relid: UInt32, pages: Range<UInt64> = 0..<16) {
        header(handle, relid: relid, pages: pages.map { 1000 * UInt64(handle) + $0 })
        created(handle, relid: relid)
    }

    mutating func open(_ relid: UInt32, ring: UInt32, offset: UInt32 = 8, vp: UInt32 = 0) {
        guest(
            .openChannel(
                OpenChannel(
                    relid: relid, openID: relid, ringGPADL: ring, targetVP: vp, downstreamPageOffset: offset)))
    }

    mutating func opened(_ relid: UInt32, openID: UInt32? = nil, _ status: MessageStatus = .success) {
        host(.openChannelResult(OpenChannelResult(relid: relid, openID: openID ?? relid, status: status)))
    }

    mutating func close(_ relid: UInt32) { guest(.closeChannel(ChannelReference(relid: relid))) }
    mutating func rescind(_ relid: UInt32) { host(.rescindChannelOffer(ChannelReference(relid: relid))) }
    mutating func release(_ relid: UInt32) { guest(.relidReleased(ChannelReference(relid: relid))) }
    mutating func teardown(_ handle: UInt32, relid: UInt32) {
        guest(.gpadlTeardown(GPADLTeardown(relid: relid, gpadl: handle)))
    }
    mutating func torndown(_ handle: UInt32) { host(.gpadlTorndown(GPADLTorndown(gpadl: handle))) }
    mutating func move(_ relid: UInt32, to vp: UInt32) {
        guest(.modifyChannel(ModifyChannel(relid: relid, targetVP: vp)))
    }
    mutating func moved(_ relid: UInt32, _ status: MessageStatus = .success) {
        host(.modifyChannelResponse(ModifyChannelResponse(relid: relid, status: status)))
    }

    /// A log with one open channel, number 1, whose rings lie in list 0xE1.
    static func withOpenChannel(_ version: ProtocolVersion = .iron, vp: UInt32 = 0, monitorID: UInt8? = nil) -> RuleLog
    {
        var log = RuleLog(connectedAt: version)
        log.guest(.requestOffers)
        log.offer(1, monitorID: monitorID)
        log.host(.allOffersDelivered)
        log.share(0xE1, relid: 1)
        log.open(1, ring: 0xE1, vp: vp)
        log.opened(1)
        return log
    }
}
