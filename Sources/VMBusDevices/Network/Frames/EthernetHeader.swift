public import VMBusWire

/// What the payload of a frame is.
public struct EtherType: NetworkScalar {
    /// The number on the wire.
    public let rawValue: UInt16
    /// Any number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// IPv4.
    public static let internet4 = EtherType(rawValue: 0x0800)
    /// Who has an IPv4 address.
    public static let resolution = EtherType(rawValue: 0x0806)
    /// An 802.1Q tag, and then the type.
    public static let tagged = EtherType(rawValue: 0x8100)
    /// IPv6.
    public static let internet6 = EtherType(rawValue: 0x86DD)

    public var meaning: String? {
        switch rawValue {
        case 0x0800: "IPv4"
        case 0x0806: "ARP"
        case 0x8100: "802.1Q tag"
        case 0x86DD: "IPv6"
        case 0x88B5, 0x88B6: "local experiment"
        case 0x88CC: "LLDP"
        case ..<0x0600: "length of an 802.3 frame"
        default: nil
        }
    }
}

/// The start of every frame (IEEE 802.3, DIX Ethernet II).
public struct EthernetHeader: WireStructure {
    public static let structureName: StaticString = "ETHERNET"

    /// Bytes of it.
    public static let byteCount = 14

    /// For whom it is: six bytes.
    public var destination: [UInt8] = []
    /// Whose it is: six bytes.
    public var source: [UInt8] = []
    /// What the payload is.
    public var type = EtherType(rawValue: 0)

    public init() {}

    /// All of it.
    public init(destination: [UInt8], source: [UInt8], type: EtherType) {
        self.destination = destination
        self.source = source
        self.type = type
    }

    @_specialize(where Visitor == WireEncoder)
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.bytes(
            "destination", &destination, count: 6, "for whom the frame is; an odd first byte means a group",
            meaning: EthernetFrame.text)
        try visitor.bytes("source", &source, count: 6, "whose frame it is", meaning: EthernetFrame.text)
        try visitor.field("type", &type, .hexadecimal, "what the payload is")
    }
}

/// An 802.1Q tag behind the addresses.
public struct VLANHeader: WireStructure {
    public static let structureName: StaticString = "VLAN"

    /// Priority, drop eligibility and number.
    public struct Control: NetworkScalar {
        /// The bits.
        public let rawValue: UInt16
        /// Any bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The number of the virtual network.
        public var number: UInt16 { rawValue & 0xFFF }
        public var meaning: String? {
            "VLAN \(number), priority \(rawValue >> 13)" + (rawValue & 0x1000 != 0 ? ", drop eligible" : "")
        }
    }

    /// Priority, drop eligibility and number.
    public var control = Control(rawValue: 0)
    /// What the payload is.
    public var type = EtherType(rawValue: 0)

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("tci", &control, .hexadecimal, "bits 13-15 priority, 12 drop eligible, 0-11 VLAN id")
        try visitor.field("type", &type, .hexadecimal, "what the payload is")
    }
}

/// Who has an IPv4 address, and the answer (RFC 826).
public struct ARPPacket: WireStructure {
    public static let structureName: StaticString = "ARP"

    /// A question or an answer.
    public struct Operation: NetworkScalar {
        /// The number on the wire.
        public let rawValue: UInt16
        /// Any number.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Who has the target address?
        public static let request = Operation(rawValue: 1)
        /// The sender has it.
        public static let reply = Operation(rawValue: 2)
        public var meaning: String? { rawValue == 1 ? "request" : rawValue == 2 ? "reply" : nil }
    }

    /// A question or an answer.
    public var operation = Operation.request
    /// Six bytes.
    public var senderHardware: [UInt8] = []
    /// Who says it.
    public var sender = InternetAddress.none
    /// Six bytes; zero in a question.
    public var targetHardware: [UInt8] = []
    /// Who is meant.
    public var target = InternetAddress.none

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        var (hardware, network): (NetworkShort, EtherType) = (1, .internet4)
        var (hardwareSize, networkSize): (UInt8, UInt8) = (6, 4)
        try visitor.field("hardware_type", &hardware, "1 for Ethernet")
        try visitor.require(hardware == 1, "hardware_type", UInt64(hardware.rawValue), "1 for Ethernet")
        try visitor.field("protocol_type", &network, .hexadecimal, "whose addresses are asked for: IPv4")
        try visitor.require(network == .internet4, "protocol_type", UInt64(network.rawValue), "0x0800 for IPv4")
        try visitor.field("hardware_size", &hardwareSize, "bytes of an Ethernet address")
        try visitor.require(hardwareSize == 6, "hardware_size", UInt64(hardwareSize), "6 bytes")
        try visitor.field("protocol_size", &networkSize, "bytes of an IPv4 address")
        try visitor.require(networkSize == 4, "protocol_size", UInt64(networkSize), "4 bytes")
        try visitor.field("operation", &operation, "1 asks who has the target address, 2 answers")
        try visitor.bytes(
            "sender_hardware", &senderHardware, count: 6, "Ethernet address of the sender", meaning: EthernetFrame.text)
        try visitor.field("sender", &sender, "IPv4 address of the sender")
        try visitor.bytes(
            "target_hardware", &targetHardware, count: 6, "zero in a question", meaning: EthernetFrame.text)
        try visitor.field("target", &target, "the IPv4 address that is asked for")
    }
}
