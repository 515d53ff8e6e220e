import BusModel
import CaptureFiles
import TestSupport
import VMBusDevices
import VMBusWire

/// A log with everything in it that a recording treats in a way of its own, from a seed.
struct RecordedLog {
    static let adapter = GUID(0x1111_1111, 0x2222, 0x3333, 0x4444_5555_6666_7777)
    static let stream = GUID(0x9999_0001, 0x2222, 0x3333, 0x4444_5555_6666_7777)
    static let other = GUID(0xABCD_0001, 0x2222, 0x3333, 0x4444_5555_6666_7777)
    static let network = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)

    private(set) var batch = FlowBatch()
    private var sequence: UInt64 = 0
    private var time: UInt64 = 0
    private var random: SeededNumbers

    /// A log of about so many records.
    init(records count: Int, seed: UInt64 = 1) {
        random = SeededNumbers(seed: seed)
        start()
        while batch.headers.count < count { addSomething() }
    }

    /// The adapter's device, its stream and another are offered and opened.
    private mutating func start() {
        add(.state, AttributeList([AttributeReading(.name, text: "bookworm")]).encoded(), code: 1)
        add(.initiateContact(InitiateContact(version: .iron)))
        add(.versionResponse(VersionResponse(supported: true)))
        let devices: [(UInt32, GUID, GUID)] = [
            (14, Self.adapter, Self.network), (15, Self.stream, DeviceClass.hvSocketClass(port: 2222)),
            (16, Self.other, GUID(1, 2, 3, 4)),
        ]
        for (relid, instance, classID) in devices {
            var offer = OfferChannel()
            (offer.interfaceType, offer.interfaceInstance) = (classID, instance)
            (offer.relid, offer.connectionID) = (relid, 0x2000 + relid)
            offer.userData = [UInt8](repeating: 0, count: 120)
            add(.offerChannel(offer))
        }
    }

    private mutating func addSomething() {
        switch random.next() % 12 {
        case 0, 1, 2: addFrames(Int(random.next() % 3) + 1)
        case 3: addRequest()
        case 4, 5: addStream()
        case 6:
            let packet = ChannelPacket(payload: bytes(40)).encoded ?? []
            add(.packet, packet, code: 6, device: Self.other, relid: 16, direction: .hostToGuest)
        case 7: add(.signal, bytes(8), device: Self.adapter, relid: 14, direction: .guestToHost)
        case 8:
            add(
                .sample, AttributeList([AttributeReading(.interrupts, random.next())]).encoded(), device: Self.adapter,
                relid: 14)
        case 9: add(.note, Array("note \(sequence)".utf8))
        case 10: add(FlowKind(rawValue: 77), bytes(9), code: 5)
        default: add(.fault, Array("a frame is lost".utf8))
        }
    }

    mutating func add(
        _ kind: FlowKind, _ payload: [UInt8], code: UInt32 = 0, device: GUID = .zero, relid: UInt32 = 0,
        direction: Direction? = nil, attachment: [UInt8] = []
    ) {
        time += random.next() % 5000
        sequence += 1
        var header = FlowRecordHeader(
            kind: kind, time: time, partition: 1, device: device, relid: relid, direction: direction, code: code)
        header.sequence = sequence
        batch.append(header, payload[...], attachment: attachment)
    }

    private mutating func add(_ message: ChannelMessage) {
        add(
            .message, message.encoded(context: WireContext(version: .iron)), code: message.type.rawValue,
            direction: message.type.facts?.direction)
    }

    /// A netvsc packet with so many frames in its send section.
    mutating func addFrames(_ count: Int) {
        var attachment: [UInt8] = []
        for _ in 0..<count {
            attachment += Self.rndisPacket(frame: bytes(60 + Int(random.next() % 90)))
            attachment += repeatElement(0, count: (8 - attachment.count % 8) % 8)
        }
        let packet = ChannelPacket(
            flags: .completionRequested, transactionID: sequence &+ 1000, payload: Self.sendPacket)
        add(
            .packet, packet.encoded ?? [], code: 6, device: Self.adapter, relid: 14, direction: .guestToHost,
            attachment: attachment)
    }

    /// A request of the unknown device and its completion.
    private mutating func addRequest() {
        let id = random.next() % 16
        let request = ChannelPacket(flags: .completionRequested, transactionID: id, payload: bytes(16))
        add(.packet, request.encoded ?? [], code: 6, device: Self.other, relid: 16, direction: .guestToHost)
        add(
            .packet, request.completion(bytes(8)).encoded ?? [], code: 11, device: Self.other, relid: 16,
            direction: .hostToGuest)
    }

    private mutating func addStream() {
        let packet = ChannelPacket(payload: SocketFrame(bytes(Int(random.next() % 50))).encoded())
        add(.packet, packet.encoded ?? [], code: 6, device: Self.stream, relid: 15, direction: .hostToGuest)
    }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 7) }
    }

    /// NVSP's SEND_RNDIS_PACKET.
    private static var sendPacket: [UInt8] {
        var bytes: [UInt8] = []
        for word: UInt32 in [107, 0, 0, 0, 0, 0, 0, 0, 0, 0] { bytes.append(word32: word) }
        return bytes
    }

    /// An RNDIS PACKET with a frame behind its fixed fields.
    static func rndisPacket(frame: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [1, 44 + frame.count, 36, frame.count, 0, 0, 0, 0, 0, 0, 0] { bytes.append(word32: UInt32(word)) }
        return bytes + frame
    }

    /// What is known after every record.
    var snapshots: [BusSnapshot] {
        var snapshot = BusSnapshot()
        return batch.headers.map { header in
            snapshot.apply(header, batch.payload(of: header))
            return snapshot
        }
    }

    /// The whole log as a recording.
    func recorded(
        _ manifest: RecordingManifest = RecordingManifest(tool: "test", source: .simulator, title: "a log"),
        interval: Int = 64, isFinished: Bool = true
    ) -> [UInt8] {
        var writer = RecordingWriter(manifest, interval: interval)
        writer.append(batch)
        if isFinished { writer.finish() }
        return writer.take()
    }
}

/// All records that come out of bytes, in pieces of a size, with what could not be read.
func read(_ bytes: [UInt8], pieces: Int = .max) -> (records: FlowBatch, damages: RecordingDamages) {
    var reader = RecordingReader()
    var batch = FlowBatch()
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = rest.prefix(pieces)
        reader.append(Array(piece))
        reader.read(into: &batch, limit: .max)
        rest = rest.dropFirst(piece.count)
    }
    reader.finish()
    reader.read(into: &batch, limit: .max)
    return (batch, reader.damages)
}

/// A record with its bytes, to be compared wherever it lies.
struct PlainRecord: Equatable {
    var header: FlowRecordHeader
    var payload: [UInt8]

    static func all(_ batch: FlowBatch) -> [PlainRecord] {
        batch.headers.map { header in
            var plain = header
            plain.payloadOffset = 0
            return PlainRecord(header: plain, payload: Array(batch.payload(of: header)))
        }
    }
}
