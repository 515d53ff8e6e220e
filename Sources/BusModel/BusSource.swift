public import VMBusWire

/// Where records come from: a live guest, the simulator, a file, a virtual machine monitor.
public protocol BusSource {
    /// What it can do.
    var capabilities: Capabilities { get }
    /// One line that says what it is, for the title.
    var title: String { get }
    /// Lets time pass and tells what happened. Never takes much longer than the budget.
    mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch
    /// The bytes of a ring as they are now, where they can be had.
    func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage?
    /// Goes to another place of the log; the next records are those behind it.
    mutating func seek(_ position: Position) throws(SourceError)
    /// Changes something.
    ///
    /// - Throws: the reason for a refusal.
    mutating func perform(_ command: Command) throws(CommandRefusal)
}

/// What kind of source it is: the word in the title.
public enum SourceKind: String, Sendable, Hashable {
    case live = "LIVE"
    case simulator = "SIM"
    case file = "FILE"
    case host = "HOST"
}

/// What a source can do.
public struct Capabilities: Sendable, Hashable {
    /// What kind it is.
    public var kind: SourceKind
    /// Time stands still until it is asked to advance.
    public var canStep: Bool
    /// There is a past to go to.
    public var canSeek: Bool
    /// The bytes of rings can be had.
    public var hasRingImages: Bool

    /// What a source can do.
    public init(kind: SourceKind, canStep: Bool, canSeek: Bool, hasRingImages: Bool) {
        self.kind = kind
        self.canStep = canStep
        self.canSeek = canSeek
        self.hasRingImages = hasRingImages
    }
}

/// How far to go.
public enum AdvanceBudget: Sendable, Hashable {
    /// This many choices of a simulator; one look at a live guest.
    case steps(Int)
    /// Until a record of this unit has happened, at most so many choices.
    case until(StepUnit, limit: Int)
    /// Until the log's time has passed this point, at most so many choices.
    case time(UInt64, limit: Int)
}

/// What one step is.
public enum StepUnit: String, Sendable, Hashable, CaseIterable {
    /// Any choice that leaves a record.
    case event
    /// A ring packet.
    case packet
    /// A channel message.
    case message

    /// Whether a record ends a step of this unit.
    public func isReached(by kind: FlowKind) -> Bool {
        switch self {
        case .event: true
        case .packet: kind == .packet
        case .message: kind == .message
        }
    }
}

/// Something to change.
public enum Command: Sendable, Hashable {
    /// The host takes a device back.
    case rescindDevice(partition: UInt16, device: GUID)
    /// The guest moves a channel to another processor.
    case moveChannel(ChannelKey, cpu: UInt32)
    /// The guest closes all and disconnects.
    case unload(partition: UInt16)
    /// Something is to go wrong for a guest: the kind of the fault, then `key=value` as in a scenario's `[[faults]]`.
    case armFault(partition: UInt16, String)
}

/// Why a command was not carried out.
public struct CommandRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The reason, and what would help.
    public let reason: String
    /// A refusal.
    public init(_ reason: String) { self.reason = reason }
    /// The reason.
    public var description: String { reason }
}

/// Why a source could not go on.
public struct SourceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What, where, what to do.
    public let message: String
    /// An error.
    public init(_ message: String) { self.message = message }
    /// The message.
    public var description: String { message }
}

/// The bytes of one ring at one moment.
public struct RingImage: Sendable, Hashable {
    /// The first 4096 bytes: indices, mask, pending size, feature bits.
    public var controlPage: [UInt8]
    /// The data area.
    public var data: [UInt8]
    /// Whether the indices moved while the bytes were copied, so that they do not belong to one moment.
    public var isTorn: Bool

    /// A ring.
    public init(controlPage: [UInt8], data: [UInt8], isTorn: Bool = false) {
        self.controlPage = controlPage
        self.data = data
        self.isTorn = isTorn
    }
}
