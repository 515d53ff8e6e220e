public import BusModel
import Query

/// Breakpoints and histories.
extension SimulatorSource {
    /// Histories that are kept; more would keep more memory than anybody looks at.
    static let maximumBranches = 64
    /// Breakpoints that are kept.
    static let maximumBreakpoints = 256

    mutating func addBreakpoint(_ text: String, ignoring ignored: UInt64) throws(CommandRefusal) {
        guard breakpoints.count < Self.maximumBreakpoints else {
            throw CommandRefusal("there are \(Self.maximumBreakpoints) breakpoints already; remove one")
        }
        breakpoints.append(try Breakpoint(nextBreakpoint, text, ignoring: ignored, reader?.schema))
        nextBreakpoint += 1
        refreshWatches()
    }

    func breakpoint(_ number: Int) throws(CommandRefusal) -> Int {
        guard let index = breakpoints.firstIndex(where: { $0.number == number }) else {
            throw CommandRefusal("there is no breakpoint \(number)")
        }
        return index
    }

    /// What is watched has the values that it has here.
    mutating func refreshWatches() {
        for index in breakpoints.indices {
            breakpoints[index].value = breakpoints[index].watch?.value(in: moment.simulation)
        }
    }

    // MARK: Branches

    func branch(_ name: String) throws(CommandRefusal) -> Int {
        guard let index = branches.firstIndex(where: { $0.name == name }) else {
            throw CommandRefusal(
                "there is no branch '\(name)'; there are \(branches.map(\.name).joined(separator: ", "))")
        }
        return index
    }

    /// Begins another history here and shows it; nil names it by a number.
    mutating func fork(_ name: String?) throws(CommandRefusal) {
        guard branches.count < Self.maximumBranches else {
            throw CommandRefusal("there are \(Self.maximumBranches) branches already; remove one")
        }
        var number = branches.count + 1
        while branches.contains(where: { $0.name == "branch-\(number)" }) { number += 1 }
        let name = name ?? "branch-\(number)"
        guard Self.isName(name) else {
            throw CommandRefusal("a branch's name has 1 to 40 letters, digits, dots, hyphens or underscores")
        }
        guard !branches.contains(where: { $0.name == name }) else {
            throw CommandRefusal("there is a branch '\(name)' already")
        }
        branches[active].reach(moment)
        branches[active].place = moment.place
        branches.append(SessionBranch(name, from: branches[active], at: moment))
        active = branches.count - 1
    }

    static func isName(_ name: String) -> Bool {
        (1...40).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || [0x2D, 0x2E, 0x5F].contains($0)
            }
    }

    /// Shows a branch where it was left.
    mutating func show(_ index: Int) {
        branches[active].reach(moment)
        branches[active].place = moment.place
        active = index
        jump(to: branches[index].place)
    }

    mutating func removeBranch(_ name: String) throws(CommandRefusal) {
        let index = try branch(name)
        guard index != active else { throw CommandRefusal("the branch '\(name)' is shown; show another one first") }
        branches.remove(at: index)
        if active > index { active -= 1 }
    }

    /// Begins another history in front of the step that made a choice, with another value of it; answers a question of the
    /// present in this history.
    mutating func changeChoice(_ number: UInt64, to value: UInt64, branch name: String?) throws(CommandRefusal) {
        let answer = ChoiceSource.Answer(number: number, value: value)
        if let question = moment.question, question.number == number {
            guard value < question.count else { throw Self.refusal(value, question) }
            if moment.place < branches[active].end { try fork(name) }
        } else {
            let (left, shown) = (moment.place, active)
            try goBefore(number, value)
            do throws(CommandRefusal) {
                try fork(name)
            } catch {
                jump(to: left)
                throw error
            }
            branches[shown].place = left
        }
        branches[active].answer(answer)
        moment.answer(answer)
    }

    private static func refusal(_ value: UInt64, _ choice: Choice) -> CommandRefusal {
        CommandRefusal(
            "choice \(choice.number), \(choice.purpose.word), has the values 0 to \(choice.count - 1), not \(value)")
    }

    /// Goes in front of the step that makes a choice which has the value.
    private mutating func goBefore(_ number: UInt64, _ value: UInt64) throws(CommandRefusal) {
        branches[active].reach(moment)
        let branch = branches[active]
        var probe = branch.checkpoints[branch.checkpoint { $0.simulation.choices.nextNumber <= number }].quiet
        while probe.simulation.choices.nextNumber <= number {
            probe.skipAll()
            guard probe.simulation.steps < branch.end.step, probe.step(branch.commands) == .happened else {
                throw CommandRefusal("choice \(number) has not been made yet in this branch")
            }
        }
        guard let choice = probe.simulation.choices.taken.first(where: { $0.number == number }) else {
            throw CommandRefusal("choice \(number) was made by a command, not by a step")
        }
        guard value < choice.count else { throw Self.refusal(value, choice) }
        jump(to: SessionPlace(step: probe.simulation.steps - 1, sequence: .max))
    }

    // MARK: Comparing

    public func difference(_ left: String, _ right: String) throws(CommandRefusal) -> BranchDifference? {
        let (first, second) = (branches[try branch(left)], branches[try branch(right)])
        var ours = Follower(first)
        var theirs = Follower(second)
        let common = first.checkpoint {
            $0.isCommon(to: first.answers, first.commands, second.answers, second.commands)
        }
        ours.moment = first.checkpoints[common].quiet
        theirs.moment = ours.moment
        theirs.moment.forgetAnswers(from: theirs.moment.simulation.choices.nextNumber)
        for answer in second.answers { theirs.moment.answer(answer) }
        let end = max(first.end.step, second.end.step)
        while max(ours.moment.simulation.steps, theirs.moment.simulation.steps) <= end {
            let (mine, other) = (ours.next(until: end), theirs.next(until: end))
            if mine == nil, other == nil { return nil }
            if mine != other {
                return BranchDifference(
                    sequence: mine?.headers.first?.sequence ?? other?.headers.first?.sequence ?? 0,
                    step: ours.moment.simulation.steps, left: mine ?? FlowBatch(), right: other ?? FlowBatch())
            }
        }
        return nil
    }
}

/// Runs along a branch record by record.
private struct Follower {
    let commands: [SessionCommand]
    var moment: SessionMoment

    init(_ branch: SessionBranch) {
        commands = branch.commands
        moment = branch.checkpoints[0].quiet
    }

    /// The next record; nil where nothing comes any more before the end of a step.
    mutating func next(until end: UInt64) -> FlowBatch? {
        while true {
            var batch = FlowBatch()
            if moment.take(into: &batch) != nil { return batch }
            guard moment.simulation.steps < end, moment.step(commands) == .happened else { return nil }
        }
    }
}
