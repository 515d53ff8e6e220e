extension ChannelMessage {
    /// The channel that the message is about, for those that name one.
    public var relid: UInt32? {
        switch self {
        case .offerChannel(let body): body.relid
        case .rescindChannelOffer(let body), .closeChannel(let body), .relidReleased(let body),
            .closeReservedResponse(let body):
            body.relid
        case .openChannel(let body): body.relid
        case .openChannelResult(let body): body.relid
        case .gpadlHeader(let body): body.relid
        case .gpadlCreated(let body): body.relid
        case .gpadlTeardown(let body): body.relid
        case .openReservedChannel(let body): body.relid
        case .closeReservedChannel(let body): body.relid
        case .modifyChannel(let body): body.relid
        case .modifyChannelResponse(let body): body.relid
        case .requestOffers, .allOffersDelivered, .gpadlBody, .gpadlTorndown, .initiateContact, .versionResponse,
            .unload, .unloadComplete, .tlConnectRequest, .tlConnectResult, .modifyConnection, .modifyConnectionResponse,
            .pause, .pauseResponse, .resume:
            nil
        }
    }
}
