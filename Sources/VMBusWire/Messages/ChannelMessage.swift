/// A channel message of either direction: what goes through a SynIC message slot (reference §3). At most 240 bytes.
public enum ChannelMessage: Sendable, Hashable {
    case offerChannel(OfferChannel)
    case rescindChannelOffer(ChannelReference)
    case requestOffers
    case allOffersDelivered
    case openChannel(OpenChannel)
    case openChannelResult(OpenChannelResult)
    case closeChannel(ChannelReference)
    case gpadlHeader(GPADLHeader)
    case gpadlBody(GPADLBody)
    case gpadlCreated(GPADLCreated)
    case gpadlTeardown(GPADLTeardown)
    case gpadlTorndown(GPADLTorndown)
    case relidReleased(ChannelReference)
    case initiateContact(InitiateContact)
    case versionResponse(VersionResponse)
    case unload
    case unloadComplete
    case openReservedChannel(OpenReservedChannel)
    case closeReservedChannel(CloseReservedChannel)
    case closeReservedResponse(ChannelReference)
    case tlConnectRequest(TLConnectRequest)
    case modifyChannel(ModifyChannel)
    case tlConnectResult(TLConnectResult)
    case modifyChannelResponse(ModifyChannelResponse)
    case modifyConnection(ModifyConnection)
    case modifyConnectionResponse(ModifyConnectionResponse)
    case pause
    case pauseResponse
    case resume

    /// The longest message, header included (reference §3).
    public static let maximumSize = 240
    /// Bytes of the common header: u32 type, u32 padding.
    public static let headerSize = 8

    /// The message's number.
    public var type: MessageType {
        switch self {
        case .offerChannel: .offerChannel
        case .rescindChannelOffer: .rescindChannelOffer
        case .requestOffers: .requestOffers
        case .allOffersDelivered: .allOffersDelivered
        case .openChannel: .openChannel
        case .openChannelResult: .openChannelResult
        case .closeChannel: .closeChannel
        case .gpadlHeader: .gpadlHeader
        case .gpadlBody: .gpadlBody
        case .gpadlCreated: .gpadlCreated
        case .gpadlTeardown: .gpadlTeardown
        case .gpadlTorndown: .gpadlTorndown
        case .relidReleased: .relidReleased
        case .initiateContact: .initiateContact
        case .versionResponse: .versionResponse
        case .unload: .unload
        case .unloadComplete: .unloadComplete
        case .openReservedChannel: .openReservedChannel
        case .closeReservedChannel: .closeReservedChannel
        case .closeReservedResponse: .closeReservedResponse
        case .tlConnectRequest: .tlConnectRequest
        case .modifyChannel: .modifyChannel
        case .tlConnectResult: .tlConnectResult
        case .modifyChannelResponse: .modifyChannelResponse
        case .modifyConnection: .modifyConnection
        case .modifyConnectionResponse: .modifyConnectionResponse
        case .pause: .pause
        case .pauseResponse: .pauseResponse
        case .resume: .resume
        }
    }
}

/// A channel message as a structure: header and the body that the type names.
struct ChannelMessageEnvelope: WireStructure {
    static let structureName: StaticString = "CHANNEL_MESSAGE"

    var message = ChannelMessage.requestOffers

