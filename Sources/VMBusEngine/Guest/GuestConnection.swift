public import VMBusWire

/// The guest's end of the bus as a state machine without I/O (reference §8.1, §8.2).
///
/// Messages of the host and wishes of the drivers go in, effects come out. Nothing that the host sends can trap it: what
/// breaks a rule becomes a `violation` and changes nothing. What the host can make it keep is bounded by the 2047 channel
/// numbers; everything else grows with the guest's own wishes, up to the constants below.
public struct GuestConnection: Sendable, Hashable {
    /// What the guest brings along.
    public struct Configuration: Sendable, Hashable {
        /// How it behaves where guests differ.
        public var profile: GuestProfile
        /// The versions to try, in order.
        public var versions: [ProtocolVersion]
        /// The newest version to try, whatever `versions` holds.
        public var maximumVersion = ProtocolVersion.copper
        /// The features to ask for at 6.0. `confidentialChannels` is asked for only when `hasConfidentialBus`.
        public var features: FeatureFlags
        /// Whether the guest's memory is hidden from the host: versions below 5.2 are not enough then (reference §2.5).
        public var isIsolated = false
        /// Whether a paravisor offers the guest a confidential bus (reference §2.3).
        public var hasConfidentialBus = false
        /// Whether the offers are asked for as soon as the connection stands; else by `requestOffers`.
        public var requestsOffers = true
        /// Who the guest is, at 6.0.
        public var clientID: GUID?
        /// The processor that receives the host's messages.
        public var targetVP: UInt32 = 0
        /// The synthetic interrupt source that receives them, from 5.0 on.
        public var targetSINT: UInt8 = SynIC.vmbusSINT
        /// The guest's trust level. At 2 the redirected connection is tried first (reference §2.5).
        public var targetVTL: UInt8 = 0
        /// Guest-physical address of the interrupt page.
        public var interruptPage: UInt64 = 0
        /// Guest-physical address of the host's monitor page; 0 for none.
        public var parentToChildMonitorPage: UInt64 = 0
        /// Guest-physical address of the guest's monitor page; 0 for none.
        public var childToParentMonitorPage: UInt64 = 0
        #if Mutations
            /// The planted bug; nil for none.
            public var mutation: Mutation?
        #endif

        /// A guest that speaks the versions of its profile.
        public init(profile: GuestProfile = GuestProfile()) {
            self.profile = profile
            versions = profile.versions
            features = profile.features
        }

        /// The features that INITIATE_CONTACT asks for at 6.0.
        var wantedFeatures: FeatureFlags {
            hasConfidentialBus ? features.union(.confidentialChannels) : features.subtracting(.confidentialChannels)
        }
    }

    /// How far the connection is.
    public enum State: Sendable, Hashable {
        case disconnected
        /// A proposal is on its way.
        case connecting(ProtocolVersion)
        case connected
        /// UNLOAD is on its way.
        case disconnecting
        /// UNLOAD is on its way, and the guest is crashing: its answer is polled for.
        case crashing
        /// UNLOAD is on its way, and the devices are to be found again.
        case suspending
        /// Ended for hibernation.
        case suspended
        /// The same version as before the hibernation is proposed.
        case resuming(ProtocolVersion)
    }

    /// Whether messages flow while the connection stands (reference §3.14).
    public enum Flow: Sendable, Hashable, CaseIterable {
        case flowing
        /// PAUSE is on its way: the guest's further messages wait for RESUME.
        case pausing
        /// The host holds its messages too.
        case paused
    }

    /// How far the offers are (reference §3.5).
    public enum Offers: Sendable, Hashable, CaseIterable {
        case notRequested
        case requested
        /// Later ones are hot-added.
        case delivered
    }

    /// The pages in which monitored channels signal (reference §1.8).
    public struct MonitorPages: Sendable, Hashable {
        /// Guest-physical address of the page that the host writes; 0 for none.
        public internal(set) var parentToChild: UInt64
        /// Guest-physical address of the page that the guest writes; 0 for none.
        public internal(set) var childToParent: UInt64
        /// Whether the host gave them (feature 0x40).
        public internal(set) var isServerGiven = false

        var message: ModifyConnection {
            var message = ModifyConnection()
            message.parentToChildMonitorPage = parentToChild
            message.childToParentMonitorPage = childToParent
            return message
        }
    }

