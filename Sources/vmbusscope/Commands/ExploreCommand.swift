import ArgumentParser
import BusModel
import Platform
import VMBusPartitions
import VMBusSimulator

/// `explore`: a search through every state of a small configuration.
struct ExploreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explore",
        abstract: "Search every state of a small configuration for a broken rule, breadth first.",
        discussion: """
            'ring' is one ring whose sender and receiver run the shipped code, stopped at each access to memory; with \
            --memory tso each of them has a store buffer, so that a missing barrier shows. Anything else is a simulated \
            machine in which any event that is due within --window may happen first, until --until.

            What breaks a rule is shown with a shortest schedule, and the status is 5. A search that reaches a limit says \
            that it is bounded: nothing is said then of the states beyond. With --record-session the schedule of a machine \
            is written as a session, which 'vmbusscope sim FILE.session' opens and steps through. Store buffers of a machine \
            let stores out between the visits of its partitions, those of 'ring' between single accesses. States are told apart by fingerprints of 64 bits; \
            the chance that one was taken for another is printed.

            EXAMPLES
              vmbusscope explore ring
              vmbusscope explore ring --memory sc --ring-bytes 104 --packets 6
              vmbusscope explore rescind --json
              vmbusscope explore network --memory tso --record-session found.session
              vmbusscope explore ring --replay a4cab
            """)

    @OptionGroup var search: SearchOptions

    @Option(help: ArgumentHelp("End after so many states.", valueName: "n"))
    var maxStates = 5_000_000

    @Option(help: ArgumentHelp("End when the search takes so many MiB, as it reckons.", valueName: "n"))
    var maxMemory = 2048

    @Option(help: ArgumentHelp("Machines: how far apart events may be that change places.", valueName: "t"))
    var window = VirtualTime(nanoseconds: 1_000_000)

    @Option(help: ArgumentHelp("Machines: when the virtual clock ends the search.", valueName: "t"))
    var until = VirtualTime(nanoseconds: 2_000_000)

    @Option(help: ArgumentHelp("Show one schedule instead of searching.", valueName: "schedule"))
    var replay: String?

    @Flag(help: "Show a schedule as a sequence chart in the language of mermaid.")
    var mermaid = false

    @Flag(help: "One JSON document of schema vmbusscope.explore/1.")
    var json = false

    func validate() throws {
        if maxStates < 1 { throw ValidationError("--max-states \(maxStates): choose at least 1") }
        if !(1...1_000_000 ~= maxMemory) { throw ValidationError("--max-memory \(maxMemory): choose 1 to 1000000") }
    }

    func run() throws {
        if search.isRing {
            let model = RingModel(try search.ring())
            try run(model, stateBytes: model.byteCount, RingModel.lifelines) { _ in nil }
        } else {
            let (scenario, text) = try search.machine()
            let model = MachineModel(
                scenario, window: window.nanoseconds, until: until.nanoseconds, memoryOrder: search.machineMemory)
            try run(model, stateBytes: MachineModel.byteCount, model.lifelines) {
                model.found($0, text: text, file: search.machineFile)
            }
        }
    }

    private func run(
        _ model: some ExplorableModel, stateBytes: Int, _ lifelines: [String], _ found: (Schedule) -> FoundRun?
    ) throws {
        if let replay { return try show(model, lifelines, replay, found) }
        var watch = try SearchWatch()
        var exploration = Exploration(
            model, limits: ExplorationLimits(states: maxStates, bytes: maxMemory << 20), stateBytes: stateBytes)
        while exploration.advance(states: 64) {
            let (progress, seconds) = (exploration.progress, watch.seconds)
            try watch.look { Self.line(progress, seconds) }
            if watch.isInterrupted { exploration.stop(.interrupted) }
        }
        let seconds = watch.seconds
        let verdict = exploration.verdict ?? .bounded(.interrupted)
        var report: SearchReport?
        if case .broken(let breach, let schedule) = verdict {
            var again = model
            let steps = again.run(schedule)
            report = SearchReport(
                lifelines: lifelines, steps: Array(steps.joined()), breach: breach, again: command(schedule.description)
            )
            try found(schedule).map(search.write)
        }
        if json {
            try Output.write(document(exploration.progress, verdict, report, seconds))
        } else {
            try Output.write(
                Self.line(exploration.progress, seconds) + "\n" + Self.words(verdict, exploration.progress))
            if let report { try Output.write(mermaid ? report.chart : report.text) }
        }
        if report != nil { throw CommandFailure(.badNews) }
    }

    /// Shows one schedule.
    private func show(
        _ start: some ExplorableModel, _ lifelines: [String], _ text: String, _ found: (Schedule) -> FoundRun?
    ) throws {
        guard let schedule = Schedule(text) else {
            throw CommandFailure(.usage, "--replay \(text): letters with counts, such as ab3c(40)2")
        }
        var model = start
        let steps = model.run(schedule)
        let report = SearchReport(
            lifelines: lifelines, steps: Array(steps.joined()),
            breach: model.breach ?? ModelBreach(rule: "none", text: "no rule is broken so far"),
            again: command(text))
        try found(schedule).map(search.write)
        try Output.write(mermaid ? report.chart : report.text)
        if steps.count < schedule.choices.count, model.breach == nil {
            throw CommandFailure(.failure, "choice \(steps.count + 1) of the schedule is none that there is")
        }
        if model.breach != nil { throw CommandFailure(.badNews) }
    }

    private func command(_ schedule: String) -> String {
        let machine = "--window \(window.nanoseconds)ns --until \(until.nanoseconds)ns "
        return "vmbusscope explore \(search.words) \(search.isRing ? "" : machine)--replay '\(schedule)'"
    }

    private static func line(_ progress: ExplorationProgress, _ seconds: Double) -> String {
        let rate = Int(Double(progress.transitions) / max(seconds, 1e-3))
        return "\(progress.states) states, \(progress.transitions) steps, depth \(progress.depth), "
            + "\(progress.waiting) waiting, \(progress.bytes >> 20) MiB, \(rate) steps/s"
    }

    private static func words(_ verdict: ExplorationVerdict, _ progress: ExplorationProgress) -> String {
        switch verdict {
        case .holds:
            "HOLDS in every state; chance that one was missed: \(progress.collisionChance)\n"
        case .bounded(.states): "BOUNDED: no rule is broken in what was looked at; more with --max-states\n"
        case .bounded(.memory): "BOUNDED: no rule is broken in what was looked at; more with --max-memory\n"
        case .bounded(.interrupted): "BOUNDED: no rule is broken in what was looked at until it was interrupted\n"
        case .broken(_, let schedule): "A shortest schedule has \(schedule.choices.count) steps.\n"
        }
    }

    private func document(
        _ progress: ExplorationProgress, _ verdict: ExplorationVerdict, _ report: SearchReport?, _ seconds: Double
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("schema", "vmbusscope.explore/1")
            json.member("scenario", search.scenario)
            let word =
                switch verdict {
                case .holds: "holds"
                case .bounded: "bounded"
                case .broken: "broken"
                }
            json.member("verdict", word)
            if case .bounded(let limit) = verdict { json.member("limit", limit.rawValue) }
            json.member("states", progress.states)
            json.member("steps", progress.transitions)
            json.member("depth", progress.depth)
            json.member("waiting", progress.waiting)
            json.member("bytes", progress.bytes)
            json.member("collision_chance", progress.collisionChance)
            json.member("seconds", seconds)
            if case .broken(_, let schedule) = verdict, let report {
                json.memberObject("counterexample") { json in
                    json.member("choices", schedule.choices.count)
                    json.member("schedule", schedule.description)
                    report.write(to: &json)
                }
            }
        }
        json.endLine()
        return json.take()
    }
}
