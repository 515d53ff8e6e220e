import Configuration
import Themes

/// Finds themes: those of the user first, then those inside the program.
struct ThemeLibrary {
    /// Gives the user's own theme file by its name, or nil.
    var userTheme: (_ name: String) -> [UInt8]? = { _ in nil }

    /// The theme called `name`; throws what is wrong with it.
    func theme(named name: String) throws(ConfigurationError) -> ThemeParser.Result {
        try ThemeParser { userTheme($0) ?? BuiltInThemes.bytes(named: $0) }.theme(named: name)
    }
}
