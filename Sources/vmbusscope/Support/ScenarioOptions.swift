import ArgumentParser
import BusModel
import Configuration
import Inspector
import Platform
import VMBusPartitions
import VMBusSimulator

/// Which simulation to run.
struct ScenarioOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A scenario that is shipped (see 'vmbusscope print scenario') or a TOML file; \(Scenarios.defaultName) by default."
        ))
    var scenario = Scenarios.defaultName

    @Option(help: ArgumentHelp("Number that decides everything that is left to chance.", valueName: "n"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "Another value for a decision of the run: its number and the value, as sessions and the screen tell them.",
            valueName: "n=v"))
    var choose: [ChosenValue] = []

    @Option(
        help: ArgumentHelp(
            "sc: what one end stores is seen by the other at once; tso: a store buffer holds it back until a fence, or "
                + "until a numbered choice lets it out.", valueName: "order"),
        completion: .list(MemoryOrder.allCases.map(\.rawValue)))
    var memory = MemoryOrder.sc

    /// Whether a session is named, not a scenario.
    var isSession: Bool { scenario.hasSuffix(".session") }

    func validate() throws {
        if isSession, seed != nil || !choose.isEmpty || memory != .sc {
            throw ValidationError("--seed, --memory and --choose: the session says them; name its scenario instead")
        }
    }

    /// The simulation at its start, or the session where it was left.
    func source() throws(CommandFailure) -> SimulatorSource {
        guard !isSession else { return try session() }
        let (scenario, origin) = try ScenarioFile.read(scenario)
        return SimulatorSource(
            scenario, seed: seed, reader: FlowReader(), origin: origin, memoryOrder: memory,
            choosing: choose.map { (number: $0.number, value: $0.value) })
    }

    /// The same as words of a command line.
    var words: [String] {
        [scenario] + (seed.map { ["--seed", "\($0)"] } ?? []) + (memory == .sc ? [] : ["--memory", memory.rawValue])
            + choose.flatMap { ["--choose", "\($0.number)=\($0.value)"] }
    }

    private func session() throws(CommandFailure) -> SimulatorSource {
        let bytes = try ScenarioFile.bytes(scenario)
        let file: SessionFile
        do throws(ConfigurationError) {
            file = try SessionFile(ConfigurationDocument(parsing: bytes, file: scenario))
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        do throws(SourceError) {
            return try SimulatorSource(file, reader: FlowReader())
        } catch {
            throw CommandFailure(.failure, "\(scenario): \(error)")
        }
    }
}

/// A decision that a person makes in place of the seed.
struct ChosenValue: ExpressibleByArgument {
    let number: UInt64
    let value: UInt64

    init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt64(parts[0]), let value = UInt64(parts[1]) else { return nil }
        (self.number, self.value) = (number, value)
    }
}

/// Scenarios by name: shipped ones and files.
enum ScenarioFile {
    /// A scenario's text is short; whatever is longer is no scenario.
    private static let limit = 1 << 20

    /// The scenario of a name or a path, and where it comes from.
    ///
    /// - Throws: `CommandFailure` if there is none, or what is wrong with it.
    static func read(_ scenario: String) throws(CommandFailure) -> (scenario: Scenario, origin: ScenarioOrigin) {
        do throws(ConfigurationError) {
            if let shipped = try Scenarios.named(scenario) { return (shipped, .shipped(scenario)) }
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        guard scenario.contains("/") || scenario.hasSuffix(".toml") else {
            throw CommandFailure(
                .usage,
                "there is no scenario '\(scenario)'; choose one of "
                    + (Scenarios.names + Scenarios.gallery).joined(separator: ", ") + " or name a TOML file")
        }
        let bytes = try bytes(scenario)
        do throws(ConfigurationError) {
            let read = try Scenario(ConfigurationDocument(parsing: bytes, file: scenario))
            return (read, .text(bytes, file: scenario))
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }

    /// The text of a scenario or session.
    static func bytes(_ scenario: String) throws(CommandFailure) -> [UInt8] {
        let path = scenario.hasPrefix("/") ? scenario : "./" + scenario
        do throws(SystemError) {
            return try SystemFiles().read(path, limit: limit)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }
}
