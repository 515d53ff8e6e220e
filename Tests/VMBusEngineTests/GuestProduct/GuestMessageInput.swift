import VMBusEngine
import VMBusWire

/// All 29 channel messages as inputs of a product table. A new message does not compile until it has a name here.
enum GuestMessageInput: CaseIterable {
    case offerChannel, rescindChannelOffer, requestOffers, allOffersDelivered, openChannel, openChannelResult
    case closeChannel, gpadlHeader, gpadlBody, gpadlCreated, gpadlTeardown, gpadlTorndown, relidReleased
    case initiateContact, versionResponse, unload, unloadComplete, openReservedChannel, closeReservedChannel
    case closeReservedResponse, tlConnectRequest, modifyChannel, tlConnectResult, modifyChannelResponse
    case modifyConnection, modifyConnectionResponse, pause, pauseResponse, resume

    init(_ message: ChannelMessage) {
        self =
            switch message {
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

    /// The message about a channel and a page list, with a good status.
    func message(relid: UInt32, openID: UInt32, handle: UInt32) -> ChannelMessage {
        let reference = ChannelReference(relid: relid)
        switch self {
        case .offerChannel:
            var offer = BothEnds.offer(UInt64(relid))
            offer.relid = relid
            return .offerChannel(offer)
        case .rescindChannelOffer: return .rescindChannelOffer(reference)
        case .requestOffers: return .requestOffers
        case .allOffersDelivered: return .allOffersDelivered
        case .openChannel:
            return .openChannel(
                OpenChannel(relid: relid, openID: openID, ringGPADL: handle, targetVP: 0, downstreamPageOffset: 4))
        case .openChannelResult:
            return .openChannelResult(OpenChannelResult(relid: relid, openID: openID, status: .success))
        case .closeChannel: return .closeChannel(reference)
        case .gpadlHeader:
            return .gpadlHeader(
                GPADLHeader(relid: relid, gpadl: handle, rangeBufferLength: 16, rangeCount: 1, words: [4096, 1]))
        case .gpadlBody: return .gpadlBody(GPADLBody(gpadl: handle, words: [1]))
        case .gpadlCreated: return .gpadlCreated(GPADLCreated(relid: relid, gpadl: handle, status: .success))
        case .gpadlTeardown: return .gpadlTeardown(GPADLTeardown(relid: relid, gpadl: handle))
        case .gpadlTorndown: return .gpadlTorndown(GPADLTorndown(gpadl: handle))
        case .relidReleased: return .relidReleased(reference)
        case .initiateContact: return .initiateContact(InitiateContact(version: .copper))
        case .versionResponse:
            return .versionResponse(
                VersionResponse(supported: true, versionOrConnectionID: 4, features: [.modifyConnection, .pauseResume]))
        case .unload: return .unload
        case .unloadComplete: return .unloadComplete
        case .openReservedChannel:
            var open = OpenReservedChannel()
            open.relid = relid
            return .openReservedChannel(open)
        case .closeReservedChannel:
            var close = CloseReservedChannel()
            close.relid = relid
            return .closeReservedChannel(close)
        case .closeReservedResponse: return .closeReservedResponse(reference)
        case .tlConnectRequest: return .tlConnectRequest(TLConnectRequest())
        case .modifyChannel: return .modifyChannel(ModifyChannel(relid: relid, targetVP: 1))
        case .tlConnectResult: return .tlConnectResult(TLConnectResult())
        case .modifyChannelResponse:
            return .modifyChannelResponse(ModifyChannelResponse(relid: relid, status: .success))
        case .modifyConnection: return .modifyConnection(ModifyConnection())
        case .modifyConnectionResponse: return .modifyConnectionResponse(ModifyConnectionResponse())
        case .pause: return .pause
        case .pauseResponse: return .pauseResponse
        case .resume: return .resume
        }
    }
}
