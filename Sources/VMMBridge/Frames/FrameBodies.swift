public import VMBusWire

/// A run of guest memory in HELLO, 24 bytes.
public struct MemoryRegion: WireStructure {
    public static let structureName: StaticString = "MEMORY_REGION"

    /// Guest-physical address of its first byte.
    public var address: UInt64 = 0
    /// How many bytes.
    public var byteCount: UInt64 = 0
    /// Where it starts in the file.
    public var fileOffset: UInt64 = 0

    public init() {}
    /// A run of memory.
    public init(address: UInt64, byteCount: UInt64, fileOffset: UInt64) {
        (self.address, self.byteCount, self.fileOffset) = (address, byteCount, fileOffset)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("gpa", &address, .hexadecimal, "guest-physical address of the first byte")
        try visitor.field("size", &byteCount, "how many bytes")
        try visitor.field("fd_offset", &fileOffset, .hexadecimal, "where it starts in the file")
    }
}

/// HELLO (1): the monitor shows its guest's memory; the file's descriptor travels along.
public struct Hello: WireStructure {
    public static let structureName: StaticString = "HELLO"

    /// "HVBR", the least significant byte first.
    public static let magic: UInt32 = 0x5242_5648
    /// The only version that there is.
    public static let version: UInt32 = 1
    /// The most virtual processors that a guest can have (as in a scenario).
    public static let maximumProcessors: UInt32 = 2048

    /// How many virtual processors the guest has.
    public var processors: UInt32 = 0
    /// The guest's memory.
    public var regions: [MemoryRegion] = []

    public init() {}
    /// A guest.
    public init(processors: UInt32, regions: [MemoryRegion]) {
        (self.processors, self.regions) = (processors, regions)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        var (magic, version) = (Self.magic, Self.version)
        try visitor.field("magic", &magic, .hexadecimal, "HVBR")
        try visitor.require(magic == Self.magic, "magic", UInt64(magic), "0x52425648, HVBR")
        try visitor.field("version", &version, "version of this protocol")
        try visitor.require(version == Self.version, "version", UInt64(version), "1")
        try visitor.field("num_vps", &processors, "virtual processors")
        try visitor.require(
            processors >= 1 && processors <= Self.maximumProcessors, "num_vps", UInt64(processors), "from 1 to 2048")
        var count = UInt32(truncatingIfNeeded: regions.count)
        try visitor.field("num_regions", &count, "runs of memory that follow")
        // More do not fit into the longest frame; without this a count alone could ask for much memory.
        try visitor.require(count >= 1 && count <= 169, "num_regions", UInt64(count), "from 1 to 169")
        try visitor.repeated("region", &regions, count: Int(count), "a run of guest memory")
    }
}

/// POST_MESSAGE (2): the guest called HvPostMessage.
public struct PostedMessage: WireStructure {
    public static let structureName: StaticString = "POST_MESSAGE"

    /// The processor that called and waits.
    public var processor: UInt32 = 0
    /// Where the message goes.
    public var connectionID: UInt32 = 0
    /// 1 for a channel message.
    public var messageType: UInt32 = SynIC.channelMessageType
    /// At most 240 bytes.
    public var payload: [UInt8] = []

    public init() {}
    /// A message of a guest.
    public init(processor: UInt32, connectionID: UInt32, payload: [UInt8]) {
        (self.processor, self.connectionID, self.payload) = (processor, connectionID, payload)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &processor, "the processor that called")
        try visitor.field("connection_id", &connectionID, .hexadecimal, "where the message goes")
        try visitor.field("message_type", &messageType, "1 for a channel message")
        try visitor.messagePayload(&payload)
    }
}

/// SIGNAL_EVENT (3): the guest called HvSignalEvent, 12 bytes.
public struct SignalledEvent: WireStructure {
    public static let structureName: StaticString = "SIGNAL_EVENT"

    /// The processor that called and waits.
    public var processor: UInt32 = 0
    /// What is signalled.
    public var connectionID: UInt32 = 0
    /// Which flag of it.
    public var flag: UInt16 = 0

    public init() {}
    /// A signal of a guest.
    public init(processor: UInt32, connectionID: UInt32, flag: UInt16 = 0) {
        (self.processor, self.connectionID, self.flag) = (processor, connectionID, flag)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &processor, "the processor that called")
        try visitor.field("connection_id", &connectionID, .hexadecimal, "what is signalled")
        try visitor.field("flag_number", &flag, "which flag of it")
        try visitor.reserved(2)
    }
}

