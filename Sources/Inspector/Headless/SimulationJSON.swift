import BusModel
import VMBusWire

/// A simulation's session as a JSON document: null for a source that has none.
enum SimulationJSON {
    static func document(_ state: InspectorState) -> String {
        SessionJSON.document("vmbusscope.session/1", state) { writer in
            guard let session = state.session else {
                writer.member("session", String?.none)
                return
            }
            writer.member("scenario", session.scenario)
            writer.member("seed", Hexadecimal.prefixed(session.seed))
            writer.member("step", session.step)
            writer.member("end_step", session.endStep)
            writer.member("seq", session.place.sequence)
            writer.member("time_ns", session.place.time)
            writer.member("branch", session.branch)
            writer.memberObjects("choices", session.choices) { writer, choice in
                writer.member("number", choice.number)
                writer.member("purpose", choice.purpose)
                writer.member("count", choice.count)
                writer.member("value", choice.value)
                writer.member("chosen", choice.isChosen)
            }
            writer.memberObjects("breakpoints", session.breakpoints) { writer, breakpoint in
                writer.member("number", breakpoint.number)
                writer.member("text", breakpoint.text)
                writer.member("enabled", breakpoint.isEnabled)
                writer.member("hits", breakpoint.hits)
                writer.member("ignored", breakpoint.ignored)
            }
            writer.memberObjects("faults", session.faults) { writer, fault in
                writer.member("number", fault.number)
                writer.member("text", fault.text)
                writer.member("strikes", fault.strikes)
                writer.member("limit", fault.limit)
            }
            writer.memberObjects("rules", session.invariants) { writer, rule in
                writer.member("number", rule.number)
                writer.member("rule", rule.id)
                writer.member("checks", rule.checks)
                writer.member("breaches", rule.breaches)
                writer.member("first_seq", rule.first?.sequence)
                writer.member("first", rule.first?.text)
            }
            writer.memberObjects("branches", session.branches) { writer, branch in
                writer.member("name", branch.name)
                writer.member("parent", branch.parent)
                writer.member("fork_step", branch.forkStep)
                writer.member("end_step", branch.endStep)
                writer.member("changes", branch.changes)
            }
        }
    }
}
