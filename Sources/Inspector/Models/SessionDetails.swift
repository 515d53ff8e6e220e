public import BusModel
import VMBusWire

extension InspectorState {
    func sessionDetails(_ row: SessionRow) -> DetailsModel? {
        guard let session else { return nil }
        switch row {
        case .place:
            return DetailsModel(
                title: session.scenario,
                section: "Place",
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
        case .choice(let number):
            guard let choice = session.choice(number) else { return nil }
            return DetailsModel(
                title: "choice \(number)",
                section: "Choice",
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
        case .breakpoint(let number):
            guard let breakpoint = session.breakpoints.first(where: { $0.number == number }) else { return nil }
            return DetailsModel(
                title: "breakpoint \(number)",
                section: "Breakpoint",
                [
                    DetailPair(
                        "Stops at", Cell(PlainText.clean(breakpoint.text), .accent), "what it waits for"),
                    DetailPair("Is", Cell(breakpoint.isEnabled ? "on" : "off"), "z switches it"),
                    DetailPair(
                        "Met", Cell("\(breakpoint.hits)", .number), "how often, in either direction"),
                    DetailPair(
                        "Passes by", Cell("\(breakpoint.ignored)", .number), "so many more times"),
                ])
        case .fault(let number):
            guard let fault = session.faults.first(where: { $0.number == number }) else { return nil }
            let kind = fault.text.prefix { $0 != " " }
            return DetailsModel(
                title: "fault \(number)",
                section: "Fault",
                [
                    DetailPair("Armed", Cell(PlainText.clean(fault.text), .accent), "what, where and when"),
                    DetailPair(
                        "Does", Cell(session.faultKinds.first { $0.id == kind }?.help ?? ""),
                        "what it comes to"),
                    DetailPair("Struck", Cell("\(fault.strikes)", .number), "how often it was done"),
                    DetailPair(
                        "Ends", Cell(fault.limit == 0 ? "never" : "after \(fault.limit)", .number),
                        "X lets go of it; in the past that begins a branch"),
                ])
        case .rule(let number):
            return session.invariants.first { $0.number == number }.map(ruleDetails)
        case .difference: return comparison.map(differenceDetails)
        case .rules, .replay, .noBreakpoint, .noFault: return nil
        case .branch(let name):
            guard let branch = session.branches.first(where: { $0.name == name }) else { return nil }
            return DetailsModel(
                title: "branch \(name)",
                section: "Branch",
                [
                    DetailPair("From", branch.parent.map { Cell($0, .accent) } ?? .unknown, "its parent"),
                    DetailPair(
                        "Begins", Cell("\(branch.forkStep)", .number), "the step behind which it differs"),
                    DetailPair("Reached", Cell("\(branch.endStep)", .number), "the furthest step"),
                    DetailPair(
                        "Changed", Cell("\(branch.changes)", .number),
                        "choices and commands that the seed did not make"),
                ])
        }
    }

    private func ruleDetails(_ rule: InvariantSummary) -> DetailsModel {
        var pairs =
            Self.lines("Rule", rule.text, "what always holds") + [
                DetailPair("Checked", Cell(Quantity.count(rule.checks), .number), "how often, up to here"),
                DetailPair(
                    "Broken", Cell(Quantity.count(rule.breaches), rule.breaches == 0 ? .good : .bad),
                    "how often; invariant \(rule.id) is a breakpoint for it"),
            ]
        if let first = rule.first {
            pairs.append(
                DetailPair(
                    "First", Cell("record \(first.sequence)", .number), "the record that broke it, or the last before"))
            pairs += Self.lines("What", first.text, "where, the value, and what should be")
        }
        return DetailsModel(title: "rule \(rule.number), \(rule.id)", section: "Rule", pairs)
    }

    private func differenceDetails(_ comparison: SessionComparison) -> DetailsModel {
        var pairs: [DetailPair] = []
        if let place = comparison.place {
            pairs.append(
                DetailPair("Record", Cell("\(place.sequence)", .number), "the first that differs; J goes there"))
            pairs.append(
                DetailPair("Step", Cell("\(place.step)", .number), "the step that left it in \(comparison.left)"))
            pairs += Self.lines(comparison.left, comparison.leftText, "what it is there")
            pairs += Self.lines(comparison.right, comparison.rightText, "what it is there")
        } else {
            pairs.append(DetailPair("Records", Cell("the same", .good), "as far as both were run"))
        }
        return DetailsModel(
            title: "\(comparison.left) and \(comparison.right)", section: "Difference", pairs)
    }

    /// A record in a few words, as it would be shown here.
    public func words(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> String {
        var describer = RecordDescriber()
        let entry = describer.describe(header, payload, before: snapshot)
        return [entry.name, entry.channelLabel, entry.info].filter { !$0.isEmpty }.joined(separator: " ")
    }
}
