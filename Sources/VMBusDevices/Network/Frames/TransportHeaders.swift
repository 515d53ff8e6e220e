public import VMBusWire

/// The start of an ICMP or ICMPv6 message (RFC 792, RFC 4443), with the two numbers of an echo.
public struct ICMPHeader: WireStructure {
    public static let structureName: StaticString = "ICMP"

    /// Bytes of it.
    public static let byteCount = 8
    /// Where its checksum lies.
    static let checksumOffset = 2

    /// What it says.
    public struct Kind: NamedScalar {
        /// The number on the wire; those of ICMPv6 begin with 128, but for errors.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The answer to a ping.
        public static let echoReply = Kind(rawValue: 0)
        /// A packet cannot be brought where it should go.
        public static let unreachable = Kind(rawValue: 3)
        /// A ping.
        public static let echo = Kind(rawValue: 8)
        public var meaning: String? {
            switch rawValue {
            case 0, 129: "echo reply"
            case 3: "destination unreachable"
            case 5: "redirect"
            case 8, 128: "echo request"
            case 11: "time exceeded"
            case 133: "router solicitation"
            case 134: "router advertisement"
            case 135: "neighbour solicitation"
            case 136: "neighbour advertisement"
            case 143: "multicast listener report"
            default: nil
            }
        }
    }

    /// What it says.
    public var kind = Kind.echo
    /// More of it.
    public var code: UInt8 = 0
    /// Over the whole message, for ICMPv6 with the addresses.
    public var checksum: NetworkShort = 0
    /// Which series of pings.
    public var identifier: NetworkShort = 0
    /// Which ping of the series.
    public var sequence: NetworkShort = 0

    public init() {}

    @_specialize(where Visitor == WireEncoder)
    @_specialize(where Visitor == WireDecoder)
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("type", &kind, "what the message says")
        try visitor.field("code", &code, "more of it, such as what is unreachable")
        try visitor.field("checksum", &checksum, .hexadecimal, "over the whole message")
        try visitor.field("identifier", &identifier, .hexadecimal, "of an echo: which series")
        try visitor.field("sequence", &sequence, "of an echo: which one of the series")
    }
}

/// The header of a datagram (RFC 768).
public struct UDPHeader: WireStructure {
    public static let structureName: StaticString = "UDP"

    /// Bytes of it.
    public static let byteCount = 8
    /// Where its checksum lies.
    static let checksumOffset = 6

    /// Whose.
    public var source: NetworkShort = 0
    /// For whom.
    public var destination: NetworkShort = 0
    /// Bytes with this header.
    public var length: NetworkShort = 8
    /// Over the datagram and the addresses; 0 for none.
    public var checksum: NetworkShort = 0

    public init() {}

    @_specialize(where Visitor == WireEncoder)
    @_specialize(where Visitor == WireDecoder)
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("source_port", &source, "whose datagram")
        try visitor.field("destination_port", &destination, "for whom; 7 echo, 53 names, 67 and 68 DHCP")
        try visitor.field("length", &length, "bytes with this header")
        try visitor.require(
            length.rawValue >= 8, "length", UInt64(length.rawValue), "at least the 8 bytes of the header")
        try visitor.field("checksum", &checksum, .hexadecimal, "over the datagram and the addresses; 0 for none")
    }
}

/// The header of a segment of a stream (RFC 9293).
public struct TCPHeader: WireStructure {
    public static let structureName: StaticString = "TCP"

    /// Bytes without options.
    public static let smallestByteCount = 20
    /// Where its checksum lies.
    static let checksumOffset = 16

    /// Header length and flags.
    public struct Control: NetworkScalar {
        /// The bits.
        public let rawValue: UInt16
        /// Any bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// A first segment.
        public static let synchronize: UInt16 = 0x002
        /// The connection does not exist.
        public static let reset: UInt16 = 0x004
        /// The acknowledgement number counts.
        public static let acknowledge: UInt16 = 0x010
        /// Bytes of the header with options.
        public var byteCount: Int { Int(rawValue >> 12) * 4 }
        public var meaning: String? {
            "\(byteCount) bytes, "
                + BitNames.text(UInt32(rawValue & 0xFF), ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"])
        }
    }

    /// Whose.
    public var source: NetworkShort = 0
    /// For whom.
    public var destination: NetworkShort = 0
    /// Number of the first byte.
    public var sequence: NetworkLong = 0
    /// Number of the byte that is expected next.
    public var acknowledgement: NetworkLong = 0
    /// Header length and flags.
    public var control = Control(rawValue: 0x5000)
    /// Bytes that the sender can take.
    public var window: NetworkShort = 0xFFFF
    /// Over the segment and the addresses.
    public var checksum: NetworkShort = 0
    /// Where urgent data ends.
    public var urgent: NetworkShort = 0
    /// Up to 40 bytes.
    public var options: [UInt8] = []

    public init() {}

    @_specialize(where Visitor == WireEncoder)
    @_specialize(where Visitor == WireDecoder)
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("source_port", &source, "whose segment")
        try visitor.field("destination_port", &destination, "for whom")
        try visitor.field("sequence", &sequence, "number of the segment's first byte in the stream")
        try visitor.field("acknowledgement", &acknowledgement, "number of the byte that is expected next")
        try visitor.field("offset_flags", &control, .hexadecimal, "bits 12-15 words of this header, 0-8 flags")
        try visitor.require(
            control.byteCount >= 20, "offset_flags", UInt64(control.rawValue), "at least five words of header")
        try visitor.field("window", &window, "bytes that the sender can take")
        try visitor.field("checksum", &checksum, .hexadecimal, "over the segment and the addresses")
        try visitor.field("urgent", &urgent, "where urgent data ends")
        try visitor.bytes("options", &options, count: max(0, control.byteCount - 20), "such as the largest segment")
    }
}
