import BusModel
import Inspector
import VMBusWire

/// Records as a guest's start leaves them, for all tests of this target.
struct GuestLog {
    static let network = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)
    static let heartbeat = GUID(0x5716_4F39, 0x9115, 0x4E78, 0xAB55_382F_3BD5_422D)
    static let nic = GUID(0x1111_1111, 0x2222, 0x3333, 0x4444_5555_6666_7777)
    static let pulse = GUID(0x2222_1111, 0x2222, 0x3333, 0x4444_5555_6666_7777)
    static let nicChannel = ChannelKey(partition: 1, device: nic, subchannel: 0)

    private(set) var batch = FlowBatch()
    var time: UInt64 = 0
    /// How much later each record is than the one before, in nanoseconds.
    private let step: UInt64
    private var sequence: UInt64 = 0

    init(step: UInt64 = 1_000_000) { self.step = step }

    mutating func add(
        _ kind: FlowKind, _ payload: [UInt8] = [], code: UInt32 = 0, device: GUID = .zero, relid: UInt32 = 0,
        subchannel: UInt16 = 0, direction: Direction? = nil, partition: UInt16 = 1
    ) {
        time += step
        sequence += 1
        var header = FlowRecordHeader(
            kind: kind, time: time, partition: partition, device: device, subchannel: subchannel, relid: relid,
            direction: direction, code: code)
        header.sequence = sequence
        batch.append(header, payload)
    }

    mutating func skip(_ count: UInt64) { sequence += count }

    /// Hands over what was added since the last time.
    mutating func take() -> FlowBatch {
        defer { batch.removeAll() }
        return batch
    }

    mutating func add(_ message: ChannelMessage, device: GUID = .zero, relid: UInt32 = 0) {
        add(
            .message, message.encoded(context: WireContext(version: .iron)), code: message.type.rawValue,
            device: device, relid: relid, direction: message.type.facts?.direction)
    }

    mutating func offer(_ classID: GUID, _ instance: GUID, relid: UInt32, subchannel: UInt16 = 0) {
        var offer = OfferChannel()
        (offer.interfaceType, offer.interfaceInstance) = (classID, instance)
        (offer.relid, offer.subchannelIndex, offer.connectionID) = (relid, subchannel, 0x2000 + relid)
        offer.userData = [UInt8](repeating: 0, count: 120)
        add(.offerChannel(offer), device: instance, relid: relid)
    }

    mutating func open(relid: UInt32) {
        let words: [UInt64] = [10 * 4096] + (0..<10).map { 0x1000 + UInt64($0) }
        add(
            .gpadlHeader(
                GPADLHeader(
                    relid: relid, gpadl: 0xE1E10 + relid, rangeBufferLength: UInt16(words.count * 8), rangeCount: 1,
                    words: words)))
        add(.gpadlCreated(GPADLCreated(relid: relid, gpadl: 0xE1E10 + relid, status: .success)))
        var request = OpenChannel(
            relid: relid, openID: relid, ringGPADL: 0xE1E10 + relid, targetVP: 1, downstreamPageOffset: 5)
        request.userData = [UInt8](repeating: 0, count: 120)
        add(.openChannel(request))
        add(.openChannelResult(OpenChannelResult(relid: relid, openID: relid, status: .success)))
    }

    mutating func boot() {
        add(.initiateContact(InitiateContact(version: .iron)))
        add(.versionResponse(VersionResponse(supported: true)))
        add(.requestOffers)
        offer(Self.heartbeat, Self.pulse, relid: 2)
        offer(Self.network, Self.nic, relid: 14)
        add(.allOffersDelivered)
        open(relid: 14)
        offer(Self.network, Self.nic, relid: 15, subchannel: 1)
        add(
            .state, AttributeList([AttributeReading(.networkInterfaces, text: "eth0")]).encoded(),
            code: StateCode.changed.rawValue, device: Self.nic)
    }

    mutating func packet(_ direction: Direction, payload: Int = 40, subchannel: UInt16 = 0) {
        var descriptor = PacketDescriptor()
        descriptor.type = .dataInBand
        descriptor.length8 = UInt16(2 + payload / 8)
        descriptor.transactionID = 7
        // NVSP INIT: from version 6.1 to 6.1.
        let body: [UInt8] = [1, 0, 0, 0, 1, 0, 6, 0, 1, 0, 6, 0] + [UInt8](repeating: 0, count: max(0, payload - 12))
        add(
            .packet, descriptor.encoded() + body.prefix(payload), code: 6, device: Self.nic,
            relid: 14, subchannel: subchannel, direction: direction)
    }

    static let capabilities = Capabilities(kind: .simulator, canStep: true, canSeek: true, hasRingImages: true)

    static func state(limits: HistoryLimits = HistoryLimits(), _ make: (inout GuestLog) -> Void) -> InspectorState {
        var log = GuestLog()
        make(&log)
        var state = InspectorState(capabilities: capabilities, title: "test", limits: limits)
        state.ingest(log.take())
        return state
    }

    static var booted: InspectorState { state { $0.boot() } }
}
