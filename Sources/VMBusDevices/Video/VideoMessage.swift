public import VMBusWire

/// One message of a display, in its pipe frame (reference §6.10).
public struct VideoMessage: DeviceMessage {
    public static let structureName: StaticString = "VIDEO"
    public static var layer: String { "VIDEO" }
    /// Bytes of the message's own header.
    static let headerSize = 8

    /// What follows the header.
    public enum Body: Sendable, Hashable {
        /// VERSION_REQUEST: the version that the guest speaks.
        case versionRequest(VideoVersion)
        case versionResponse(VersionResponse)
        case vramLocation(Location)
        /// VRAM_LOCATION_ACK: the context that the guest gave.
        case vramLocationAck(UInt64)
        case situation(Situation)
        /// SITUATION_UPDATE_ACK: the context that the guest gave.
        case situationAck(UInt64)
        case pointerPosition(PointerPosition)
        case pointerShape(PointerShape)
        case features(Features)
        case dirt(Dirt)
        case biosInfo(BIOSInfo)
        /// RESOLUTION_REQUEST: the most sizes that the guest takes.
        case resolutionRequest(UInt8)
        case resolutions(Resolutions)
        case capability(Capability)
        /// BIOS_INFO_REQUEST, CAPABILITY_REQUEST, or a message that is not known: its bytes.
        case other([UInt8])
    }

    /// In front of everything; its length counts what is behind it.
    public var pipe = PipeHeader()
    /// Which message it is.
    public var type = VideoMessageType(rawValue: 0)
    /// Bytes of the message, with or without these eight.
    public var size: UInt32 = 0
    /// What follows.
    public var body = Body.other([])
    /// Bytes behind the message.
    public var leftOver: [UInt8] = []

    public init() {}

