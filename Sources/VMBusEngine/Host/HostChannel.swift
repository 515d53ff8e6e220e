public import VMBusWire

/// Names a channel of the host for as long as the host has it; relids come and go.
public struct HostChannelKey: Sendable, Hashable, Comparable {
    /// Counts up with every channel that the host has had.
    public let number: UInt32

    init(number: UInt32) { self.number = number }

    /// Older is less.
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// What a guest asks for when it opens a channel.
public struct OpenRequest: Sendable, Hashable {
    /// The message.
    public let message: OpenChannel
    /// The pages of both rings, guest→host first.
    public let ringPages: PageList
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
        /// The device has been asked to close.
        case closing
        /// The same, and the guest has asked to open again meanwhile.
        case closingReopen(OpenRequest)
        /// The device has been asked to close, and the guest has let go of the channel.
        case closingClientRelease
        /// The device has been asked to open, and the guest has let go of the channel.
        case openingClientRelease
        /// Taken back; the guest still holds the number.
        case revoked
        /// Taken back and there again; the guest still holds the number.
        case reoffered
    }

    /// Names the channel.
    public let key: HostChannelKey
    /// The offer, with the number filled in once there is one.
    public internal(set) var offer: OfferChannel
    /// How far its life is.
    public internal(set) var state = State.clientReleased

    /// The channel's number; 0 while it has none.
    public var relid: UInt32 { offer.relid }

    /// The processor that the host interrupts, while the channel is open.
    public internal(set) var targetVP: UInt32 = 0

    /// Whether data can flow.
    public var isOpen: Bool { if case .open = state { true } else { false } }

    /// Whether the guest may hold the number.
    var isKnownToGuest: Bool {
        switch state {
        case .clientReleased, .closingClientRelease, .openingClientRelease: false
        default: relid != 0
        }
    }
}

/// A page list as the host sees it (reference §8.6).
public struct HostPageList: Sendable, Hashable {
    /// The guest's handle.
    public let handle: UInt32
    /// The channel that it belongs to.
    public let relid: UInt32
    /// The pages.
    public let list: PageList
}
