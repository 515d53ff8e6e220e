import BusModel
import Inspector

extension ScreenState {
    /// Goes somewhere in the session; what is shown stands still there.
    mutating func travel(_ goal: TravelGoal, _ direction: TravelDirection) -> [ScreenEffect] {
        isRunning = false
        isFollowing = true
        return [.travel(goal, direction)]
    }

    /// Runs to a breakpoint, if any is on.
    mutating func travelToBreakpoint(
        _ direction: TravelDirection, _ inspector: InspectorState
    ) -> [ScreenEffect] {
        guard inspector.session?.breakpoints.contains(where: \.isEnabled) == true else {
            message = Message("No breakpoint is on: b sets one. u runs to a time or a record, Space lets time run.")
            return []
        }
        return travel(.breakpoint, direction)
    }

    /// Goes to a step that was reached before.
    mutating func travel(toStep step: UInt64, _ inspector: InspectorState) -> [ScreenEffect] {
        guard let session = inspector.session, step != session.step else { return [] }
        let isAhead = step > session.step
        let distance = isAhead ? step - session.step : session.step - step
        return travel(.steps(Int(clamping: distance)), isAhead ? .forward : .backward)
    }

    /// Does something with the chosen row of the session.
    mutating func performOnSession(_ id: ActionID, _ inspector: InspectorState) -> [ScreenEffect] {
        guard let session = inspector.session, case .session(var row) = self[list: .session].selected else { return [] }
        row = Self.row(for: id, chosen: row, session)
        // A choice that waits is the one that is meant, wherever the cursor is.
        if id == .choose, let question = session.question {
            prompt = Prompt(purpose: .choose(question.number), line: InputLine())
            return []
        }
        switch (id, row) {
        case (.toggleBreakpoint, .breakpoint(let number)):
            guard let breakpoint = session.breakpoints.first(where: { $0.number == number }) else { return [] }
            return [
                .command(
                    .changeBreakpoint(number, isEnabled: !breakpoint.isEnabled, ignoring: breakpoint.ignored))
            ]
        case (.remove, .breakpoint(let number)): return [.command(.removeBreakpoint(number))]
        case (.remove, .branch(let name)): return [.command(.removeBranch(name))]
        case (.remove, .fault(let number)): return [.command(.disarmFault(number))]
        case (.showBranch, .difference):
            guard let place = inspector.comparison?.place else { return [] }
            return travel(.sequence(place.sequence), .backward)
        case (.choose, .choice(let number)):
            prompt = Prompt(purpose: .choose(number), line: InputLine())
        case (.showBranch, .branch(let name)): return [.command(.showBranch(name))]
        case (.compareBranch, .branch(let name)):
            guard name != session.branch else {
                message = Message("This branch is the one that is shown; choose another one.")
                return []
            }
            return [.compare(session.branch, name)]
        default:
            let wanted =
                switch id {
                case .toggleBreakpoint: "a breakpoint"
                case .remove: "a breakpoint, a fault or a branch"
                case .choose: "a choice"
                default: "a branch"
                }
            message = Message("Choose the row of \(wanted) first.")
        }
        return []
    }

    /// The row that is meant: the chosen one, or where that is about something else the only one that can be meant.
    private static func row(for id: ActionID, chosen row: SessionRow, _ session: SessionSummary) -> SessionRow {
        switch (id, row) {
        case (.toggleBreakpoint, .breakpoint), (_, .branch), (.showBranch, .difference), (.remove, _), (.choose, _):
            return row
        case (.toggleBreakpoint, _):
            return session.breakpoints.count == 1 ? .breakpoint(session.breakpoints[0].number) : row
        default:
            let others = session.branches.filter { $0.name != session.branch }
            return others.count == 1 ? .branch(others[0].name) : row
        }
    }

    /// Takes what was typed for the session; nil for prompts about something else.
    mutating func acceptForSession(_ open: Prompt, _ inspector: InspectorState) -> [ScreenEffect]? {
        switch open.purpose {
        case .filter, .goTo, .trace: return nil
        case .until, .breakpoint, .branch, .choose, .fault, .write: prompt = nil
        }
        let text = open.line.text.trimmingSpaces
        guard !text.isEmpty else { return [] }
        accepted = open
        switch open.purpose {
        case .until(let direction): return travel(Self.goal(text), direction)
        case .breakpoint: return [.command(.addBreakpoint(text, ignoring: 0))]
        case .branch: return [.command(.addBranch(text))]
        case .fault: return armFault(text, inspector)
        case .write: return write(text, inspector)
        case .choose(let number):
            guard let value = UInt64(text) else {
                say(Message("'\(text)' is no number.", .failure))
                return []
            }
            isRunning = false
            return [.command(.changeChoice(number, value: value, branch: nil))]
        case .filter, .goTo, .trace: return nil
        }
    }

    /// Says what became of something. What a prompt asked for and was refused can be put right in the prompt.
    mutating func say(_ message: Message?) {
        guard let message, message.tone == .failure, var refused = accepted, prompt == nil, popup == nil else {
            self.message = message
            return
        }
        accepted = nil
        refused.refusal = message.text
        prompt = refused
    }

    // MARK: The sequence chart

    /// Chooses a record of the chart; behind the last one it follows the moment again.
    mutating func moveChart(by delta: Int, _ inspector: InspectorState) {
        guard let record = inspector.chartRecord(delta, from: chart.record) else { return }
        let isLast = record == inspector.chartRecord(0, from: nil)
        chart.record = isLast && delta > 0 ? nil : record
    }

    /// Goes to the moment of the chosen record.
    mutating func travelToChartRecord(_ inspector: InspectorState) -> [ScreenEffect] {
        guard let record = chart.record else { return [] }
        chart.record = nil
        return travel(.sequence(record), .backward)
    }

    mutating func settleChart(_ inspector: InspectorState) {
        if let record = chart.record, record > inspector.snapshot.position.sequence { chart.record = nil }
        if details.isOpen, details.focus != .list { chart.hasFocus = false }
    }

    /// What a text names: a moment, a record, or whatever fits a filter.
    static func goal(_ text: String) -> TravelGoal {
        if text.first == "#", let sequence = UInt64(text.dropFirst()) { return .sequence(sequence) }
        for (unit, size) in [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)] as [(String, Double)]
        where text.hasSuffix(unit) {
            if let number = Double(text.dropLast(unit.count).trimmingSpaces), number >= 0 {
                return .time(UInt64(exactly: (number * size).rounded()) ?? .max)
            }
        }
        return .expression(text)
    }
}

extension StringProtocol {
    /// Without blanks at its ends.
    var trimmingSpaces: String {
        var text = Substring(self)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
