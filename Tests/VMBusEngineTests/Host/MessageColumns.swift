import VMBusEngine
import VMBusWire

/// The sixteen messages that a guest sends.
enum GuestMessage: CaseIterable, Hashable {
    case requestOffers, openChannel, closeChannel, gpadlHeader, gpadlBody, gpadlTeardown, relidReleased
    case initiateContact, unload, openReservedChannel, closeReservedChannel, tlConnectRequest, modifyChannel
    case modifyConnection, pause, resume
}

/// The thirteen messages that only a host sends.
enum HostMessage: CaseIterable, Hashable {
    case offerChannel, rescindChannelOffer, allOffersDelivered, openChannelResult, gpadlCreated, gpadlTorndown
    case versionResponse, unloadComplete, closeReservedResponse, tlConnectResult, modifyChannelResponse
    case modifyConnectionResponse, pauseResponse

    /// A message of the kind, with nothing in it.
    var message: ChannelMessage {
        switch self {
        case .offerChannel: .offerChannel(OfferChannel())
        case .rescindChannelOffer: .rescindChannelOffer(ChannelReference(relid: 1))
        case .allOffersDelivered: .allOffersDelivered
        case .openChannelResult: .openChannelResult(OpenChannelResult(relid: 1, openID: 1, status: .success))
        case .gpadlCreated: .gpadlCreated(GPADLCreated(relid: 1, gpadl: HostDriver.ring, status: .success))
        case .gpadlTorndown: .gpadlTorndown(GPADLTorndown(gpadl: HostDriver.ring))
        case .versionResponse: .versionResponse(VersionResponse(supported: true))
        case .unloadComplete: .unloadComplete
        case .closeReservedResponse: .closeReservedResponse(ChannelReference(relid: 1))
        case .tlConnectResult: .tlConnectResult(TLConnectResult(endpointID: .zero, serviceID: .zero, status: .success))
        case .modifyChannelResponse: .modifyChannelResponse(ModifyChannelResponse(relid: 1, status: .success))
        case .modifyConnectionResponse: .modifyConnectionResponse(ModifyConnectionResponse())
        case .pauseResponse: .pauseResponse
        }
    }
}

/// A column of the tables: one of the 29 messages. Made from the engine's own type, so that a new message does not build
/// before it has its cells.
enum MessageColumn: Hashable {
    case guest(GuestMessage)
    case host(HostMessage)

    init(_ message: ChannelMessage) {
        self =
            switch message {
            case .offerChannel: .host(.offerChannel)
            case .rescindChannelOffer: .host(.rescindChannelOffer)
            case .requestOffers: .guest(.requestOffers)
            case .allOffersDelivered: .host(.allOffersDelivered)
            case .openChannel: .guest(.openChannel)
            case .openChannelResult: .host(.openChannelResult)
            case .closeChannel: .guest(.closeChannel)
            case .gpadlHeader: .guest(.gpadlHeader)
            case .gpadlBody: .guest(.gpadlBody)
            case .gpadlCreated: .host(.gpadlCreated)
            case .gpadlTeardown: .guest(.gpadlTeardown)
            case .gpadlTorndown: .host(.gpadlTorndown)
            case .relidReleased: .guest(.relidReleased)
            case .initiateContact: .guest(.initiateContact)
            case .versionResponse: .host(.versionResponse)
            case .unload: .guest(.unload)
            case .unloadComplete: .host(.unloadComplete)
            case .openReservedChannel: .guest(.openReservedChannel)
            case .closeReservedChannel: .guest(.closeReservedChannel)
            case .closeReservedResponse: .host(.closeReservedResponse)
            case .tlConnectRequest: .guest(.tlConnectRequest)
            case .modifyChannel: .guest(.modifyChannel)
            case .tlConnectResult: .host(.tlConnectResult)
            case .modifyChannelResponse: .host(.modifyChannelResponse)
            case .modifyConnection: .guest(.modifyConnection)
            case .modifyConnectionResponse: .host(.modifyConnectionResponse)
            case .pause: .guest(.pause)
            case .pauseResponse: .host(.pauseResponse)
            case .resume: .guest(.resume)
            }
    }
}

/// One cell of a table of expected outcomes.
struct Cell<State: Hashable & Sendable>: Sendable {
    /// The row that follows.
    let next: State
    /// What the host tells, in order.
    let told: [Told]
    /// Where the outcome comes from: the reference, a behaviour that others test, or why it is ours.
    let source: String

    init(_ next: State, _ told: [Told], _ source: String) {
        self.next = next
        self.told = told
        self.source = source
    }
}
