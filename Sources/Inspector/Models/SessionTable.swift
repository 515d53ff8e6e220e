import BusModel
import VMBusWire

extension InspectorState {
    /// The columns of the session.
    public static let sessionColumns: [Column] = [
        Column("kind", "Kind", "What the row is about.", width: 6...10, isSortable: false),
        Column("what", "Name", "What it is called, or what it waits for.", width: 12...60, isSortable: false),
        Column("state", "State", "How it stands.", width: 5...24, isSortable: false),
        Column("info", "Info", "What else is to be said of it.", width: 10...200, isSortable: false),
    ]

    /// A simulation's session: where it stands, what the last step decided, the rules that are broken, breakpoints, faults,
    /// branches, and all other rules.
    public func sessionTable() -> TableModel {
        guard let session else {
            return TableModel(
                columns: Self.sessionColumns, rows: [],
                emptyText: "Only a simulation or a recording can be stepped through: vmbusscope sim, vmbusscope open.")
        }
        var rows = [placeRow(session)]
        rows += session.question.map { [choiceRow($0, isQuestion: true)] } ?? []
        rows += session.choices.map { choiceRow($0, isQuestion: false) }
        rows += session.replay.map { [replayRow($0)] } ?? []
        let (broken, kept) = session.rulesByState
        rows += broken.map(ruleRow)
        rows += comparison.map { [differenceRow($0)] } ?? []
        rows += session.breakpoints.map { breakpointRow($0, session) }
        if session.breakpoints.isEmpty { rows.append(emptyRow(.noBreakpoint, "break", "none", "b sets one")) }
        rows += session.faults.map(faultRow)
        if session.faults.isEmpty, session.replay == nil {
            rows.append(emptyRow(.noFault, "fault", "none armed", "F arms one"))
        }
        rows += session.branches.map { branchRow($0, session) }
        if !session.invariants.isEmpty { rows.append(rulesRow(session)) }
        rows += kept.map(ruleRow)
        return TableModel(columns: Self.sessionColumns, rows: rows)
    }

    private func placeRow(_ session: SessionSummary) -> Row {
        Row(
            id: .session(.place),
            cells: [
                Cell("step", .dim), Cell("\(session.step) of \(session.endStep)", .number),
                Cell("record \(session.place.sequence)", .number),
                Cell(
                    session.replay == nil
                        ? "\(session.scenario), seed \(Hexadecimal.prefixed(session.seed))"
                        : PlainText.clean(session.scenario), .accent),
            ])
    }

    private func replayRow(_ replay: ReplaySummary) -> Row {
        var info =
            "\(Quantity.number(replay.requests, "message")) of guests in, \(Quantity.number(replay.answers, "answer"))"
        if let first = replay.first { info += "; record \(first.sequence): \(first.text)" }
        return Row(
            id: .session(.replay),
            cells: [
                Cell("host", .dim), Cell("run again", .accent),
                replay.differences == 0
                    ? Cell(replay.requests == 0 ? "unseen" : "as recorded", replay.requests == 0 ? .dim : .good)
                    : Cell("\(replay.differences) differ", .bad),
                Cell(PlainText.clean(info), replay.differences == 0 ? .number : .bad),
            ])
    }

    private func emptyRow(_ row: SessionRow, _ kind: String, _ name: String, _ hint: String) -> Row {
        Row(id: .session(row), cells: [Cell(kind, .dim), Cell(name, .dim), Cell(""), Cell(hint, .dim)])
    }

    private func rulesRow(_ session: SessionSummary) -> Row {
        let broken = session.rulesByState.broken.count
        let checks = session.invariants.reduce(0) { $0 &+ $1.checks }
        return Row(
            id: .session(.rules),
            cells: [
                Cell("rules", .dim), Cell("\(session.invariants.count) rules of the protocol", .accent),
                broken == 0 ? Cell("all hold", .good) : Cell("\(broken) broken", .bad),
                Cell(Quantity.number(checks, "check"), .number),
            ])
    }

    private func ruleRow(_ rule: InvariantSummary) -> Row {
        let state: Cell =
            rule.breaches > 0
            ? Cell(rule.isWarning ? "warning" : "broken", rule.isWarning ? .warn : .bad)
            : rule.checks > 0 ? Cell("holds", .good) : Cell("unseen", .dim)
        var info = Quantity.number(rule.checks, "check")
        if let first = rule.first {
            info = "\(first.text); record \(first.sequence), \(rule.breaches) of \(info)"
        }
        return Row(
            id: .session(.rule(rule.number)),
            cells: [
                Cell("rule \(rule.number)", rule.breaches > 0 ? .bad : .dim),
                Cell(rule.id, rule.breaches > 0 ? .bad : rule.checks > 0 ? .plain : .dim), state,
                Cell(PlainText.clean(info), rule.breaches > 0 ? .bad : rule.checks > 0 ? .number : .dim),
            ])
    }

