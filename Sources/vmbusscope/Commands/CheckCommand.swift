import ArgumentParser
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
            Runs a scenario and looks after every step at its records, rings, message slots and monitor pages. Prints how often \
            each rule was checked, and each breach with its record, channel, bytes and who broke it. 'vmbusscope print \
            protocol-rules' says what the rules are. Exit code 5 says that one is broken; a warning alone is none.

            EXAMPLES
              vmbusscope check
              vmbusscope check storage --steps 100000 --seed 7
              vmbusscope check ./mine.toml --until 2s --json | jq '.breaches[0]'
            """)

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
        let scenario = try ScenarioFile.read(scenario.scenario).scenario
        let seed = self.scenario.seed ?? scenario.seed
        let answers = self.scenario.choose.map { ChoiceSource.Answer(number: $0.number, value: $0.value) }
        var simulation = Simulation(
            scenario, choices: .seed(seed, answers: answers), memoryOrder: self.scenario.memory)
        simulation.checkRules()
        let limit = until == nil ? UInt64(steps ?? 20_000) : .max
        while simulation.steps < limit, simulation.nextTime ?? .max <= until?.nanoseconds ?? .max {
            guard simulation.step() != nil else { break }
        }
        guard let checker = simulation.checker else { return }
        let report = CheckReport(
            title: scenario.name, steps: simulation.steps, time: simulation.time, seed: seed,
            partitions: [scenario.rootName] + scenario.guests.map(\.name), checker: checker)
        try Output.write(json ? report.json() : report.text())
        if ProtocolRule.allCases.contains(where: { !$0.isWarning && checker.breaches(of: $0) > 0 }) {
            throw CommandFailure(.badNews)
        }
    }
}
