import ArgumentParser
import Configuration
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

    /// The simulation at its start.
    func source() throws(CommandFailure) -> SimulatorSource {
        SimulatorSource(try ScenarioFile.read(scenario), seed: seed)
    }
}

/// Scenarios by name: shipped ones and files.
enum ScenarioFile {
    /// A scenario's text is short; whatever is longer is no scenario.
    private static let limit = 1 << 20

    /// The scenario of a name or a path.
    ///
    /// - Throws: `CommandFailure` if there is none, or what is wrong with it.
    static func read(_ scenario: String) throws(CommandFailure) -> Scenario {
        do throws(ConfigurationError) {
            if let shipped = try Scenarios.named(scenario) { return shipped }
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
            return try Scenario(ConfigurationDocument(parsing: bytes, file: scenario))
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }

    /// The bytes of a file.
    static func bytes(_ scenario: String) throws(CommandFailure) -> [UInt8] {
        let path = scenario.hasPrefix("/") ? scenario : "./" + scenario
        do throws(SystemError) {
            return try SystemFiles().read(path, limit: limit)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }
}
