public import VMBusWire

/// How a guest is given an IPv4 address (RFC 2131).
public struct DHCPMessage: WireStructure {
    public static let structureName: StaticString = "DHCP"

    /// The port that servers listen at.
    public static let serverPort: NetworkShort = 67
    /// The port that clients listen at.
    public static let clientPort: NetworkShort = 68

    /// Who speaks.
    public struct Operation: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// A client.
        public static let request = Operation(rawValue: 1)
        /// A server.
        public static let reply = Operation(rawValue: 2)
        public var meaning: String? { rawValue == 1 ? "request" : rawValue == 2 ? "reply" : nil }
    }

    /// Who speaks.
    public var operation = Operation.request
    /// Chosen by the client; the answer repeats it.
    public var transaction: NetworkLong = 0
    /// Seconds since the client began.
    public var seconds: NetworkShort = 0
    /// Bit 15: answers go to everybody.
    public var flags: NetworkShort = 0
    /// The address that the client has.
    public var clientAddress = InternetAddress.none
    /// The address that the client gets.
    public var yourAddress = InternetAddress.none
    /// The next server of a boot.
    public var nextServer = InternetAddress.none
    /// Who relays.
    public var relay = InternetAddress.none
    /// Six bytes.
    public var clientHardware: [UInt8] = []
    /// Server name and boot file, which nobody uses here.
    public var bootNames: [UInt8] = []
    /// What else is said.
    public var options: [Option] = []

    public init() {}

    /// The data of the first option of a kind.
    public func option(_ code: Option.Code) -> [UInt8]? { options.first { $0.code == code }?.data }

    /// Which message it is; nil for BOOTP, which has no such option.
    public var kind: Kind? { option(.messageType)?.first.map { Kind(rawValue: $0) } }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        var (hardwareType, hardwareSize, hops): (UInt8, UInt8, UInt8) = (1, 6, 0)
        var cookie: NetworkLong = 0x6382_5363
        try visitor.field("op", &operation, "1 from a client, 2 from a server")
        try visitor.field("htype", &hardwareType, "1 for Ethernet")
        try visitor.field("hlen", &hardwareSize, "bytes of an Ethernet address")
        try visitor.require(
            hardwareType == 1 && hardwareSize == 6, "hlen", UInt64(hardwareSize), "an Ethernet address of 6 bytes")
        try visitor.field("hops", &hops, "relays that it has passed")
        try visitor.field("xid", &transaction, .hexadecimal, "chosen by the client; the answer repeats it")
        try visitor.field("secs", &seconds, "seconds since the client began")
        try visitor.field("flags", &flags, .hexadecimal, "bit 15: answers go to everybody")
        try visitor.field("ciaddr", &clientAddress, "the address that the client has")
        try visitor.field("yiaddr", &yourAddress, "the address that the client gets")
        try visitor.field("siaddr", &nextServer, "the next server of a boot")
        try visitor.field("giaddr", &relay, "who relays")
        try visitor.bytes(
            "chaddr", &clientHardware, count: 6, "the client's Ethernet address", meaning: EthernetFrame.text)
        try visitor.reserved(10)
        try visitor.bytes("sname_file", &bootNames, count: 192, "server name and boot file, or more options")
        try visitor.field("cookie", &cookie, .hexadecimal, "0x63825363: options follow")
        try visitor.require(cookie == 0x6382_5363, "cookie", UInt64(cookie.rawValue), "0x63825363")
        try visitor.repeated("option", &options, count: nil, "something else that is said")
    }
}

