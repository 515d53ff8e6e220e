/// What a decision of the simulator is about. Each purpose draws from a stream of its own, so that a new purpose moves no
/// other; the raw value names the stream, so that it never changes.
public enum ChoicePurpose: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    /// Which of the events that may act now acts first; alternative 0 is the one that is due first.
    case next = 0
    /// How long a posted message travels to the host.
    case postDelay = 1
    /// How long a processor takes to look into its message slot.
    case messageInterruptDelay = 2
    /// How long a processor takes to look at its event flags.
    case eventInterruptDelay = 3
    /// How long a signal travels to the host.
    case signalDelay = 4
    /// When, within its latency, the hypervisor looks at a monitor page.
    case monitorDelay = 5
    /// How long a frame is in the switch.
    case frameDelay = 6
    /// How long a guest takes to end.
    case shutdownDelay = 7
    /// How long a disk works.
    case diskDelay = 8
    /// How long a guest is off before it boots again.
    case rebootDelay = 9
    /// Whether a fault happens, and which.
    case fault = 10
    /// How long a fault holds something up, or when it is due.
    case faultDelay = 11
    /// Which store leaves a store buffer.
    case storeBuffer = 12
    /// What a workload does.
    case workload = 13

    /// The word for it in sessions and on the screen.
    public var word: String {
        switch self {
        case .next: "next"
        case .postDelay: "post-delay"
        case .messageInterruptDelay: "message-interrupt-delay"
        case .eventInterruptDelay: "event-interrupt-delay"
        case .signalDelay: "signal-delay"
        case .monitorDelay: "monitor-delay"
        case .frameDelay: "frame-delay"
        case .shutdownDelay: "shutdown-delay"
        case .diskDelay: "disk-delay"
        case .rebootDelay: "reboot-delay"
        case .fault: "fault"
        case .faultDelay: "fault-delay"
        case .storeBuffer: "store-buffer"
        case .workload: "workload"
        }
    }
}

/// Some of the purposes.
public struct ChoicePurposes: OptionSet, Sendable, Hashable {
    /// Bit n: the purpose of raw value n.
    public let rawValue: UInt64

    /// Any set.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The set of the given purposes.
    public init(_ purposes: ChoicePurpose...) {
        rawValue = purposes.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    /// Every purpose.
    public static let all = ChoicePurposes(rawValue: .max)

    /// Whether a purpose is one of them.
    public func contains(_ purpose: ChoicePurpose) -> Bool { rawValue >> UInt64(purpose.rawValue) & 1 != 0 }
}

/// A decision: which question of the run it was, and what was taken.
public struct Choice: Sendable, Hashable, BitwiseCopyable {
    /// Counts up from 0 in the order of the questions. A question with one alternative is not asked and has no number.
    public let number: UInt64
    /// What it is about.
    public let purpose: ChoicePurpose
    /// How many alternatives there are: at least 2. For a delay, the nanoseconds of its range.
    public let count: UInt64
    /// Which one was taken: 0 to `count` − 1. For a delay, the nanoseconds above the shortest.
    public let value: UInt64

    /// A decision.
    public init(number: UInt64, purpose: ChoicePurpose, count: UInt64, value: UInt64) {
        (self.number, self.purpose, self.count, self.value) = (number, purpose, count, value)
    }
}
