/// A status in an answer: 0 is success, anything else a failure (reference §3.15).
public struct MessageStatus: NamedScalar {
    /// NTSTATUS or HRESULT.
    public let rawValue: UInt32

    /// Any status.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// It worked.
    public static let success = MessageStatus(rawValue: 0)
    /// A failure without a reason.
    public static let unexpected = MessageStatus(rawValue: 0x8000_FFFF)
    /// Nobody listens.
    public static let connectionRefused = MessageStatus(rawValue: 0xC000_0236)

    /// Whether it worked.
    public var isSuccess: Bool { rawValue == 0 }

    public var meaning: String? {
        switch self {
        case .success: "success"
        case .unexpected: "unexpected failure"
        case .connectionRefused: "connection refused"
        default: "failure"
        }
    }
}

/// What a guest may ask of a channel's interrupts in the long OPEN_CHANNEL form.
public struct OpenFlags: OptionSet, NamedScalar {
    /// The 16 bits of the message.
    public let rawValue: UInt16

    /// Any set, with unknown bits kept.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Interrupts go to the redirected trust level.
    public static let redirectInterrupt = OpenFlags(rawValue: 1)

    public var meaning: String? { BitNames.text(rawValue, ["redirect interrupt"]) }
}

/// OPEN_CHANNEL (5) (reference §3.6). 148 bytes; 156 when guest-chosen signal parameters or redirection were agreed on.
public struct OpenChannel: WireStructure {
    public static let structureName: StaticString = "OPEN_CHANNEL"

    /// `targetVP` of a channel without interrupts.
    public static let interruptsDisabled: UInt32 = 0xFFFF_FFFF

    /// The channel's number.
    public var relid: UInt32 = 0
    /// Echoed in the answer.
    public var openID: UInt32 = 0
    /// The page list that holds both rings.
    public var ringGPADL: UInt32 = 0
    /// The virtual processor for the host's interrupts.
    public var targetVP: UInt32 = 0
    /// Pages from the start of the list to the host→guest ring.
    public var downstreamPageOffset: UInt32 = 0
    /// 120 bytes that the bus does not look at.
    public var userData: [UInt8] = []
    /// The connection for the host's interrupts that the guest chose.
    public var connectionID: UInt32 = 0
    /// The event flag that the guest chose.
    public var eventFlag: UInt16 = 0
    /// What the guest asks of the interrupts.
    public var flags: OpenFlags = []

    public init() {}

    /// Opens a channel on a page list.
    public init(relid: UInt32, openID: UInt32, ringGPADL: UInt32, targetVP: UInt32, downstreamPageOffset: UInt32) {
        self.relid = relid
        self.openID = openID
        self.ringGPADL = ringGPADL
        self.targetVP = targetVP
        self.downstreamPageOffset = downstreamPageOffset
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("open_id", &openID, "echoed in the answer")
        try visitor.field("ring_gpadl", &ringGPADL, .hexadecimal, "page list that holds both rings")
        try visitor.field("target_vp", &targetVP, "virtual processor for the host's interrupts")
        try visitor.field("downstream_page_offset", &downstreamPageOffset, "pages in front of the host-to-guest ring")
        try visitor.bytes("user_data", &userData, count: 120, "opaque to the bus")
        let long =
            !visitor.context.features.isDisjoint(with: [.guestSpecifiedSignalParameters, .channelInterruptRedirection])
        try visitor.choice(
            "signal parameters or redirection agreed on", when: long && visitor.remaining.map { $0 >= 8 } ?? true
        ) { visitor throws(WireError) in
            try visitor.field("connection_id", &connectionID, .hexadecimal, "connection for the host's interrupts")
            try visitor.field("event_flag", &eventFlag, "event flag that the guest chose")
            try visitor.field("flags", &flags, .hexadecimal, "what the guest asks of the interrupts")
        }
    }
}

/// OPEN_CHANNEL_RESULT (6) (reference §3.7). 20 bytes.
public struct OpenChannelResult: WireStructure {
    public static let structureName: StaticString = "OPEN_CHANNEL_RESULT"

    /// The channel's number.
    public var relid: UInt32 = 0
    /// From the request.
    public var openID: UInt32 = 0
    /// Whether the channel is open.
    public var status = MessageStatus.success

    public init() {}
    /// Answers an open.
    public init(relid: UInt32, openID: UInt32, status: MessageStatus) {
        self.relid = relid
        self.openID = openID
        self.status = status
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("open_id", &openID, "from the request")
        try visitor.field("status", &status, .hexadecimal, "0 when the channel is open")
    }
}

/// OPEN_RESERVED_CHANNEL (18) (reference §3.11). 28 bytes.
public struct OpenReservedChannel: WireStructure {
    public static let structureName: StaticString = "OPEN_RESERVED_CHANNEL"

    /// The channel's number.
    public var relid: UInt32 = 0
    /// The virtual processor for the answer.
    public var targetVP: UInt32 = 0
    /// The synthetic interrupt source for the answer.
    public var targetSINT: UInt32 = 0
    /// The page list that holds both rings.
    public var ringGPADL: UInt32 = 0
    /// Pages from the start of the list to the host→guest ring.
    public var downstreamPageOffset: UInt32 = 0

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("target_vp", &targetVP, "virtual processor for the answer")
        try visitor.field("target_sint", &targetSINT, "synthetic interrupt source for the answer")
        try visitor.field("ring_gpadl", &ringGPADL, .hexadecimal, "page list that holds both rings")
        try visitor.field("downstream_page_offset", &downstreamPageOffset, "pages in front of the host-to-guest ring")
    }
}

/// CLOSE_RESERVED_CHANNEL (19) (reference §3.11). 20 bytes.
public struct CloseReservedChannel: WireStructure {
    public static let structureName: StaticString = "CLOSE_RESERVED_CHANNEL"

    /// The channel's number.
    public var relid: UInt32 = 0
    /// The virtual processor for the answer.
    public var targetVP: UInt32 = 0
    /// The synthetic interrupt source for the answer.
    public var targetSINT: UInt32 = 0

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("target_vp", &targetVP, "virtual processor for the answer")
        try visitor.field("target_sint", &targetSINT, "synthetic interrupt source for the answer")
    }
}

/// MODIFY_CHANNEL (22) (reference §3.13). 16 bytes.
public struct ModifyChannel: WireStructure {
    public static let structureName: StaticString = "MODIFY_CHANNEL"

    /// The channel's number.
    public var relid: UInt32 = 0
    /// The new virtual processor for the host's interrupts.
    public var targetVP: UInt32 = 0

    public init() {}
    /// Moves a channel.
    public init(relid: UInt32, targetVP: UInt32) {
        self.relid = relid
        self.targetVP = targetVP
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("target_vp", &targetVP, "new virtual processor for the host's interrupts")
    }
}

/// MODIFY_CHANNEL_RESPONSE (24) (reference §3.13). 16 bytes.
public struct ModifyChannelResponse: WireStructure {
    public static let structureName: StaticString = "MODIFY_CHANNEL_RESPONSE"

    /// The channel's number.
    public var relid: UInt32 = 0
    /// Whether the channel was moved.
    public var status = MessageStatus.success

    public init() {}
    /// Answers a move.
    public init(relid: UInt32, status: MessageStatus) {
        self.relid = relid
        self.status = status
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("status", &status, .hexadecimal, "0 when the channel was moved")
    }
}
