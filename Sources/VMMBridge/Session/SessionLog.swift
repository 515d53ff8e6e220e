import BusModel
import VMBusPartitions
import VMBusWire

/// What happened in a session, as records of the one log.
struct SessionLog: Sendable {
    /// The guest's number.
    private let partition: UInt16
    /// The moment of the next record, in nanoseconds since the log's start.
    var time: UInt64 = 0
    private var records = FlowBatch()
    /// Which channel a page list belongs to, from its first message to GPADL_TORNDOWN, as some messages name only the list.
    private var pageLists: [(handle: UInt32, place: ChannelPlace)] = []
    /// As many as a host holds; what a guest sends beyond is refused anyway.
    private static let maximumPageLists = 8192
    /// The last sample of each channel, to tell only what is new.
    private var samples: [(place: ChannelPlace, bytes: [UInt8])] = []
    /// Whether the log shows devices that a reset takes away.
    private(set) var hasDevices = false

    init(partition: UInt16) { self.partition = partition }

    mutating func take() -> FlowBatch {
        defer { records = FlowBatch() }
        return records
    }

    private mutating func append(
        _ kind: FlowKind, direction: Direction? = nil, code: UInt32 = 0, _ payload: [UInt8]
    ) {
        records.append(
            FlowRecordHeader(kind: kind, time: time, partition: partition, direction: direction, code: code), payload)
    }

    /// A record of a channel.
    mutating func channel(
        _ kind: FlowKind, _ place: ChannelPlace, _ direction: Direction?, code: UInt32 = 0, _ payload: [UInt8],
        attachment: [UInt8] = []
    ) {
        records.append(
            FlowRecordHeader(
                kind: kind, time: time, partition: partition, device: place.device, subchannel: place.subchannel,
                relid: place.relid, direction: direction, code: code), payload, attachment: attachment)
    }

    /// Values of a channel that were looked at.
    mutating func sample(_ place: ChannelPlace, _ readings: [AttributeReading]) {
        let bytes = AttributeList(readings).encoded()
        if let index = samples.firstIndex(where: { $0.place == place }) {
            if samples[index].bytes == bytes { return }
            samples[index].bytes = bytes
        } else if !readings.isEmpty {
            // One per channel number that there can be.
            if samples.count >= Int(SynIC.eventFlagCount) { samples = [] }
            samples.append((place, bytes))
        }
        if !readings.isEmpty { channel(.sample, place, nil, bytes) }
    }

    mutating func note(_ text: String) { append(.note, Array(text.utf8)) }

    mutating func violation(_ violation: ProtocolViolation) { append(.fault, Array(violation.description.utf8)) }

    /// A fault that was done.
    mutating func fault(_ report: FaultReport) {
        if let place = report.place {
            channel(.fault, place, report.direction, code: report.code, report.payload)
        } else {
            append(.fault, direction: report.direction, code: report.code, report.payload)
        }
    }

    mutating func register(_ write: RegisterWrite) {
        append(.register, direction: .guestToHost, code: write.register.rawValue, write.encoded())
    }

    mutating func partition(_ code: StateCode, _ readings: [AttributeReading]) {
        if code == .removed {
            hasDevices = false
            pageLists = []
            samples = []
        }
        append(.state, code: code.rawValue, AttributeList(readings).encoded())
    }

    mutating func state(_ readings: [AttributeReading]) { partition(.changed, readings) }

    /// The number at the start of a message.
    static func type(of bytes: [UInt8]) -> UInt32 {
        bytes.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }

    /// A channel message. `host` is as before a message of the guest and as after one of its own.
    mutating func message(_ bytes: [UInt8], _ direction: Direction, _ host: HostPartition) {
        let type = Self.type(of: bytes)
        if let place = place(bytes, host) {
            channel(.message, place, direction, code: type, bytes)
        } else {
            append(.message, direction: direction, code: type, bytes)
        }
        if MessageType(rawValue: type) == .offerChannel { hasDevices = true }
    }

    /// Which channel a message is about; what it ends or begins is remembered.
    mutating func place(_ bytes: [UInt8], _ host: HostPartition) -> ChannelPlace? {
        guard let message = try? ChannelMessage.decode(bytes, context: host.agreement) else { return nil }
        switch message {
        case .initiateContact, .unload:
            pageLists = []
            samples = []
            return nil
        case .gpadlHeader(let header):
            guard let place = host.channel(relid: header.relid) else { return nil }
            pageLists.removeAll { $0.handle == header.gpadl }
            if pageLists.count < Self.maximumPageLists { pageLists.append((header.gpadl, place)) }
            return place
        case .gpadlBody(let body): return pageLists.first { $0.handle == body.gpadl }?.place
        case .gpadlTorndown(let torndown):
            defer { pageLists.removeAll { $0.handle == torndown.gpadl } }
            return pageLists.first { $0.handle == torndown.gpadl }?.place
        default: return message.relid.flatMap { host.channel(relid: $0) }
        }
    }
}
