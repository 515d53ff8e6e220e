import BusModel
import ProtocolRules
public import VMBusPartitions
public import VMBusWire

/// The faults that a campaign mixes into its runs: every run has some of them, a bit of its variation for each.
///
/// Legal adversity comes from both ends and must break no rule. Faults of a buggy or hostile peer break rules by themselves;
/// there one end commits them, and what counts is a rule that the other end breaks.
public struct FaultMix: Sendable, Hashable {
    /// How far from the protocol they are; nil for no faults.
    public let honesty: FaultClass?
    /// Who commits what is not legal.
    public let offender: Direction
    /// The faults, in the order of their bits.
    public let faults: [FaultConfiguration]

    /// How often one is done in a run. They end by themselves, so that a run can come to rest.
    private static let times: UInt64 = 3
    /// Of a million chances.
    private static let odds: UInt64 = 100_000

    /// No faults.
    public static let none = FaultMix(nil)

    /// All faults of a class that a run can be given.
    ///
    /// - Parameter offender: who commits what is not legal.
    public init(_ honesty: FaultClass?, by offender: Direction = .hostToGuest) {
        self.honesty = honesty
        self.offender = offender
        faults = FaultKind.all.filter { $0.honesty == honesty && !$0.parameters.contains(.field) }.flatMap { kind in
            kind.directions.filter { honesty == .legalAdversity || $0 == offender }.map { direction in
                var fault = FaultConfiguration(kind)
                fault.direction = direction
                fault.times = kind.target == .device ? 1 : Self.times
                fault.odds = Self.odds
                return fault
            }
        }
    }

    /// Whether a rule's breach is a finding.
    func isFinding(_ breach: RuleBreach) -> Bool {
        if breach.rule.isWarning { return false }
        guard let honesty, honesty != .legalAdversity else { return true }
        // Words that both ends share do not tell who has spoilt them, and a damaged ring is looked at no more, as it should be.
        return !breach.rule.needs.contains(.rings) && breach.party.direction != offender
    }

    /// Whether a run must come to rest.
    var mustSettle: Bool { honesty == nil || honesty == .legalAdversity }

    /// The faults whose bits are set.
    func chosen(_ bits: UInt64) -> [FaultConfiguration] {
        faults.indices.filter { bits >> UInt64($0) & 1 != 0 }.map { faults[$0] }
    }

    /// What a bit stands for.
    func name(_ bit: Int) -> String {
        guard faults.indices.contains(bit) else { return "" }
        return "\(faults[bit].kind.id) \(faults[bit].direction.word)"
    }

    /// The faults whose bits are set, as a scenario writes them.
    func text(_ bits: UInt64) -> String {
        chosen(bits).map { fault in
            """

            [[faults]]
            kind = "\(fault.kind.id)"
            direction = "\(fault.direction.word)"
            times = \(fault.times)
            odds = \(Double(fault.odds) / 1_000_000)

            """
        }.joined()
    }
}
