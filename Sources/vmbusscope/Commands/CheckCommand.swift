import ArgumentParser
import BusModel
import CaptureFiles
import Inspector
import ProtocolRules
import VMBusPartitions
import VMBusSimulator

/// `check`: the rules of the protocol, held against a simulation or a recording.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Hold the 34 rules of the protocol against a simulation or a recording.",
        discussion: """
            Runs a scenario, or the shown branch of a session again, and looks after every step at its records, rings, message slots and monitor pages. Prints how often \
            each rule was checked, and each breach with its record, channel, bytes and who broke it. 'vmbusscope print \
            protocol-rules' says what the rules are. Exit code 5 says that one is broken; a warning alone is none.

            Of a recording all rules are checked for which it has what they need; the others are named with the reason. The \
            host's end of each guest's bus is run again over the guest's messages, and what it answers and its state at the end \
            are held against what was recorded. A recording of counters and tracepoints shows no messages, and neither does a \
            live guest: 'check live' says so.

            EXAMPLES
              vmbusscope check
              vmbusscope check storage --steps 100000 --seed 7
              vmbusscope check broken.session
              vmbusscope check guest.pcapng
              ssh host vmbusscope host --listen /run/bus.sock --record - | vmbusscope check -
              vmbusscope check ./mine.toml --until 2s --json | jq '.breaches[0]'
            """)

    /// Steps between two looks at how far it is.
    private static let piece = 4096

    @OptionGroup var scenario: ScenarioOptions

    @Option(help: ArgumentHelp("End after that many steps; 20000 unless --until is given.", valueName: "n"))
    var steps: Int?

    @Option(help: ArgumentHelp("End when the virtual clock says so: a number with ns, us, ms or s.", valueName: "t"))
    var until: VirtualTime?

    @Flag(help: "One JSON document.")
    var json = false

    func validate() throws {
        if let steps, steps < 0 { throw ValidationError("--steps \(steps): choose 0 or more") }
        if until != nil, steps != nil { throw ValidationError("--until and --steps: choose one of them") }
    }

    func run() throws {
        if scenario.scenario == "live" { return try checkLive() }
        let input = scenario.scenario == "-" ? try StandardInput() : nil
        if let recording = try RecordingFile.whole(scenario.scenario, input) { return try check(recording) }
        if input != nil { throw CommandFailure(.failure, "standard input: is no recording") }
        var source = try scenario.source()
        if scenario.isSession, steps == nil, until == nil {
            do throws(SourceError) {
                _ = try source.travel(.end, .forward, limit: 0)
            } catch {
                throw CommandFailure(.failure, "\(scenario.scenario): \(error)")
            }
        } else {
            run(&source)
        }
        guard let checker = source.checker else { return }
        let report = CheckReport(
            title: source.scenario.name, steps: source.steps, time: source.time, seed: source.session?.seed,
            partitions: [source.scenario.rootName] + source.scenario.guests.map(\.name), checker: checker)
        try tell(report)
    }

    private func tell(_ report: CheckReport) throws(CommandFailure) {
        try Output.write(json ? report.json() : report.text())
        if report.isBadNews { throw CommandFailure(.badNews) }
    }

    /// Runs a recording again from its beginning to its end.
    private func check(_ recording: RecordingFile.Opened) throws {
        guard scenario.seed == nil, scenario.choose.isEmpty, scenario.memory == .sc else {
            throw CommandFailure(.usage, "--seed, --memory and --choose: a recording has happened already")
        }
        var source = RecordingFile.replay(recording.source)
        var left = steps ?? .max
        while left > 0 {
            let piece = min(left, Self.piece)
            let batch = try source.advance(until.map { .time($0.nanoseconds, limit: piece) } ?? .steps(piece))
            if batch.isEmpty { break }
            left -= piece
        }
        var report = CheckReport(
            title: source.title, steps: source.passedCount, time: source.position.time, seed: nil,
            partitions: source.snapshot.partitions.map(\.name), checker: source.checker)
        report.kind = .file
        report.notes = RecordingFile.notes(recording.source.manifest)
        (report.replay, report.stateDifferences) = (source.replay, source.stateDifferences)
        // What is damaged is not all that happened, whatever was found in it.
        var broken: CommandFailure?
        do throws(CommandFailure) {
            try tell(report)
        } catch {
            broken = error
        }
        if let damage = recording.damage(source.past.damages) { throw CommandFailure(.damagedInput, damage) }
        if let broken { throw broken }
    }

    /// A live guest tells of none of the messages on its bus.
    private func checkLive() throws {
        var guest = try LiveGuest(SourceOptions.parse([]))
        try guest.look()
        var report = CheckReport(
            title: guest.state.title, steps: guest.state.lastSequence, time: guest.state.lastTime, seed: nil,
            partitions: guest.state.snapshot.partitions.map(\.name), checker: RuleChecker(available: []))
        report.kind = .live
        report.notes = [
            "a live guest shows counters and tracepoints, which have no bytes of messages; 'doctor' looks at those, and 'host' "
                + "and recordings of it show messages"
        ]
        try tell(report)
    }

    /// Runs from the beginning to the end that is asked for; a session's breakpoints stop nothing here.
    private func run(_ source: inout SimulatorSource) {
        let limit = UInt64(steps ?? 20_000)
        source.goToBeginning()
        while true {
            let left = Int(clamping: limit - min(limit, source.steps))
            _ = source.advance(
                until.map { .time($0.nanoseconds, limit: Self.piece) } ?? .steps(min(left, Self.piece)))
            switch source.session?.arrival {
            case .breakpoint, .limit: continue
            case .reached where until == nil && source.steps < limit: continue
            default: return
            }
        }
    }
}
