/// Which way to travel.
public enum TravelDirection: Sendable, Hashable {
    case forward
    case backward
}

/// Where to go in a session: the same words for both directions.
public enum TravelGoal: Sendable, Hashable {
    /// This many choices further; a choice need not leave a record.
    case steps(Int)
    /// The record that is the n-th of this unit from here. Going back from behind such a record, that record is the first.
    case unit(StepUnit, Int)
    /// The moment when all has happened that was due until then, in the log's nanoseconds.
    case time(UInt64)
    /// The next record, or the previous one, of which a filter of the record language holds.
    case expression(String)
    /// The next stop of any breakpoint that is enabled, or the previous one.
    case breakpoint
    /// The place of a record that has happened.
    case sequence(UInt64)
    /// The last moment of the branch that was ever reached.
    case end
}

/// Why a journey ended where it did.
public enum Arrival: Sendable, Hashable {
    /// What was asked for.
    case reached
    /// So many steps were made without reaching it; asking again goes on.
    case limit
    /// A breakpoint stopped it, by its number.
    case breakpoint(Int)
    /// Nothing will ever happen again.
    case end
    /// There is nothing before.
    case beginning
    /// A person has to choose first.
    case question
}

/// A journey that was made.
public struct Travel: Sendable, Hashable {
    /// What happened on the way; empty when it went back.
    public var records: FlowBatch
    /// Where it ended. Going back, whoever keeps records forgets those behind it.
    public var place: Position
    /// Why there.
    public var arrival: Arrival

    /// A journey.
    public init(records: FlowBatch = FlowBatch(), place: Position, arrival: Arrival) {
        self.records = records
        self.place = place
        self.arrival = arrival
    }
}

/// What a session is about and where it stands.
public struct SessionSummary: Sendable, Hashable {
    /// The scenario's short name.
    public var scenario: String
    /// What decides everything that nobody chose.
    public var seed: UInt64
    /// Choices made up to here.
    public var step: UInt64
    /// The place here.
    public var place: Position
    /// Choices made at the last moment of the branch that was ever reached.
    public var endStep: UInt64
    /// The place there.
    public var end: Position
    /// Why the last journey ended.
    public var arrival: Arrival?
    /// What the last step decided, in order.
    public var choices: [SessionChoice] = []
    /// What waits for a person's choice.
    public var question: SessionChoice?
    /// In order of their numbers.
    public var breakpoints: [BreakpointSummary] = []
    /// In order of their making; the first is `main`.
    public var branches: [BranchSummary] = []
    /// The branch that is shown.
    public var branch = ""
    /// Steps of the shown branch at which something went wrong, as far as it was ever run, in their order; the first ones.
    public var marks: [SessionMark] = []
    /// Whether a person is asked who acts next.
    public var isAsking = false
    /// What is to go wrong, in order of arming.
    public var faults: [FaultSummary] = []
    /// The rules of the protocol with what was found up to here, in order of their numbers; empty where nobody checks them.
    public var invariants: [InvariantSummary] = []
    /// The kinds of faults that can be armed.
    public var faultKinds: [FaultKindSummary] = []
    /// What the host's end came to that was run again over a recording; nil for a simulation.
    public var replay: ReplaySummary?

    /// A session at a place.
    public init(
        scenario: String, seed: UInt64, step: UInt64, place: Position, endStep: UInt64, end: Position
    ) {
        (self.scenario, self.seed, self.step, self.place) = (scenario, seed, step, place)
        (self.endStep, self.end) = (endStep, end)
    }
}

/// The host's end of all guests' buses, run again over what a recording tells up to a place.
public struct ReplaySummary: Sendable, Hashable {
    /// Messages of guests that it took in.
    public var requests: UInt64 = 0
    /// Messages of the host in the recording that it sent as well.
    public var answers: UInt64 = 0
    /// Messages that only one of both sent, or that say something else.
    public var differences: UInt64 = 0
    /// The first of these, by the number of the record where that was seen.
    public var first: InvariantSummary.Breach?

    /// Nothing was run.
    public init() {}
}

extension SessionSummary {
    /// The choice with a number among those of the last step and the one that waits.
    public func choice(_ number: UInt64) -> SessionChoice? {
        choices.first { $0.number == number } ?? question.flatMap { $0.number == number ? $0 : nil }
    }
}

/// A step at which something went wrong.
public struct SessionMark: Sendable, Hashable {
    /// The step.
    public var step: UInt64
    /// Whether a rule was broken; else a fault was done.
    public var isBreach: Bool

    /// A mark.
    public init(step: UInt64, isBreach: Bool) { (self.step, self.isBreach) = (step, isBreach) }
}

