import BusModel
import Inspector

extension ScreenState {
    /// What is asked before the guest's kernel is made to do something: once in a session.
    static let traceQuestion = [
        "Tracing switches tracepoints of hv_vmbus on through perf_event_open(2).",
        "This patches the kernel's text on all CPUs for as long as it lasts. Nothing is written to any file, no trace "
            + "setting changes, and all of it ends with the program, however that ends. hv_vmbus cannot be unloaded meanwhile.",
        "For every single signal of a channel there is a program of its own: 'vmbusscope trace --relid N' (--dry-run).",
    ]

    /// Asks for tracing, or for its end.
    mutating func toggleTrace(_ inspector: InspectorState) -> [ScreenEffect] {
        if inspector.isTracing {
            message = Message("Tracing ends.")
            return [.trace(false)]
        }
        if let obstacle = inspector.tracingObstacle, !obstacle.isEmpty {
            message = Message("No tracing: \(obstacle).", .warning)
            return []
        }
        guard !mayTrace else { return startTrace() }
        prompt = Prompt(purpose: .trace, line: InputLine())
        return []
    }

    /// Takes the answer to the question.
    mutating func acceptTrace(_ answer: String) -> [ScreenEffect] {
        prompt = nil
        guard ["y", "yes"].contains(answer.lowercased().filter { $0 != " " }) else {
            message = Message("Nothing was switched on.")
            return []
        }
        mayTrace = true
        return startTrace()
    }

    private mutating func startTrace() -> [ScreenEffect] {
        message = Message("Tracing begins with the next look.")
        return [.trace(true)]
    }
}