/// DELIVERED (4): what became of a frame of the host's, 4 bytes.
public struct Delivery: WireStructure {
    public static let structureName: StaticString = "DELIVERED"

    /// 0, or an error number of Linux with its sign turned.
    public var status: Int32 = 0

    public init() {}
    /// What became of a frame.
    public init(status: Int32) { self.status = status }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("status", &status, "0, or a negated error number")
    }

    /// The status in words.
    var words: String {
        switch status {
        case 0: "delivered"
        case -6: "the guest has given the processor no page for it"
        case -22: "no such processor, source or flag"
        case -125: "the machine was reset meanwhile"
        default: "error \(status)"
        }
    }
}

/// What a hypercall returns to the guest.
public struct HypercallStatus: NamedScalar {
    /// The number.
    public let rawValue: UInt32

    /// Any status.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// It was done.
    public static let success = HypercallStatus(rawValue: 0)
    /// The input is not what it should be.
    public static let invalidInput = HypercallStatus(rawValue: 3)
    /// There is nothing at this connection.
    public static let invalidConnectionID = HypercallStatus(rawValue: 18)

    public var meaning: String? {
        switch rawValue {
        case 0: "HV_STATUS_SUCCESS"
        case 3: "HV_STATUS_INVALID_HYPERCALL_INPUT"
        case 18: "HV_STATUS_INVALID_CONNECTION_ID"
        default: nil
        }
    }
}

/// RESULT (0x81), 4 bytes.
struct HypercallResult: WireStructure {
    static let structureName: StaticString = "RESULT"

    var status = HypercallStatus.success

    init() {}
    init(_ status: HypercallStatus) { self.status = status }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("status", &status, "what the hypercall returns")
    }
}

/// POST_TO_VP (0x82): a message for a slot of a processor.
public struct MessageForProcessor: WireStructure {
    public static let structureName: StaticString = "POST_TO_VP"

    /// The processor.
    public var processor: UInt32 = 0
    /// The synthetic interrupt source, which is the slot's number.
    public var source = UInt32(SynIC.vmbusSINT)
    /// 1 for a channel message.
    public var messageType: UInt32 = SynIC.channelMessageType
    /// At most 240 bytes.
    public var payload: [UInt8] = []

    public init() {}
    /// A channel message for a processor.
    public init(processor: UInt32, payload: [UInt8]) { (self.processor, self.payload) = (processor, payload) }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &processor, "the processor")
        try visitor.field("sint", &source, "the synthetic interrupt source")
        try visitor.field("message_type", &messageType, "1 for a channel message")
        try visitor.messagePayload(&payload)
    }
}

/// SET_EVENT (0x83): an event flag of a processor, 12 bytes.
public struct EventForProcessor: WireStructure {
    public static let structureName: StaticString = "SET_EVENT"

    /// The processor.
    public var processor: UInt32 = 0
    /// The synthetic interrupt source.
    public var source = UInt32(SynIC.vmbusSINT)
    /// The flag, below 2048.
    public var flag: UInt32 = 0

    public init() {}
    /// A flag of VMBus's source.
    public init(processor: UInt32, flag: UInt32) { (self.processor, self.flag) = (processor, flag) }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &processor, "the processor")
        try visitor.field("sint", &source, "the synthetic interrupt source")
        try visitor.field("flag", &flag, "the flag")
    }
}

/// RAISE_SINT (0x84): an interrupt of a processor, 8 bytes.
public struct InterruptForProcessor: WireStructure {
    public static let structureName: StaticString = "RAISE_SINT"

    /// The processor.
    public var processor: UInt32 = 0
    /// The synthetic interrupt source.
    public var source = UInt32(SynIC.vmbusSINT)

    public init() {}
    /// VMBus's source of a processor.
    public init(processor: UInt32) { self.processor = processor }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &processor, "the processor")
        try visitor.field("sint", &source, "the synthetic interrupt source")
    }
}

extension FieldVisitor {
    /// A length and that many bytes of a message.
    fileprivate mutating func messagePayload(_ payload: inout [UInt8]) throws(WireError) {
        var size = UInt32(truncatingIfNeeded: payload.count)
        try field("payload_size", &size, "bytes of the message")
        try require(size <= UInt32(SynIC.maximumPayload), "payload_size", UInt64(size), "at most 240")
        try bytes("payload", &payload, count: Int(min(size, UInt32(SynIC.maximumPayload))), "the message")
    }
}
