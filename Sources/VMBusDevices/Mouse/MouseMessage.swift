public import VMBusWire

/// Which message of a mouse it is (reference §6.9).
public struct MouseMessageType: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The guest asks for a version.
    public static let protocolRequest = MouseMessageType(rawValue: 0)
    /// The host takes it or does not.
    public static let protocolResponse = MouseMessageType(rawValue: 1)
    /// The host says what device it is.
    public static let deviceInfo = MouseMessageType(rawValue: 2)
    /// The guest has read that.
    public static let deviceInfoAck = MouseMessageType(rawValue: 3)
    /// Where the pointer is, and which buttons are down.
    public static let inputReport = MouseMessageType(rawValue: 4)
    public var meaning: String? {
        switch rawValue {
        case 0: "PROTOCOL_REQUEST"
        case 1: "PROTOCOL_RESPONSE"
        case 2: "INITIAL_DEVICE_INFO"
        case 3: "INITIAL_DEVICE_INFO_ACK"
        case 4: "INPUT_REPORT"
        default: nil
        }
    }
}

/// The buttons of a mouse that are down.
public struct MouseButtons: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt8
    /// Any bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The left one.
    public static let left = MouseButtons(rawValue: 1)
    /// The right one.
    public static let right = MouseButtons(rawValue: 2)
    /// The middle one, under the wheel.
    public static let middle = MouseButtons(rawValue: 4)
    public var meaning: String? { BitNames.text(rawValue, ["left", "right", "middle", "side", "extra"]) }
}

/// One message of a mouse, in its pipe frame (reference §6.9).
public struct MouseMessage: DeviceMessage {
    public static let structureName: StaticString = "MOUSE"
    public static var layer: String { "MOUSE" }
    /// The only version there is: 2.0, the major part above.
    public static let version: UInt32 = 0x0002_0000
    /// Bytes of the message's own header.
    static let headerSize = 8

    /// What follows the header.
    public enum Body: Sendable, Hashable {
        /// PROTOCOL_REQUEST: the version that the guest speaks.
        case request(UInt32)
        /// PROTOCOL_RESPONSE.
        case response(Response)
        /// INITIAL_DEVICE_INFO.
        case deviceInfo(PointerDescription)
        /// INITIAL_DEVICE_INFO_ACK.
        case deviceInfoAck
        /// INPUT_REPORT.
        case report(PointerReport)
        /// A message that is not known: its bytes.
        case other([UInt8])
    }

    /// PROTOCOL_RESPONSE: what the host says to a version.
    public struct Response: WireStructure {
        public static let structureName: StaticString = "MOUSE_PROTOCOL_RESPONSE"
        /// The version that was asked for.
        public var version: UInt32 = 0
        /// 1 when it is taken.
        public var approved: UInt8 = 0
        public init() {}
        /// An answer.
        public init(version: UInt32, isApproved: Bool) {
            self.version = version
            approved = isApproved ? 1 : 0
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("version", &version, .hexadecimal, "the version that was asked for")
            try visitor.field("approved", &approved, "1 when the host takes it")
        }
    }

    /// In front of everything; its length counts what is behind it.
    public var pipe = PipeHeader()
    /// Which message it is.
    public var type = MouseMessageType.protocolRequest
    /// Bytes behind the message's own header.
    public var size: UInt32 = 0
    /// What follows.
    public var body = Body.other([])
    /// Bytes behind the message.
    public var leftOver: [UInt8] = []

    public init() {}

    /// A message.
    public init(_ body: Body) {
        self.body = body
        switch body {
        case .request: type = .protocolRequest
        case .response: type = .protocolResponse
        case .deviceInfo: type = .deviceInfo
        case .deviceInfoAck: type = .deviceInfoAck
        case .report: type = .inputReport
        case .other: break
        }
        var encoder = WireEncoder(context: .newest)
        // A declaration throws only through `require` and through reading, and an encoder does neither.
        try? visitBody(&encoder)
        size = UInt32(truncatingIfNeeded: encoder.bytes.count)
        pipe = PipeHeader(length: Self.headerSize + encoder.bytes.count)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.structure("pipe", &pipe, "in front of everything on this channel")
        try visitor.require(pipe.type == 1, "pipe_type", UInt64(pipe.type), "1, data")
        try visitor.require(
            (Self.headerSize...SocketFrame.maximumByteCount).contains(Int(pipe.length)), "pipe_length",
            UInt64(pipe.length), "8 to 16384, the message with its header")
        try visitor.region("data", at: PipeHeader.byteCount, length: Int(pipe.length), "what the pipe header counts") {
            visitor throws(WireError) in
            try visitor.field("type", &type, "which message it is")
            try visitor.field("size", &size, "bytes of the message behind this field")
            try visitor.require(
                UInt64(size) + UInt64(Self.headerSize) <= UInt64(pipe.length), "size", UInt64(size),
                "no more than the pipe header counts")
            try visitBody(&visitor)
            try visitor.bytes("left_over", &leftOver, count: nil, "bytes behind the message")
        }
    }

    private mutating func visitBody<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.choice("PROTOCOL_REQUEST", when: type == .protocolRequest) { visitor throws(WireError) in
            var version: UInt32 = 0
            if case .request(let current) = body { version = current }
            try visitor.field("version", &version, .hexadecimal, "0x20000, version 2.0")
            body = .request(version)
        }
        try visitor.choice("PROTOCOL_RESPONSE", when: type == .protocolResponse) { visitor throws(WireError) in
            var response = Response()
            if case .response(let current) = body { response = current }
            try visitor.structure("response", &response, "what the host says to a version")
            body = .response(response)
        }
        try visitor.choice("INITIAL_DEVICE_INFO", when: type == .deviceInfo) { visitor throws(WireError) in
            var description = PointerDescription()
            if case .deviceInfo(let current) = body { description = current }
            try visitor.structure("device", &description, "what device it is")
            body = .deviceInfo(description)
        }
        try visitor.choice("INITIAL_DEVICE_INFO_ACK", when: type == .deviceInfoAck) { visitor throws(WireError) in
            try visitor.reserved(1)
            body = .deviceInfoAck
        }
        try visitor.choice("INPUT_REPORT", when: type == .inputReport) { visitor throws(WireError) in
            var report = PointerReport()
            if case .report(let current) = body { report = current }
            try visitor.structure("report", &report, "where the pointer is, and which buttons are down")
            body = .report(report)
        }
        try visitor.choice("any other type", when: type.meaning == nil) { visitor throws(WireError) in
            var bytes: [UInt8] = []
            if case .other(let current) = body { bytes = current }
            try visitor.bytes("message", &bytes, count: nil, "a message that is not known")
            body = .other(bytes)
        }
    }

    public var name: String { type.meaning ?? "TYPE_\(type.rawValue)" }

    public var info: String {
        switch body {
        case .request(let version): "version \(version >> 16).\(version & 0xFFFF)"
        case .response(let response):
            "version \(response.version >> 16).\(response.version & 0xFFFF) "
                + (response.approved == 0 ? "not approved" : "approved")
        case .deviceInfo(let device):
            "\(Hexadecimal.prefixed(device.vendor)):\(Hexadecimal.prefixed(device.product)), "
                + "report descriptor of \(device.reportDescriptor.count) bytes"
        case .deviceInfoAck: ""
        case .report(let report): report.description
        case .other(let bytes): "\(bytes.count) bytes"
        }
    }
}
