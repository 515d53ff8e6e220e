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
            writer.memberArray("choices") { writer in
                for choice in session.choices {
                    writer.object { writer in
                        writer.member("number", choice.number)
                        writer.member("purpose", choice.purpose)
                        writer.member("count", choice.count)
                        writer.member("value", choice.value)
                        writer.member("chosen", choice.isChosen)
                    }
                }
            }
            writer.memberArray("breakpoints") { writer in
                for breakpoint in session.breakpoints {
                    writer.object { writer in
                        writer.member("number", breakpoint.number)
                        writer.member("text", breakpoint.text)
                        writer.member("enabled", breakpoint.isEnabled)
                        writer.member("hits", breakpoint.hits)
                        writer.member("ignored", breakpoint.ignored)
                    }
                }
            }
            writer.memberArray("faults") { writer in
                for fault in session.faults {
                    writer.object { writer in
                        writer.member("number", UInt64(fault.number))
                        writer.member("text", fault.text)
                        writer.member("strikes", fault.strikes)
                        writer.member("limit", fault.limit)
                    }
                }
            }
            writer.memberArray("rules") { writer in
                for rule in session.invariants {
                    writer.object { writer in
                        writer.member("number", UInt64(rule.number))
                        writer.member("rule", rule.id)
                        writer.member("checks", rule.checks)
                        writer.member("breaches", rule.breaches)
                        writer.member("first_seq", rule.first?.sequence)
                        writer.member("first", rule.first?.text)
                    }
                }
            }
            writer.memberArray("branches") { writer in
                for branch in session.branches {
                    writer.object { writer in
                        writer.member("name", branch.name)
                        writer.member("parent", branch.parent)
                        writer.member("fork_step", branch.forkStep)
                        writer.member("end_step", branch.endStep)
                        writer.member("changes", branch.changes)
                    }
                }
            }
        }
    }
}
