public import ArgumentParser
import Configuration
public import Inspector
public import InspectorTUI
import Platform

/// How the screen starts.
struct ScreenOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A theme that is shipped (see 'vmbusscope print theme') or of your own.", valueName: "name"))
    var theme: String?

    @Flag(help: "Draw with ASCII characters only.")
    var ascii = false

    @Option(help: ArgumentHelp("truecolor, 256, 16, 8, mono or none, whatever the terminal says.", valueName: "depth"))
    var color: ColorDepth?

    @Flag(help: "Stand still at first.")
    var paused = false

    @Flag(help: "Leave the mouse to the terminal.")
    var noMouse = false

    @Option(
        help: ArgumentHelp(
            "partitions (the default), channels, rings, flow, ledger, doctor, cpus or session.", valueName: "view"))
    var view: InspectorView?

    @Option(help: ArgumentHelp("A filter for that view, in the language that the key / takes.", valueName: "filter"))
    var filter = ""

    /// The options as the inspector takes them.
    var inspectorOptions: InspectorOptions {
        var options = InspectorOptions()
        if let theme { options.theme = theme }
        options.ascii = ascii
        options.colorDepth = color
        options.paused = paused
        options.mouse = !noMouse
        options.view = view ?? .partitions
        options.filter = filter
        options.userTheme = UserThemes.bytes
        options.writeFile = SessionFiles.write
        return options
    }
}

/// Files that the screen writes.
enum SessionFiles {
    /// Writes one; what went wrong, or nil.
    static func write(_ path: String, _ text: String, replaces: Bool) -> String? {
        do throws(SystemError) {
            if !replaces, SystemFiles.kind(ofArgument: path) != nil {
                return "\(path) is there already; a '!' behind the command's name replaces it."
            }
            try ReplacedFile.write(path, Array(text.utf8))
            return nil
        } catch {
            return error.description
        }
    }
}

/// Themes that people have put beside their configuration or data, at `themes/NAME.toml`.
enum UserThemes {
    /// A theme's text is short; whatever is longer is no theme.
    private static let limit = 1 << 18

    /// The file's bytes, or nil if there is none of that name.
    static func bytes(named name: String) -> [UInt8]? {
        guard !name.isEmpty, !name.contains("/") else { return nil }
        let directories = ConfigurationDirectories(environment: ProcessEnvironment.variables())
        for directory in directories.configuration + directories.data {
            if let bytes = try? SystemFiles().read("\(directory)/themes/\(name).toml", limit: limit) { return bytes }
        }
        return nil
    }
}

extension ColorDepth: ExpressibleByArgument {}

extension InspectorView: ExpressibleByArgument {
    public init?(argument: String) {
        guard let view = Self.allCases.first(where: { $0.title.lowercased() == argument.lowercased() }) else {
            return nil
        }
        self = view
    }

    public var defaultValueDescription: String { title.lowercased() }
}
