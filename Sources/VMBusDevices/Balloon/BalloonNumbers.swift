public import VMBusWire

/// Dynamic memory: pages that a guest gives to its host and gets back, and memory that is added (reference §6.11).
public enum Balloon {
    /// The most bytes of a message.
    public static let maximumMessageSize = 4096
    /// The most page ranges that fit a message.
    public static let maximumRanges = (maximumMessageSize - 16) / 8

    /// What a message is for.
    public struct MessageType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt16
        /// Any number.
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Something went wrong.
        public static let error = MessageType(rawValue: 0)
        /// The guest proposes a version.
        public static let versionRequest = MessageType(rawValue: 1)
        /// The host takes it or not.
        public static let versionResponse = MessageType(rawValue: 2)
        /// The guest says what it can do.
        public static let capabilities = MessageType(rawValue: 3)
        /// The host takes it or not.
        public static let capabilitiesResponse = MessageType(rawValue: 4)
        /// The guest tells how much memory it needs.
        public static let status = MessageType(rawValue: 5)
        /// The host wants pages.
        public static let balloonRequest = MessageType(rawValue: 6)
        /// The guest gives some.
        public static let balloonResponse = MessageType(rawValue: 7)
        /// The host gives pages back.
        public static let unballoonRequest = MessageType(rawValue: 8)
        /// The guest has them.
        public static let unballoonResponse = MessageType(rawValue: 9)
        /// The host adds memory.
        public static let hotAddRequest = MessageType(rawValue: 10)
        /// The guest tells how much of it it has taken.
        public static let hotAddResponse = MessageType(rawValue: 11)
        /// The host tells something of itself.
        public static let info = MessageType(rawValue: 12)

        private static let names = [
            "ERROR", "VERSION_REQUEST", "VERSION_RESPONSE", "CAPABILITIES", "CAPABILITIES_RESPONSE", "STATUS",
            "BALLOON_REQUEST", "BALLOON_RESPONSE", "UNBALLOON_REQUEST", "UNBALLOON_RESPONSE", "HOT_ADD_REQUEST",
            "HOT_ADD_RESPONSE", "INFO",
        ]

        public var meaning: String? { Int(rawValue) < Self.names.count ? Self.names[Int(rawValue)] : nil }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "UNKNOWN_\(rawValue)" }

        /// Whether the guest says it; nil for what nobody says.
        var isGuests: Bool? {
            switch self {
            case .versionRequest, .capabilities, .status, .balloonResponse, .unballoonResponse, .hotAddResponse: true
            case .versionResponse, .capabilitiesResponse, .balloonRequest, .unballoonRequest, .hotAddRequest, .info:
                false
            default: nil
            }
        }
    }

    /// A version of the protocol: major in the high half.
    public struct Version: NamedScalar, Comparable {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Windows 7.
        public static let version03 = Version(rawValue: 0x0000_0003)
        /// Windows 8.
        public static let version10 = Version(rawValue: 0x0001_0000)
        /// Windows 10.
        public static let version20 = Version(rawValue: 0x0002_0000)
        /// What a guest tries, newest first.
        public static let newestFirst: [Version] = [version20, version10, version03]

        /// The version as people write it.
        public var meaning: String? { "\(rawValue >> 16).\(rawValue & 0xFFFF)" }

        /// Older is less.
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// Whether a guest has another version to propose.
    public struct Attempt: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// It has none.
        public static let last = Attempt(rawValue: 1)
        public var meaning: String? { BitNames.text(rawValue, ["last attempt"]) }
    }

    /// Whether the host takes what was proposed.
    public struct Acceptance: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt64
        /// Any bits.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// It does.
        public static let accepted = Acceptance(rawValue: 1)
        public var meaning: String? { BitNames.text(rawValue, ["accepted"]) }
    }

    /// What a guest can do: bit 0 balloon, bit 1 hot add, bits 5:2 the alignment of added memory, as a power of two of MiB.
    public struct Capabilities: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt64
        /// Any number.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// What a guest says.
        ///
        /// - Parameter alignment: that of added memory: a power of two of MiB, 0 to 15.
        public init(balloon: Bool, hotAdd: Bool, alignment: UInt8) {
            rawValue = (balloon ? 1 : 0) | (hotAdd ? 2 : 0) | UInt64(alignment & 15) << 2
        }

        /// Whether it gives pages.
        public var canBalloon: Bool { rawValue & 1 != 0 }
        /// Whether it takes more memory.
        public var canHotAdd: Bool { rawValue & 2 != 0 }
        /// Pages that added memory's place and size are a multiple of.
        public var hotAddAlignment: UInt64 { 256 << (rawValue >> 2 & 15) }

        public var meaning: String? {
            let names = [canBalloon ? "balloon" : "", canHotAdd ? "hot add" : ""].filter { !$0.isEmpty }
            return (names.isEmpty ? "nothing" : names.joined(separator: ", "))
                + ", alignment \(hotAddAlignment / 256) MiB"
        }
    }

    /// Pages side by side: bits 39:0 the first one's number, bits 63:40 how many.
    public struct PageRange: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt64
        /// Any number.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// The highest number of a page that can be said.
        static let maximumPage: UInt64 = 1 << 40 - 1
        /// The most pages of a range.
        static let maximumCount: UInt64 = 1 << 24 - 1

        /// Pages from `first` on; both are cut to what can be said.
        public init(first: UInt64, count: UInt64) {
            rawValue = min(first, Self.maximumPage) | min(count, Self.maximumCount) << 40
        }

        /// The number of the first page.
        public var first: UInt64 { rawValue & Self.maximumPage }
        /// How many there are.
        public var count: UInt64 { rawValue >> 40 }
        /// The page behind the last one.
        public var end: UInt64 { first + count }

        public var meaning: String? { "\(count) pages from \(Hexadecimal.prefixed(first))" }
    }

    /// How many ranges a message has, and whether another message follows: bit 0 and bits 31:1.
    public struct RangeCount: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// So many ranges.
        init(_ count: Int, more: Bool) { rawValue = UInt32(clamping: count) << 1 | (more ? 1 : 0) }

        /// Whether another message with ranges follows.
        public var hasMore: Bool { rawValue & 1 != 0 }
        /// How many ranges there are.
        public var count: Int { Int(rawValue >> 1) }

        public var meaning: String? { "\(count) ranges" + (hasMore ? ", more pages follow" : "") }
    }
}
