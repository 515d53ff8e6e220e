import ArgumentParser
import Platform

/// What runs without a subcommand. It is one all the same: an option of the program itself would be taken away from every
/// subcommand that has one of the same name.
struct BareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show the inspector on this guest, or on the simulator.", shouldDisplay: false
    )

    @OptionGroup var screen: ScreenOptions

    func run() throws {
        let here = try SourceOptions.parse([])
        guard Screen.hasTerminal else { return try Snapshot.print(of: LiveGuest(here)) }
        if (try? here.files().kind(of: "/sys/bus/vmbus")) == .directory {
            let watch = here.watch()
            try Screen.show(live: here.source(watch), watch: watch, every: .seconds(1), screen.inspectorOptions)
        } else {
            try Screen.show(ScenarioOptions.parse([]).source(), screen.inspectorOptions)
        }
    }
}
