/// A monitor page: signals that the hypervisor looks for instead of being called (reference §1.8). 4096 bytes.
public struct MonitorPage: WireStructure {
    public static let structureName: StaticString = "MONITOR_PAGE"

    /// Monitor ids on a page: four groups of 32.
    public static let idCount = 128

    /// Bits 3:0: which groups the hypervisor polls.
    public var triggerState: UInt32 = 0
    /// Per group the pending and the armed bits.
    public var triggerGroups: [TriggerGroup] = Array(repeating: TriggerGroup(), count: 4)
    /// The hypervisor's bookkeeping.
    public var nextCheckTime: [NextCheckTime] = Array(repeating: NextCheckTime(), count: 128)
    /// How long a signal may wait, in 100 ns.
    public var latency: [Latency] = Array(repeating: Latency(), count: 128)
    /// What is signalled.
    public var parameters: [Parameter] = Array(repeating: Parameter(), count: 128)

    public init() {}

    /// Pending and armed bits of 32 monitor ids.
    public struct TriggerGroup: WireStructure {
        public static let structureName: StaticString = "TRIGGER_GROUP"
        /// Bit b: monitor id 32·g + b has been signalled.
        public var pending: UInt32 = 0
        /// Bit b: the hypervisor watches the id.
        public var armed: UInt32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("pending", &pending, .hexadecimal, "signalled monitor ids")
            try visitor.field("armed", &armed, .hexadecimal, "watched monitor ids")
        }
    }

    /// The hypervisor's bookkeeping of one id.
    public struct NextCheckTime: WireStructure {
        public static let structureName: StaticString = "NEXT_CHECK_TIME"
        /// Opaque.
        public var time: Int32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("time", &time, "the hypervisor's bookkeeping")
        }
    }

    /// The longest wait of one id.
    public struct Latency: WireStructure {
        public static let structureName: StaticString = "LATENCY"
        /// In 100 ns.
        public var hundredNanoseconds: UInt16 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("latency", &hundredNanoseconds, "longest wait of a signal, in 100 ns")
        }
    }

    /// What one id signals.
    public struct Parameter: WireStructure {
        public static let structureName: StaticString = "PARAMETER"
        /// The connection.
        public var connectionID: UInt32 = 0
        /// The flag.
        public var flagNumber: UInt16 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("connection_id", &connectionID, .hexadecimal, "which connection is signalled")
            try visitor.field("flag_number", &flagNumber, "which flag of it")
            try visitor.reserved(2)
        }
    }

    /// Where the pending word, the latency and the parameter of one id lie.
    public struct Place: Sendable, Hashable {
        /// Byte offset of the group's pending word.
        public let pendingOffset: Int
        /// The id's bit in that word.
        public let bit: Int
        /// Byte offset of the latency.
        public let latencyOffset: Int
        /// Byte offset of the parameter.
        public let parameterOffset: Int
    }

    /// The place of an id from 0 to 127; others have none.
    public static func place(of monitorID: UInt8) -> Place? {
        guard monitorID < idCount else { return nil }
        let (group, bit) = (Int(monitorID) / 32, Int(monitorID) % 32)
        return Place(
            pendingOffset: 0x008 + 8 * group, bit: bit, latencyOffset: 0x240 + 2 * Int(monitorID),
            parameterOffset: 0x440 + 8 * Int(monitorID))
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("trigger_state", &triggerState, .hexadecimal, "bits 3:0: groups that are polled")
        try visitor.reserved(4)
        try visitor.repeated("trigger_group", &triggerGroups, count: 4, "pending and armed bits of 32 ids")
        try visitor.reserved(24)
        try visitor.repeated("next_check_time", &nextCheckTime, count: 128, "the hypervisor's bookkeeping")
        try visitor.repeated("latency", &latency, count: 128, "longest wait of a signal")
        try visitor.reserved(256)
        try visitor.repeated("parameter", &parameters, count: 128, "what an id signals")
        try visitor.reserved(1984)
    }
}

/// Where a channel's bit lies in the pages that carry a bit per channel.
public enum ChannelBit {
    /// Byte of the event-flags page, and bit in it, of a channel at VMBus's source (reference §1.3).
    public static func eventFlag(_ relid: UInt32) -> (byte: Int, bit: Int)? {
        relid < SynIC.eventFlagCount
            ? (Int(SynIC.vmbusSINT) * SynIC.slotSize + Int(relid / 8), Int(relid % 8)) : nil
    }

    /// Byte of the interrupt page's send half, and bit in it (reference §1.7).
    public static func sendHalf(_ relid: UInt32) -> (byte: Int, bit: Int)? {
        relid < 16384 ? (0x800 + Int(relid / 8), Int(relid % 8)) : nil
    }
}
