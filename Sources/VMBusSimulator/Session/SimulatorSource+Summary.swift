public import BusModel
public import ProtocolRules
import VMBusPartitions

/// What people see of a session.
extension SimulatorSource {
    public var session: SessionSummary? {
        let branch = branches[active]
        let choices = moment.simulation.choices
        var summary = SessionSummary(
            scenario: scenario.name, seed: choices.seed ?? 0, step: steps, place: position,
            endStep: max(branch.end.step, steps),
            end: max(Position(sequence: branch.end.sequence, time: branch.endTime), position))
        summary.arrival = arrival
        func describe(_ choice: Choice) -> SessionChoice {
            SessionChoice(
                number: choice.number, purpose: choice.purpose.word, count: choice.count, value: choice.value,
                isChosen: branch.answers.contains { $0.number == choice.number })
        }
        summary.choices = choices.taken.map(describe)
        summary.question = moment.question.map(describe)
        summary.breakpoints = breakpoints.map(\.summary)
        summary.branches = branches.map {
            BranchSummary(
                name: $0.name, parent: $0.parent, forkStep: $0.forkStep, endStep: $0.end.step, changes: $0.changes)
        }
        summary.branch = branch.name
        summary.marks = moment.place >= branch.end ? moment.marks : branch.marks
        summary.isAsking = asked != []
        let injector = moment.simulation.faults
        summary.faults = injector.counts.enumerated().filter { !injector.isOff($0.offset) }.map { index, armed in
            FaultSummary(
                number: index + 1, text: armed.fault.words(guests: scenario.guests), strikes: armed.count,
                limit: armed.fault.times)
        }
        summary.invariants = moment.simulation.checker.map(Self.invariants) ?? []
        summary.faultKinds = Self.faultKinds
        return summary
    }

    /// What was found of the rules up to here; nil where nobody checks them.
    public var checker: RuleChecker? { moment.simulation.checker }

    private static let faultKinds = FaultKind.all.map { kind in
        FaultKindSummary(id: kind.id, help: "\(kind.honesty.words): \(kind.summary)")
    }

    static func invariants(_ checker: RuleChecker) -> [InvariantSummary] {
        ProtocolRule.allCases.map { rule in
            let breach = checker.breaches(of: rule) == 0 ? nil : checker.breaches.first { $0.rule == rule }
            return InvariantSummary(
                number: rule.rawValue, id: rule.id, text: rule.text, checks: checker.checks(of: rule),
                breaches: checker.breaches(of: rule), isWarning: rule.isWarning,
                first: breach.map { breach in
                    InvariantSummary.Breach(
                        sequence: breach.sequence,
                        text: "by the \(breach.party.rawValue), \(breach.place): \(breach.value): \(breach.explanation)"
                    )
                })
        }
    }
}
