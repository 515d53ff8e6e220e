/// Who sends something.
public enum Direction: UInt8, Sendable, Hashable {
    /// From a guest to the root partition.
    case guestToHost = 1
    /// From the root partition to a guest.
    case hostToGuest = 2

    /// Who sends to whom, for people.
    public var words: String { self == .guestToHost ? "guest to host" : "host to guest" }

    /// The same as one word, as scenarios and files of faults have it.
    public var word: String { self == .guestToHost ? "guest-to-host" : "host-to-guest" }
}

/// The number at the start of a channel message (reference §3.1). Unknown values survive.
public struct MessageType: NamedScalar {
    /// The number.
    public let rawValue: UInt32

    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A device channel is offered.
    public static let offerChannel = MessageType(rawValue: 1)
    /// An offer is taken back.
    public static let rescindChannelOffer = MessageType(rawValue: 2)
    /// The guest asks for all offers.
    public static let requestOffers = MessageType(rawValue: 3)
    /// The answer to the request is complete.
    public static let allOffersDelivered = MessageType(rawValue: 4)
    /// The guest opens a channel.
    public static let openChannel = MessageType(rawValue: 5)
    /// The host's answer to an open.
    public static let openChannelResult = MessageType(rawValue: 6)
    /// The guest closes a channel.
    public static let closeChannel = MessageType(rawValue: 7)
    /// A list of guest pages begins.
    public static let gpadlHeader = MessageType(rawValue: 8)
    /// The list goes on.
    public static let gpadlBody = MessageType(rawValue: 9)
    /// The host's answer to a complete list.
    public static let gpadlCreated = MessageType(rawValue: 10)
    /// The guest takes a list back.
    public static let gpadlTeardown = MessageType(rawValue: 11)
    /// The host has let go of a list.
    public static let gpadlTorndown = MessageType(rawValue: 12)
    /// The guest has let go of a rescinded channel's number.
    public static let relidReleased = MessageType(rawValue: 13)
    /// The guest proposes a protocol version.
    public static let initiateContact = MessageType(rawValue: 14)
    /// The host's answer to a proposal.
    public static let versionResponse = MessageType(rawValue: 15)
    /// The guest ends the connection.
    public static let unload = MessageType(rawValue: 16)
    /// The host has released everything.
    public static let unloadComplete = MessageType(rawValue: 17)
    /// A crash-dump client opens a channel that survives a disconnect.
    public static let openReservedChannel = MessageType(rawValue: 18)
    /// It closes that channel.
    public static let closeReservedChannel = MessageType(rawValue: 19)
    /// The host has closed it.
    public static let closeReservedResponse = MessageType(rawValue: 20)
    /// The guest asks for an hv_sock connection.
    public static let tlConnectRequest = MessageType(rawValue: 21)
    /// The guest moves a channel's interrupts to another virtual processor.
    public static let modifyChannel = MessageType(rawValue: 22)
    /// The host's answer to an hv_sock connection.
    public static let tlConnectResult = MessageType(rawValue: 23)
    /// The host's answer to a move.
    public static let modifyChannelResponse = MessageType(rawValue: 24)
    /// The guest gives other monitor pages.
    public static let modifyConnection = MessageType(rawValue: 25)
    /// The host's answer to that.
    public static let modifyConnectionResponse = MessageType(rawValue: 26)
    /// The guest asks the host to hold its messages.
    public static let pause = MessageType(rawValue: 27)
    /// The host holds them.
    public static let pauseResponse = MessageType(rawValue: 28)
    /// The guest lets them flow again.
    public static let resume = MessageType(rawValue: 29)

    /// The name as the reference's table spells it; `nil` for a number that has none.
    public var meaning: String? { facts?.name }

    /// What the protocol says of this type, if it is one of the 29.
    public var facts: MessageFacts? {
        let index = Int(rawValue)
        return index >= 1 && index <= MessageFacts.table.count ? MessageFacts.table[index - 1] : nil
    }
}

/// What the protocol says of one message type (reference §3.1).
public struct MessageFacts: Sendable, Hashable {
    /// The name as the reference's table spells it.
    public let name: String
    /// Who may send it.
    public let direction: Direction
    /// The oldest version that has it.
    public let version: ProtocolVersion
    /// The feature that must have been agreed on.
    public let feature: FeatureFlags
    /// The fewest bytes that hold it, header included; longer is legal.
    public let minimumSize: Int

    private init(
        _ name: String, _ direction: Direction, _ version: ProtocolVersion, _ minimumSize: Int,
        feature: FeatureFlags = []
    ) {
        self.name = name
        self.direction = direction
        self.version = version
        self.minimumSize = minimumSize
        self.feature = feature
    }

    /// Types 1 to 29, in order.
    static let table: [MessageFacts] = [
        MessageFacts("OFFER_CHANNEL", .hostToGuest, .windows2008, 190),
        MessageFacts("RESCIND_CHANNEL_OFFER", .hostToGuest, .windows2008, 12),
        MessageFacts("REQUEST_OFFERS", .guestToHost, .windows2008, 8),
        MessageFacts("ALL_OFFERS_DELIVERED", .hostToGuest, .windows2008, 8),
        MessageFacts("OPEN_CHANNEL", .guestToHost, .windows2008, 148),
        MessageFacts("OPEN_CHANNEL_RESULT", .hostToGuest, .windows2008, 20),
        MessageFacts("CLOSE_CHANNEL", .guestToHost, .windows2008, 12),
        MessageFacts("GPADL_HEADER", .guestToHost, .windows2008, 20),
        MessageFacts("GPADL_BODY", .guestToHost, .windows2008, 16),
        MessageFacts("GPADL_CREATED", .hostToGuest, .windows2008, 20),
        MessageFacts("GPADL_TEARDOWN", .guestToHost, .windows2008, 16),
        MessageFacts("GPADL_TORNDOWN", .hostToGuest, .windows2008, 12),
        MessageFacts("RELID_RELEASED", .guestToHost, .windows2008, 12),
        MessageFacts("INITIATE_CONTACT", .guestToHost, .windows2008, 40),
        MessageFacts("VERSION_RESPONSE", .hostToGuest, .windows2008, 16),
        MessageFacts("UNLOAD", .guestToHost, .windows2008, 8),
        MessageFacts("UNLOAD_COMPLETE", .hostToGuest, .windows7, 8),
        MessageFacts("OPEN_RESERVED_CHANNEL", .guestToHost, .windows10, 28),
        MessageFacts("CLOSE_RESERVED_CHANNEL", .guestToHost, .windows2008, 20),
        MessageFacts("CLOSE_RESERVED_RESPONSE", .hostToGuest, .windows10, 12),
        MessageFacts("TL_CONNECT_REQUEST", .guestToHost, .windows10, 40),
        MessageFacts("MODIFY_CHANNEL", .guestToHost, .redstone3, 16),
        MessageFacts("TL_CONNECT_RESULT", .hostToGuest, .redstone3, 44),
        MessageFacts("MODIFY_CHANNEL_RESPONSE", .hostToGuest, .iron, 16),
        MessageFacts("MODIFY_CONNECTION", .guestToHost, .copper, 24, feature: .modifyConnection),
        MessageFacts("MODIFY_CONNECTION_RESPONSE", .hostToGuest, .copper, 9, feature: .modifyConnection),
        MessageFacts("PAUSE", .guestToHost, .copper, 8, feature: .pauseResume),
        MessageFacts("PAUSE_RESPONSE", .hostToGuest, .copper, 8, feature: .pauseResume),
        MessageFacts("RESUME", .guestToHost, .copper, 8, feature: .pauseResume),
    ]
}
