public import VMBusWire

/// What a record of the log tells. A reader skips kinds that it does not know.
public struct FlowKind: RawRepresentable, Sendable, Hashable, BitwiseCopyable {
    /// The number in recordings.
    public let rawValue: UInt8

    /// Any kind, known or not.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A channel message went through a SynIC slot.
    public static let message = FlowKind(rawValue: 1)
    /// A packet was written to a ring.
    public static let packet = FlowKind(rawValue: 2)
    /// A guest signalled the host.
    public static let signal = FlowKind(rawValue: 3)
    /// The host interrupted a guest.
    public static let interrupt = FlowKind(rawValue: 4)
    /// Something came, went or changed that no message tells.
    public static let state = FlowKind(rawValue: 5)
    /// Counters and fills at one moment.
    public static let sample = FlowKind(rawValue: 6)
    /// A fault was injected or a rule was broken.
    public static let fault = FlowKind(rawValue: 7)
    /// Records are missing here.
    public static let gap = FlowKind(rawValue: 8)
    /// Somebody wrote something down.
    public static let note = FlowKind(rawValue: 9)
    /// Everything that is known at this place: the log can be read from here.
    public static let keyframe = FlowKind(rawValue: 10)
    /// A guest's processor wrote a register of the hypervisor.
    public static let register = FlowKind(rawValue: 11)
    /// A tracepoint of a guest's kernel fired: a `TraceRecord`.
    public static let trace = FlowKind(rawValue: 12)
    /// A line of a guest's kernel log: a `KernelLogRecord`.
    public static let kernelLog = FlowKind(rawValue: 13)
    /// A packet of a network that is no part of a bus, from the capture of another program: `code` is its link type.
    public static let frame = FlowKind(rawValue: 14)

    /// All known kinds, in numerical order.
    public static let all: [FlowKind] = [
        .message, .packet, .signal, .interrupt, .state, .sample, .fault, .gap, .note, .keyframe,
        .register, .trace, .kernelLog, .frame,
    ]

    /// The word for it in JSON, filters and on the screen.
    public var word: String {
        switch self {
        case .message: "message"
        case .packet: "packet"
        case .signal: "signal"
        case .interrupt: "interrupt"
        case .state: "state"
        case .sample: "sample"
        case .fault: "fault"
        case .gap: "gap"
        case .note: "note"
        case .keyframe: "keyframe"
        case .register: "register"
        case .trace: "trace"
        case .kernelLog: "kernel_log"
        case .frame: "frame"
        default: "kind_\(rawValue)"
        }
    }
}

/// The fixed-size part of a record; its bytes lie in the batch's arena, so that a record costs no allocation.
public struct FlowRecordHeader: Sendable, Hashable, BitwiseCopyable {
    /// Counts up by one from 1 within a log.
    public var sequence: UInt64 = 0
    /// Nanoseconds since the log's start (simulator) or since boot (live).
    public var time: UInt64 = 0
    /// Instance of the device; zero for none.
    public var device = GUID.zero
    /// The channel's number at that moment; 0 for none.
    public var relid: UInt32 = 0
    /// Message type, packet type, `StateCode`, `FaultCode` or what else the kind numbers.
    public var code: UInt32 = 0
    /// Where the record's bytes start in the arena.
    public var payloadOffset: UInt32 = 0
    /// How many bytes they are.
    public var payloadLength: UInt32 = 0
    /// How many of them, at the end, lay outside the ring, in pages that the packet points to.
    public var attachmentLength: UInt32 = 0
    /// How many more bytes there were behind these, which were not kept.
    public var omittedLength: UInt32 = 0
    /// Which partition: 0 the root, then the guests.
    public var partition: UInt16 = 0
    /// The channel's sub-channel index; 0 for a primary.
    public var subchannel: UInt16 = 0
    /// What the record tells.
    public var kind = FlowKind.note
    /// 0 for none, else a `Direction`.
    private var directionNumber: UInt8 = 0

    /// A header without place in an arena, which `FlowBatch.append` gives.
    public init(
        kind: FlowKind, time: UInt64, partition: UInt16, device: GUID = .zero, subchannel: UInt16 = 0,
        relid: UInt32 = 0,
        direction: Direction? = nil, code: UInt32 = 0
    ) {
        self.kind = kind
        self.time = time
        self.partition = partition
        self.device = device
        self.subchannel = subchannel
        self.relid = relid
        self.code = code
        self.direction = direction
    }

