public import VMBusWire

/// Integration components: the small services between host and guest that share one framing (reference §6.3).
public enum IntegrationComponent {
    /// The longest message, in bytes (reference §6.3).
    public static let maximumSize = 13312
    /// The most versions that a negotiation may list (reference §6.3, §9 pitfall 13).
    public static let maximumVersions = 100
}

extension IntegrationComponent {
    /// Which service a message belongs to.
    public struct MessageType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt16
        /// Any number.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Both ends agree on versions.
        public static let negotiate = MessageType(rawValue: 0)
        /// Heartbeat.
        public static let heartbeat = MessageType(rawValue: 1)
        /// Data exchange.
        public static let keyValue = MessageType(rawValue: 2)
        /// Shutdown.
        public static let shutdown = MessageType(rawValue: 3)
        /// Time synchronisation.
        public static let timeSync = MessageType(rawValue: 4)
        /// Backup.
        public static let backup = MessageType(rawValue: 5)
        /// File copy.
        public static let fileCopy = MessageType(rawValue: 7)
        public var meaning: String? {
            switch rawValue {
            case 0: "NEGOTIATE"
            case 1: "HEARTBEAT"
            case 2: "KVP"
            case 3: "SHUTDOWN"
            case 4: "TIMESYNC"
            case 5: "VSS"
            case 6: "RDV"
            case 7: "FCOPY"
            case 8: "VM_SESSION"
            default: nil
            }
        }

        /// Whether the layout of its messages is known.
        public var isKnown: Bool { rawValue <= 5 || rawValue == 7 }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "UNKNOWN_\(rawValue)" }
    }

    /// Request, response, transaction.
    public struct Flags: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt8
        /// Any bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The message has a transaction id.
        public static let transaction = Flags(rawValue: 1)
        /// The host asks.
        public static let request = Flags(rawValue: 2)
        /// The guest answers.
        public static let response = Flags(rawValue: 4)
        public var meaning: String? { BitNames.text(rawValue, ["transaction", "request", "response"]) }
    }

    /// How a request ended: a Windows HRESULT (reference §6.3).
    public struct Status: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Done.
        public static let success = Status(rawValue: 0)
        /// Not done.
        public static let failure = Status(rawValue: 0x8000_4005)
        /// A list has ended.
        public static let noMoreItems = Status(rawValue: 0x8007_0103)
        /// Not something that the guest can do.
        public static let notSupported = Status(rawValue: 0x8007_0032)
        /// The request makes no sense.
        public static let invalidArgument = Status(rawValue: 0x8007_0057)
        /// There is no such thing.
        public static let notFound = Status(rawValue: 0x8004_1002)
        /// There is such a thing already.
        public static let alreadyExists = Status(rawValue: 0x8007_0050)
        /// There is no room.
        public static let diskFull = Status(rawValue: 0x8007_0070)

        /// The name, or the number where there is none.
        public var words: String { meaning ?? Hexadecimal.prefixed(rawValue) }
        public var meaning: String? {
            switch rawValue {
            case 0: "OK"
            case 0x8000_4005: "fail"
            case 0x8007_0103: "no more items"
            case 0x8007_0032: "not supported"
            case 0x8007_0057: "invalid argument"
            case 0x8004_1002: "not found"
            case 0x8007_0050: "already exists"
            case 0x8007_0070: "disk full"
            case 0x8007_04F7: "machine locked"
            case 0x8007_048F: "device not connected"
            default: nil
            }
        }
    }

    /// A version of the framework or of a service's messages.
    public struct Version: WireStructure, Comparable, CustomStringConvertible {
        public static let structureName: StaticString = "IC_VERSION"
        /// Counted first.
        public var major: UInt16 = 0
        /// Counted second.
        public var minor: UInt16 = 0
        public init() {}
        /// A version.
        public init(_ major: UInt16, _ minor: UInt16) {
            self.major = major
            self.minor = minor
        }
        /// "major.minor".
        public var description: String { "\(major).\(minor)" }
        /// Older is less.
        public static func < (left: Self, right: Self) -> Bool {
            (left.major, left.minor) < (right.major, right.minor)
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("major", &major, "major version")
            try visitor.field("minor", &minor, "minor version")
        }
    }
}
