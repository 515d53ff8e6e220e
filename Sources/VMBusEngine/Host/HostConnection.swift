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
        /// The trust level that it serves.
        public var vtl: UInt8 = 0
        /// Monitor pages for guests that agree on the feature; nil for none.
        public var monitorPages: MonitorPages?
        /// Whether an offer's order counts before its kind when numbers are given (reference §3.5).
        public var ordersAcrossKinds = false
        /// The requests that are answered later, and not at once.
        public var awaits: AwaitedAnswers = []
        /// What hosts do differently from each other.
        public var profile = HostProfile.openvmm
        #if Mutations
            /// The planted bug; nil for none.
            public var mutation: Mutation?
        #endif

        /// A host that speaks all versions.
        public init() {}

        /// A host that behaves like a real one.
        public init(profile: HostProfile) {
            self.profile = profile
            maximumVersion = profile.maximumVersion
        }
    }

    /// How far the connection is.
    public enum State: Sendable, Hashable {
        case disconnected
        /// The host's surroundings have been asked to accept the guest; the action follows their answer.
        case connecting(ContactRequest, then: NextAction)
        case connected
        /// Channels are being closed; the action follows when the last one is.
        case disconnecting(then: NextAction)
    }

    /// What follows an answer that the connection waits for.
    public enum NextAction: Sendable, Hashable {
        /// What was begun goes on as it was meant.
        case none
        /// Nothing: the guest is gone.
        case reset
        /// The guest asked to end the connection.
        case unloadComplete
        /// The guest began anew.
        case contact(ContactRequest)
        /// The guest began anew with a version that the host does not have.
        case refuse(ContactRequest)
    }

    /// Channels at the same time: numbers 1 to 2047 (reference §1.3).
    public static let maximumChannels = Int(SynIC.eventFlagCount) - 1
    /// Page lists that are under way at the same time. Ours: OpenVMM and Windows state no limit.
    public static let maximumAssemblies = 256
    /// Page lists held at the same time, those under way included. Ours, as above.
    public static let maximumPageLists = 8192
    /// Sockets that are being connected at the same time (OpenVMM's limit, anchors A.5).
    public static let maximumSockets = 16
    /// Messages kept for a paused guest. Ours: an answer for every page list that there can be.
    public static let maximumHeldMessages = 8192

    /// How far the connection is.
    public internal(set) var state = State.disconnected
    /// What was agreed on; meaningful when connected.
    public internal(set) var agreement = WireContext(version: .windows2008)
    /// The guest's processor for the host's messages.
    public internal(set) var targetVP: UInt32 = 0
    /// Who the guest says it is, where the feature was agreed on.
    public internal(set) var clientID: GUID?
    /// Whether the connection takes messages of the guest's trusted part only.
    public internal(set) var isTrusted = false
    /// The monitor pages in use; nil for none.
    public internal(set) var monitorPages: MonitorPages?
    /// Whether the host gave the monitor pages.
    public internal(set) var monitorPagesAreHosts = false
    /// The shared interrupt page, below 2.4; nil for none.
    public internal(set) var interruptPage: UInt64?
    /// Whether the guest has asked the host to hold its messages.
    public internal(set) var isPaused = false
    /// The host's channels, oldest first.
    public internal(set) var channels: [HostChannel] = []
    /// What the host brings along; the newest version can be lowered by `limitVersion`.
    public internal(set) var configuration: Configuration
    /// The newest version from the next disconnect on.
    var delayedMaximumVersion: ProtocolVersion?
    /// The change of monitor pages that the surroundings have not answered.
    var pageChange: PageChange?
    /// Sockets that are being connected.
    var sockets: [TLConnectRequest] = []
    /// Whether the guest has asked for the offers.
    public internal(set) var offersSent = false
    var held: [OutgoingMessage] = []
    var nextKey: UInt32 = 1
    var nextListAge: UInt64 = 0
    var pageListCount = 0
    var sharedPages = 0
    /// Which channel each number means, whether the guest still may use it or not.
    var relids: [UInt32: HostChannelKey] = [:]
    var lowestFreeRelid: UInt32 = 1
    /// Which channel each list under way belongs to: its further parts name none.
    var assembling: [UInt32: HostChannelKey] = [:]
    var identities: [ChannelIdentity: HostChannelKey] = [:]
    /// Channels whose devices owe an answer before a disconnect is complete.
    var owing: Set<HostChannelKey> = []

    /// Other monitor pages, or none.
    struct PageChange: Sendable, Hashable {
        var pages: MonitorPages?
    }

    /// A host that no guest has contacted.
    public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Takes in one message of the guest.
    ///
    /// - Parameters:
    ///   - bytes: the message.
    ///   - connectionID: the connection that it was posted to.
    ///   - isTrusted: whether it came from inside the guest's trusted part (a paravisor), and not over the hypervisor.
    public mutating func receive(
        _ bytes: [UInt8], connectionID: UInt32, isTrusted: Bool = false
    ) -> [HostEffect] {
        let message: ChannelMessage
        do throws(WireError) {
            message = try ChannelMessage.decode(bytes, context: decodingContext)
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        do throws(ProtocolViolation) {
            try check(message, isTrusted: isTrusted)
            return try handle(message, connectionID: connectionID, isTrusted: isTrusted)
        } catch {
            return [.violation(error)]
        }
    }

    /// Before there is an agreement, only messages are read that have one layout or tell their own version.
    private var decodingContext: WireContext { state == .connected ? agreement : .newest }

    /// Direction, trust, version, feature and order, before any handler sees the message.
    private func check(_ message: ChannelMessage, isTrusted: Bool) throws(ProtocolViolation) {
        guard let facts = message.type.facts else { return }
        func violation(_ rule: String, _ value: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(rule: rule, place: facts.name, value: value, explanation: explanation)
        }
        if facts.direction != .guestToHost {
            throw violation("direction", "from the guest", "only a host sends this message")
        }
        if self.isTrusted, !isTrusted {
            throw violation("trusted-connection", "untrusted", "a trusted connection takes trusted messages only")
        }
        switch (state, message) {
        case (_, .initiateContact): return
        case (.connected, _): break
        case (_, .closeReservedChannel), (.connecting, .unload), (.disconnecting, .unload): return
        default: throw violation("contact-first", "while \(stateWord)", "the connection does not stand")
        }
        if facts.version > agreement.version {
            throw violation("version", agreement.version.description, "the message came with version \(facts.version)")
        }
        if !agreement.features.isSuperset(of: facts.feature) {
            throw violation("feature", agreement.features.meaning ?? "none", "the feature was not agreed on")
        }
        if isPaused, message.type != .resume, message.type != .unload {
            throw violation("paused", facts.name, "a paused connection is resumed or ended first")
        }
    }

    private var stateWord: String {
        switch state {
        case .disconnected: "disconnected"
        case .connecting: "connecting"
        case .connected: "connected"
        case .disconnecting: "disconnecting"
        }
    }

    private mutating func handle(
        _ message: ChannelMessage, connectionID: UInt32, isTrusted: Bool
    ) throws(ProtocolViolation) -> [HostEffect] {
        switch message {
        case .initiateContact(let contact):
            let isMultiClient =
                connectionID == ConnectionID.multiClientMessage || connectionID == ConnectionID.redirectedMessage
                || connectionID == configuration.messageConnection && connectionID != ConnectionID.message
            return try self.contact(
                ContactRequest(message: contact, isMultiClient: isMultiClient, isTrusted: isTrusted))
        case .requestOffers: return try requestOffers()
        case .gpadlHeader(let header): return try pageListHeader(header)
        case .gpadlBody(let body): return try pageListBody(body)
        case .gpadlTeardown(let teardown): return try pageListTeardown(teardown)
        case .openChannel(let open): return try self.open(open)
        case .closeChannel(let reference): return try close(reference.relid)
        case .relidReleased(let reference): return try released(reference.relid)
        case .modifyChannel(let modify): return try self.modify(modify)
        case .unload: return unload()
        case .openReservedChannel(let open): return try openReserved(open)
        case .closeReservedChannel(let close): return try closeReserved(close)
        case .tlConnectRequest(let request): return connectSocket(request)
        case .modifyConnection(let modify): return modifyConnection(modify)
        case .pause:
            let response = send(.pauseResponse)
            isPaused = true
            return response
        case .resume:
            isPaused = false
            defer { held = [] }
            return held.map(\.effect)
        case .offerChannel, .rescindChannelOffer, .allOffersDelivered, .openChannelResult, .gpadlCreated,
            .gpadlTorndown, .versionResponse, .unloadComplete, .closeReservedResponse, .tlConnectResult,
            .modifyChannelResponse, .modifyConnectionResponse, .pauseResponse:
            // `check` has refused the direction already.
            return []
        }
    }
}

