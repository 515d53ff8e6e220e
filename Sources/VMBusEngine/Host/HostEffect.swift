public import VMBusWire

/// What the host's end wants done.
public enum HostEffect: Sendable, Hashable {
    /// Put a message into the guest's slot of VMBus's source.
    case send(bytes: [UInt8], targetVP: UInt32)
    /// Put a message where the sender of a request asked for it: a refused contact, a reserved channel (reference §2.5, §3.11).
    case reply(bytes: [UInt8], to: MessageTarget)
    /// The contact is for another trust level's host: hand it on, there is no answer from here (reference §2.5).
    case forward(ContactRequest)
    /// Prepare for a guest; answered by `contactAccepted` or `contactRefused`.
    case contact(ContactRequest)
    /// A version is agreed on.
    case connected(WireContext)
    /// The connection has ended: the guest's memory must not be touched any more.
    case disconnected
    /// Use other monitor pages, or none; answered by `connectionModified`.
    case modifyConnection(MonitorPages?)
    /// The device opens; answered by `openCompleted`.
    case open(HostChannelKey, OpenRequest)
    /// The device was open when the state was saved, and takes its rings up again. There is no answer.
    case resumed(HostChannelKey, OpenRequest)
    /// The device closes; answered by `closeCompleted`.
    case close(HostChannelKey)
    /// Nobody waits for the device's answers any more; it must not give them.
    case abandoned(HostChannelKey)
    /// The device looks at a page list; answered by `pageListAnswered`.
    case pageListOffered(HostChannelKey, handle: UInt32)
    /// A page list stands.
    case pageListCreated(HostChannelKey, handle: UInt32)
    /// The device lets go of a page list; answered by `pageListTornDown`.
    case pageListTeardown(HostChannelKey, handle: UInt32)
    /// The guest has taken a page list back: its pages must not be touched any more.
    case pageListReleased(HostChannelKey, handle: UInt32)
    /// Interrupt another processor of the guest; answered by `moveCompleted`.
    case move(HostChannelKey, targetVP: UInt32)
    /// The host interrupts another processor of the guest from now on.
    case moved(HostChannelKey, targetVP: UInt32)
    /// Connect a socket; answered by `socketAccepted` or `socketRefused`.
    case socket(TLConnectRequest)
    /// The guest has let go of a channel.
    case released(HostChannelKey)
    /// The guest broke a rule.
    case violation(ProtocolViolation)
}

/// The requests to which the host's surroundings answer later. What is not in the set is answered at once, with yes;
/// sockets, which need somebody behind them, with no.
public struct AwaitedAnswers: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8

    /// Any set.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `contact`.
    public static let contacts = AwaitedAnswers(rawValue: 1)
    /// `modifyConnection`.
    public static let connectionChanges = AwaitedAnswers(rawValue: 2)
    /// `pageListOffered` and `pageListTeardown`.
    public static let pageLists = AwaitedAnswers(rawValue: 4)
    /// `move`.
    public static let moves = AwaitedAnswers(rawValue: 8)
    /// `socket`.
    public static let sockets = AwaitedAnswers(rawValue: 16)
    /// Everything.
    public static let all = AwaitedAnswers(rawValue: 31)
}
