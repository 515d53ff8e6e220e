import BusModel
public import VMBusWire

/// What stands in front of a record's bytes in a packet of an interface for records: 24 bytes, and what the flags say.
public struct RecordHeader: WireStructure {
    public static let structureName: StaticString = "RECORD"

    /// Bytes without what the flags say.
    static let byteCount = 24

    /// Version of this header.
    public var version = RecordingFormat.version
    /// `FlowKind`, or a kind of the file's own from 0xF0 on.
    public var kind: UInt8 = 0
    /// Who sent it; 0 for nobody.
    public var direction: UInt8 = 0
    /// What else there is.
    public var flags: RecordFlags = []
    /// Bytes of this header: the record's bytes begin behind it.
    public var length = UInt16(RecordHeader.byteCount)
    /// Which partition.
    public var partition: UInt16 = 0
    /// The channel's number at that moment; 0 for none.
    public var relid: UInt32 = 0
    /// What the kind numbers.
    public var code: UInt32 = 0
    /// Counts up by one from 1 within a log.
    public var sequence: UInt64 = 0
    /// For a completion, the number of the record that asked.
    public var request: UInt64 = 0
    /// How many of the record's bytes, at the end, lay outside the ring.
    public var attachmentLength: UInt32 = 0
    /// Where bytes were that are packets of another interface.
    public var frames: [CarriedPlace] = []
    /// Instance of the device.
    public var device = GUID.zero
    /// The channel's sub-channel index.
    public var subchannel: UInt16 = 0

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version", &version, "version of this header; a reader refuses a higher one")
        try visitor.field("kind", &kind, "what the record tells")
        try visitor.field("direction", &direction, "1 guest to host, 2 host to guest, 0 for nobody")
        try visitor.field("flags", &flags, .hexadecimal, "what else there is")
        try visitor.field("header_length", &length, "bytes of this header; the record's bytes begin behind it")
        try visitor.field("partition", &partition, "0 the root, then the guests")
        try visitor.field("relid", &relid, "the channel's number at that moment; 0 for none")
        try visitor.field("code", &code, "message type, packet type or what else the kind numbers")
        try visitor.field("sequence", &sequence, "counts up by one from 1 within a log")
        try visitor.choice("flag 0x01", when: flags.contains(.request)) { visitor throws(WireError) in
            try visitor.field("request", &request, "the number of the record that this completion answers")
        }
        try visitor.choice("flag 0x02", when: flags.contains(.parts)) { visitor throws(WireError) in
            try visitor.field("attachment_length", &attachmentLength, "bytes at the end that lay outside the ring")
            var count = UInt32(truncatingIfNeeded: frames.count)
            try visitor.field("frame_count", &count, "how many places follow")
            try visitor.repeated("frame", &frames, count: Int(count), "bytes that are a packet of another interface")
        }
        try visitor.choice("flag 0x04", when: flags.contains(.channel)) { visitor throws(WireError) in
            try visitor.field("device", &device, "instance of the device")
            try visitor.field("subchannel", &subchannel, "0 for the primary channel")
            try visitor.reserved(2)
        }
    }
}

/// Which further fields a record header has, and what the record is.
public struct RecordFlags: OptionSet, NamedScalar {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// It completes a request whose record is known.
    public static let request = RecordFlags(rawValue: 1)
    /// Some of its bytes lay outside the ring, or are packets of another interface.
    public static let parts = RecordFlags(rawValue: 2)
    /// Its interface is that of many channels.
    public static let channel = RecordFlags(rawValue: 4)
    /// The file says this: it is no record of the log, and its number is that of the last one before it.
    public static let aside = RecordFlags(rawValue: 0x80)
}

/// Where bytes of a record were that are a packet of another interface.
public struct CarriedPlace: WireStructure {
    public static let structureName: StaticString = "FRAME_PLACE"

    /// From the start of the record's bytes.
    public var offset: UInt32 = 0
    /// How many bytes.
    public var length: UInt32 = 0

    public init() {}
    /// A place.
    public init(_ range: Range<Int>) {
        offset = UInt32(truncatingIfNeeded: range.lowerBound)
        length = UInt32(truncatingIfNeeded: range.count)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("offset", &offset, "from the start of the record's bytes")
        try visitor.field("length", &length, "bytes")
    }
}
