/// Something that can be run again and again with other choices.
///
/// A run is decided by its case alone: the same case gives the same run on every machine.
public protocol FuzzSubject: Sendable {
    /// Runs a case from the start until a rule breaks or the run is over.
    func run(_ trial: FuzzCase) -> FuzzRun

    /// What happened in a run, step by step, with the breach at its end.
    func story(of trial: FuzzCase) -> (steps: [ScheduleStep], breach: ModelBreach?)

    /// How many bits of ``FuzzCase/variation`` mean something.
    var variationBits: Int { get }

    /// What a bit of the variation stands for.
    func variationName(_ bit: Int) -> String

    /// The name of a cell of the coverage: the state and what happened in it.
    func name(of cell: CoverageCell) -> (state: String, event: String)

    /// Events that some run should meet; a campaign tells which it never met.
    var hopedFor: [String] { get }

    /// The lifelines of a chart of a run.
    var lifelines: [String] { get }
}

extension FuzzSubject {
    public var hopedFor: [String] { [] }
}

/// What decides a run.
public struct FuzzCase: Hashable, Sendable, CustomStringConvertible {
    /// Which variations of the subject take part: faults, orders, sizes.
    public var variation: UInt64
    /// The answers to the first questions, by their numbers.
    public var choices: [UInt64]
    /// The seed of the answers behind them; nil for always the first alternative.
    public var seed: UInt64?

    /// A case.
    public init(variation: UInt64, choices: [UInt64] = [], seed: UInt64? = nil) {
        self.variation = variation
        self.choices = choices
        self.seed = seed
    }

    /// One word: the variation in hexadecimal digits, the choices as ``Schedule`` writes them, and the seed if there is one,
    /// with colons in between.
    public var description: String {
        let schedule = Schedule(choices.map { Int(clamping: $0) })
        return "\(String(variation, radix: 16)):\(schedule)" + (seed.map { ":\($0)" } ?? "")
    }

    /// Reads the text form; nil for what is none.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard 2...3 ~= parts.count, let variation = UInt64(parts[0], radix: 16),
            let schedule = Schedule(String(parts[1]))
        else { return nil }
        self.init(variation: variation, choices: schedule.choices.map { UInt64($0) })
        guard parts.count == 3 else { return }
        guard let seed = UInt64(parts[2]) else { return nil }
        self.seed = seed
    }
}

/// What a run came to.
public struct FuzzRun: Sendable {
    /// The rule that was broken.
    public var breach: ModelBreach?
    /// Every choice that was made, by number.
    public var choices: [UInt64] = []
    /// Steps taken.
    public var steps = 0
    /// What was met.
    public var coverage: Set<CoverageCell> = []
}

/// Something that happened in a state.
public struct CoverageCell: Hashable, Sendable {
    /// The state's number, as the subject counts.
    public var state: UInt32
    /// The event's number.
    public var event: UInt32
}
