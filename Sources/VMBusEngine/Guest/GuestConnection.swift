public import VMBusWire

/// The guest's end of the bus as a state machine without I/O (reference §8.1, §8.2).
///
/// Messages of the host and wishes of the drivers go in, effects come out. Nothing that the host sends can trap it: what
/// breaks a rule becomes a `violation` and changes nothing.
public struct GuestConnection: Sendable, Hashable {
    /// What the guest brings along.
    public struct Configuration: Sendable, Hashable {
        /// The versions to try, newest first.
        public var versions: [ProtocolVersion] = Array(ProtocolVersion.all.reversed())
        /// The features to ask for at 6.0.
        public var features: FeatureFlags = [
            .guestSpecifiedSignalParameters, .channelInterruptRedirection, .modifyConnection, .clientID, .pauseResume,
        ]
        /// Who the guest is, at 6.0.
        public var clientID: GUID?
        /// The processor that receives the host's messages.
        public var targetVP: UInt32 = 0
        /// The guest's trust level.
        public var targetVTL: UInt8 = 0
        /// Guest-physical address of the interrupt page.
        public var interruptPage: UInt64 = 0
        /// Guest-physical address of the host's monitor page; 0 for none.
        public var parentToChildMonitorPage: UInt64 = 0
        /// Guest-physical address of the guest's monitor page; 0 for none.
        public var childToParentMonitorPage: UInt64 = 0

        /// A guest that speaks all versions.
        public init() {}
    }

    /// How far the connection is.
    public enum State: Sendable, Hashable {
        case disconnected
        /// A proposal is on its way.
        case connecting(ProtocolVersion)
        case connected
        /// UNLOAD is on its way.
        case disconnecting
    }

    /// The first handle that Linux and FreeBSD give a page list (reference §3.9).
    public static let firstPageListHandle: UInt32 = 0xE1E10

    /// How far the connection is.
    public internal(set) var state = State.disconnected
    /// What was agreed on; meaningful when connected.
    public internal(set) var agreement = WireContext(version: .windows2008)
    /// Where the guest's messages go.
    public internal(set) var messageConnection = ConnectionID.message
    /// The channels on offer, in order of their offers.
    public internal(set) var channels: [GuestChannel] = []
    /// The page lists that the host holds or is getting.
    public internal(set) var pageLists: [GuestPageList] = []
    let configuration: Configuration
    var offersRequested = false
    private var untried: [ProtocolVersion] = []
    private var nextHandle = GuestConnection.firstPageListHandle

    /// A guest that has not started.
    public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Starts to negotiate, with the newest version.
    public mutating func connect() -> [GuestEffect] {
        guard state == .disconnected else { return [] }
        untried = configuration.versions
        return tryNextVersion()
    }

    /// The hypervisor did not take a post: no such connection. An older version may know another (reference §2.5).
    public mutating func postRefused() -> [GuestEffect] {
        guard case .connecting = state else { return [] }
        return tryNextVersion()
    }

    private mutating func tryNextVersion() -> [GuestEffect] {
        guard !untried.isEmpty else {
            state = .disconnected
            return [.connectFailed]
        }
        let version = untried.removeFirst()
        state = .connecting(version)
        agreement = WireContext(version: version)
        messageConnection =
            version >= .redstone3MultiClient ? ConnectionID.multiClientMessage : ConnectionID.message
        let features = version >= .copper ? configuration.features : []
        let contact = InitiateContact(
            version: version, targetVP: version >= .windows8_1 ? configuration.targetVP : 0,
            interruptPage: configuration.interruptPage, targetVTL: configuration.targetVTL, features: features,
            parentToChildMonitorPage: configuration.parentToChildMonitorPage,
            childToParentMonitorPage: configuration.childToParentMonitorPage,
            clientID: features.contains(.clientID) ? configuration.clientID ?? .zero : nil)
        return [post(.initiateContact(contact))]
    }

