import BusModel
import Inspector
import VMBusWire

/// A bus that is watched for a while, made record by record: what the doctor's rules are tested with.
struct DoctorSession {
    static let scsiClass = GUID(0xBA61_63D9, 0x04A1, 0x4D29, 0xB605_72E2_FFB1_DC7F)
    static let kvpClass = GUID(0xA9A0_F4E7, 0x5A45, 0x4D96, 0xB827_8A84_1E8C_03E6)
    static let nic = GuestLog.nic
    static let pulse = GuestLog.pulse
    static let disk = GUID(0x3333_1111, 0x2222, 0x3333, 0x4444_5555_6666_7777)
    static let daemonDevice = GUID(0x4444_1111, 0x2222, 0x3333, 0x4444_5555_6666_7777)

    /// The records so far.
    var log = GuestLog(step: 0)
    private var time: UInt64 { log.time }
    private var beats: UInt64 = 100
    private let kind: SourceKind

    init(_ kind: SourceKind = .live) { self.kind = kind }

    // MARK: Time

    /// Goes to a moment, in seconds.
    mutating func at(_ seconds: Double) { log.time = UInt64((seconds * 1e9).rounded()) }

    /// Goes on second by second; a heartbeat moves each time, so that the bus is alive, and `body` adds more.
    mutating func each(_ seconds: ClosedRange<Int>, step: Int = 1, _ body: (inout DoctorSession, Int) -> Void) {
        for second in stride(from: seconds.lowerBound, through: seconds.upperBound, by: step) {
            at(Double(second))
            beats += 1
            sample(Self.pulse, relid: 2, [AttributeReading(.interrupts, beats), AttributeReading(.events, beats)])
            body(&self, second)
        }
    }

    // MARK: Records

    mutating func state(
        _ readings: [AttributeReading], device: GUID = .zero, relid: UInt32 = 0, subchannel: UInt16 = 0,
        code: StateCode = .changed
    ) {
        log.add(
            .state, AttributeList(readings).encoded(), code: code.rawValue, device: device, relid: relid,
            subchannel: subchannel)
    }

    mutating func sample(_ device: GUID, relid: UInt32, subchannel: UInt16 = 0, _ readings: [AttributeReading]) {
        log.add(.sample, AttributeList(readings).encoded(), device: device, relid: relid, subchannel: subchannel)
    }

    /// A line of the kernel's log that says it was written at this moment, or so many seconds after boot.
    mutating func line(
        _ fact: KernelLogFact, first: Int64 = 0, second: Int64 = 0, device: GUID = .zero, boot: Double? = nil,
        _ text: String
    ) {
        let moment = boot.map { UInt64(($0 * 1e9).rounded()) } ?? time
        let record = KernelLogRecord(fact, first: first, second: second, level: 3, bootTime: moment, text: text)
        log.add(.kernelLog, record.encoded(), code: UInt32(fact.rawValue), device: device)
    }

    /// Lines from second 2 on of which the later ones are only counted, as a live source tells of too many.
    mutating func flood(
        _ fact: KernelLogFact, told: Int = 20, counted: UInt64, device: GUID = .zero, _ text: String
    ) {
        for index in 0..<told {
            at(2 + Double(index) / 40)
            line(fact, device: device, text)
        }
        at(2.9)
        let record = KernelLogRecord(fact, level: 3, bootTime: time, text: text).standing(for: counted)
        log.add(.kernelLog, record.encoded(), code: UInt32(fact.rawValue), device: device)
    }

    mutating func message(_ message: ChannelMessage) {
        log.add(
            .message, message.encoded(context: WireContext(version: .iron)), code: message.type.rawValue,
            direction: message.type.facts?.direction)
    }

    mutating func trace(_ event: String, _ fields: [TraceField]) {
        log.add(
            .trace,
            TraceRecord(system: "hyperv", event: event, cpu: 0, thread: 7, command: "kworker", fields: fields).encoded()
        )
    }

    /// A packet that asks for a completion.
    mutating func request(_ id: UInt64, device: GUID, relid: UInt32) {
        var descriptor = PacketDescriptor()
        (descriptor.type, descriptor.length8, descriptor.transactionID) = (.dataInBand, 2, id)
        var bytes = descriptor.encoded()
        bytes[6] = 1
        log.add(.packet, bytes, code: 6, device: device, relid: relid, direction: .guestToHost)
    }

    // MARK: Things