    private func faultRow(_ fault: FaultSummary) -> Row {
        let isDone = fault.limit > 0 && fault.strikes >= fault.limit
        let state = isDone ? Cell("done", .dim) : fault.strikes > 0 ? Cell("strikes", .bad) : Cell("armed", .warn)
        return Row(
            id: .session(.fault(fault.number)),
            cells: [
                Cell("fault \(fault.number)", .dim), Cell(PlainText.clean(fault.text), isDone ? .dim : .accent), state,
                Cell("struck \(Quantity.number(fault.strikes, "time"))\(fault.limit == 0 ? "" : " of \(fault.limit)")"),
            ])
    }

    private func differenceRow(_ comparison: SessionComparison) -> Row {
        let text =
            comparison.place.map { _ in
                "\(comparison.left): \(comparison.leftText); \(comparison.right): \(comparison.rightText)"
            } ?? "the same as far as both were run"
        return Row(
            id: .session(.difference),
            cells: [
                Cell("differ", .warn), Cell("\(comparison.left) / \(comparison.right)", .accent),
                comparison.place.map { Cell("record \($0.sequence)", .number) } ?? Cell("same", .good),
                Cell(text),
            ])
    }

    private func choiceRow(_ choice: SessionChoice, isQuestion: Bool) -> Row {
        let state: Cell =
            isQuestion
            ? Cell("asks", .warn)
            : choice.isChosen
                ? Cell("chosen", .accent) : Cell("by the seed", .dim)
        let value = isQuestion ? "0 to \(choice.count &- 1)" : "\(choice.value) of 0 to \(choice.count &- 1)"
        return Row(
            id: .session(.choice(choice.number)),
            cells: [
                Cell(isQuestion ? "question" : "choice", isQuestion ? .warn : .dim),
                Cell("\(choice.number) \(choice.purpose)", .accent), state, Cell(value, .number),
            ])
    }

    private func breakpointRow(_ breakpoint: BreakpointSummary, _ session: SessionSummary) -> Row {
        let isHere = session.arrival == .breakpoint(breakpoint.number)
        var info = "met \(Quantity.number(breakpoint.hits, "time"))"
        if breakpoint.ignored > 0 { info += ", passes by \(breakpoint.ignored) more" }
        if isHere { info += ", stopped here" }
        return Row(
            id: .session(.breakpoint(breakpoint.number)),
            cells: [
                Cell("break \(breakpoint.number)", isHere ? .bad : .dim),
                Cell(PlainText.clean(breakpoint.text), breakpoint.isEnabled ? .accent : .dim),
                breakpoint.isEnabled ? Cell("on", .good) : Cell("off", .dim), Cell(info),
            ])
    }

    private func branchRow(_ branch: BranchSummary, _ session: SessionSummary) -> Row {
        let isShown = branch.name == session.branch
        var info = branch.parent.map { "from \($0) behind step \(branch.forkStep), " } ?? ""
        info += "reached step \(branch.endStep)"
        if branch.changes > 0 { info += ", \(branch.changes) changed" }
        return Row(
            id: .session(.branch(branch.name)),
            cells: [
                Cell("branch", .dim), Cell(branch.name, isShown ? .good : .accent),
                isShown ? Cell("shown", .good) : Cell(""), Cell(info),
            ])
    }
}

/// A row of the session.
public enum SessionRow: Sendable, Hashable {
    case place
    /// A decision, by its number.
    case choice(UInt64)
    /// A breakpoint, by its number.
    case breakpoint(Int)
    /// A history, by its name.
    case branch(String)
    /// An armed fault, by its number.
    case fault(Int)
    /// All rules of the protocol.
    case rules
    /// A rule of the protocol, by its number.
    case rule(Int)
    /// Where two branches first differ.
    case difference
    /// The host's ends that are run again over a recording.
    case replay
    /// There is no breakpoint, or no fault.
    case noBreakpoint, noFault
}

/// Where two branches were found to differ first.
public struct SessionComparison: Sendable, Hashable {
    /// The branch that was shown.
    public var left: String
    /// The other one.
    public var right: String
    /// The first record that differs, and the step that left it in the first branch; nil where there is none.
    public var place: Place?
    /// That record in the first branch, in words.
    public var leftText: String
    /// The record of that number in the second one.
    public var rightText: String

    /// A place in both.
    public struct Place: Sendable, Hashable {
        /// The record's number.
        public var sequence: UInt64
        /// The step in the first branch.
        public var step: UInt64

        /// A place.
        public init(sequence: UInt64, step: UInt64) { (self.sequence, self.step) = (sequence, step) }
    }

    /// What was found.
    public init(left: String, right: String, place: Place?, leftText: String = "", rightText: String = "") {
        (self.left, self.right, self.place) = (left, right, place)
        (self.leftText, self.rightText) = (leftText, rightText)
    }
}

extension SessionSummary {
    /// The rules that are broken, and those that hold.
    var rulesByState: (broken: [InvariantSummary], kept: [InvariantSummary]) {
        (invariants.filter { $0.breaches > 0 }, invariants.filter { $0.breaches == 0 })
    }
}
