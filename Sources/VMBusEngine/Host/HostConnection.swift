public import VMBusWire

/// The host's end of one guest's bus as a state machine without I/O (reference §8.4 to §8.7).
///
/// The guest's messages and the devices' answers go in, effects come out. Nothing that the guest sends can trap it, grow it
/// without bound or reach a handler of the wrong direction: what breaks a rule becomes a `violation` and changes nothing.
public struct HostConnection: Sendable, Hashable {
    /// What the host brings along.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that it accepts.
        public var maximumVersion = ProtocolVersion.copper
        /// The features that it has at 6.0.
        public var features: FeatureFlags = [
            .guestSpecifiedSignalParameters, .channelInterruptRedirection, .modifyConnection, .clientID, .pauseResume,
        ]
        /// Where a guest sends its messages after a contact of 5.0 or newer.
        public var messageConnection = ConnectionID.multiClientMessage

        /// A host that speaks all versions.
        public init() {}
    }

    /// How far the connection is.
    public enum State: Sendable, Hashable {
        case disconnected
        case connected
        /// Channels are being closed; the action follows when the last one is.
        case disconnecting(then: NextAction)
    }

    /// What follows a disconnect.
    public enum NextAction: Sendable, Hashable {
        /// Nothing: the guest is gone.
        case none
        /// The guest asked to end the connection.
        case unloadComplete
        /// The guest began anew.
        case contact(InitiateContact)
    }

    /// Channels at the same time: numbers 1 to 2047 (reference §1.3).
    public static let maximumChannels = Int(SynIC.eventFlagCount) - 1
    /// Page lists that are under way at the same time. Ours: OpenVMM and Windows state no limit.
    public static let maximumAssemblies = 256
    /// Page lists held at the same time. Ours, as above.
    public static let maximumPageLists = 8192

    /// How far the connection is.
    public internal(set) var state = State.disconnected
    /// What was agreed on; meaningful when connected.
    public internal(set) var agreement = WireContext(version: .windows2008)
    /// The guest's processor for the host's messages.
    public internal(set) var targetVP: UInt32 = 0
    /// The host's channels, oldest first.
    public internal(set) var channels: [HostChannel] = []
    /// The page lists that the host holds, oldest first.
    public internal(set) var pageLists: [HostPageList] = []
    /// The guest's page in which monitored channels signal; 0 for none.
    public internal(set) var childToParentMonitorPage: UInt64 = 0
    let configuration: Configuration
    var assemblies: [PageListAssembly] = []
    var offersSent = false
    private var nextKey: UInt32 = 1
    private var isPaused = false
    private var held: [HostEffect] = []

    /// A host that no guest has contacted.
    public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Takes in one message of the guest, which came over a connection.
    public mutating func receive(_ bytes: [UInt8], connectionID: UInt32) -> [HostEffect] {
        let message: ChannelMessage
        do throws(WireError) {
            message = try ChannelMessage.decode(bytes, context: decodingContext)
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        if let violation = refusal(of: message) { return [.violation(violation)] }
        return handle(message)
    }

    /// Before there is an agreement, only contacts are read, and they tell their own version.
    private var decodingContext: WireContext { state == .connected ? agreement : .newest }

    private func refusal(of message: ChannelMessage) -> ProtocolViolation? {
        guard let facts = message.type.facts else { return nil }
        func violation(_ rule: String, _ value: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(rule: rule, place: facts.name, value: value, explanation: explanation)
        }
        if facts.direction != .guestToHost {
            return violation("direction", "from the guest", "only a host sends this message")
        }
        if case .initiateContact = message { return nil }
        guard state == .connected else {
            return violation("contact-first", "while \(stateWord)", "the connection does not stand")
        }
        if facts.version > agreement.version {
            return violation("version", agreement.version.description, "the message came with version \(facts.version)")
        }
        if !agreement.features.isSuperset(of: facts.feature) {
            return violation("feature", agreement.features.meaning ?? "none", "the feature was not agreed on")
        }
        if isPaused, message.type != .resume, message.type != .unload {
            return violation("paused", facts.name, "a paused connection is resumed or ended first")
        }
        return nil
    }

    private var stateWord: String {
        switch state {
        case .disconnected: "disconnected"
        case .connected: "connected"
        case .disconnecting: "disconnecting"
        }
    }

    private mutating func handle(_ message: ChannelMessage) -> [HostEffect] {
        switch message {
        case .initiateContact(let contact): return self.contact(contact)
        case .requestOffers: return requestOffers()
        case .gpadlHeader(let header): return pageListHeader(header)
        case .gpadlBody(let body): return pageListBody(body)
        case .gpadlTeardown(let teardown): return pageListTeardown(teardown)
        case .openChannel(let open): return self.open(open)
        case .closeChannel(let reference): return close(reference.relid)
        case .relidReleased(let reference): return released(reference.relid)
        case .modifyChannel(let modify): return self.modify(modify)
        case .unload: return disconnect(then: .unloadComplete)
        case .tlConnectRequest(let request):
            return send(
                .tlConnectResult(
                    TLConnectResult(
                        endpointID: request.endpointID, serviceID: request.serviceID, status: .connectionRefused)),
                since: .redstone3)
        case .modifyConnection(let modify):
            childToParentMonitorPage = modify.childToParentMonitorPage
            return send(.modifyConnectionResponse(ModifyConnectionResponse()))
        case .pause:
            let response = send(.pauseResponse)
            isPaused = true
            return response
        case .resume:
            isPaused = false
            defer { held = [] }
            return held
        case .openReservedChannel(let open):
            return violation(
                "reserved-channel", "OPEN_RESERVED_CHANNEL.relid", String(open.relid),
                "this host offers no reserved channel")
        case .closeReservedChannel(let close):
            return violation(
                "reserved-channel", "CLOSE_RESERVED_CHANNEL.relid", String(close.relid),
                "this host offers no reserved channel")
        default: return []
        }
    }

    /// A message to the guest; held back while the guest has paused the host.
    mutating func send(_ message: ChannelMessage, since version: ProtocolVersion = .windows2008) -> [HostEffect] {
        guard agreement.version >= version else { return [] }
        let effect = HostEffect.send(bytes: message.encoded(context: agreement), targetVP: targetVP)
        guard isPaused else { return [effect] }
        held.append(effect)
        return []
    }

    func violation(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> [HostEffect] {
        [.violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))]
    }
}

