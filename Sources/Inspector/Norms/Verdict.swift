/// In a word how a channel is, measured by what is normal for its kind. Of a device's channels the last in this order speaks for
/// all.
public enum VerdictWord: String, CaseIterable, Sendable, Hashable {
    /// The driver has not opened it.
    case closed
    /// Two looks at its counters have not been had yet.
    case unknown
    /// Nothing in the last minutes.
    case idle
    /// A virtual function carries the interface's traffic.
    case byVF = "by_vf"
    /// A little now, or something in the last minutes.
    case quiet
    /// The reader masks its interrupts and looks by itself, and data moves.
    case polling
    /// Interrupts or signals now.
    case busy
    /// No driver has taken it.
    case unbound
    /// The guest has asked to open it, and no answer has come.
    case opening
    /// Writes met a full ring in the last minute.
    case pressed
    /// More interrupts than a channel should need.
    case storm
    /// Bytes wait, nothing moves, and nobody seems to come.
    case stuck
    /// The host has taken the offer back.
    case rescinded
    /// Its files in sysfs do not answer, so that nothing of now is known.
    case hanging

    /// The word on the screen.
    public var title: String {
        switch self {
        case .unknown: "-"
        case .byVF: "by VF"
        case .stuck: "stuck?"
        default: rawValue
        }
    }
}

/// How much a verdict or a note asks for somebody's attention.
public enum NormWeight: Int, CaseIterable, Sendable, Hashable, Comparable {
    /// As it should be.
    case normal = 0
    /// Worth a look.
    case notable = 1
    /// Not as it should be.
    case wrong = 2

    public static func < (left: NormWeight, right: NormWeight) -> Bool { left.rawValue < right.rawValue }

    /// The word in JSON.
    public var word: String {
        switch self {
        case .normal: "normal"
        case .notable: "notable"
        case .wrong: "wrong"
        }
    }
}

/// Whether a channel is as it should be, and why.
public struct Verdict: Sendable, Hashable {
    /// In a word.
    public let word: VerdictWord
    /// How much attention it asks for.
    public let weight: NormWeight
    /// Why, in one sentence with its numbers.
    public let why: String

    /// A verdict.
    public init(_ word: VerdictWord, _ weight: NormWeight = .normal, _ why: String) {
        (self.word, self.weight, self.why) = (word, weight, why)
    }
}

extension Verdict {
    /// The verdict that speaks for all of them: the one that asks for most attention; nil for none.
    static func leading(_ verdicts: [Verdict]) -> Verdict? {
        verdicts.max { ($0.weight, $0.word.rank) < ($1.weight, $1.word.rank) }
    }
}

extension VerdictWord {
    var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
