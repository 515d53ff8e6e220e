import BusModel
import Glibc
import Platform
import VMBusSimulator

/// What a search found, as text, as a chart, or as a member of a JSON document.
struct SearchReport {
    /// Who takes part.
    let lifelines: [String]
    /// What happened, up to the breach.
    let steps: [ScheduleStep]
    /// The rule that broke.
    let breach: ModelBreach
    /// The command that shows it again.
    let again: String

    /// The steps as numbered lines, the breach, and the line that makes it happen again.
    var text: String {
        let width = lifelines.map(\.count).max() ?? 0
        var text = ""
        for (index, step) in steps.enumerated() {
            let number = String(index + 1)
            text += String(repeating: " ", count: max(0, 5 - number.count)) + number + "  "
            text += step.actor + String(repeating: " ", count: max(0, width - step.actor.count)) + "  "
            text += step.text + (step.target.map { " → \($0)" } ?? "") + "\n"
        }
        return text + "BROKEN \(breach)\nagain: \(again)\n"
    }

    /// The steps as a sequence chart in the language of mermaid.
    var chart: String {
        var chart = ScheduleChart(lifelines: lifelines)
        for step in steps { chart.add(step) }
        chart.add(breach)
        return chart.text
    }

    /// The same as members of an object.
    func write(to json: inout JSONWriter) {
        json.member("rule", breach.rule)
        json.member("text", breach.text)
        json.member("again", again)
        json.memberObjects("steps", steps) { json, step in
            json.member("actor", step.actor)
            json.member("target", step.target)
            json.member("text", step.text)
        }
        json.member("mermaid", chart)
    }
}

/// How a search goes on while somebody waits: a line about it each second where standard error is a terminal, and Ctrl-C.
struct SearchWatch: ~Copyable {
    private let signals: SignalSource
    private let start = MonotonicClock.now()
    private var shown = MonotonicClock.now()
    private let isShown = DescriptorAccess.isTerminal(STDERR_FILENO)
    /// Whether somebody wants it to end.
    private(set) var isInterrupted = false

    init() throws(SystemError) { signals = try SignalSource([.interrupt, .terminate]) }

    /// Seconds since the start.
    var seconds: Double { Double(MonotonicClock.now() - start) / 1e9 }

    /// Looks whether there is a signal, and shows `line` when it is time.
    mutating func look(_ line: () -> String) throws(SystemError) {
        if try signals.next() != nil { isInterrupted = true }
        guard isShown, MonotonicClock.now() - shown > 1_000_000_000 else { return }
        shown = MonotonicClock.now()
        Output.complain(line())
    }
}
