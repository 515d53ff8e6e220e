import Testing
import VMBusEngine
import VMBusWire

/// One effect of a host, without its contents: what the tables of expected outcomes are made of.
enum Told: Hashable, Sendable {
    /// A message to the connection's own target that says yes, or that cannot say no.
    case sends(MessageType)
    /// The same, and it says no.
    case refuses(MessageType)
    /// A message to a target that a request named, with a yes.
    case replies(MessageType)
    /// The same with a no.
    case repliesNo(MessageType)
    case forward, contact, connected, disconnected, modifyConnection, open, resumed, close, abandoned
    case listOffered, listCreated, listTeardown, listReleased, move, moved, socket, released
    /// The name of the broken rule.
    case breaks(String)

    init(_ effect: HostEffect, context: WireContext) {
        switch effect {
        case .send(let bytes, _):
            let (type, isNo) = Self.read(bytes, context)
            self = isNo ? .refuses(type) : .sends(type)
        case .reply(let bytes, _):
            let (type, isNo) = Self.read(bytes, context)
            self = isNo ? .repliesNo(type) : .replies(type)
        case .forward: self = .forward
        case .contact: self = .contact
        case .connected: self = .connected
        case .disconnected: self = .disconnected
        case .modifyConnection: self = .modifyConnection
        case .open: self = .open
        case .resumed: self = .resumed
        case .close: self = .close
        case .abandoned: self = .abandoned
        case .pageListOffered: self = .listOffered
        case .pageListCreated: self = .listCreated
        case .pageListTeardown: self = .listTeardown
        case .pageListReleased: self = .listReleased
        case .move: self = .move
        case .moved: self = .moved
        case .socket: self = .socket
        case .released: self = .released
        case .violation(let violation): self = .breaks(violation.rule)
        }
    }

    private static func read(_ bytes: [UInt8], _ context: WireContext) -> (MessageType, isNo: Bool) {
        guard let message = try? ChannelMessage.decode(bytes, context: context) else {
            return (MessageType(rawValue: 0), true)
        }
        switch message {
        case .openChannelResult(let body): return (message.type, !body.status.isSuccess)
        case .gpadlCreated(let body): return (message.type, !body.status.isSuccess)
        case .modifyChannelResponse(let body): return (message.type, !body.status.isSuccess)
        case .tlConnectResult(let body): return (message.type, !body.status.isSuccess)
        case .versionResponse(let body):
            return (message.type, body.versionSupported == 0 || body.connectionState != .successful)
        case .modifyConnectionResponse(let body): return (message.type, body.connectionState != .successful)
        default: return (message.type, false)
        }
    }
}

extension [HostEffect] {
    func told(_ context: WireContext = .newest) -> [Told] { map { Told($0, context: context) } }

    /// The messages among the effects, wherever they go.
    func messages(_ context: WireContext = .newest) -> [ChannelMessage] {
        compactMap { effect in
            switch effect {
            case .send(let bytes, _), .reply(let bytes, _): try? ChannelMessage.decode(bytes, context: context)
            default: nil
            }
        }
    }

    var rules: [String] { compactMap { if case .violation(let violation) = $0 { violation.rule } else { nil } } }
}

/// A host alone, driven by raw messages as a guest would send them and by answers as devices would give them.
struct HostDriver {
    var host: HostConnection
    /// What the last step told.
    var effects: [HostEffect] = []
    /// The keys of the offers, in their order.
    var keys: [HostChannelKey] = []

    static let ring: UInt32 = 0x101
    static let spare: UInt32 = 0x102
    static let partial: UInt32 = 0x104

    init(_ configuration: HostConnection.Configuration = .init(), offers: [OfferChannel] = [BothEnds.offer(1)]) {
        host = HostConnection(configuration)
        for offer in offers {
            if let (key, _) = try? host.addOffer(offer) { keys.append(key) }
        }
    }

    /// A configuration in which nothing is answered at once.
    static func patient(_ change: (inout HostConnection.Configuration) -> Void = { _ in })
        -> HostConnection.Configuration
    {
        var configuration = HostConnection.Configuration()
        configuration.awaits = .all
        change(&configuration)
        return configuration
    }

