public import BusModel
public import VMBusWire

/// How bad a finding is.
public enum Severity: String, CaseIterable, Sendable, Hashable, Comparable {
    /// Good to know; nothing has to be done.
    case info
    /// It costs something, or will.
    case warning
    /// Something is stuck or lost now.
    case critical

    private var rank: Int { self == .info ? 0 : self == .warning ? 1 : 2 }

    /// What is worse is greater.
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

    /// How it is coloured.
    public var tone: Tone {
        switch self {
        case .info: .dim
        case .warning: .warn
        case .critical: .bad
        }
    }
}

/// Who must act next so that a finding goes away.
public enum ResponsibleParty: String, CaseIterable, Sendable, Hashable {
    case guestDriver = "guest_driver"
    case guestKernel = "guest_kernel"
    case guestProgram = "guest_program"
    case hostProvider = "host_vsp"
    case rootPartition = "root_partition"
    case operatorOfGuest = "operator"
    case nobody

    /// In words.
    public var title: String {
        switch self {
        case .guestDriver: "guest driver"
        case .guestKernel: "guest kernel"
        case .guestProgram: "guest program"
        case .hostProvider: "host VSP"
        case .rootPartition: "root partition"
        case .operatorOfGuest: "operator"
        case .nobody: "nobody"
        }
    }
}

/// What a finding is about.
public enum FindingSubject: Sendable, Hashable {
    case partition(UInt16)
    case device(UInt16, GUID)
    case channel(ChannelKey)
    /// The inspector itself, or what it needs.
    case inspector

    /// The partition; nil for the inspector.
    public var partition: UInt16? {
        switch self {
        case .partition(let number), .device(let number, _): number
        case .channel(let key): key.partition
        case .inspector: nil
        }
    }

    var device: GUID? {
        switch self {
        case .device(_, let instance): instance
        case .channel(let key): key.device
        case .partition, .inspector: nil
        }
    }

    var channel: ChannelKey? { if case .channel(let key) = self { key } else { nil } }
}

/// One thing that was found, with everything that says so.
public struct Finding: Sendable, Hashable {
    /// The rule's id.
    public var rule: String
    /// How bad it is.
    public var severity: Severity
    /// What it is about.
    public var subject: FindingSubject
    /// What people call that.
    public var label: String
    /// What is the matter, in one line.
    public var text: String
    /// Since when, in the log's nanoseconds; nil where no moment can be told.
    public var since: UInt64?
    /// Who must act next.
    public var actor: ResponsibleParty
    /// The numbers and times that say so.
    public var evidence: [String]
    /// The request of the ledger that it is about.
    public var request: UInt64?

    /// A finding is told from others by its rule and subject.
    public var id: FindingID { FindingID(rule: rule, subject: subject, request: request) }
}

/// Names a finding as long as it stands.
public struct FindingID: Sendable, Hashable {
    /// The rule's id.
    public let rule: String
    /// What it is about.
    public let subject: FindingSubject
    /// The request of the ledger that it is about.
    public let request: UInt64?
}