/// A decision of the simulator.
public struct SessionChoice: Sendable, Hashable {
    /// Counts up from 0 over a run.
    public var number: UInt64
    /// What it decided, in a word: `next`, `signal-delay`, `fault`.
    public var purpose: String
    /// How many alternatives there are.
    public var count: UInt64
    /// Which one was taken, from 0 on; for a delay the nanoseconds above the shortest.
    public var value: UInt64
    /// Whether a person chose it.
    public var isChosen: Bool

    /// A decision.
    public init(number: UInt64, purpose: String, count: UInt64, value: UInt64, isChosen: Bool) {
        (self.number, self.purpose, self.count, self.value) = (number, purpose, count, value)
        self.isChosen = isChosen
    }
}

/// A breakpoint as people see it.
public struct BreakpointSummary: Sendable, Hashable {
    /// Counts up from 1; a number is not used again.
    public var number: Int
    /// What it waits for, as it was written.
    public var text: String
    /// Whether it stops.
    public var isEnabled: Bool
    /// How often it was met on the way, in either direction.
    public var hits: UInt64
    /// How many more times it is passed by.
    public var ignored: UInt64

    /// A breakpoint.
    public init(number: Int, text: String, isEnabled: Bool, hits: UInt64, ignored: UInt64) {
        (self.number, self.text, self.isEnabled, self.hits, self.ignored) = (number, text, isEnabled, hits, ignored)
    }
}

/// A fault that is armed, as people see it.
public struct FaultSummary: Sendable, Hashable {
    /// Counts up from 1 in order of arming.
    public var number: Int
    /// Its kind, then where and when, as `key=value`.
    public var text: String
    /// How often it was done.
    public var strikes: UInt64
    /// How often it is to be done; 0 for always.
    public var limit: UInt64

    /// A fault.
    public init(number: Int, text: String, strikes: UInt64, limit: UInt64) {
        (self.number, self.text, self.strikes, self.limit) = (number, text, strikes, limit)
    }
}

/// A kind of fault.
public struct FaultKindSummary: Sendable, Hashable {
    /// Its lasting name.
    public var id: String
    /// What it does, in plain words.
    public var help: String

    /// A kind.
    public init(id: String, help: String) { (self.id, self.help) = (id, help) }
}

/// A rule of the protocol, and what was found of it.
public struct InvariantSummary: Sendable, Hashable {
    /// The rule's number, from 1 on.
    public var number: Int
    /// Its lasting name.
    public var id: String
    /// What it says.
    public var text: String
    /// How often it was checked.
    public var checks: UInt64
    /// How often it was broken.
    public var breaches: UInt64
    /// Whether a breach does no harm by itself.
    public var isWarning: Bool
    /// The record that broke it first, and what was wrong; nil while it holds.
    public var first: Breach?

    /// A breach.
    public struct Breach: Sendable, Hashable {
        /// The record that broke the rule, or after which that was seen.
        public var sequence: UInt64
        /// What is wrong, with the party that broke it, in one line.
        public var text: String

        /// A breach.
        public init(sequence: UInt64, text: String) { (self.sequence, self.text) = (sequence, text) }
    }

    /// A rule.
    public init(
        number: Int, id: String, text: String, checks: UInt64, breaches: UInt64, isWarning: Bool, first: Breach?
    ) {
        (self.number, self.id, self.text, self.checks) = (number, id, text, checks)
        (self.breaches, self.isWarning, self.first) = (breaches, isWarning, first)
    }
}

/// A history of a session as people see it.
public struct BranchSummary: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// Where it comes from; nil for the first.
    public var parent: String?
    /// The step behind which it goes a way of its own.
    public var forkStep: UInt64
    /// The furthest that it was run.
    public var endStep: UInt64
    /// How many choices and commands it has that the seed did not make.
    public var changes: Int

    /// A branch.
    public init(name: String, parent: String?, forkStep: UInt64, endStep: UInt64, changes: Int) {
        (self.name, self.parent, self.forkStep, self.endStep, self.changes) = (name, parent, forkStep, endStep, changes)
    }
}

/// Where two branches first differ.
public struct BranchDifference: Sendable, Hashable {
    /// The number of the first record that differs.
    public var sequence: UInt64
    /// The step that left it, in the first of the two.
    public var step: UInt64
    /// The record of the first one; no record where it has ended.
    public var left: FlowBatch
    /// The record of the second one; no record where it has ended.
    public var right: FlowBatch

    /// A difference.
    public init(sequence: UInt64, step: UInt64, left: FlowBatch, right: FlowBatch) {
        (self.sequence, self.step, self.left, self.right) = (sequence, step, left, right)
    }
}

/// What a session can be written as.
public enum SessionExport: String, Sendable, Hashable, CaseIterable {
    /// A sequence chart for Mermaid.
    case mermaid
    /// The session's own file.
    case session
    /// A Swift test that replays it.
    case test
}
