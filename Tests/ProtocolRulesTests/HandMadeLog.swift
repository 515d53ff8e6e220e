import BusModel
import ProtocolRules
import VMBusWire

/// A log that a test writes record by record, with a checker that reads it. It begins in the middle, so that nothing is said
/// about connections.
struct HandMadeLog {
    static let device = GUID(1, 2, 3, 4)
    /// What is wrong with the channel's own rules, in order.
    var broken: [ProtocolRule] { checker.breaches.map(\.rule).filter { Self.rules.contains($0) } }
    private(set) var checker = RuleChecker()
    private var sequence: UInt64 = 10

    /// The rules that such a log is about.
    static let rules: [ProtocolRule] = [
        .indexRange, .oneByteFree, .singleWriter, .descriptorSane, .trailerLinks, .bytesPreserved, .noLostWakeupData,
        .noLostWakeupSpace, .signalEconomy, .completionMatches, .idsUnique, .sendSectionExclusive,
        .receiveSectionReturnedOnce, .rndisBounds, .netvscOrder,
    ]

    /// A log with an open channel of a network adapter, number 1, and a sub-channel that is not open, number 2.
    static func opened() -> HandMadeLog {
        var log = HandMadeLog()
        for (relid, subchannel) in [(UInt32(1), UInt16(0)), (2, 1)] {
            var offer = OfferChannel()
            offer.interfaceType = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)
            offer.interfaceInstance = device
            (offer.relid, offer.subchannelIndex) = (relid, subchannel)
            log.message(.offerChannel(offer), .hostToGuest)
        }
        log.open(1)
        return log
    }

    mutating func open(_ relid: UInt32) {
        message(
            .openChannel(
                OpenChannel(relid: relid, openID: relid, ringGPADL: relid, targetVP: 0, downstreamPageOffset: 2)),
            .guestToHost)
        message(
            .openChannelResult(OpenChannelResult(relid: relid, openID: relid, status: .success)), .hostToGuest)
    }

    mutating func message(_ message: ChannelMessage, _ direction: Direction) {
        add(.message, message.type.rawValue, direction, relid: message.relid ?? 0, message.encoded())
    }

    mutating func packet(
        _ packet: HandMadePacket, _ direction: Direction, relid: UInt32 = 1, attachment: [UInt8] = []
    ) {
        add(.packet, UInt32(packet.type), direction, relid: relid, packet.bytes, attachment: attachment)
    }

    mutating func signal(_ direction: Direction) {
        add(direction == .guestToHost ? .signal : .interrupt, 0, direction, relid: 1, [])
    }

    private mutating func add(
        _ kind: FlowKind, _ code: UInt32, _ direction: Direction, relid: UInt32, _ bytes: [UInt8],
        attachment: [UInt8] = []
    ) {
        var header = FlowRecordHeader(
            kind: kind, time: sequence * 1000, partition: 1, device: Self.device, subchannel: UInt16(max(relid, 1) - 1),
            relid: relid, direction: direction, code: code)
        header.sequence = sequence
        sequence += 1
        var batch = FlowBatch()
        batch.append(header, bytes, attachment: attachment)
        checker.observe(batch)
    }

    /// Both rings after a step, of 4096 bytes of data each.
    mutating func look(outgoing: (inout RingEvidence) -> Void, incoming: (inout RingEvidence) -> Void = { _ in }) {
        for direction in [Direction.guestToHost, .hostToGuest] {
            var ring = RingEvidence(
                partition: 1, relid: 1, channel: ChannelKey(partition: 1, device: Self.device, subchannel: 0),
                direction: direction, dataSize: 4096)
            ring.featureBits = 1
            if direction == .guestToHost { outgoing(&ring) } else { incoming(&ring) }
            checker.observe(FlowBatch(), [.ring(ring)])
        }
    }
}

/// A packet as a test wants it, right or wrong.
struct HandMadePacket {
    var type: UInt16 = 6
    var offset: UInt16 = 2
    var length: UInt16?
    var flags: UInt16 = 0
    var id: UInt64 = 0
    var header: [UInt8] = []
    var payload: [UInt8] = []

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        let units = 2 + (header.count + payload.count + 7) / 8
        for word in [type, offset + UInt16(header.count / 8), length ?? UInt16(units), flags] {
            bytes += [UInt8(truncatingIfNeeded: word), UInt8(truncatingIfNeeded: word >> 8)]
        }
        for shift in 0..<8 as Range<UInt64> { bytes.append(UInt8(truncatingIfNeeded: id >> (shift * 8))) }
        bytes += header + payload
        return bytes + [UInt8](repeating: 0, count: units * 8 - bytes.count)
    }

    /// As it lies in a ring, with its trailer.
    func inRing(at start: UInt32) -> [UInt8] { bytes + Self.words([0, start]) }

    static func words(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in (0..<4 as Range<UInt32>).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    /// An NVSP message of 40 bytes in-band.
    static func nvsp(_ words: [UInt32], id: UInt64 = 0, type: UInt16 = 6, header: [UInt8] = []) -> HandMadePacket {
        HandMadePacket(
            type: type, flags: id == 0 || type == 0xB ? 0 : 1, id: id, header: header,
            payload: Self.words(words + [UInt32](repeating: 0, count: 10 - words.count)))
    }
}
