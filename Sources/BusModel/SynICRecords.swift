public import VMBusWire

/// How a guest signalled the host, in the `code` of a signal record.
public struct SignalCode: NamedScalar {
    /// The number in recordings.
    public let rawValue: UInt32

    /// Any code.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// By the hypercall HvSignalEvent; the record's bytes are its input.
    public static let hypercall = SignalCode(rawValue: 0)
    /// By a bit in the monitor page; the record's bytes name it.
    public static let monitorPage = SignalCode(rawValue: 1)

    /// The name, spelled as the records' names are.
    public var meaning: String? {
        switch rawValue {
        case 0: "SIGNAL_EVENT"
        case 1: "MONITOR_SIGNAL"
        default: nil
        }
    }
}

/// The bytes of a signal through the monitor page (reference §1.8), 8 bytes.
public struct MonitorSignal: WireStructure {
    public static let structureName: StaticString = "MONITOR_SIGNAL"

    /// The channel's bit: group in the upper, bit in the lower five bits.
    public var monitorID: UInt8 = 0

    public init() {}
    /// Signals by a bit.
    public init(monitorID: UInt8) { self.monitorID = monitorID }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("monitor_id", &monitorID, "the channel's bit in the monitor page")
        try visitor.reserved(visitor.remaining.map { min($0, 7) } ?? 7, "padding")
    }
}

/// The bytes of an interrupt record: the event flag that the hypervisor set for a guest (reference §1.3), 12 bytes.
public struct EventFlagDelivery: WireStructure {
    public static let structureName: StaticString = "EVENT_FLAG"

    /// The virtual processor that is interrupted.
    public var vp: UInt32 = 0
    /// The synthetic interrupt source.
    public var sint: UInt8 = SynIC.vmbusSINT
    /// The flag: the channel's number, or 0 below 1.1 for the shared bitmap.
    public var flag: UInt32 = 0

    public init() {}
    /// Interrupts a processor.
    public init(vp: UInt32, sint: UInt8 = SynIC.vmbusSINT, flag: UInt32) {
        (self.vp, self.sint, self.flag) = (vp, sint, flag)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &vp, "virtual processor that is interrupted")
        try visitor.field("sint", &sint, "synthetic interrupt source")
        try visitor.reserved(3, "padding")
        try visitor.field("flag", &flag, "event flag: the channel's number")
    }
}

/// The bytes of a register record: a guest's processor wrote a register of the hypervisor, 16 bytes.
public struct RegisterWrite: WireStructure {
    public static let structureName: StaticString = "REGISTER_WRITE"

    /// The virtual processor that wrote.
    public var vp: UInt32 = 0
    /// The register.
    public var register = HypervisorRegister(rawValue: 0)
    /// What was written.
    public var value: UInt64 = 0

    public init() {}
    /// A processor writes a register.
    public init(vp: UInt32, register: HypervisorRegister, value: UInt64) {
        (self.vp, self.register, self.value) = (vp, register, value)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("vp", &vp, "virtual processor that wrote")
        try visitor.field("register", &register, .hexadecimal, "the register's number")
        try visitor.field("value", &value, .hexadecimal, "what was written")
    }
}