extension HostConnection {
    private mutating func contact(_ contact: InitiateContact) -> [HostEffect] {
        switch state {
        case .connected: return disconnect(then: .contact(contact))
        case .disconnecting:
            state = .disconnecting(then: .contact(contact))
            return []
        case .disconnected: return answer(contact)
        }
    }

    private mutating func answer(_ contact: InitiateContact) -> [HostEffect] {
        targetVP = contact.version >= .windows8_1 ? contact.targetVP : 0
        agreement = WireContext(version: contact.version)
        guard ProtocolVersion.all.contains(contact.version), contact.version <= configuration.maximumVersion,
            contact.version < .redstone3MultiClient || contact.targetSINT == SynIC.vmbusSINT
        else {
            agreement = WireContext(version: .windows2008)
            return send(.versionResponse(VersionResponse(supported: false)))
        }
        guard (contact.parentToChildMonitorPage == 0) == (contact.childToParentMonitorPage == 0) else {
            return send(.versionResponse(VersionResponse(supported: true, connectionState: .unknownFailure)))
                + violation(
                    "monitor-pages", "INITIATE_CONTACT.monitor_page_parent_to_child",
                    Hexadecimal.prefixed(contact.parentToChildMonitorPage), "both monitor pages are given, or none")
        }
        let features = contact.version >= .copper ? contact.features.intersection(configuration.features) : []
        if features.contains(.clientID), contact.clientID == nil {
            return violation(
                "client-id", "INITIATE_CONTACT.client_id", "missing", "the feature client_id brings the id")
        }
        agreement = WireContext(version: contact.version, features: features)
        childToParentMonitorPage = contact.childToParentMonitorPage
        state = .connected
        offersSent = false
        let response = VersionResponse(
            supported: true,
            versionOrConnectionID: contact.version >= .redstone3MultiClient
                ? configuration.messageConnection : contact.version.rawValue,
            features: contact.version >= .copper ? features : nil)
        return send(.versionResponse(response)) + [.connected(agreement)]
    }

    /// Everything is closed and let go of; the action follows when the devices have answered.
    mutating func disconnect(then action: NextAction) -> [HostEffect] {
        var effects: [HostEffect] = []
        isPaused = false
        held = []
        assemblies = []
        for index in channels.indices {
            switch channels[index].state {
            case .open, .closingReopen:
                if case .open = channels[index].state { effects.append(.close(channels[index].key)) }
                channels[index].state = .closingClientRelease
            case .opening: channels[index].state = .openingClientRelease
            case .closing: channels[index].state = .closingClientRelease
            case .closed, .reoffered: channels[index].state = .clientReleased
            default: break
            }
        }
        channels.removeAll { $0.state == .revoked }
        effects += pageLists.map { .pageListReleased(handle: $0.handle, relid: $0.relid) }
        pageLists = []
        state = .disconnecting(then: action)
        return effects + finishDisconnect()
    }

    /// Goes on once no device has anything left to close.
    mutating func finishDisconnect() -> [HostEffect] {
        guard case .disconnecting(let action) = state,
            !channels.contains(where: { $0.state == .closingClientRelease || $0.state == .openingClientRelease })
        else { return [] }
        for index in channels.indices { channels[index].offer.relid = 0 }
        state = .disconnected
        childToParentMonitorPage = 0
        offersSent = false
        switch action {
        case .none: return [.disconnected]
        case .unloadComplete: return send(.unloadComplete, since: .windows7) + [.disconnected]
        case .contact(let contact): return [.disconnected] + answer(contact)
        }
    }

    /// The guest is gone without a word: reset, crash, switched off.
    public mutating func reset() -> [HostEffect] {
        switch state {
        case .disconnected: return []
        case .connected: return disconnect(then: .none)
        case .disconnecting:
            state = .disconnecting(then: .none)
            return finishDisconnect()
        }
    }

    mutating func takeKey() -> HostChannelKey {
        defer { nextKey += 1 }
        return HostChannelKey(number: nextKey)
    }
}

/// What the host's end wants done.
public enum HostEffect: Sendable, Hashable {
    /// Put a message into the guest's slot of VMBus's source.
    case send(bytes: [UInt8], targetVP: UInt32)
    /// A version is agreed on.
    case connected(WireContext)
    /// The connection has ended: the guest's memory must not be touched any more.
    case disconnected
    /// The device opens; answered by `openCompleted`.
    case open(HostChannelKey, OpenRequest)
    /// The device closes; answered by `closeCompleted`.
    case close(HostChannelKey)
    /// A page list stands.
    case pageListCreated(handle: UInt32, relid: UInt32)
    /// The guest has taken a page list back: its pages must not be touched any more.
    case pageListReleased(handle: UInt32, relid: UInt32)
    /// The host interrupts another processor of the guest from now on.
    case moved(HostChannelKey, targetVP: UInt32)
    /// The guest has let go of a channel.
    case released(HostChannelKey)
    /// The guest broke a rule.
    case violation(ProtocolViolation)
}
