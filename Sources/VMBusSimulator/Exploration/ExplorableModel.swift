/// Something small that can be searched through to its end: a value that goes on by numbered choices.
///
/// Equal fingerprints stand for equal states: what is not in the fingerprint must not reach what comes later.
public protocol ExplorableModel: Sendable {
    /// 64 bits over everything that what comes later depends on; the same on every machine.
    var fingerprint: UInt64 { get }

    /// The rule that the last step broke.
    var breach: ModelBreach? { get }

    /// Every state that one step leads to, in the order of the choices' numbers; none at an end.
    func successors() -> [Self]

    /// Takes one step.
    /// - Parameter choice: a number below the count of ``successors()``.
    /// - Returns: what it did, at least one line; nil when there is no such choice, and nothing has changed.
    mutating func take(_ choice: Int) -> [ScheduleStep]?
}

/// A rule that a state of a model breaks.
public struct ModelBreach: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule's name, such as `no-lost-wakeup-data` (reference §6.4).
    public var rule: String
    /// What was seen, in one sentence.
    public var text: String

    /// A breach of a rule.
    public init(rule: String, text: String) {
        self.rule = rule
        self.text = text
    }

    /// Rule and text in one line.
    public var description: String { "\(rule): \(text)" }
}

/// What one step did, for people and for a sequence chart.
public struct ScheduleStep: Hashable, Sendable {
    /// Who acted.
    public var actor: String
    /// Whom the step is for, where it is for somebody else.
    public var target: String?
    /// What was done.
    public var text: String

    /// A step of `actor`, perhaps towards `target`.
    public init(_ actor: String, to target: String? = nil, _ text: String) {
        self.actor = actor
        self.target = target
        self.text = text
    }
}