    /// A device as sysfs shows it, with one open channel.
    mutating func device(
        _ instance: GUID, _ classID: GUID, relid: UInt32, driver: String?, state number: UInt64 = 3,
        channel: [AttributeReading] = []
    ) {
        var readings = [
            AttributeReading(.name, text: instance.description), AttributeReading(.classID, guid: classID),
            AttributeReading(.deviceState, number),
        ]
        readings.append(
            driver.map { AttributeReading(.driver, text: $0) } ?? AttributeReading(.driver, reading: .unavailable))
        state(readings, device: instance, code: .appeared)
        let phase: ChannelPhase = number == 3 ? .open : .closed
        state(
            [AttributeReading(.channelPhase, phase.rawValue), AttributeReading(.cpu, 1)] + channel, device: instance,
            relid: relid, code: .appeared)
    }

    /// A guest with a heartbeat, a network card and a disk controller, all open and well.
    mutating func guest(driver: String? = "hv_netvsc", nicState: UInt64 = 3, processors: UInt64 = 4) {
        state(
            [
                AttributeReading(.name, text: "web-1"), AttributeReading(.role, PartitionRole.guest.rawValue),
                AttributeReading(.connectionPhase, ConnectionPhase.connected.rawValue),
                AttributeReading(.virtualProcessors, processors),
            ], code: .appeared)
        device(Self.pulse, GuestLog.heartbeat, relid: 2, driver: "hv_utils")
        device(
            Self.nic, GuestLog.network, relid: 14, driver: driver, state: nicState,
            channel: [
                AttributeReading(.inSize, 520_192), AttributeReading(.inSizeSource, 0),
                AttributeReading(.outSize, 520_192), AttributeReading(.outSizeSource, 0),
            ])
        device(Self.disk, Self.scsiClass, relid: 9, driver: "hv_storvsc")
    }

    /// What a sample of the network card tells.
    mutating func nic(
        inUsed: UInt64 = 0, inMask: UInt64 = 0, outUsed: UInt64 = 0, outMask: UInt64 = 0, interrupts: UInt64 = 4711,
        events: UInt64 = 99, outEmpty: UInt64 = 98, inFull: UInt64 = 0, fullFirst: UInt64 = 0, fullTotal: UInt64 = 0,
        more: [AttributeReading] = []
    ) {
        sample(
            Self.nic, relid: 14,
            [
                AttributeReading(.inUsed, inUsed), AttributeReading(.inMask, inMask),
                AttributeReading(.outUsed, outUsed), AttributeReading(.outMask, outMask),
                AttributeReading(.interrupts, interrupts), AttributeReading(.events, events),
                AttributeReading(.interruptsOutEmpty, outEmpty), AttributeReading(.interruptsInFull, inFull),
                AttributeReading(.outFullFirst, fullFirst), AttributeReading(.outFullTotal, fullTotal),
            ] + more)
    }

    /// A guest that comes up by messages: version 5.3, a network card with relid 14 that is offered and not open.
    mutating func boot() {
        message(.initiateContact(InitiateContact(version: .iron)))
        message(.versionResponse(VersionResponse(supported: true)))
        message(.requestOffers)
        offer(relid: 14)
        message(.allOffersDelivered)
    }

    mutating func offer(relid: UInt32, device: GUID = nic, classID: GUID = GuestLog.network) {
        var offer = OfferChannel()
        (offer.interfaceType, offer.interfaceInstance) = (classID, device)
        (offer.relid, offer.connectionID) = (relid, 0x2000 + relid)
        offer.userData = [UInt8](repeating: 0, count: 120)
        message(.offerChannel(offer))
    }

    mutating func pageList(relid: UInt32, pages: Int, sent: Int) {
        let words: [UInt64] = [UInt64(pages) * 4096] + (0..<sent).map { 0x1000 + UInt64($0) }
        message(
            .gpadlHeader(
                GPADLHeader(
                    relid: relid, gpadl: 0xE1E10, rangeBufferLength: UInt16((pages + 1) * 8), rangeCount: 1,
                    words: words)))
    }

    mutating func open(relid: UInt32) {
        var request = OpenChannel(
            relid: relid, openID: relid, ringGPADL: 0xE1E10, targetVP: 1, downstreamPageOffset: 5)
        request.userData = [UInt8](repeating: 0, count: 120)
        message(.openChannel(request))
    }

    mutating func rescind(relid: UInt32) { message(.rescindChannelOffer(ChannelReference(relid: relid))) }

    /// An open that meets a rescind of its channel, after which both wait until some second.
    mutating func cross(end: Double) {
        boot()
        open(relid: 14)
        rescind(relid: 14)
        at(end)
        log.add(.note, [])
    }

    // MARK: The end

    /// What an inspector knows that has looked until this moment.
    func inspector() -> InspectorState {
        var state = InspectorState(
            capabilities: Capabilities(kind: kind, canStep: false, canSeek: false, hasRingImages: false), title: "test")
        state.ingest(log.batch)
        state.look(at: time)
        return state
    }
}