    /// The most channels, as their numbers are event flags from 1 on (reference §1.3).
    public static let maximumChannels = Int(SynIC.eventFlagCount) - 1
    /// The most hv_sock connections that wait for the host at the same time. Ours: no implementation states a limit.
    public static let maximumSockets = 256
    /// The most page lists that nobody waits for and whose answer may still come; older ones are forgotten. Ours.
    public static let maximumLateAnswers = 4096
    /// The first handle that Linux and FreeBSD give a page list (reference §3.9).
    public static let firstPageListHandle: UInt32 = 0xE1E10

    /// How far the connection is.
    public internal(set) var state = State.disconnected
    /// Whether messages flow; meaningful when connected.
    public internal(set) var flow = Flow.flowing
    /// How far the offers are.
    public internal(set) var offers = Offers.notRequested
    /// What was agreed on; meaningful when connected.
    public internal(set) var agreement = WireContext(version: .windows2008)
    /// Where the guest's messages go.
    public internal(set) var messageConnection = ConnectionID.message
    /// The pages in which monitored channels signal.
    public internal(set) var monitorPages: MonitorPages
    let configuration: Configuration
    var table = KeyedList<UInt32, GuestChannel>()
    /// Which channel that was not taken back holds a device's place.
    var places: [ChannelPosition: UInt32] = [:]
    var lists = KeyedList<UInt32, GuestPageList>()
    /// The lists of each channel that has any.
    var handles: [UInt32: [UInt32]] = [:]
    /// Lists that a rescind took from their waiters; the host may still answer.
    var late = KeyedList<UInt32, LateAnswer>()
    var flags: [UInt16: UInt32] = [:]
    var reserved = KeyedList<UInt32, GuestReservedChannel>()
    var sockets = KeyedList<GUID, PendingSocket>()
    /// The devices that were there before the hibernation and are not back.
    var awaited = KeyedList<ChannelPosition, GuestChannel>()
    var modification: MonitorPages?
    var proposals: [Proposal] = []
    var nextHandle: UInt32
    /// Messages behind one that the hypervisor refused, that one first.
    var unposted: [GuestPost] = []
    var refusals = Refusals()
    /// Messages that wait for RESUME.
    var held: [GuestPost] = []
    var polls: UInt32 = 0
    var wakes = Wakes()

    /// One version on one connection.
    struct Proposal: Sendable, Hashable {
        let version: ProtocolVersion
        let connectionID: UInt32
    }

    /// How often the first of the waiting messages was refused.
    struct Refusals: Sendable, Hashable {
        var post: GuestPost?
        var count = 0
        var isWaiting = false
    }

    /// The wakes that are still meant.
    struct Wakes: Sendable, Hashable {
        var last: UInt32 = 0
        var retry: UInt32 = 0
        var poll: UInt32 = 0
        var missingOffers: UInt32 = 0
    }

    /// What a late answer would be about.
    struct LateAnswer: Sendable, Hashable {
        let relid: UInt32
        let isTeardown: Bool
    }

    /// An hv_sock connection that the host has not answered.
    struct PendingSocket: Sendable, Hashable {
        let request: TLConnectRequest
        var wake: UInt32 = 0
    }

    /// A guest that has not started.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        nextHandle = configuration.profile.firstPageListHandle
        monitorPages = MonitorPages(
            parentToChild: configuration.parentToChildMonitorPage,
            childToParent: configuration.childToParentMonitorPage)
    }

    /// The channels on offer, in order of their offers.
    public var channels: [GuestChannel] { table.elements }
    /// The page lists that the host holds or is getting, oldest first.
    public var pageLists: [GuestPageList] { lists.elements }
    /// The reserved channels that outlived their connection.
    public var reservedChannels: [GuestReservedChannel] { reserved.elements }
    /// The offers of the devices that were there before the hibernation and are not back; their number is
    /// `GuestChannel.noRelid`.
    public var awaitedOffers: [OfferChannel] { awaited.elements.map(\.offer) }

    /// Whether a change of the monitor pages is not answered yet.
    public var isModifying: Bool { modification != nil }

    /// The channel with a number.
    public func channel(_ relid: UInt32) -> GuestChannel? { table[relid] }

    /// The page list with a handle.
    public func pageList(_ handle: UInt32) -> GuestPageList? { lists[handle] }

    /// The page lists of a channel, oldest first.
    public func pageLists(of relid: UInt32) -> [GuestPageList] { (handles[relid] ?? []).compactMap { lists[$0] } }

    var profile: GuestProfile { configuration.profile }

    func violation(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> [GuestEffect] {
        [.violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))]
    }
}
