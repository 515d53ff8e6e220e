public import VMBusWire

/// What a state or sample record tells of a partition, device or channel.
public struct Attribute: NamedScalar {
    /// The number in recordings.
    public let rawValue: UInt16

    /// Any attribute, known or not.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Text: the partition's, or the device directory's, name.
    public static let name = Attribute(rawValue: 1)
    /// GUID: the device's class.
    public static let classID = Attribute(rawValue: 2)
    /// Number: `PartitionRole`.
    public static let role = Attribute(rawValue: 3)
    /// Number: virtual processors of a partition.
    public static let virtualProcessors = Attribute(rawValue: 4)
    /// Number: negotiated protocol version.
    public static let protocolVersion = Attribute(rawValue: 5)
    /// Number: agreed feature flags.
    public static let featureFlags = Attribute(rawValue: 6)
    /// Number: `ConnectionPhase`.
    public static let connectionPhase = Attribute(rawValue: 7)
    /// Number: the version proposed last, while no answer has come.
    public static let requestedVersion = Attribute(rawValue: 9)
    /// Text: the guest's kernel release.
    public static let kernelRelease = Attribute(rawValue: 8)
    /// Number: the device's state as sysfs counts it (0 to 3).
    public static let deviceState = Attribute(rawValue: 10)
    /// Text: the driver that owns the device.
    public static let driver = Attribute(rawValue: 11)
    /// Number, signed: NUMA node.
    public static let numaNode = Attribute(rawValue: 12)
    /// Text: network interfaces, separated by blanks.
    public static let networkInterfaces = Attribute(rawValue: 13)
    /// Text: SCSI host.
    public static let scsiHost = Attribute(rawValue: 14)
    /// Text: disks, separated by blanks.
    public static let blockDevices = Attribute(rawValue: 15)
    /// Text: PCI functions, separated by blanks.
    public static let pciFunctions = Attribute(rawValue: 16)
    /// Number: `ChannelPhase`.
    public static let channelPhase = Attribute(rawValue: 20)
    /// Number: target virtual processor.
    public static let cpu = Attribute(rawValue: 21)
    /// Number: monitor id.
    public static let monitorID = Attribute(rawValue: 22)
    /// Number: monitor latency in 100 ns.
    public static let monitorLatency = Attribute(rawValue: 23)
    /// Number: the group's pending word.
    public static let monitorPending = Attribute(rawValue: 24)
    /// Number: the connection that signals the host.
    public static let connectionID = Attribute(rawValue: 25)
    /// Number: the page list that holds the rings.
    public static let ringPageList = Attribute(rawValue: 26)
    /// Number: how often the channel was offered again under the same name.
    public static let generation = Attribute(rawValue: 27)
    /// Number: host→guest interrupts taken.
    public static let interrupts = Attribute(rawValue: 30)
    /// Number: guest→host signals by hypercall.
    public static let events = Attribute(rawValue: 31)
    /// Number: signals because the inbound ring became non-full.
    public static let interruptsInFull = Attribute(rawValue: 32)
    /// Number: signals because the outbound ring became non-empty.
    public static let interruptsOutEmpty = Attribute(rawValue: 33)
    /// Number: writes that first met a full ring.
    public static let outFullFirst = Attribute(rawValue: 34)
    /// Number: all writes that met a full ring.
    public static let outFullTotal = Attribute(rawValue: 35)
    /// Number: data bytes of the host→guest ring.
    public static let inSize = Attribute(rawValue: 40)
    /// Number: bytes waiting in the host→guest ring.
    public static let inUsed = Attribute(rawValue: 41)
    /// Number: 1 when the guest has masked the host→guest ring.
    public static let inMask = Attribute(rawValue: 42)
    /// Number: `RingSizeSource`.
    public static let inSizeSource = Attribute(rawValue: 43)
    /// Number: write index of the host→guest ring.
    public static let inWriteIndex = Attribute(rawValue: 44)
    /// Number: read index of the host→guest ring.
    public static let inReadIndex = Attribute(rawValue: 45)
    /// Number: data bytes of the guest→host ring.
    public static let outSize = Attribute(rawValue: 50)
    /// Number: bytes waiting in the guest→host ring.
    public static let outUsed = Attribute(rawValue: 51)
    /// Number: 1 when the host has masked the guest→host ring.
    public static let outMask = Attribute(rawValue: 52)
    /// Number: `RingSizeSource`.
    public static let outSizeSource = Attribute(rawValue: 53)
    /// Number: write index of the guest→host ring.
    public static let outWriteIndex = Attribute(rawValue: 54)
    /// Number: read index of the guest→host ring.
    public static let outReadIndex = Attribute(rawValue: 55)
    /// Text: a file that could not be read, a line feed, and the error's symbol. All that a record holds stand for those told
    /// before; `unavailable` says that there are none.
    public static let problemPath = Attribute(rawValue: 60)
    /// Text: a page list of the guest's, as handle, channel, pages and 1 when the host has accepted it, separated by blanks.
    public static let pageList = Attribute(rawValue: 61)

