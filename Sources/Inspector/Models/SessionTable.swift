public import BusModel
import VMBusWire

extension InspectorState {
    /// The columns of the session.
    public static let sessionColumns: [Column] = [
        Column("kind", "Kind", "What the row is about.", width: 6...10, isSortable: false),
        Column("name", "Name", "What it is called, or what it waits for.", width: 12...60, isSortable: false),
        Column("state", "State", "How it stands.", width: 5...24, isSortable: false),
        Column("info", "Info", "What else is to be said of it.", width: 10...200, isSortable: false),
    ]

    /// A simulation's session: where it stands, what the last step decided, breakpoints, branches.
    public func sessionTable() -> TableModel {
        guard let session else {
            return TableModel(
                columns: Self.sessionColumns, rows: [],
                emptyText: "Only a simulation has a session to step through: vmbusscope sim.")
        }
        var rows = [placeRow(session)]
        rows += session.question.map { [choiceRow($0, isQuestion: true)] } ?? []
        rows += session.choices.map { choiceRow($0, isQuestion: false) }
        rows += session.breakpoints.map { breakpointRow($0, session) }
        rows += session.branches.map { branchRow($0, session) }
        return TableModel(columns: Self.sessionColumns, rows: rows)
    }

    private func placeRow(_ session: SessionSummary) -> Row {
        Row(
            id: .session(.place),
            cells: [
                Cell("step", .dim), Cell("\(session.step) of \(session.endStep)", .number),
                Cell("record \(session.place.sequence)", .number),
                Cell("\(session.scenario), seed \(Hexadecimal.prefixed(session.seed))", .accent),
            ])
    }

    private func choiceRow(_ choice: SessionChoice, isQuestion: Bool) -> Row {
        let state: Cell =
            isQuestion
            ? Cell("asks", .warn) : choice.isChosen ? Cell("chosen", .accent) : Cell("by the seed", .dim)
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
        var info = "met \(breakpoint.hits) times"
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

extension InspectorState {
    func sessionDetails(_ row: SessionRow) -> DetailsModel? {
        guard let session else { return nil }
        switch row {
        case .place:
            return DetailsModel(
                title: session.scenario,
                sections: [
                    DetailSection(
                        "Place",
                        [
                            DetailPair(
                                "Step", Cell("\(session.step)", .number), "a step is one event of the simulator"),
                            DetailPair("Record", Cell("\(session.place.sequence)", .number), "the last one so far"),
                            DetailPair(
                                "Clock", Cell(Quantity.time(session.place.time), .number),
                                "virtual seconds since the beginning"),
                            DetailPair(
                                "Reached", Cell("\(session.endStep)", .number),
                                "how far this branch was ever run, in steps"),
                            DetailPair(
                                "Seed", Cell(Hexadecimal.prefixed(session.seed), .identifier),
                                "decides everything that nobody chose"),
                        ])
                ])
        case .choice(let number):
            let choices = session.choices + (session.question.map { [$0] } ?? [])
            guard let choice = choices.first(where: { $0.number == number }) else { return nil }
            return DetailsModel(
                title: "choice \(number)",
                sections: [
                    DetailSection(
                        "Choice",
                        [
                            DetailPair("Purpose", Cell(choice.purpose, .accent), "what it decides"),
                            DetailPair(
                                "Value", Cell("\(choice.value)", .number),
                                "for a delay the nanoseconds above the shortest"),
                            DetailPair("Values", Cell("\(choice.count)", .number), "how many it can have, from 0 on"),
                            DetailPair(
                                "Made by", Cell(choice.isChosen ? "a person" : "the seed"),
                                "C begins another branch with another value"),
                        ])
                ])
        case .breakpoint(let number):
            guard let breakpoint = session.breakpoints.first(where: { $0.number == number }) else { return nil }
            return DetailsModel(
                title: "breakpoint \(number)",
                sections: [
                    DetailSection(
                        "Breakpoint",
                        [
                            DetailPair(
                                "Stops at", Cell(PlainText.clean(breakpoint.text), .accent), "what it waits for"),
                            DetailPair("Is", Cell(breakpoint.isEnabled ? "on" : "off"), "z switches it"),
                            DetailPair(
                                "Met", Cell("\(breakpoint.hits)", .number), "how often, in either direction"),
                            DetailPair(
                                "Passes by", Cell("\(breakpoint.ignored)", .number), "so many more times"),
                        ])
                ])
        case .branch(let name):
            guard let branch = session.branches.first(where: { $0.name == name }) else { return nil }
            return DetailsModel(
                title: "branch \(name)",
                sections: [
                    DetailSection(
                        "Branch",
                        [
                            DetailPair("From", branch.parent.map { Cell($0, .accent) } ?? .unknown, "its parent"),
                            DetailPair(
                                "Begins", Cell("\(branch.forkStep)", .number), "the step behind which it differs"),
                            DetailPair("Reached", Cell("\(branch.endStep)", .number), "the furthest step"),
                            DetailPair(
                                "Changed", Cell("\(branch.changes)", .number),
                                "choices and commands that the seed did not make"),
                        ])
                ])
        }
    }

    /// A record in a few words, as it would be shown here.
    public func words(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> String {
        var describer = RecordDescriber()
        let entry = describer.describe(header, payload, before: snapshot)
        return [entry.name, entry.channelLabel, entry.info].filter { !$0.isEmpty }.joined(separator: " ")
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
}
