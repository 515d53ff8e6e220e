import Testing
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

/// What an effect is, without its values. A new effect does not compile until it has a name here.
enum GuestEvent: Equatable {
    case connected, connectFailed, offered, allOffersDelivered, pageListCreated, pageListRefused, pageListTorndown
    case pageListLeaked, opened, openRefused, reservedClosed, rescinded, modified, socketConnected, socketRefused
    case socketTimedOut, connectionModified, messagesPaused, suspended, readopted, offersMissing, wake
    case pollMessagePages, clearMessageSlots, unloadAbandoned, unloaded, postFailed
    case post(MessageType)
    case violation(String)

    init(_ effect: GuestEffect) {
        self =
            switch effect {
            case .post(let bytes, _): .post(MessageType(rawValue: bytes.first.map { UInt32($0) } ?? 0))
            case .connected: .connected
            case .connectFailed: .connectFailed
            case .offered: .offered
            case .allOffersDelivered: .allOffersDelivered
            case .pageListCreated: .pageListCreated
            case .pageListRefused: .pageListRefused
            case .pageListTorndown: .pageListTorndown
            case .pageListLeaked: .pageListLeaked
            case .opened: .opened
            case .openRefused: .openRefused
            case .reservedClosed: .reservedClosed
            case .rescinded: .rescinded
            case .modified: .modified
            case .socketConnected: .socketConnected
            case .socketRefused: .socketRefused
            case .socketTimedOut: .socketTimedOut
            case .connectionModified: .connectionModified
            case .messagesPaused: .messagesPaused
            case .suspended: .suspended
            case .readopted: .readopted
            case .offersMissing: .offersMissing
            case .wake: .wake
            case .pollMessagePages: .pollMessagePages
            case .clearMessageSlots: .clearMessageSlots
            case .unloadAbandoned: .unloadAbandoned
            case .unloaded: .unloaded
            case .postFailed: .postFailed
            case .violation(let violation): .violation(violation.rule)
            }
    }
}

/// One cell of a product table: what happens, what comes next, and who says so.
struct GuestCell<Row> {
    /// Nil when the wish is refused.
    let events: [GuestEvent]?
    /// Nil when the state stays.
    let next: Row?
    /// Where it is written, or why it is ours.
    let source: String

    /// Something happens.
    static func does(_ events: [GuestEvent], _ next: Row? = nil, _ source: String) -> GuestCell {
        GuestCell(events: events, next: next, source: source)
    }
    /// The host broke a rule, and nothing changes.
    static func flags(_ rule: String, _ source: String) -> GuestCell {
        GuestCell(events: [.violation(rule)], next: nil, source: source)
    }
    /// Nothing happens, and nobody is blamed.
    static func ignores(_ source: String) -> GuestCell { GuestCell(events: [], next: nil, source: source) }
    /// The wish is not carried out.
    static func refuses(_ source: String) -> GuestCell { GuestCell(events: nil, next: nil, source: source) }
}

/// A guest that was brought where it is by real messages.
struct GuestRig {
    var guest: GuestConnection
    /// What the guest was made with.
    let configuration: GuestConnection.Configuration
    /// The last effects that were not violations.
    var effects: [GuestEffect] = []

    init(_ configuration: GuestConnection.Configuration = .init()) {
        self.configuration = configuration
        guest = GuestConnection(configuration)
    }

    /// A connected guest at a version, with every feature that it asked for and all offers delivered.
    static func connected(
        _ version: ProtocolVersion = .copper, profile: GuestProfile = GuestProfile(), offers: [OfferChannel] = [],
        configure: (inout GuestConnection.Configuration) -> Void = { _ in }
    ) -> GuestRig {
        var configuration = GuestConnection.Configuration(profile: profile)
        configuration.versions = [version]
        configure(&configuration)
        var rig = GuestRig(configuration)
        rig.effects = rig.guest.connect()
        rig.answerContact()
        for offer in offers { rig.send(.offerChannel(offer)) }
        if configuration.requestsOffers { rig.send(.allOffersDelivered) }
        return rig
    }

    static func offer(_ relid: UInt32, instance: UInt64? = nil, subchannel: UInt16 = 0) -> OfferChannel {
        var offer = BothEnds.offer(instance ?? UInt64(relid), subchannel: subchannel)
        offer.relid = relid
        return offer
    }

    /// The host accepts the proposal that is on its way.
    mutating func answerContact(features: FeatureFlags = .all, connectionID: UInt32 = 4) {
        let version = guest.agreement.version
        var response = VersionResponse(
            supported: true,
            versionOrConnectionID: version >= .redstone3MultiClient ? connectionID : version.rawValue)
        if version >= .copper { response.features = features.intersection(wanted) }
        send(.versionResponse(response))
    }

    private var wanted: FeatureFlags {
        guard case .post(let bytes, _)? = effects.last(where: { if case .post = $0 { true } else { false } }),
            case .initiateContact(let contact)? = try? ChannelMessage.decode(bytes)
        else { return GuestProfile().features }
        return contact.features
    }

    /// A message of the host.
    @discardableResult mutating func send(_ message: ChannelMessage) -> [GuestEffect] {
        effects = guest.receive(message.encoded(context: guest.agreement))
        return effects
    }

    /// Shares eight pages, and the host accepts them.
    mutating func share(_ relid: UInt32, pages: UInt64 = 8) throws -> UInt32 {
        let list = try #require(PageList(pages: (0..<pages).map { UInt64(relid) << 16 | $0 }))
        let handle = try guest.createPageList(relid: relid, list).handle
        send(.gpadlCreated(GPADLCreated(relid: relid, gpadl: handle, status: .success)))
        return handle
    }

    /// Asks for an open on eight pages.
    @discardableResult mutating func startOpen(_ relid: UInt32) throws -> UInt32 {
        let handle = try share(relid)
        effects = try guest.open(relid: relid, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        return handle
    }

    /// Opens a channel on eight pages.
    @discardableResult mutating func open(_ relid: UInt32) throws -> UInt32 {
        let handle = try startOpen(relid)
        let openID = try #require(lastPost).openID
        send(.openChannelResult(OpenChannelResult(relid: relid, openID: openID, status: .success)))
        return handle
    }

    mutating func rescind(_ relid: UInt32) { send(.rescindChannelOffer(ChannelReference(relid: relid))) }

    /// The OPEN_CHANNEL among the last effects.
    private var lastPost: OpenChannel? {
        for case .post(let bytes, _) in effects {
            if case .openChannel(let open)? = try? ChannelMessage.decode(bytes, context: guest.agreement) {
                return open
            }
        }
        return nil
    }

    /// The messages among effects.
    func posts(_ effects: [GuestEffect]) -> [ChannelMessage] {
        effects.compactMap { effect in
            guard case .post(let bytes, _) = effect else { return nil }
            return try? ChannelMessage.decode(bytes, context: guest.agreement)
        }
    }
}
