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
    /// What can be stepped in both directions tells here where it stands; nil for all others.
    var session: SessionSummary? { get }
    /// Goes forwards or backwards to a goal, making at most so many choices on the way, as far as those are its own: a jump to
    /// where it has been takes none.
    mutating func travel(_ goal: TravelGoal, _ direction: TravelDirection, limit: Int) throws(SourceError) -> Travel
    /// A record from which all that is known at this place can be told again, for those who do not keep a past that long.
    var keyframe: FlowBatch { get }
    /// Where two branches of the session first differ; nil when they never do, as far as they were run.
    func difference(_ left: String, _ right: String) throws(CommandRefusal) -> BranchDifference?
    /// The session, or the records of a range of sequence numbers, as text.
    func export(_ form: SessionExport, _ range: ClosedRange<UInt64>) throws(CommandRefusal) -> String
}

extension BusSource {
    /// None.
    public var session: SessionSummary? { nil }

    /// Refused.
    public mutating func travel(
        _ goal: TravelGoal, _ direction: TravelDirection, limit: Int
    ) throws(SourceError) -> Travel {
        throw SourceError("only a simulation can be stepped; pause and scroll in the records")
    }

    /// Nothing.
    public var keyframe: FlowBatch { FlowBatch() }

    /// Refused.
    public func difference(_ left: String, _ right: String) throws(CommandRefusal) -> BranchDifference? {
        throw CommandRefusal("only a simulation has branches")
    }

    /// Refused.
    public func export(_ form: SessionExport, _ range: ClosedRange<UInt64>) throws(CommandRefusal) -> String {
        throw CommandRefusal("only a simulation has a session to write")
    }
}

/// A log that was kept: every place of it can be gone to by the number of records before it.
public protocol PastSource: BusSource, Sendable {
    /// Where it stands.
    var position: Position { get }
    /// How many records are before this place.
    var passedCount: UInt64 { get }
    /// The last record, as far as it was looked for.
    var end: Position { get }
    /// How many records there are, as far as they were looked for.
    var recordCount: UInt64 { get }
    /// What is known at this place.
    var snapshot: BusSnapshot { get }
    /// Goes to another place.
    ///
    /// - Parameter count: how many records are to be before it; more than there are stand for the end.
    mutating func seek(toNumber count: UInt64)
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
    /// A channel message.
    case message
    /// A ring packet.
    case packet
    /// A signal of a guest to its host.
    case signal
    /// An interrupt of a guest.
    case interrupt
    /// The end of a ring transaction: a completion, or the answer of an integration component.
    case transaction
    /// Something came, went or changed that no message tells.
    case state

    /// Whether a record ends a step of this unit.
    ///
    /// - Parameter answersInBand: whether the guest answers its host on this channel with packets of its own instead of
    ///   completions, as integration components do.
    public func isReached(by header: FlowRecordHeader, answersInBand: Bool = false) -> Bool {
        switch self {
        case .event: true
        case .message: header.kind == .message
        case .packet: header.kind == .packet
        case .signal: header.kind == .signal
        case .interrupt: header.kind == .interrupt
        case .transaction:
            header.kind == .packet
                && (header.code == UInt32(PacketType.completion.rawValue)
                    || answersInBand && header.direction == .guestToHost)
        case .state: header.kind == .state
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
    /// A stop is asked for: a filter of records, `watch ring(PARTITION/DEVICE/SUBCHANNEL).out.write_index`,
    /// `invariant ID` or `fault`.
    case addBreakpoint(String, ignoring: UInt64)
    /// A breakpoint stops or not, and passes by so many more times.
    case changeBreakpoint(Int, isEnabled: Bool, ignoring: UInt64)
    /// A breakpoint goes.
    case removeBreakpoint(Int)
    /// Another history begins with another value of a choice that was made, and is shown in front of that step; nil names it
    /// by a number.
    case changeChoice(UInt64, value: UInt64, branch: String?)
    /// A person is asked, or not, who acts next where several may, and whether a fault happens; a journey then ends with a
    /// question, which `changeChoice` answers.
    case askPerson(Bool)
    /// Another history begins here and is shown.
    case addBranch(String)
    /// Another history is shown, at the place where it was left.
    case showBranch(String)
    /// A history goes, unless it is shown.
    case removeBranch(String)
    /// Something is to go wrong for a guest: the kind of the fault, then `key=value` as in a scenario's `[[faults]]`.
    case armFault(partition: UInt16, String)
    /// An armed fault is done no more; faults are numbered from 1 in order of arming.
    case disarmFault(Int)
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