    /// Takes in one message of the host: the valid bytes of a slot.
    public mutating func receive(_ bytes: [UInt8]) -> [GuestEffect] {
        let message: ChannelMessage
        do throws(WireError) {
            message = try ChannelMessage.decode(bytes, context: agreement)
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        if let violation = refusal(of: message) { return [.violation(violation)] }
        switch message {
        case .versionResponse(let response): return versionResponse(response)
        case .offerChannel(let offer): return offered(offer)
        case .allOffersDelivered: return [.allOffersDelivered]
        case .rescindChannelOffer(let reference): return rescinded(reference.relid)
        case .openChannelResult(let result): return openResult(result)
        case .gpadlCreated(let created): return pageListCreated(created)
        case .gpadlTorndown(let torndown): return pageListTorndown(torndown.gpadl)
        case .modifyChannelResponse(let response): return modified(response)
        case .tlConnectResult(let result): return [.socketRefused(result)]
        case .unloadComplete: return unloadComplete()
        default: return []
        }
    }

    /// The direction, version and state that every message of the host must fit.
    private func refusal(of message: ChannelMessage) -> ProtocolViolation? {
        guard let facts = message.type.facts else { return nil }
        func violation(_ rule: String, _ value: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(rule: rule, place: facts.name, value: value, explanation: explanation)
        }
        if facts.direction != .hostToGuest {
            return violation("direction", "from the host", "only a guest sends this message")
        }
        switch (state, message) {
        case (.connecting, .versionResponse), (.disconnecting, _): return nil
        case (.connected, .versionResponse):
            return violation("contact-first", "while connected", "a proposal is answered once")
        case (.connected, _): break
        default: return violation("contact-first", "while \(state)", "the connection does not stand")
        }
        if facts.version > agreement.version {
            return violation(
                "version", agreement.version.description, "the message came with version \(facts.version)")
        }
        if !agreement.features.isSuperset(of: facts.feature) {
            return violation("feature", agreement.features.meaning ?? "none", "the feature was not agreed on")
        }
        return nil
    }

    private mutating func versionResponse(_ response: VersionResponse) -> [GuestEffect] {
        guard case .connecting(let version) = state else { return [] }
        guard response.versionSupported != 0 else { return tryNextVersion() }
        guard response.connectionState == .successful else {
            state = .disconnected
            return [.connectFailed]
        }
        if version >= .redstone3MultiClient { messageConnection = response.versionOrConnectionID }
        let granted = version >= .copper ? (response.features ?? []) : []
        guard configuration.features.isSuperset(of: granted) else {
            state = .disconnected
            return [
                .violation(
                    ProtocolViolation(
                        rule: "feature", place: "VERSION_RESPONSE.supported_features", value: granted.meaning ?? "",
                        explanation: "the agreed features are among those that the guest asked for")),
                .connectFailed,
            ]
        }
        agreement = WireContext(version: version, features: granted)
        state = .connected
        offersRequested = true
        return [.connected(agreement), post(.requestOffers)]
    }

    /// Ends the connection. Below 3.0 there is no message for it that hosts answer reliably: it just ends (reference §2.7).
    public mutating func unload() -> [GuestEffect] {
        guard state == .connected else { return [] }
        guard agreement.version >= .windows8_1 else { return unloadComplete() }
        state = .disconnecting
        return [post(.unload)]
    }

    private mutating func unloadComplete() -> [GuestEffect] {
        state = .disconnected
        channels = []
        pageLists = []
        offersRequested = false
        return [.unloaded]
    }

    mutating func takeHandle() -> UInt32 {
        let handle = nextHandle
        nextHandle = nextHandle == .max ? Self.firstPageListHandle : nextHandle + 1
        return handle
    }

    func post(_ message: ChannelMessage) -> GuestEffect {
        .post(bytes: message.encoded(context: agreement), connectionID: messageConnection)
    }
}

/// What the guest's end wants done.
public enum GuestEffect: Sendable, Hashable {
    /// Post a message with HvPostMessage.
    case post(bytes: [UInt8], connectionID: UInt32)
    /// A version is agreed on; the offers have been asked for.
    case connected(WireContext)
    /// No version is left, or the host refused.
    case connectFailed
    /// A channel is on offer.
    case offered(OfferChannel)
    /// The answer to the request for offers is complete.
    case allOffersDelivered
    /// A page list stands.
    case pageListCreated(handle: UInt32, relid: UInt32)
    /// The host did not accept a page list.
    case pageListRefused(handle: UInt32, relid: UInt32, MessageStatus)
    /// The host no longer touches the pages of a list.
    case pageListTorndown(handle: UInt32, relid: UInt32)
    /// A channel is open.
    case opened(relid: UInt32)
    /// The host did not open a channel.
    case openRefused(relid: UInt32, MessageStatus)
    /// The host has taken a channel back: its driver must let go, then call `release`.
    case rescinded(relid: UInt32)
    /// The host has answered a move.
    case modified(relid: UInt32, MessageStatus)
    /// Nobody listens on the other end of an hv_sock connection.
    case socketRefused(TLConnectResult)
    /// The connection has ended.
    case unloaded
    /// The host broke a rule.
    case violation(ProtocolViolation)
}