    /// Number: the most bytes that waited in the host→guest ring while it was looked at many times in a moment.
    public static let inUsedMaximum = Attribute(rawValue: 70)
    /// Number: the most bytes that waited in the guest→host ring while it was looked at many times in a moment.
    public static let outUsedMaximum = Attribute(rawValue: 71)
    /// Number: how many times that was.
    public static let usedLooks = Attribute(rawValue: 72)
    /// Number: when the values were read last, while they cannot be read; `unavailable` while they can.
    public static let staleSince = Attribute(rawValue: 73)

    /// Number: channel messages that the log has shown, of a partition.
    public static let seenMessages = Attribute(rawValue: 80)
    /// Number: packets from the guest that the log has shown, of a partition or channel, as all that follow.
    public static let seenPacketsOut = Attribute(rawValue: 81)
    /// Number: packets to the guest that the log has shown.
    public static let seenPacketsIn = Attribute(rawValue: 82)
    /// Number: bytes in the packets from the guest.
    public static let seenBytesOut = Attribute(rawValue: 83)
    /// Number: bytes in the packets to the guest.
    public static let seenBytesIn = Attribute(rawValue: 84)
    /// Number: signals to the host that the log has shown.
    public static let seenSignals = Attribute(rawValue: 85)
    /// Number: interrupts of the guest that the log has shown.
    public static let seenInterrupts = Attribute(rawValue: 86)

    private static let names: [UInt16: String] = [
        1: "name", 2: "class_id", 3: "role", 4: "virtual_processors", 5: "protocol_version", 6: "feature_flags",
        7: "connection_phase", 8: "kernel_release", 9: "requested_version", 10: "state", 11: "driver", 12: "numa_node",
        13: "net",
        14: "scsi_host", 15: "block", 16: "pci", 20: "channel_phase", 21: "cpu", 22: "monitor_id", 23: "latency_100ns",
        24: "group_pending", 25: "connection_id", 26: "ring_page_list", 27: "generation", 30: "interrupts",
        31: "events", 32: "intr_in_full", 33: "intr_out_empty",
        34: "out_full_first", 35: "out_full_total", 40: "in_size", 41: "in_used", 42: "in_mask", 43: "in_size_source",
        44: "in_write_index", 45: "in_read_index", 50: "out_size", 51: "out_used", 52: "out_mask",
        53: "out_size_source", 54: "out_write_index", 55: "out_read_index", 60: "problem", 61: "page_list",
        70: "in_used_maximum", 71: "out_used_maximum", 72: "used_looks", 73: "stale_since",
        80: "seen_messages", 81: "seen_packets_out", 82: "seen_packets_in", 83: "seen_bytes_out", 84: "seen_bytes_in",
        85: "seen_signals", 86: "seen_interrupts",
    ]

    /// The attribute's name, as JSON and the screens spell it.
    public var meaning: String? { Self.names[rawValue] ?? Self.evidenceNames[rawValue] }
}

/// How a value in a state or sample record is held.
public struct AttributeForm: NamedScalar {
    /// The number in recordings.
    public let rawValue: UInt8

    /// Any form.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Eight bytes.
    public static let number = AttributeForm(rawValue: 1)
    /// A length and UTF-8 bytes.
    public static let text = AttributeForm(rawValue: 2)
    /// Sixteen bytes.
    public static let guid = AttributeForm(rawValue: 3)
    /// Nothing: the source does not tell.
    public static let unavailable = AttributeForm(rawValue: 4)
    /// Nothing: the permission is missing.
    public static let denied = AttributeForm(rawValue: 5)
    /// A length and the error's symbol.
    public static let failed = AttributeForm(rawValue: 6)