    init() {}
    init(_ message: ChannelMessage) { self.message = message }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        var type = message.type
        try visitor.field("type", &type, "which message it is")
        try visitor.reserved(4, "padding")
        func body<Body: WireStructure>(
            _ current: (ChannelMessage) -> Body?, _ wrap: (Body) -> ChannelMessage
        ) throws(WireError) {
            var body = current(message) ?? Body()
            try body.visit(&visitor)
            message = wrap(body)
        }
        switch type {
        case .offerChannel:
            try body({ if case .offerChannel(let body) = $0 { body } else { nil } }, { .offerChannel($0) })
        case .rescindChannelOffer:
            try body(
                { if case .rescindChannelOffer(let body) = $0 { body } else { nil } }, { .rescindChannelOffer($0) })
        case .requestOffers: message = .requestOffers
        case .allOffersDelivered: message = .allOffersDelivered
        case .openChannel: try body({ if case .openChannel(let body) = $0 { body } else { nil } }, { .openChannel($0) })
        case .openChannelResult:
            try body({ if case .openChannelResult(let body) = $0 { body } else { nil } }, { .openChannelResult($0) })
        case .closeChannel:
            try body({ if case .closeChannel(let body) = $0 { body } else { nil } }, { .closeChannel($0) })
        case .gpadlHeader: try body({ if case .gpadlHeader(let body) = $0 { body } else { nil } }, { .gpadlHeader($0) })
        case .gpadlBody: try body({ if case .gpadlBody(let body) = $0 { body } else { nil } }, { .gpadlBody($0) })
        case .gpadlCreated:
            try body({ if case .gpadlCreated(let body) = $0 { body } else { nil } }, { .gpadlCreated($0) })
        case .gpadlTeardown:
            try body({ if case .gpadlTeardown(let body) = $0 { body } else { nil } }, { .gpadlTeardown($0) })
        case .gpadlTorndown:
            try body({ if case .gpadlTorndown(let body) = $0 { body } else { nil } }, { .gpadlTorndown($0) })
        case .relidReleased:
            try body({ if case .relidReleased(let body) = $0 { body } else { nil } }, { .relidReleased($0) })
        case .initiateContact:
            try body({ if case .initiateContact(let body) = $0 { body } else { nil } }, { .initiateContact($0) })
        case .versionResponse:
            try body({ if case .versionResponse(let body) = $0 { body } else { nil } }, { .versionResponse($0) })
        case .unload: message = .unload
        case .unloadComplete: message = .unloadComplete
        case .openReservedChannel:
            try body(
                { if case .openReservedChannel(let body) = $0 { body } else { nil } }, { .openReservedChannel($0) })
        case .closeReservedChannel:
            try body(
                { if case .closeReservedChannel(let body) = $0 { body } else { nil } }, { .closeReservedChannel($0) })
        case .closeReservedResponse:
            try body(
                { if case .closeReservedResponse(let body) = $0 { body } else { nil } }, { .closeReservedResponse($0) })
        case .tlConnectRequest:
            try body({ if case .tlConnectRequest(let body) = $0 { body } else { nil } }, { .tlConnectRequest($0) })
        case .modifyChannel:
            try body({ if case .modifyChannel(let body) = $0 { body } else { nil } }, { .modifyChannel($0) })
        case .tlConnectResult:
            try body({ if case .tlConnectResult(let body) = $0 { body } else { nil } }, { .tlConnectResult($0) })
        case .modifyChannelResponse:
            try body(
                { if case .modifyChannelResponse(let body) = $0 { body } else { nil } }, { .modifyChannelResponse($0) })
        case .modifyConnection:
            try body({ if case .modifyConnection(let body) = $0 { body } else { nil } }, { .modifyConnection($0) })
        case .modifyConnectionResponse:
            try body(
                { if case .modifyConnectionResponse(let body) = $0 { body } else { nil } },
                { .modifyConnectionResponse($0) })
        case .pause: message = .pause
        case .pauseResponse: message = .pauseResponse
        case .resume: message = .resume
        default:
            throw WireError(
                structure: "CHANNEL_MESSAGE", field: "type", offset: 0, problem: .unknownType(UInt64(type.rawValue)))
        }
    }
}

extension ChannelMessage {
    /// Reads a message. Surplus bytes are legal, as senders pad (reference §3.1).
    ///
    /// - Throws: `WireError` for a type that does not exist or a body that is short.
    public static func decode(_ bytes: [UInt8], context: WireContext = .newest) throws(WireError) -> ChannelMessage {
        try ChannelMessageEnvelope.decode(bytes, context: context).message
    }

    /// The message's bytes under an agreement, header included.
    public func encoded(context: WireContext = .newest) -> [UInt8] {
        ChannelMessageEnvelope(self).encoded(context: context)
    }

    /// The message's fields, covering every byte.
    public static func tree(_ bytes: ArraySlice<UInt8>, context: WireContext = .newest) -> FieldTree {
        let (fields, value, problem) = ChannelMessageEnvelope.fields(bytes, context: context)
        let name = value?.message.type.facts?.name ?? typeName(bytes)
        return FieldTree(name: "VMBUS.\(name)", fields: fields, problem: problem)
    }

    private static func typeName(_ bytes: ArraySlice<UInt8>) -> String {
        guard let type = try? MessageTypeOnly.decode(bytes).type else { return "MALFORMED" }
        return type.facts?.name ?? "UNKNOWN_\(type.rawValue)"
    }
}

/// The first four bytes of a message that is otherwise not readable.
private struct MessageTypeOnly: WireStructure {
    static let structureName: StaticString = "CHANNEL_MESSAGE"
    var type = MessageType(rawValue: 0)
    init() {}
    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("type", &type, "which message it is")
    }
}
