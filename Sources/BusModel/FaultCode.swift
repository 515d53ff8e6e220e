/// What the code of a record of the kind `fault` says: who is to be believed that something is wrong. 0: a host that serves
/// somebody got bytes that are against the protocol. 1 to 3: a fault was injected, of legal adversity, of a buggy or of a hostile
/// peer. Above: a rule is broken.
public struct FaultCode: RawRepresentable, Sendable, Hashable {
    /// The record's code.
    public let rawValue: UInt32

    /// Any code.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Rules of the protocol have the numbers above this one.
    private static let rules: UInt32 = 0x100

    /// A rule of the protocol is broken, by its number from 1 on.
    public init(rule number: Int) { rawValue = Self.rules + UInt32(clamping: number) }

    /// The number of the rule that is broken; nil where the record tells of something else.
    public var rule: Int? { rawValue > Self.rules ? Int(rawValue - Self.rules) : nil }

    /// Whether a fault was injected.
    public var isInjected: Bool { (1...3).contains(rawValue) }
}

extension FlowRecordHeader {
    /// The number of the rule that is broken here; nil for every other record.
    public var brokenRule: Int? { kind == .fault ? FaultCode(rawValue: code).rule : nil }
}
