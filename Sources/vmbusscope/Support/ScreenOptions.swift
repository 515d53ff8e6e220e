public import ArgumentParser
import Configuration
import Glibc
public import Inspector
public import InspectorTUI
import Platform
import Themes

/// How the inspector's screen looks and starts.
struct ScreenOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "\(BuiltInThemes.names.joined(separator: ", ")), or the name of a file in the configuration's themes folder.",
            valueName: "name"))
    var theme = "dark"

    @Option(help: ArgumentHelp("truecolor, 256, 16, 8, mono or none, whatever the terminal says.", valueName: "depth"))
    var color: ColorDepth?

    @Flag(help: "Draw with ASCII characters only.")
    var ascii = false

    @Flag(help: "Stand still at first.")
    var paused = false

    @Flag(help: "Leave the mouse to the terminal.")
    var noMouse = false

    @Option(help: ArgumentHelp("partitions, channels, rings or flow.", valueName: "view"))
    var view = InspectorView.partitions

    @Option(help: ArgumentHelp("A filter for that view, in the language that / takes.", valueName: "filter"))
    var filter = ""

    /// Whether there is a terminal on both sides.
    static var hasTerminal: Bool {
        DescriptorAccess.isTerminal(STDIN_FILENO) && DescriptorAccess.isTerminal(STDOUT_FILENO)
    }

    /// Shows the inspector until the user leaves.
    ///
    /// - Throws: `CommandFailure` with the exit status: silent where a signal ended it.
    func show(_ runner: sending SourceRunner) throws(CommandFailure) {
        let options = inspectorOptions
        nonisolated(unsafe) let runner = runner
        // The main thread is the screen's, and a command runs on it.
        let result = MainActor.assumeIsolated { () -> Result<InspectorExit, TerminalError> in
            do throws(TerminalError) {
                return .success(try InspectorApplication.run(runner, options: options))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(.quit): return
        case .success(.terminalGone): throw CommandFailure(.hungUp)
        case .success(.signal(let number)): throw CommandFailure(ExitStatus(signal: number))
        case .failure(let error): throw CommandFailure(.failure, "\(error)")
        }
    }

    private var inspectorOptions: InspectorOptions {
        let environment = ProcessEnvironment.variables()
        var options = InspectorOptions()
        options.theme = theme
        options.colorDepth = color
        options.ascii = ascii
        options.paused = paused
        options.mouse = !noMouse
        options.view = view
        options.filter = filter
        options.environment = environment
        options.userTheme = { name in Self.userTheme(name, ConfigurationDirectories(environment: environment)) }
        return options
    }

    /// A theme is a short text; whatever is longer is none.
    private static let themeLimit = 1 << 16

    private static func userTheme(_ name: String, _ directories: ConfigurationDirectories) -> [UInt8]? {
        guard !name.isEmpty, !name.contains("/"), name != "..", name != "." else { return nil }
        for directory in directories.configuration + directories.data {
            if let bytes = try? SystemFiles().read("\(directory)/themes/\(name).toml", limit: themeLimit) { return bytes }
        }
        return nil
    }
}

extension ColorDepth: ExpressibleByArgument {}

extension InspectorView: ExpressibleByArgument {
    public init?(argument: String) {
        guard let view = Self.allCases.first(where: { $0.title.lowercased() == argument.lowercased() }) else { return nil }
        self = view
    }

    public var defaultValueDescription: String { title.lowercased() }
}
