import ArgumentParser
import Configuration
import InspectorTUI
import Platform

/// How the screen starts.
struct ScreenOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A theme that is shipped (see 'vmbusscope print theme') or of your own.", valueName: "name"))
    var theme: String?

    @Flag(help: "Draw with ASCII characters only.")
    var ascii = false

    /// The options as the inspector takes them.
    var inspectorOptions: InspectorOptions {
        var options = InspectorOptions()
        if let theme { options.theme = theme }
        options.ascii = ascii
        options.userTheme = UserThemes.bytes
        return options
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