extension DHCPMessage {
    /// Which step of the conversation a message is.
    public struct Kind: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Is there a server?
        public static let discover = Kind(rawValue: 1)
        /// A server has an address.
        public static let offer = Kind(rawValue: 2)
        /// The client wants it, or wants to keep it.
        public static let request = Kind(rawValue: 3)
        /// Somebody else has the address.
        public static let decline = Kind(rawValue: 4)
        /// The client has it.
        public static let acknowledge = Kind(rawValue: 5)
        /// The client cannot have it.
        public static let refuse = Kind(rawValue: 6)
        /// The client does not need it any more.
        public static let release = Kind(rawValue: 7)
        /// The client has an address of its own and asks for the rest.
        public static let inform = Kind(rawValue: 8)
        public var meaning: String? {
            let names = ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"]
            return rawValue >= 1 && rawValue <= 8 ? names[Int(rawValue) - 1] : nil
        }
    }

    /// One option: number, length and data (RFC 2132).
    public struct Option: WireStructure {
        public static let structureName: StaticString = "DHCP_OPTION"

        /// What an option says.
        public struct Code: NamedScalar {
            /// The number on the wire.
            public let rawValue: UInt8
            /// Any number.
            public init(rawValue: UInt8) { self.rawValue = rawValue }
            /// Fills.
            public static let padding = Code(rawValue: 0)
            /// Which bits all addresses of the network share.
            public static let subnetMask = Code(rawValue: 1)
            /// Who brings packets further.
            public static let router = Code(rawValue: 3)
            /// What the client calls itself.
            public static let hostName = Code(rawValue: 12)
            /// The address of everybody on the network.
            public static let broadcast = Code(rawValue: 28)
            /// The address that the client wants.
            public static let requestedAddress = Code(rawValue: 50)
            /// Seconds for which the address is given.
            public static let leaseTime = Code(rawValue: 51)
            /// Which step of the conversation it is.
            public static let messageType = Code(rawValue: 53)
            /// Which server speaks, or is spoken to.
            public static let server = Code(rawValue: 54)
            /// Nothing follows.
            public static let end = Code(rawValue: 255)
            public var meaning: String? {
                switch rawValue {
                case 0: "padding"
                case 1: "subnet mask"
                case 3: "router"
                case 6: "name servers"
                case 12: "host name"
                case 15: "domain name"
                case 26: "largest packet"
                case 28: "broadcast address"
                case 42: "time servers"
                case 50: "requested address"
                case 51: "seconds of the lease"
                case 53: "message type"
                case 54: "server"
                case 55: "options that are wanted"
                case 57: "largest message"
                case 58: "seconds until renewal"
                case 59: "seconds until rebinding"
                case 60: "vendor class"
                case 61: "client identifier"
                case 255: "end"
                default: nil
                }
            }
        }

        /// What it says.
        public var code = Code.padding
        /// Its data; behind the end whatever follows.
        public var data: [UInt8] = []

        public init() {}

        /// An option with data.
        public init(_ code: Code, _ data: [UInt8] = []) {
            self.code = code
            self.data = data
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            var length = UInt8(truncatingIfNeeded: data.count)
            try visitor.field("code", &self.code, "what the option says; 0 fills, 255 ends the options")
            let kind = self.code
            try visitor.choice("with data", when: kind != .padding && kind != .end) { visitor throws(WireError) in
                try visitor.field("length", &length, "bytes of data")
                try visitor.bytes(
                    "data", &data, count: visitor.walksEveryBranch ? nil : Int(length), "the data",
                    meaning: { Self.text(kind, $0) })
            }
            try visitor.choice("end", when: kind == .end) { visitor throws(WireError) in
                try visitor.bytes("padding", &data, count: nil, "bytes behind the end")
            }
        }

        private static func text(_ code: Code, _ data: [UInt8]) -> String? {
            switch code.rawValue {
            case 1, 3, 6, 28, 42, 50, 54:
                stride(from: 0, to: data.count / 4 * 4, by: 4).map { InternetAddress(data[$0..<$0 + 4]).description }
                    .joined(separator: ", ")
            case 26, 51, 57, 58, 59: String(data.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
            case 53: data.first.flatMap { Kind(rawValue: $0).meaning }
            case 12, 15, 60: String(decoding: data.map { (0x20..<0x7F).contains($0) ? $0 : 0x2E }, as: UTF8.self)
            default: nil
            }
        }
    }
}
