public import VMBusWire

/// Names a channel of the host for as long as the host has it; relids come and go.
public struct HostChannelKey: Sendable, Hashable, Comparable {
    /// Counts up with every channel that the host has had.
    public let number: UInt32

    init(number: UInt32) { self.number = number }

    /// Older is less.
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// What stays the same of a channel from boot to boot, and from one host to another.
public struct ChannelIdentity: Sendable, Hashable, Comparable {
    /// What kind of device it is.
    public let interfaceType: GUID
    /// Which device it is.
    public let interfaceInstance: GUID
    /// Which channel of the device.
    public let subchannelIndex: UInt16

    init(_ offer: OfferChannel) {
        interfaceType = offer.interfaceType
        interfaceInstance = offer.interfaceInstance
        subchannelIndex = offer.subchannelIndex
    }

    /// By kind, then device, then channel.
    public static func < (left: Self, right: Self) -> Bool {
        (left.interfaceType, left.interfaceInstance, left.subchannelIndex)
            < (right.interfaceType, right.interfaceInstance, right.subchannelIndex)
    }
}

/// A reserved open outlives the connection under which it came, so it keeps that one's terms (reference §3.11).
public struct Reservation: Sendable, Hashable {
    /// The version under which the channel was opened.
    public var version: ProtocolVersion
    /// The features under which the channel was opened.
    public var features: FeatureFlags
    /// Where the next answer goes.
    public var target: MessageTarget
}

/// What a guest asks for when it opens a channel.
public struct OpenRequest: Sendable, Hashable {
    /// The message. Signal parameters and flags whose feature was not agreed on are zero.
    public let message: OpenChannel
    /// The pages of both rings, guest→host first.
    public let ringPages: PageList
    /// The event flag of the guest that the host sets (reference §1.9).
    public let eventFlag: UInt32
    /// Set for a reserved open.
    public internal(set) var reservation: Reservation?

    /// Whether the host may interrupt the guest for this channel.
    public var interruptsEnabled: Bool { message.targetVP != OpenChannel.interruptsDisabled }
}

/// A channel as the host sees it (reference §8.5).
public struct HostChannel: Sendable, Hashable {
    /// How far the channel's life is.
    public enum State: Sendable, Hashable {
        /// The guest does not know it, or has let go of it.
        case clientReleased
        /// Offered and not open.
        case closed
        /// The device has been asked to open.
        case opening(OpenRequest)
        /// Data can flow.
        case open(OpenRequest)
        /// The device has been asked to close; with where the answer goes for a reserved channel.
        case closing(Reservation?)
        /// The same, and the guest has asked to open again meanwhile.
        case closingReopen(OpenRequest)
        /// The device has been asked to close, and the guest has let go of the channel.
        case closingClientRelease
        /// The device has been asked to open, and the guest has let go of the channel.
        case openingClientRelease(OpenRequest)
        /// Taken back; the guest still holds the number.
        case revoked
        /// Taken back and there again; the guest still holds the number.
        case reoffered
    }

    /// Names the channel.
    public let key: HostChannelKey
    /// The offer, with the number filled in once there is one.
    public internal(set) var offer: OfferChannel
    /// Where it stands among the offers of its kind; nil for behind those that say it.
    public internal(set) var order: UInt64?
    /// How far its life is.
    public internal(set) var state = State.clientReleased
    /// The processor that the host interrupts, while the channel is open.
    public internal(set) var targetVP: UInt32 = 0
    /// Where its interrupts are being moved to, until the device answers.
    public internal(set) var moving: UInt32?
    /// Where they are to be moved to after that (below 5.3 only).
    public internal(set) var nextMove: UInt32?
    /// Whether the guest was told the monitor id.
    public internal(set) var isMonitorPublished = false
    /// Whether its offer waits until the device has let go of the lists of an earlier connection.
    var offerWaits = false
    /// The handle of the list in which the device has its rings.
    var ringList: UInt32?
    /// The page lists, by handle.
    var lists: [UInt32: HostPageList] = [:]

    init(key: HostChannelKey, offer: OfferChannel, order: UInt64?) {
        self.key = key
        self.offer = offer
        self.order = order
    }

    /// The channel's number; 0 while it has none.
    public var relid: UInt32 { offer.relid }

    /// What stays the same of it.
    public var identity: ChannelIdentity { ChannelIdentity(offer) }

    /// Whether data can flow.
    public var isOpen: Bool { if case .open = state { true } else { false } }

    /// Its page lists, oldest first.
    public var pageLists: [HostPageList] { lists.values.sorted { $0.age < $1.age } }

    /// The monitor id by which the guest signals: only while the channel is open with interrupts and was published with it.
    public var monitorID: UInt8? {
        guard isMonitorPublished, case .open(let request) = state, request.interruptsEnabled else { return nil }
        return offer.monitorID
    }

    /// Whether an open that goes on, or is to come, has its rings in a list.
    func needsForRings(_ handle: UInt32) -> Bool {
        switch state {
        case .opening(let request), .open(let request), .closingReopen(let request):
            request.message.ringGPADL == handle
        case .clientReleased, .closed, .closing, .closingClientRelease, .openingClientRelease, .revoked, .reoffered:
            false
        }
    }

    /// Whether the guest may hold the number.
    public var isKnownToGuest: Bool {
        switch state {
        case .clientReleased, .closingClientRelease, .openingClientRelease: false
        case .closed, .opening, .open, .closing, .closingReopen, .revoked, .reoffered: relid != 0
        }
    }

    /// Whether a device is between two answers and the guest is gone.
    var isLeaving: Bool {
        switch state {
        case .closingClientRelease, .openingClientRelease: true
        default: false
        }
    }

    /// The terms of a reserved open, from the request to the answer of its close.
    var reservation: Reservation? {
        switch state {
        case .opening(let request), .open(let request): request.reservation
        case .closing(let reservation): reservation
        default: nil
        }
    }
}
