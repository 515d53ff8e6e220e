import ArgumentParser
import BusModel
import Inspector
import ProtocolRules
import VMBusPartitions
import VMBusSimulator

/// `check`: the rules of the protocol, held against a simulation.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Hold the 34 rules of the protocol against a simulation.",
        discussion: """
            Runs a scenario, or the shown branch of a session again, and looks after every step at its records, rings, message slots and monitor pages. Prints how often \
            each rule was checked, and each breach with its record, channel, bytes and who broke it. 'vmbusscope print \
            protocol-rules' says what the rules are. Exit code 5 says that one is broken; a warning alone is none.

            EXAMPLES
              vmbusscope check
              vmbusscope check storage --steps 100000 --seed 7
              vmbusscope check broken.session
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
        try Output.write(json ? report.json() : report.text())
        if ProtocolRule.allCases.contains(where: { !$0.isWarning && checker.breaches(of: $0) > 0 }) {
            throw CommandFailure(.badNews)
        }
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
