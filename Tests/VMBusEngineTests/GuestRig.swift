import Testing
import VMBusEngine
import VMBusWire

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
