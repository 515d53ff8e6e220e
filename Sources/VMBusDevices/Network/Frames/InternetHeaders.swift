public import VMBusWire

/// What an internet packet carries.
public struct InternetProtocol: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt8
    /// Any number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Messages about the network itself, such as pings.
    public static let icmp = InternetProtocol(rawValue: 1)
    /// Streams.
    public static let tcp = InternetProtocol(rawValue: 6)
    /// Datagrams.
    public static let udp = InternetProtocol(rawValue: 17)
    /// As ICMP, for IPv6.
    public static let icmp6 = InternetProtocol(rawValue: 58)

    public var meaning: String? {
        switch rawValue {
        case 0: "hop-by-hop options"
        case 1: "ICMP"
        case 2: "IGMP"
        case 6: "TCP"
        case 17: "UDP"
        case 58: "ICMPv6"
        default: nil
        }
    }
}

/// The header of an IPv4 packet (RFC 791).
public struct IPv4Header: WireStructure {
    public static let structureName: StaticString = "IPV4"

    /// Bytes without options.
    public static let smallestByteCount = 20
    /// Where its checksum lies.
    static let checksumOffset = 10

    /// Flags and place of a fragment.
    public struct Fragment: NetworkScalar {
        /// The bits.
        public let rawValue: UInt16
        /// Any bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// A packet that nobody may cut.
        public static let whole = Fragment(rawValue: 0x4000)
        /// Whether it is a piece of a larger packet.
        public var isPiece: Bool { rawValue & 0x3FFF != 0 }
        /// Where the piece begins, in bytes.
        public var place: Int { Int(rawValue & 0x1FFF) * 8 }
        public var meaning: String? {
            let flags = BitNames.text(UInt32(rawValue >> 13), ["more fragments", "don't fragment", "reserved"])
            return place == 0 ? flags : "\(flags), at byte \(place)"
        }
    }

    /// Version in the upper half, header length in words of four bytes in the lower.
    public var versionAndLength: UInt8 = 0x45
    /// Class of service.
    public var service: UInt8 = 0
    /// Bytes of the packet with this header.
    public var totalLength: NetworkShort = 20
    /// Which packet the pieces belong to.
    public var identification: NetworkShort = 0
    /// Flags and place of a piece.
    public var fragment = Fragment.whole
    /// Routers that it may still pass.
    public var timeToLive: UInt8 = 64
    /// What it carries.
    public var carries = InternetProtocol.icmp
    /// Over the header.
    public var checksum: NetworkShort = 0
    /// Who sends.
    public var source = InternetAddress.none
    /// Who receives.
    public var destination = InternetAddress.none
    /// Up to 40 bytes.
    public var options: [UInt8] = []

    public init() {}

    /// Bytes of the header with options.
    public var byteCount: Int { Int(versionAndLength & 0xF) * 4 }

    @_specialize(where Visitor == WireEncoder)
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version_ihl", &versionAndLength, .hexadecimal, "version 4, and words of this header")
        try visitor.require(
            versionAndLength >= 0x45 && versionAndLength < 0x50, "version_ihl", UInt64(versionAndLength),
            "version 4 and at least five words")
        try visitor.field("tos", &service, .hexadecimal, "class of service and congestion bits")
        try visitor.field("total_length", &totalLength, "bytes of the packet with this header")
        try visitor.require(
            Int(totalLength.rawValue) >= byteCount, "total_length", UInt64(totalLength.rawValue),
            "at least the bytes of the header")
        try visitor.field("id", &identification, .hexadecimal, "which packet the pieces belong to")
        try visitor.field("flags_offset", &fragment, .hexadecimal, "bits 13-15 flags, 0-12 where a piece begins / 8")
        try visitor.field("ttl", &timeToLive, "routers that the packet may still pass")
        try visitor.field("protocol", &carries, "what the packet carries")
        try visitor.field("checksum", &checksum, .hexadecimal, "over the header")
        try visitor.field("source", &source, "who sends")
        try visitor.field("destination", &destination, "who receives")
        try visitor.bytes("options", &options, count: max(0, byteCount - 20), "rarely used")
    }
}

/// The header of an IPv6 packet (RFC 8200).
public struct IPv6Header: WireStructure {
    public static let structureName: StaticString = "IPV6"

    /// Bytes of it.
    public static let byteCount = 40

    /// Version, traffic class, flow label.
    public var versionAndFlow: NetworkLong = 0x6000_0000
    /// Bytes behind this header.
    public var payloadLength: NetworkShort = 0
    /// What it carries.
    public var carries = InternetProtocol.icmp6
    /// Routers that it may still pass.
    public var hopLimit: UInt8 = 64
    /// Sixteen bytes.
    public var source: [UInt8] = []
    /// Sixteen bytes.
    public var destination: [UInt8] = []

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version_flow", &versionAndFlow, .hexadecimal, "version 6, traffic class, flow label")
        try visitor.require(
            versionAndFlow.rawValue >> 28 == 6, "version_flow", UInt64(versionAndFlow.rawValue), "version 6")
        try visitor.field("payload_length", &payloadLength, "bytes behind this header")
        try visitor.field("next_header", &carries, "what the packet carries")
        try visitor.field("hop_limit", &hopLimit, "routers that the packet may still pass")
        try visitor.bytes("source", &source, count: 16, "who sends", meaning: EthernetFrame.groupText)
        try visitor.bytes("destination", &destination, count: 16, "who receives", meaning: EthernetFrame.groupText)
    }
}
