/// The synthetic interrupt controller's fixed numbers that the bus uses (reference §1).
public enum SynIC {
    /// The synthetic interrupt source of VMBus.
    public static let vmbusSINT: UInt8 = 2
    /// Sources per virtual processor, and slots or flag areas per page.
    public static let sourceCount = 16
    /// Bytes of one message slot or flag area.
    public static let slotSize = 256
    /// Event flags per source; channel numbers stay below.
    public static let eventFlagCount: UInt32 = 2048
    /// The longest payload of one message.
    public static let maximumPayload = 240
    /// Message type of channel messages in a slot.
    public static let channelMessageType: UInt32 = 1
}

/// The fixed connection ids of the bus (reference §1.6).
public enum ConnectionID {
    /// Control messages below 5.0.
    public static let message: UInt32 = 1
    /// Signals of channels without a connection of their own.
    public static let event: UInt32 = 2
    /// Control messages for a contact from 5.0 on.
    public static let multiClientMessage: UInt32 = 4
    /// The first try of a VTL2 guest.
    public static let redirectedMessage: UInt32 = 0x0080_0074
}

/// One slot of the message page, 256 bytes (reference §1.2).
public struct MessageSlot: WireStructure {
    public static let structureName: StaticString = "SYNIC_MESSAGE"

    /// 0 for an empty slot, 1 for a channel message; the top bit marks the hypervisor's own.
    public var messageType: UInt32 = 0
    /// Valid bytes of the payload, at most 240.
    public var payloadSize: UInt8 = 0
    /// Bit 0: another message waits behind this one.
    public var flags: UInt8 = 0
    /// For VMBus a port id in the low 24 bits.
    public var sender: UInt64 = 0
    /// 240 bytes.
    public var payload: [UInt8] = []

    public init() {}
    /// A full slot.
    public init(payload: [UInt8], sender: UInt64 = 1, pending: Bool = false) {
        messageType = SynIC.channelMessageType
        payloadSize = UInt8(truncatingIfNeeded: payload.count)
        flags = pending ? 1 : 0
        self.sender = sender
        self.payload = payload
    }

    /// Whether another message waits behind this one.
    public var isPending: Bool { flags & 1 != 0 }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("message_type", &messageType, .hexadecimal, "0 for an empty slot, 1 for a channel message")
        try visitor.field("payload_size", &payloadSize, "valid bytes of the payload")
        try visitor.require(payloadSize <= 240, "payload_size", UInt64(payloadSize), "at most 240")
        try visitor.field("flags", &flags, .hexadecimal, "bit 0: another message waits behind this one")
        try visitor.reserved(2)
        try visitor.field("sender", &sender, .hexadecimal, "port id in the low 24 bits")
        try visitor.bytes("payload", &payload, count: 240, "the message")
    }
}

/// The input of HvPostMessage, 256 bytes (reference §1.4).
public struct PostMessageInput: WireStructure {
    public static let structureName: StaticString = "HV_POST_MESSAGE"

    /// Where the message goes; the low 24 bits count.
    public var connectionID: UInt32 = 0
    /// 1 for a channel message.
    public var messageType: UInt32 = SynIC.channelMessageType
    /// Bytes of the payload, at most 240.
    public var payloadSize: UInt32 = 0
    /// 240 bytes.
    public var payload: [UInt8] = []

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("connection_id", &connectionID, .hexadecimal, "where the message goes")
        try visitor.reserved(4)
        try visitor.field("message_type", &messageType, .hexadecimal, "1 for a channel message")
        try visitor.field("payload_size", &payloadSize, "bytes of the payload")
        try visitor.require(payloadSize <= 240, "payload_size", UInt64(payloadSize), "at most 240")
        try visitor.bytes("payload", &payload, count: 240, "the message")
    }
}

/// The input of HvSignalEvent, 8 bytes (reference §1.5).
public struct SignalEventInput: WireStructure {
    public static let structureName: StaticString = "HV_SIGNAL_EVENT"

    /// Which connection is signalled.
    public var connectionID: UInt32 = 0
    /// Which flag of it.
    public var flagNumber: UInt16 = 0

    public init() {}
    /// Signals a connection.
    public init(connectionID: UInt32, flagNumber: UInt16 = 0) {
        self.connectionID = connectionID
        self.flagNumber = flagNumber
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("connection_id", &connectionID, .hexadecimal, "which connection is signalled")
        try visitor.field("flag_number", &flagNumber, "which flag of it")
        try visitor.reserved(2)
    }
}