    public var meaning: String? {
        switch rawValue {
        case 1: "number"
        case 2: "text"
        case 3: "GUID"
        case 4: "not available"
        case 5: "permission denied"
        case 6: "error"
        default: nil
        }
    }
}

/// One attribute with what was read of it.
public struct AttributeReading: WireStructure {
    public static let structureName: StaticString = "ATTRIBUTE"

    /// Which attribute.
    public var attribute = Attribute(rawValue: 0)
    /// How the value is held.
    public var form = AttributeForm.unavailable
    /// The value, for `number`; a signed one in two's complement.
    public var number: UInt64 = 0
    /// The value, for `guid`.
    public var guid = GUID.zero
    /// The value for `text`, the error's symbol for `failed`.
    public var text: [UInt8] = []

    public init() {}

    /// A number.
    public init(_ attribute: Attribute, _ number: UInt64) {
        (self.attribute, form, self.number) = (attribute, .number, number)
    }

    /// A text, cut at 65535 bytes.
    public init(_ attribute: Attribute, text: String) {
        (self.attribute, form, self.text) = (attribute, .text, Array(text.utf8.prefix(65535)))
    }

    /// A GUID.
    public init(_ attribute: Attribute, guid: GUID) {
        (self.attribute, form, self.guid) = (attribute, .guid, guid)
    }

    /// A number that may not be had.
    public init(_ attribute: Attribute, reading: Reading<UInt64>) {
        self.attribute = attribute
        switch reading.outcome {
        case .known(let value): (form, number) = (.number, value)
        case .unavailable: form = .unavailable
        case .denied: form = .denied
        case .failed(let symbol): (form, text) = (.failed, Array(symbol.utf8.prefix(255)))
        }
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("attribute", &attribute, "what was looked at")
        try visitor.field("form", &form, "how the value is held")
        try visitor.choice("number", when: form == .number) { visitor throws(WireError) in
            try visitor.field("value", &number, "the value")
        }
        try visitor.choice("GUID", when: form == .guid) { visitor throws(WireError) in
            try visitor.field("value", &guid, "the value")
        }
        try visitor.choice("text or error", when: form == .text || form == .failed) { visitor throws(WireError) in
            var length = UInt16(truncatingIfNeeded: text.count)
            try visitor.field("text_length", &length, "bytes of the text")
            try visitor.bytes("text", &text, count: Int(length), "the text")
        }
    }

    /// The number as a reading.
    public func reading(at time: UInt64) -> Reading<UInt64> {
        switch form {
        case .number: .known(number, at: time)
        case .denied: Reading(.denied, at: time)
        case .failed: Reading(.failed(string), at: time)
        default: Reading(.unavailable, at: time)
        }
    }

    /// The text, with invalid UTF-8 repaired.
    public var string: String { String(decoding: text, as: UTF8.self) }
}

/// The bytes of a state or sample record: any number of attributes of one partition, device or channel.
public struct AttributeList: WireStructure {
    public static let structureName: StaticString = "ATTRIBUTES"

    /// What was read.
    public var readings: [AttributeReading] = []

    public init() {}
    /// Some attributes.
    public init(_ readings: [AttributeReading]) { self.readings = readings }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.repeated("reading", &readings, count: visitor.remaining == nil ? readings.count : nil, "one value")
    }
}

/// What a state record tells, in its header's `code`. Which partition, device or channel it is about, the header says.
public struct StateCode: NamedScalar {
    /// The number in recordings.
    public let rawValue: UInt32

    /// Any code.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// It is there now, with these attributes.
    public static let appeared = StateCode(rawValue: 1)
    /// These attributes changed.
    public static let changed = StateCode(rawValue: 2)
    /// It is gone.
    public static let removed = StateCode(rawValue: 3)
    /// Its counters started again from zero.
    public static let countersReset = StateCode(rawValue: 4)
    /// There is no bus here.
    public static let busMissing = StateCode(rawValue: 5)

    /// The name, spelled as the records' names are.
    public var meaning: String? {
        switch rawValue {
        case 1: "APPEARED"
        case 2: "CHANGED"
        case 3: "REMOVED"
        case 4: "COUNTERS_RESET"
        case 5: "BUS_MISSING"
        default: nil
        }
    }
}
