public import VMBusWire

extension RNDIS {
    /// What GEN_MAX_LINK_SPEED answers. 16 bytes.
    public struct LinkSpeeds: WireStructure {
        public static let structureName: StaticString = "LINK_SPEED"
        /// Towards the network.
        public var transmit = BitRate(rawValue: 0)
        /// From the network.
        public var receive = BitRate(rawValue: 0)
        public init() {}
        /// The same both ways, in units of 100 bit/s.
        public init(hundreds: UInt32) {
            transmit = BitRate(rawValue: UInt64(hundreds) * 100)
            receive = transmit
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("xmit", &transmit, "bit/s towards the network")
            try visitor.field("rcv", &receive, "bit/s from the network")
        }
    }

    /// Whether there is a link, as GEN_LINK_STATE counts.
    public struct LinkMedia: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// A link.
        public static let connected = LinkMedia(rawValue: 1)
        /// None.
        public static let disconnected = LinkMedia(rawValue: 2)
        public var meaning: String? {
            switch rawValue {
            case 0: "unknown"
            case 1: "connected"
            case 2: "disconnected"
            default: nil
            }
        }
    }

    /// What GEN_LINK_STATE answers. 40 bytes.
    public struct LinkState: WireStructure {
        public static let structureName: StaticString = "LINK_STATE"
        /// What it is.
        public var header = ObjectHeader(type: .standard, revision: 1, size: 40)
        /// Whether there is a link.
        public var media = LinkMedia(rawValue: 0)
        /// 2: both ways at once.
        public var duplex: UInt32 = 2
        /// How fast.
        public var speeds = LinkSpeeds()
        /// 0: no pause frames.
        public var pause: UInt32 = 0
        /// 0: nothing was agreed on by itself.
        public var negotiation: UInt32 = 0
        public init() {}
        /// A link.
        public init(_ media: LinkMedia, speeds: LinkSpeeds) {
            self.media = media
            self.speeds = speeds
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "type 0x80, revision 1, 40 bytes")
            try visitor.field("media_connect_state", &media, "1 connected, 2 disconnected")
            try visitor.field("media_duplex_state", &duplex, "1 half, 2 full")
            try visitor.reserved(4, "padding")
            try visitor.structure("speed", &speeds, "how fast")
            try visitor.field("pause_functions", &pause, "0: no pause frames")
            try visitor.field("auto_negotiation_flags", &negotiation, .hexadecimal, "what was agreed on by itself")
        }
    }

    /// An Ethernet address in a list.
    public struct HardwareAddress: WireStructure {
        public static let structureName: StaticString = "ADDRESS"
        /// Six bytes.
        public var bytes: [UInt8] = []
        public init() {}
        /// An address.
        public init(_ bytes: [UInt8]) { self.bytes = bytes }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.bytes(
                "address", &bytes, count: 6, "Ethernet address", meaning: { EthernetFrame.address($0[...]) })
        }
    }
}

/// Text of one byte for each letter.
enum PlainText {
    /// The text up to its terminator, with everything replaced that is not printable ASCII.
    static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map { (0x20..<0x7F).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }
}