    /// The same host after a save and a restore on another side, which has the same devices as far as the host had them.
    func restored(_ configuration: HostConnection.Configuration? = nil) throws(RestoreError) -> HostDriver {
        var other = self
        other.host = HostConnection(configuration ?? host.configuration)
        other.keys = []
        for channel in host.channels where channel.state != .revoked {
            if let (key, _) = try? other.host.addOffer(channel.offer) { other.keys.append(key) }
        }
        other.effects = try other.host.restore(host.saved())
        if other.keys.isEmpty { other.keys = other.host.channels.isEmpty ? keys : other.host.channels.map(\.key) }
        return other
    }

    @discardableResult
    mutating func send(
        _ message: ChannelMessage, on connection: UInt32 = ConnectionID.multiClientMessage, trusted: Bool = false,
        context: WireContext? = nil
    ) -> [HostEffect] {
        effects = host.receive(
            message.encoded(context: context ?? (host.state == .connected ? host.agreement : .newest)),
            connectionID: connection, isTrusted: trusted)
        return effects
    }

    @discardableResult
    mutating func answer(_ body: (inout HostConnection) -> [HostEffect]) -> [HostEffect] {
        effects = body(&host)
        return effects
    }

    static func contact(
        _ version: ProtocolVersion = .copper, features: FeatureFlags = [.modifyConnection, .pauseResume],
        pages: MonitorPages? = nil, sint: UInt8 = 2, vtl: UInt8 = 0, vp: UInt32 = 0, clientID: GUID? = nil,
        interruptPage: UInt64 = 0
    ) -> ChannelMessage {
        .initiateContact(
            InitiateContact(
                version: version, targetVP: vp, interruptPage: interruptPage, targetSINT: sint, targetVTL: vtl,
                features: features, parentToChildMonitorPage: pages?.parentToChild ?? 0,
                childToParentMonitorPage: pages?.childToParent ?? 0, clientID: clientID))
    }

    /// Connects and asks for the offers.
    mutating func connect(
        _ version: ProtocolVersion = .copper, features: FeatureFlags = [.modifyConnection, .pauseResume],
        pages: MonitorPages? = nil, offers: Bool = true, trusted: Bool = false, vp: UInt32 = 0
    ) {
        send(
            Self.contact(
                version, features: features, pages: pages, vp: vp, clientID: features.contains(.clientID) ? .zero : nil),
            on: version >= .redstone3MultiClient ? ConnectionID.multiClientMessage : ConnectionID.message,
            trusted: trusted, context: .newest)
        answer { $0.contactAccepted() }
        if offers { send(.requestOffers, trusted: trusted) }
    }

    /// Shares pages under a handle, and has the device accept them.
    mutating func share(_ handle: UInt32, relid: UInt32 = 1, pages: Int = 8, accept: Bool = true) {
        for message in Self.list(handle, relid: relid, pages: pages) { send(message) }
        guard accept, let key = host.channel(relid: relid)?.key else { return }
        answer { $0.pageListAnswered(key, handle: handle, accepted: true) }
    }

    static func list(_ handle: UInt32, relid: UInt32 = 1, pages: Int = 8) -> [ChannelMessage] {
        PageList(pages: (0..<UInt64(pages)).map { UInt64(handle) << 16 | $0 })?.messages(relid: relid, handle: handle)
            ?? []
    }

    static func open(_ relid: UInt32 = 1, ring: UInt32 = HostDriver.ring, vp: UInt32 = 0) -> OpenChannel {
        OpenChannel(relid: relid, openID: 77, ringGPADL: ring, targetVP: vp, downstreamPageOffset: 4)
    }

    static func openReserved(_ relid: UInt32 = 1, ring: UInt32 = HostDriver.ring) -> ChannelMessage {
        var message = OpenReservedChannel()
        message.relid = relid
        message.targetVP = 3
        message.targetSINT = 5
        message.ringGPADL = ring
        message.downstreamPageOffset = 4
        return .openReservedChannel(message)
    }

    static func closeReserved(_ relid: UInt32 = 1, vp: UInt32 = 2, sint: UInt32 = 4) -> ChannelMessage {
        var message = CloseReservedChannel()
        message.relid = relid
        message.targetVP = vp
        message.targetSINT = sint
        return .closeReservedChannel(message)
    }

    static let closeMessage = ChannelMessage.closeChannel(ChannelReference(relid: 1))
    static let releaseMessage = ChannelMessage.relidReleased(ChannelReference(relid: 1))

    static func modifyConnection(_ pages: MonitorPages?) -> ChannelMessage {
        var message = ModifyConnection()
        message.parentToChildMonitorPage = pages?.parentToChild ?? 0
        message.childToParentMonitorPage = pages?.childToParent ?? 0
        return .modifyConnection(message)
    }
}
