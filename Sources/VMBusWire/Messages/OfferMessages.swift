/// Properties of an offer (reference §3.3).
public struct OfferFlags: OptionSet, NamedScalar {
    /// The 16 bits of the message.
    public let rawValue: UInt16

    /// Any set, with unknown bits kept.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Set on normal device channels.
    public static let enumerateDeviceInterface = OfferFlags(rawValue: 0x0001)
    /// From 6.0: the ring lies in confidential memory.
    public static let confidentialRingBuffer = OfferFlags(rawValue: 0x0002)
    /// From 6.0: other memory of the channel is confidential too.
    public static let confidentialExternalMemory = OfferFlags(rawValue: 0x0004)
    /// Memory that packets point to must stay pinned.
    public static let requirePinnedExternalMemory = OfferFlags(rawValue: 0x0008)
    /// The user-defined area starts with a pipe type.
    public static let namedPipeMode = OfferFlags(rawValue: 0x0010)
    /// An hv_sock connection.
    public static let tlnpiProvider = OfferFlags(rawValue: 0x2000)

    public var meaning: String? {
        BitNames.text(
            rawValue,
            [
                "ENUMERATE_DEVICE_INTERFACE", "CONFIDENTIAL_RING_BUFFER", "CONFIDENTIAL_EXTERNAL_MEMORY",
                "REQUIRE_PINNED_EXTERNAL_MEMORY", "NAMED_PIPE_MODE", "", "", "", "LOOPBACK_OFFER", "PARENT_OFFER",
                "REQUEST_MONITORED_NOTIFICATION", "", "", "TLNPI_PROVIDER",
            ])
    }
}

/// How a pipe channel delimits its data (reference §3.4).
public struct PipeType: NamedScalar {
    /// The number.
    public let rawValue: UInt32

    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A stream of bytes.
    public static let byteStream = PipeType(rawValue: 0)
    /// Messages that keep their borders.
    public static let message = PipeType(rawValue: 4)

    public var meaning: String? {
        switch rawValue {
        case 0: "byte stream"
        case 4: "message"
        default: nil
        }
    }
}

/// OFFER_CHANNEL (1): a device channel that the guest may open (reference §3.2). 196 bytes, 190 before 1.1.
public struct OfferChannel: WireStructure {
    public static let structureName: StaticString = "OFFER_CHANNEL"

    /// What kind of device it is.
    public var interfaceType = GUID.zero
    /// Which device it is; sub-channels repeat their primary's.
    public var interfaceInstance = GUID.zero
    /// Properties.
    public var flags: OfferFlags = []
    /// Guest address space that the device wants, in MiB.
    public var mmioMegabytes: UInt16 = 0
    /// How the channel delimits data, for a pipe.
    public var pipeType = PipeType.byteStream
    /// For hv_sock: 1 when the host opened the connection.
    public var isForGuestAccept: UInt8 = 0
    /// For hv_sock: 1 when a container of the guest is meant.
    public var isForGuestContainer: UInt8 = 0
    /// For hv_sock: 0 before RS5, then 1.
    public var socketVersion: UInt32 = 0
    /// For hv_sock: the silo that is meant.
    public var siloID = GUID.zero
    /// The device's own data in the rest of the user-defined area: 120 bytes, 116 behind a pipe type, 92 for hv_sock.
    public var userData: [UInt8] = []
    /// 0 for the primary channel of a device.
    public var subchannelIndex: UInt16 = 0
    /// Address space that the device could use besides, in MiB.
    public var optionalMMIOMegabytes: UInt16 = 0
    /// The channel's number, at least 1.
    public var relid: UInt32 = 0
    /// The channel's bit in the monitor pages, when `monitorAllocated`.
    public var monitorID: UInt8 = 0
    /// Bit 0: the channel signals through the monitor page.
    public var monitorAllocated: UInt8 = 0
    /// From 1.1, bit 0: the channel has an interrupt of its own.
    public var isDedicatedInterrupt: UInt16 = 0
    /// From 1.1: the connection that signals the host.
    public var connectionID: UInt32 = 0

    public init() {}

    /// Whether the channel signals through the monitor page.
    public var isMonitored: Bool { monitorAllocated & 1 != 0 }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("interface_type", &interfaceType, "what kind of device it is (class id)")
        try visitor.field("interface_instance", &interfaceInstance, "which device it is; sub-channels repeat it")
        try visitor.reserved(16)
        try visitor.field("flags", &flags, .hexadecimal, "properties of the offer")
        try visitor.field("mmio_megabytes", &mmioMegabytes, "guest address space that the device wants, in MiB")
        try visitUserDefined(&visitor)
        try visitor.field("subchannel_index", &subchannelIndex, "0 for the primary channel of a device")
        try visitor.field(
            "optional_mmio_megabytes", &optionalMMIOMegabytes, "address space it could use besides, in MiB")
        try visitor.field("relid", &relid, "the channel's number")
        try visitor.field("monitor_id", &monitorID, "the channel's bit in the monitor pages, if one is allocated")
        try visitor.field("monitor_allocated", &monitorAllocated, "bit 0: the channel signals through the monitor page")
        try visitor.since(.windows7) { visitor throws(WireError) in
            try visitor.field("is_dedicated_interrupt", &isDedicatedInterrupt, "bit 0: no shared interrupt bitmap")
            try visitor.field("connection_id", &connectionID, .hexadecimal, "the connection that signals the host")
        }
    }

    private mutating func visitUserDefined<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        let socket = flags.contains(.tlnpiProvider)
        let pipe = flags.contains(.namedPipeMode) && !socket
        try visitor.choice("a pipe or hv_sock", when: socket || pipe) { visitor throws(WireError) in
            try visitor.field("pipe_type", &pipeType, "how the channel delimits data")
        }
        try visitor.choice("hv_sock", when: socket) { visitor throws(WireError) in
            try visitor.field("is_for_guest_accept", &isForGuestAccept, "1 when the host opened the connection")
            try visitor.field("is_for_guest_container", &isForGuestContainer, "1 when a container is meant")
            try visitor.field("version", &socketVersion, "0 before RS5, then 1")
            try visitor.field("silo_id", &siloID, "the silo that is meant")
            try visitor.reserved(2, "padding")
        }
        try visitor.bytes(
            "user_defined", &userData, count: socket ? 92 : pipe ? 116 : 120, "the device's own data in the offer")
    }
}

/// A message that holds a channel's number and nothing else: RESCIND (2), CLOSE (7), RELID_RELEASED (13),
/// CLOSE_RESERVED_RESPONSE (20) (reference §3.5, §3.8, §3.11). 12 bytes.
public struct ChannelReference: WireStructure {
    public static let structureName: StaticString = "CHANNEL"

    /// The channel's number.
    public var relid: UInt32 = 0

    public init() {}
    /// Names a channel.
    public init(relid: UInt32) { self.relid = relid }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel's number")
    }
}