    /// A message. Its size counts its own header, as Linux has it.
    public init(_ type: VideoMessageType, _ body: Body = .other([])) {
        self.type = type
        self.body = body
        var encoder = WireEncoder(context: .newest)
        // A declaration throws only through `require` and through reading, and an encoder does neither.
        try? visitBody(&encoder)
        pipe = PipeHeader(length: Self.headerSize + encoder.bytes.count)
        size = pipe.length
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
            try visitor.field("size", &size, "bytes of the message, with its header (Linux) or without (OpenVMM)")
            try visitor.require(
                size == pipe.length || UInt64(size) + UInt64(Self.headerSize) == UInt64(pipe.length), "size",
                UInt64(size), "what the pipe header counts, or 8 less")
            try visitBody(&visitor)
            try visitor.bytes("left_over", &leftOver, count: nil, "bytes behind the message")
        }
    }

    private mutating func visitBody<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitHandshake(&visitor)
        try visitPicture(&visitor)
        try visitRest(&visitor)
    }

    private mutating func visitHandshake<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.choice("VERSION_REQUEST", when: type == .versionRequest) { visitor throws(WireError) in
            var version = VideoVersion(rawValue: 0)
            if case .versionRequest(let current) = body { version = current }
            try visitor.field("version", &version, .hexadecimal, "the minor part above the major one")
            body = .versionRequest(version)
        }
        try part(
            "VERSION_RESPONSE", type == .versionResponse, &visitor,
            { if case .versionResponse(let part) = $0 { part } else { nil } }, { .versionResponse($0) })
        try visitor.choice("RESOLUTION_REQUEST", when: type == .resolutionRequest) { visitor throws(WireError) in
            var count: UInt8 = 0
            if case .resolutionRequest(let current) = body { count = current }
            try visitor.field("maximum_resolution_count", &count, "the most sizes that the guest takes")
            body = .resolutionRequest(count)
        }
        try part(
            "RESOLUTION_RESPONSE", type == .resolutionResponse, &visitor,
            { if case .resolutions(let part) = $0 { part } else { nil } }, { .resolutions($0) })
        try part(
            "VRAM_LOCATION", type == .vramLocation, &visitor,
            { if case .vramLocation(let part) = $0 { part } else { nil } }, { .vramLocation($0) })
        try visitor.choice("VRAM_LOCATION_ACK", when: type == .vramLocationAck) { visitor throws(WireError) in
            var context: UInt64 = 0
            if case .vramLocationAck(let current) = body { context = current }
            try visitor.field("user_ctx", &context, .hexadecimal, "what the guest gave")
            body = .vramLocationAck(context)
        }
    }

    private mutating func visitPicture<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try part(
            "SITUATION_UPDATE", type == .situationUpdate, &visitor,
            { if case .situation(let part) = $0 { part } else { nil } }, { .situation($0) })
        try visitor.choice("SITUATION_UPDATE_ACK", when: type == .situationUpdateAck) { visitor throws(WireError) in
            var context: UInt64 = 0
            if case .situationAck(let current) = body { context = current }
            try visitor.field("user_ctx", &context, .hexadecimal, "what the guest gave")
            body = .situationAck(context)
        }
        try part(
            "POINTER_POSITION", type == .pointerPosition, &visitor,
            { if case .pointerPosition(let part) = $0 { part } else { nil } }, { .pointerPosition($0) })
        try part(
            "POINTER_SHAPE", type == .pointerShape, &visitor,
            { if case .pointerShape(let part) = $0 { part } else { nil } }, { .pointerShape($0) })
        try part(
            "FEATURE_CHANGE", type == .featureChange, &visitor,
            { if case .features(let part) = $0 { part } else { nil } }, { .features($0) })
        try part(
            "DIRT", type == .dirt, &visitor, { if case .dirt(let part) = $0 { part } else { nil } }, { .dirt($0) })
    }

    private mutating func visitRest<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try part(
            "BIOS_INFO_RESPONSE", type == .biosInfoResponse, &visitor,
            { if case .biosInfo(let part) = $0 { part } else { nil } }, { .biosInfo($0) })
        try part(
            "CAPABILITY_RESPONSE", type == .capabilityResponse, &visitor,
            { if case .capability(let part) = $0 { part } else { nil } }, { .capability($0) })
        let isOther = type.meaning == nil || type == .biosInfoRequest || type == .capabilityRequest
        try visitor.choice("any other type", when: isOther) { visitor throws(WireError) in
            var bytes: [UInt8] = []
            if case .other(let current) = body { bytes = current }
            try visitor.bytes("message", &bytes, count: nil, "nothing, or a message that is not known")
            body = .other(bytes)
        }
    }

    private mutating func part<Part: WireStructure, Visitor: FieldVisitor>(
        _ label: StaticString, _ condition: Bool, _ visitor: inout Visitor, _ current: (Body) -> Part?,
        _ wrap: (Part) -> Body
    ) throws(WireError) {
        try visitor.choice(label, when: condition) { visitor throws(WireError) in
            var part = current(body) ?? Part()
            try part.visit(&visitor)
            body = wrap(part)
        }
    }

    public var name: String { type.meaning ?? "TYPE_\(type.rawValue)" }

    public var info: String {
        switch body {
        case .versionRequest(let version): "version \(version)"
        case .versionResponse(let answer):
            "version \(answer.version) \(answer.accepted == 0 ? "not accepted" : "accepted")"
        case .vramLocation(let location): "frame buffer at \(Hexadecimal.prefixed(location.address))"
        case .vramLocationAck(let context), .situationAck(let context): "context \(Hexadecimal.prefixed(context))"
        case .situation(let situation):
            situation.outputs.map {
                $0.active == 0 ? "no picture" : "\($0.width)x\($0.height), \($0.depth) bits, \($0.pitch) bytes a row"
            }.joined(separator: "; ")
        case .pointerPosition(let pointer): pointer.visible == 0 ? "hidden" : "at \(pointer.x), \(pointer.y)"
        case .pointerShape(let shape): "\(shape.width)x\(shape.height), \(shape.pixels.count) bytes"
        case .features(let features): "\(features.dirt == 0 ? "no " : "")changed parts wanted"
        case .dirt(let dirt): dirt.rectangles.prefix(4).map(\.description).joined(separator: "; ")
        case .biosInfo, .capability: ""
        case .resolutionRequest(let count): "up to \(count)"
        case .resolutions(let sizes): sizes.list.prefix(8).map(\.description).joined(separator: ", ")
        case .other(let bytes): bytes.isEmpty ? "" : "\(bytes.count) bytes"
        }
    }
}
