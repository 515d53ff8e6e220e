import BusModel
import VMBusSimulator

/// What a campaign came to.
struct FuzzResult {
    let runs: Int
    let steps: Int
    let seconds: Double
    let corpus: Int
    /// What was met, by name, and in how many runs.
    let cells: [(state: String, event: String, runs: Int)]
    /// What should have been met and was not.
    let neverMet: [String]
    /// What could have been met and was not, which is no failure.
    let missed: [String]
    /// The run that broke a rule, how many steps it took, and its rule.
    let failure: (run: Int, steps: Int, choices: Int, breach: ModelBreach)?
    /// The failure made small.
    var shrunk: Shrunk?
    /// Its steps.
    var report: SearchReport?

    struct Shrunk {
        let trial: FuzzCase
        let steps: Int
        let runs: Int
        let seconds: Double
    }

    init<Subject: FuzzSubject>(_ campaign: FuzzCampaign<Subject>, sometimes: [String], seconds: Double) {
        runs = campaign.runs
        steps = campaign.steps
        corpus = campaign.corpus.count
        self.seconds = seconds
        let cells = campaign.coverage.map { cell, runs in
            let name = campaign.subject.name(of: cell)
            return (state: name.state, event: name.event, runs: runs)
        }.sorted { ($0.state, $0.event) < ($1.state, $1.event) }
        self.cells = cells
        neverMet = sometimes.filter { name in !cells.contains { $0.event == name || "\($0.state):\($0.event)" == name }
        }
        missed = campaign.subject.hopedFor.filter { name in !cells.contains { $0.event == name } }
        failure = campaign.failure.map { ($0.run, $0.steps, $0.trial.choices.count, $0.breach) }
    }

    /// Whether there is something to look after.
    var isBad: Bool { failure != nil || !neverMet.isEmpty }

    func text(withCoverage: Bool) -> String {
        let rate = Int(Double(steps) / max(seconds, 1e-3))
        var text =
            "\(runs) runs, \(steps) steps, \(rate) steps/s, \(cells.count) cells of coverage, corpus of \(corpus)\n"
        if withCoverage {
            for cell in cells { text += "\(cell.state)\t\(cell.event)\t\(cell.runs)\n" }
        }
        for name in neverMet { text += "NEVER MET \(name)\n" }
        if !missed.isEmpty { text += "not met: \(missed.joined(separator: ", "))\n" }
        if let failure, let shrunk {
            text +=
                "run \(failure.run) breaks \(failure.breach.rule) after \(failure.steps) steps and \(failure.choices) "
                + "choices; shrunk to \(shrunk.steps) steps and \(shrunk.trial.choices.count) choices in "
                + "\(shrunk.runs) runs\n"
        } else if neverMet.isEmpty {
            text += "no rule is broken\n"
        }
        return text
    }

    func document(_ scenario: String, seed: UInt64) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("schema", "vmbusscope.fuzz/1")
            json.member("scenario", scenario)
            json.member("seed", seed)
            json.member("runs", runs)
            json.member("steps", steps)
            json.member("seconds", seconds)
            json.member("corpus", corpus)
            json.memberObjects("coverage", cells) { json, cell in
                json.member("state", cell.state)
                json.member("event", cell.event)
                json.member("runs", cell.runs)
            }
            json.memberArray("never_met") { json in
                for name in neverMet { json.value(name) }
            }
            json.memberArray("not_met") { json in
                for name in missed { json.value(name) }
            }
            guard let failure, let shrunk, let report else { return }
            json.memberObject("failure") { json in
                json.member("run", failure.run)
                json.member("found_after_steps", failure.steps)
                json.member("found_choices", failure.choices)
                json.member("case", shrunk.trial.description)
                json.member("case_steps", shrunk.steps)
                json.member("shrink_runs", shrunk.runs)
                json.member("shrink_seconds", shrunk.seconds)
                report.write(to: &json)
            }
        }
        json.endLine()
        return json.take()
    }
}