// MARK: - Sending

extension HostConnection {
    /// A message to the guest, if its version has it; held back while the guest has paused the host.
    mutating func send(_ message: ChannelMessage, since version: ProtocolVersion = .windows2008) -> [HostEffect] {
        guard agreement.version >= version else { return [] }
        return post(
            OutgoingMessage(
                bytes: message.encoded(context: agreement), target: MessageTarget(vp: targetVP), isReply: false))
    }

    /// A message to a place that a request named.
    mutating func reply(_ message: ChannelMessage, to target: MessageTarget) -> [HostEffect] {
        post(OutgoingMessage(bytes: message.encoded(context: agreement), target: target, isReply: true))
    }

    mutating func post(_ message: OutgoingMessage) -> [HostEffect] {
        guard isPaused else { return [message.effect] }
        guard held.count < Self.maximumHeldMessages else {
            return violation(
                "paused", "RESUME", "\(held.count) messages held", "a paused guest misses what goes beyond this")
        }
        held.append(message)
        return []
    }

    func violation(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> [HostEffect] {
        [.violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))]
    }
}

// MARK: - Finding

extension HostConnection {
    /// The channel with a key.
    public func channel(_ key: HostChannelKey) -> HostChannel? {
        guard let index = position(key) else { return nil }
        return channels[index]
    }

