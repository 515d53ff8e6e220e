public import BusModel
public import VMBusWire

/// Whose fault it is.
public enum RuleParty: String, Sendable, Hashable {
    case guest
    /// The host's end or the hypervisor, as a guest sees them.
    case host

    /// Who sends in a direction; the guest where it is not known.
    public init(sending direction: Direction?) { self = direction == .hostToGuest ? .host : .guest }

    /// The one at the other end.
    public var other: RuleParty { self == .guest ? .host : .guest }

    /// The direction in which the party sends.
    public var direction: Direction { self == .guest ? .guestToHost : .hostToGuest }
}

/// A rule that was broken: by whom, where, and with which bytes.
public struct RuleBreach: Error, Sendable, Hashable, CustomStringConvertible {
    /// The longest excerpt of offending bytes that is kept; longer ones are cut.
    public static let maximumBytes = 256

    /// The rule.
    public let rule: ProtocolRule
    /// Who broke it.
    public let party: RuleParty
    /// The record that broke it, or after which it was seen to be broken.
    public let sequence: UInt64
    /// The log's time there, in nanoseconds.
    public let time: UInt64
    /// The guest's partition.
    public let partition: UInt16
    /// The channel, where it is about one that the log names.
    public let channel: ChannelKey?
    /// The channel's number then; 0 for none.
    public let relid: UInt32
    /// Where: message and field, or the part of a ring.
    public let place: String
    /// The offending value, in words or digits.
    public let value: String
    /// What should be, in one sentence.
    public let explanation: String
    /// The offending record's bytes, at most `maximumBytes`; empty where no record's bytes show it.
    public let bytes: [UInt8]

    /// One line in the form of a `ProtocolViolation`, beginning with the rule's id.
    public var description: String { "\(rule.id): \(place): \(value): \(explanation)" }
}
