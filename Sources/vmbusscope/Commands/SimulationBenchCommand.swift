import ArgumentParser
import Benchmarks
import VMBusPartitions
import VMBusSimulator

/// `bench sim`.
struct SimulationBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Steps of the simulator, the memory of a session, and journeys through it.",
        discussion: """
            The contestants take turns. The machine alone writes its records and forgets them; beside it the same with all \
            rules of the protocol checked after every step; a session, which keeps what it needs to reach every moment again; \
            and the full session that people have, with the rules checked. Then each session jumps to places chosen at random, and goes back record by record from its end. Times are \
            those of the processor.
            """)

    @Argument(help: ArgumentHelp("A scenario that is shipped.", valueName: "scenario"))
    var scenario = "network"

    @Option(help: ArgumentHelp("Steps of the session.", valueName: "n"))
    var steps = 1_000_000

    @Option(help: ArgumentHelp("Journeys of each kind.", valueName: "n"))
    var journeys = 400

    @Flag(help: "One JSON document.")
    var json = false

    func validate() throws {
        if steps < 1 { throw ValidationError("--steps \(steps): choose at least 1") }
        if journeys < 1 { throw ValidationError("--journeys \(journeys): choose at least 1") }
    }

    func run() throws {
        guard let scenario = try Scenarios.named(scenario) else {
            throw CommandFailure(
                .usage, "bench sim: no scenario '\(scenario)' is shipped; 'vmbusscope print scenario' lists them")
        }
        let benchmark = SimulationBenchmark(scenario: scenario, steps: steps, journeys: journeys)
        let results: [SimulationBenchmark.Result]
        do throws(BenchmarkFailure) {
            results = try benchmark.measure()
        } catch {
            throw CommandFailure(.failure, "bench sim: \(error)")
        }
        try Output.write(
            json
                ? SimulationBenchmark.json(results)
                : SimulationBenchmark.heading + results.map(SimulationBenchmark.row).joined())
    }
}