    /// A page list of a channel.
    public func pageList(_ key: HostChannelKey, handle: UInt32) -> HostPageList? {
        position(key).flatMap { channels[$0].lists[handle] }
    }

    /// The channel with a number that the guest may hold.
    public func channel(relid: UInt32) -> HostChannel? { relids[relid].flatMap { channel($0) } }

    /// The key of the channel with a number that the guest may hold. This and what follows copy no
    /// channel, and no connection either, as a closure in their place would.
    public func key(relid: UInt32) -> HostChannelKey? { relids[relid] }

    /// The number of a channel that the host has; 0 while the guest has none for it.
    public func relid(of key: HostChannelKey) -> UInt32? {
        guard let index = position(key) else { return nil }
        return channels[index].relid
    }

    /// The lasting name of the channel with a number.
    public func name(relid: UInt32) -> (device: GUID, subchannel: UInt16)? {
        guard let key = relids[relid], let index = position(key) else { return nil }
        return (channels[index].offer.interfaceInstance, channels[index].offer.subchannelIndex)
    }

    /// The connection in the offer of the channel with a number, which a guest signals.
    public func connectionID(relid: UInt32) -> UInt32? {
        guard let key = relids[relid], let index = position(key) else { return nil }
        return channels[index].offer.connectionID
    }

    /// The processor and the event flag by which an open channel is interrupted; nil where the guest wants no interrupts.
    public func interrupt(of key: HostChannelKey) -> (targetVP: UInt32, eventFlag: UInt32)? {
        guard let index = position(key), case .open(let request) = channels[index].state, request.interruptsEnabled
        else { return nil }
        return (channels[index].targetVP, request.eventFlag)
    }

    /// The page lists that the host holds complete, oldest first.
    public var pageLists: [HostPageList] {
        channels.flatMap { $0.lists.values.filter(\.isShared) }.sorted { $0.age < $1.age }
    }

    /// Whether a change of the monitor pages waits for its answer.
    public var isModifying: Bool { pageChange != nil }

    /// The page that the guest writes to signal; 0 for none.
    public var childToParentMonitorPage: UInt64 { monitorPages?.childToParent ?? 0 }

    /// Keys only grow, so that the channels are in their order.
    func position(_ key: HostChannelKey) -> Int? {
        var (low, high) = (0, channels.count)
        while low < high {
            let middle = (low + high) / 2
            if channels[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low < channels.count && channels[low].key == key ? low : nil
    }

    /// The channel that a message means.
    ///
    /// - Throws: the rule that a number breaks which the guest does not hold, or not any more.
    func known(_ relid: UInt32, _ message: String) throws(ProtocolViolation) -> Int {
        guard let index = relids[relid].flatMap({ position($0) }) else {
            throw ProtocolViolation(
                rule: "relid-unique", place: "\(message).relid", value: String(relid),
                explanation: "no such channel is on offer")
        }
        guard channels[index].isKnownToGuest else {
            throw ProtocolViolation(
                rule: "relid-released", place: "\(message).relid", value: String(relid),
                explanation: "the guest has let go of the channel")
        }
        return index
    }
}