    /// Who sent it, where somebody did.
    public var direction: Direction? {
        get { Direction(rawValue: directionNumber) }
        set { directionNumber = newValue?.rawValue ?? 0 }
    }

    /// Which channel it is about, if any: the key that outlives a change of relid.
    public var channel: ChannelKey? {
        device == .zero ? nil : ChannelKey(partition: partition, device: device, subchannel: subchannel)
    }
}

/// Names a channel over its whole life, as relids are used again (linux-guest-data §2).
public struct ChannelKey: Sendable, Hashable, Comparable {
    /// 0 the root, then the guests.
    public var partition: UInt16
    /// Instance of the device.
    public var device: GUID
    /// 0 for the primary.
    public var subchannel: UInt16

    /// Names a channel.
    public init(partition: UInt16, device: GUID, subchannel: UInt16) {
        self.partition = partition
        self.device = device
        self.subchannel = subchannel
    }

    /// By partition, device, sub-channel.
    public static func < (left: ChannelKey, right: ChannelKey) -> Bool {
        if left.partition != right.partition { return left.partition < right.partition }
        if left.device != right.device { return left.device < right.device }
        return left.subchannel < right.subchannel
    }
}

/// A run of records with their bytes: what a source yields.
public struct FlowBatch: Sendable, Hashable {
    /// The records, oldest first.
    public private(set) var headers: [FlowRecordHeader] = []
    /// The records' bytes, one behind the other.
    public private(set) var arena: [UInt8] = []

    /// An empty batch.
    public init() {}

    /// Whether nothing happened.
    public var isEmpty: Bool { headers.isEmpty }

    /// Adds a record; its sequence number is kept as given, its place in the arena is set here.
    public mutating func append(_ header: FlowRecordHeader, _ payload: [UInt8], attachment: [UInt8] = []) {
        add(header, payload[...], attachment[...])
    }

    /// The same, from bytes of any form.
    public mutating func append(_ header: FlowRecordHeader, _ payload: some Collection<UInt8>) {
        add(header, Array(payload)[...], [])
    }

    /// The same, from a part of an array.
    public mutating func append(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, attachment: [UInt8] = []) {
        add(header, payload, attachment[...])
    }

    /// Adds a record of another batch.
    public mutating func append(_ header: FlowRecordHeader, from other: FlowBatch) {
        let payload = other.payload(of: header)
        let split = payload.endIndex - min(payload.count, Int(header.attachmentLength))
        add(header, payload[..<split], payload[split...])
    }

    private mutating func add(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ attachment: ArraySlice<UInt8>
    ) {
        var header = header
        header.payloadOffset = UInt32(truncatingIfNeeded: arena.count)
        header.payloadLength = UInt32(truncatingIfNeeded: payload.count + attachment.count)
        header.attachmentLength = UInt32(truncatingIfNeeded: attachment.count)
        arena.append(contentsOf: payload)
        arena.append(contentsOf: attachment)
        headers.append(header)
    }

    /// Adds all records of another batch.
    public mutating func append(_ other: FlowBatch) {
        let start = UInt32(truncatingIfNeeded: arena.count)
        arena += other.arena
        for var header in other.headers {
            header.payloadOffset &+= start
            headers.append(header)
        }
    }

    /// Gives the records from `index` on sequence numbers that count up from `next`.
    public mutating func number(from next: inout UInt64, startingAt index: Int = 0) {
        for index in index..<headers.count {
            headers[index].sequence = next
            next += 1
        }
    }

    /// The bytes of one of the batch's records; empty for a header that is not of this batch.
    public func payload(of header: FlowRecordHeader) -> ArraySlice<UInt8> {
        let start = Int(header.payloadOffset)
        let end = start + Int(header.payloadLength)
        return end <= arena.count ? arena[start..<end] : []
    }

    /// Forgets all records but the first so many.
    public mutating func keepFirst(_ count: Int) {
        if count < headers.count { headers.removeSubrange(max(0, count)...) }
    }

    /// Forgets the records and keeps the room.
    public mutating func removeAll() {
        headers.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
    }
}

/// A place in a log.
public struct Position: Sendable, Hashable, Comparable {
    /// Sequence number of the last record that has happened; 0 before the first.
    public var sequence: UInt64
    /// The log's time there, in nanoseconds.
    public var time: UInt64

    /// A place.
    public init(sequence: UInt64, time: UInt64) {
        self.sequence = sequence
        self.time = time
    }

    /// Earlier is less.
    public static func < (left: Position, right: Position) -> Bool { left.sequence < right.sequence }
}
