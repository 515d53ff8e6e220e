public import VMBusWire

/// The bytes of a trace record: a tracepoint of the guest's kernel fired. It names its own fields, as kernels differ in them
/// (reference §7.5).
public struct TraceRecord: WireStructure {
    public static let structureName: StaticString = "TRACE_EVENT"

    /// The tracepoint's system, such as `hyperv`.
    public var system: [UInt8] = []
    /// The tracepoint, such as `vmbus_onoffer`.
    public var event: [UInt8] = []
    /// The processor on which it fired.
    public var cpu: UInt16 = 0
    /// The thread in whose context it fired; 0 for none.
    public var thread: UInt32 = 0
    /// The thread's name; empty where it is not told.
    public var command: [UInt8] = []
    /// What it tells, in the kernel's order.
    public var fields: [TraceField] = []

    public init() {}

    /// A tracepoint that fired.
    public init(
        system: String, event: String, cpu: UInt16, thread: UInt32, command: String = "", fields: [TraceField]
    ) {
        self.system = Array(system.utf8.prefix(255))
        self.event = Array(event.utf8.prefix(255))
        self.cpu = cpu
        self.thread = thread
        self.command = Array(command.utf8.prefix(255))
        self.fields = Array(fields.prefix(255))
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.name("system", &system, "the tracepoint's system")
        try visitor.name("event", &event, "the tracepoint")
        try visitor.field("cpu", &cpu, "processor on which it fired")
        try visitor.field("thread", &thread, "thread in whose context it fired")
        try visitor.name("command", &command, "the thread's name")
        var count = UInt8(truncatingIfNeeded: fields.count)
        try visitor.field("field_count", &count, "how many fields follow")
        try visitor.repeated("field", &fields, count: Int(count), "one field")
    }

    /// The tracepoint with its system, `hyperv:vmbus_onoffer`.
    public var fullName: String {
        String(decoding: system, as: UTF8.self) + ":" + String(decoding: event, as: UTF8.self)
    }

    /// A number that it tells; nil where it does not.
    public func number(_ name: String) -> UInt64? { field(name, .number)?.number }
    /// A number with a sign that it tells.
    public func signed(_ name: String) -> Int64? { number(name).map { Int64(bitPattern: $0) } }
    /// A GUID that it tells.
    public func guid(_ name: String) -> GUID? { field(name, .guid)?.guid }
    /// A text that it tells.
    public func text(_ name: String) -> String? { field(name, .text).map { String(decoding: $0.text, as: UTF8.self) } }

    private func field(_ name: String, _ form: AttributeForm) -> TraceField? {
        fields.first { $0.form == form && $0.name.elementsEqual(name.utf8) }
    }
}

/// One field of a tracepoint.
public struct TraceField: WireStructure {
    public static let structureName: StaticString = "TRACE_FIELD"

    /// The field's name, as the kernel spells it in the event's `format` file.
    public var name: [UInt8] = []
    /// How the value is held: `number`, `guid` or `text`.
    public var form = AttributeForm.number
    /// The value, for `number`; a signed one in two's complement of 64 bits.
    public var number: UInt64 = 0
    /// The value, for `guid`.
    public var guid = GUID.zero
    /// The value, for `text`.
    public var text: [UInt8] = []

    public init() {}
    /// A number.
    public init(_ name: String, _ number: UInt64) { (self.name, self.number) = (Array(name.utf8.prefix(255)), number) }
    /// A number with a sign.
    public init(_ name: String, signed number: Int64) { self.init(name, UInt64(bitPattern: number)) }
    /// A GUID.
    public init(_ name: String, guid: GUID) {
        (self.name, form, self.guid) = (Array(name.utf8.prefix(255)), .guid, guid)
    }
    /// A text, cut at 255 bytes.
    public init(_ name: String, text: String) {
        (self.name, form, self.text) = (Array(name.utf8.prefix(255)), .text, Array(text.utf8.prefix(255)))
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.name("name", &name, "the field's name")
        try visitor.field("form", &form, "how the value is held")
        try visitor.choice("number", when: form == .number) { visitor throws(WireError) in
            try visitor.field("value", &number, "the value")
        }
        try visitor.choice("GUID", when: form == .guid) { visitor throws(WireError) in
            try visitor.field("value", &guid, "the value")
        }
        try visitor.choice("text", when: form == .text) { visitor throws(WireError) in
            try visitor.name("text", &text, "the value")
        }
    }
}

extension FieldVisitor {
    /// A length of one byte and so many bytes of UTF-8.
    fileprivate mutating func name(
        _ name: StaticString, _ value: inout [UInt8], _ help: StaticString
    ) throws(WireError) {
        var length = UInt8(truncatingIfNeeded: value.count)
        try field("length", &length, "bytes of the text")
        try bytes(name, &value, count: Int(length), help)
    }
}
