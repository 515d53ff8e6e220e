public import VMBusWire

/// How a guest is to end (reference §6.4).
public struct ShutdownFlags: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt32
    /// Any bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Programs that do not want to end are ended all the same.
    public static let force = ShutdownFlags(rawValue: 1)
    /// It starts again afterwards.
    public static let restart = ShutdownFlags(rawValue: 2)
    /// It keeps its memory on its disk.
    public static let hibernate = ShutdownFlags(rawValue: 4)
    public var meaning: String? { BitNames.text(rawValue, ["force", "restart", "hibernate"]) }
}

/// A request to end (reference §6.4).
public struct ShutdownMessage: WireStructure {
    public static let structureName: StaticString = "SHUTDOWN"
    /// Bytes of the reason's text.
    public static let textSize = 2048

    /// A Windows reason code.
    public var reason: UInt32 = 0
    /// Seconds that programs have to end.
    public var timeout: UInt32 = 0
    /// How to end.
    public var flags: ShutdownFlags = []
    /// The reason in words: UTF-8 up to a zero byte.
    public var text: [UInt8] = []

    public init() {}

    /// A request.
    public init(flags: ShutdownFlags, timeout: UInt32, reason: UInt32, text: String) {
        self.flags = flags
        self.timeout = timeout
        self.reason = reason
        self.text = Array(text.utf8.prefix(Self.textSize - 1))
    }

    /// The reason in words, without control characters.
    public var words: String { Self.words(text) }

    private static func words(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
    }

    /// What is asked for; nil for a mixture that nobody knows.
    public var ending: GuestEnding? {
        switch flags.subtracting(.force) {
        case []: .powerOff
        case .restart: .restart
        case .hibernate: .hibernate
        default: nil
        }
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("reason_code", &reason, .hexadecimal, "a Windows reason code; 0 for none")
        try visitor.field("timeout_seconds", &timeout, "seconds that programs have to end")
        try visitor.field("flags", &flags, .hexadecimal, "1 force, 2 restart, 4 hibernate; none: power off")
        try visitor.bytes(
            "display_message", &text, count: Self.textSize, "the reason in words", meaning: { Self.words($0) })
    }
}

/// How a guest ends.
public enum GuestEnding: String, Sendable, Hashable, CaseIterable {
    /// It is off afterwards.
    case powerOff = "power-off"
    /// It starts again.
    case restart
    /// It is off and can go on from where it was.
    case hibernate
}
