/// The themes that are shipped inside the program.
public enum BuiltInThemes {
    /// Their names, in the order in which the theme key goes through them.
    public static let names = ["dark", "light", "high-contrast", "mono"]

    /// The TOML file of a theme, or nil if there is none of that name.
    public static func bytes(named name: String) -> [UInt8]? {
        switch name {
        case "dark": PackageResources.dark_toml
        case "light": PackageResources.light_toml
        case "high-contrast": PackageResources.high_contrast_toml
        case "mono": PackageResources.mono_toml
        default: nil
        }
    }
}
