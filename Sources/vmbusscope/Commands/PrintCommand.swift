import ArgumentParser
import CaptureFiles
import Inspector
import Themes
import VMBusPartitions
import VMBusSimulator

/// `print`: everything that is shipped inside the program.
struct PrintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print",
        abstract: "Print what is shipped inside the program: themes, scenarios, rules for Prometheus, completions.",
        discussion: """
            Without a name 'theme', 'scenario' and 'completions' list the names that there are, one per line; of a scenario \
            also what it shows.

            EXAMPLES
              vmbusscope print theme
              vmbusscope print theme dark > ~/.config/vmbusscope/themes/mine.toml
              vmbusscope print scenario two-guests > mine.toml
              vmbusscope print protocol-rules
              vmbusscope print scenario-schema
              vmbusscope print fault-kinds
              vmbusscope print recording-format
              vmbusscope print dissector > ~/.local/lib/wireshark/plugins/vmbus.lua
              vmbusscope print rules > vmbus.rules.yml
              vmbusscope print dashboard > vmbus.json
              source <(vmbusscope print completions bash)
            """,
        subcommands: [
            Theme.self, Scenario.self, Schema.self, Faults.self, Format.self, Dissector.self, BusRules.self,
            Rules.self, RuleTests.self, Dashboard.self, Completions.self,
        ])

    /// Writes the thing, or the names if none is given.
    static func write(
        _ name: String?, _ what: String, names: [String], _ contents: (String) -> [UInt8]?
    ) throws(CommandFailure) {
        guard let name else { return try Output.write(names.map { $0 + "\n" }.joined()) }
        guard let bytes = contents(name) else {
            throw CommandFailure(
                .usage, "there is no \(what) '\(name)'; choose one of \(names.joined(separator: ", "))")
        }
        try Output.write(bytes)
    }

    /// `print theme`.
    struct Theme: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A theme as the TOML file that it is.")

        @Argument(help: "The theme; without it the names of all.")
        var name: String?

        func run() throws {
            try PrintCommand.write(name, "theme", names: BuiltInThemes.names, BuiltInThemes.bytes)
        }
    }

    /// `print scenario`.
    struct Scenario: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A scenario as the TOML file that it is.")

        @Argument(help: "The scenario; without it the names of all, and what they show.")
        var name: String?

        func run() throws {
            guard name != nil else { return try Output.write(Scenarios.list()) }
            try PrintCommand.write(name, "scenario", names: Scenarios.names + Scenarios.gallery, Scenarios.text)
        }
    }

    /// `print protocol-rules`.
    struct BusRules: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "protocol-rules",
            abstract: "The rules of the protocol that 'vmbusscope check' holds, with text and source.")

        func run() throws { try Output.write(CheckReport.rules()) }
    }

    /// `print scenario-schema`.
    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "scenario-schema", abstract: "Every key of a scenario: type, default and meaning.")

        func run() throws { try Output.write(ScenarioSchema.text) }
    }

    /// `print fault-kinds`.
    struct Faults: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fault-kinds", abstract: "Every kind of fault, and how a file of faults is written.")

        func run() throws { try Output.write(FaultKind.text) }
    }

    /// `print recording-format`.
    struct Format: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "recording-format",
            abstract: "The format of recordings, so that other programs can read and write them.")

        func run() throws { try Output.write(RecordingFormat.specification) }
    }

    /// `print dissector`.
    struct Dissector: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A script in Lua with which Wireshark and tshark read recordings, made from the declarations.",
            discussion: """
                Wireshark finds it in its folder of personal Lua plugins (Help, About, Folders). With tshark:

                  vmbusscope print dissector > vmbus.lua
                  tshark -X lua_script:vmbus.lua -r guest.pcapng -Y 'vmbus.name == "VMBUS.OPEN_CHANNEL"'
                """)

        func run() throws { try Output.write(DissectorScript.text) }
    }

    /// `print rules`.
    struct Rules: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Recording and alerting rules for Prometheus, as the YAML file that it reads.")

        func run() throws { try Output.write(PrometheusRules.document) }
    }

    /// `print rule-tests`.
    struct RuleTests: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rule-tests",
            abstract: "Tests of these rules for 'promtool test rules', beside them as vmbus.rules.yml.")

        func run() throws { try Output.write(PrometheusRuleTests.document) }
    }

    /// `print dashboard`.
    struct Dashboard: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A dashboard of the metrics for Grafana, as JSON.")

        func run() throws { try Output.write(GrafanaDashboard.document) }
    }

    /// `print completions`.
    struct Completions: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A script that teaches a shell to complete this program's command line.")

        @Argument(help: "The shell; without it the names of all.")
        var shell: String?

        func run() throws {
            let shells = CompletionShell.allCases.map(\.rawValue)
            try PrintCommand.write(shell, "shell", names: shells) { name in
                CompletionShell(rawValue: name).map { Array((VMBusScope.completionScript(for: $0) + "\n").utf8) }
            }
        }
    }
}
