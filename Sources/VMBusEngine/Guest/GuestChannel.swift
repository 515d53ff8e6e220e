public import VMBusWire

/// A channel as the guest sees it.
public struct GuestChannel: Sendable, Hashable {
    /// How far the channel's life is (reference §8.2).
    public enum State: Sendable, Hashable, CaseIterable {
        /// Offered and not open.
        case closed
        /// OPEN_CHANNEL is on its way.
        case opening
        /// Data can flow.
        case open
        /// OPEN_RESERVED_CHANNEL is on its way.
        case openingReserved
        /// Data can flow, and goes on when the connection ends.
        case openReserved
        /// CLOSE_RESERVED_CHANNEL is on its way.
        case closingReserved
    }

    /// The number of a channel that has none: while the guest hibernates (reference §1.3).
    public static let noRelid: UInt32 = 0xFFFF_FFFF

    /// The offer.
    public internal(set) var offer: OfferChannel
    /// How far its life is.
    public internal(set) var state = State.closed
    /// Whether the host has taken it back.
    public internal(set) var isRescinded = false
    /// Whether the driver has let go of it. The number is given back once the host has taken the channel back and owes no
    /// answer about it.
    public internal(set) var isReleased = false
    /// Whether a move has not been answered yet.
    public internal(set) var isModifying = false
    /// The event flag that the host sets for it, while it is open or opening.
    public internal(set) var eventFlag: UInt16?
    /// The processor that takes its interrupts; `OpenChannel.interruptsDisabled` for none.
    public internal(set) var targetVP: UInt32 = 0
    var openID: UInt32 = 0
    var targetSINT: UInt32 = 0
    /// The OPEN_CHANNEL or OPEN_RESERVED_CHANNEL that is not answered.
    var request: [UInt8] = []
    /// Answers about lists that nobody waits for any more.
    var lateAnswers = 0

    /// The channel's number.
    public var relid: UInt32 { offer.relid }

    /// Whether it carries an hv_sock connection.
    var isSocket: Bool { offer.flags.contains(.tlnpiProvider) }

    var place: ChannelPosition {
        ChannelPosition(instance: offer.interfaceInstance, subchannel: offer.subchannelIndex)
    }

    init(offer: OfferChannel) { self.offer = offer }
}

/// What stays the same when a channel is offered again under another number.
struct ChannelPosition: Sendable, Hashable {
    let instance: GUID
    let subchannel: UInt16
}

/// A page list as the guest sees it.
public struct GuestPageList: Sendable, Hashable {
    /// How far its life is.
    public enum State: Sendable, Hashable, CaseIterable {
        /// Posted, not answered.
        case creating
        /// The host holds it.
        case created
        /// The host has been asked to let go.
        case tearingDown
    }

    /// The handle.
    public let handle: UInt32
    /// The channel that it belongs to.
    public let relid: UInt32
    /// The pages.
    public let list: PageList
    /// How far its life is.
    public internal(set) var state = State.creating
}

/// A reserved channel that outlived its connection (reference §3.11).
public struct GuestReservedChannel: Sendable, Hashable {
    /// The channel's number in the connection that opened it.
    public let relid: UInt32
    /// The processor that the host answers.
    public let targetVP: UInt32
    /// The synthetic interrupt source that the host answers.
    public let targetSINT: UInt32
    /// The lists whose pages the host still holds.
    public let pageLists: [UInt32]
    /// Whether CLOSE_RESERVED_CHANNEL is on its way.
    public internal(set) var isClosing: Bool
}

/// Why a wish of a driver was not carried out.
public struct GuestRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The reason.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// What a driver may choose when it opens a channel.
public struct OpenOptions: Sendable, Hashable {
    /// The event flag for the host's interrupts, 1 to 2047; nil for the guest's own choice.
    public var eventFlag: UInt16?
    /// The connection for the host's interrupts; nil for the offer's.
    public var connectionID: UInt32?
    /// Whether interrupts go to the redirected trust level.
    public var redirectsInterrupt = false
    /// Up to 120 bytes that the bus does not look at.
    public var userData: [UInt8] = []

    /// What most drivers choose: nothing.
    public init() {}
}
