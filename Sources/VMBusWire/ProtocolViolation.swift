/// A rule that the other side broke: reported and shown, never a trap.
public struct ProtocolViolation: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule's lasting name, in lower case with hyphens, such as `gpadl-complete`.
    public let rule: String
    /// Where: message and field, or channel.
    public let place: String
    /// The offending value, in words or digits.
    public let value: String
    /// The rule in one sentence.
    public let explanation: String

    /// A broken rule.
    public init(rule: String, place: String, value: String, explanation: String) {
        self.rule = rule
        self.place = place
        self.value = value
        self.explanation = explanation
    }

    /// Bytes that are not what they should be.
    public init(_ error: WireError) {
        rule = "well-formed"
        place = "\(error.structure).\(error.field) at byte \(error.offset)"
        switch error.problem {
        case .truncated(let needed, let available):
            value = "\(available) bytes"
            explanation = "\(needed) bytes are needed"
        case .invalid(let offending, let broken):
            value = String(offending)
            explanation = broken
        case .unknownType(let type):
            value = String(type)
            explanation = "the type is not known"
        }
    }

    /// One line.
    public var description: String { "\(rule): \(place): \(value): \(explanation)" }
}
