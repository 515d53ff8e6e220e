public import VMBusWire

/// How the guest says it feels (reference §6.4).
public struct HeartbeatApplicationState: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public var meaning: String? {
        switch rawValue {
        case 0: "unknown"
        case 1: "healthy"
        case 2: "critical"
        case 3: "stopped"
        default: nil
        }
    }
}

/// One beat: a sequence number that the guest answers with its successor (reference §6.4).
///
/// Linux expects 40 bytes, OpenVMM sends 16.
public struct HeartbeatMessage: WireStructure {
    public static let structureName: StaticString = "HEARTBEAT"

    /// Bytes of the long form.
    public static let byteCount = 40

    /// The host's number; one more in the answer.
    public var sequence: UInt64 = 0
    /// How the guest says it feels; Linux leaves it 0.
    public var applicationState: HeartbeatApplicationState?
    /// Carries nothing.
    public var rest: [UInt8] = []

    public init() {}

    /// A beat in the long form.
    public init(sequence: UInt64) {
        self.sequence = sequence
        applicationState = HeartbeatApplicationState(rawValue: 0)
        rest = [UInt8](repeating: 0, count: Self.byteCount - 12)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("seq_num", &sequence, "the host's number; one more in the answer")
        try visitor.optional("application_state", &applicationState, .decimal, "how the guest says it feels")
        try visitor.bytes("reserved", &rest, count: nil, "carries nothing")
    }
}
