public import Configuration
public import VMBusPartitions

/// The scenarios that are shipped inside the program.
public enum Scenarios {
    /// The one that runs when none is named.
    public static let defaultName = "two-guests"

    /// Those to learn from, in the order in which they are best looked at.
    public static let names = [
        "boot", "network", "storage", "utilities", "hvsock", "rescind", defaultName, "sub-channels", "versions",
        "hibernate",
    ]

    /// The text of one of them, with its comments; nil for a name that is none.
    public static func text(_ name: String) -> [UInt8]? {
        switch name {
        case "boot": PackageResources.boot_toml
        case "network": PackageResources.network_toml
        case "storage": PackageResources.storage_toml
        case "utilities": PackageResources.utilities_toml
        case "hvsock": PackageResources.hvsock_toml
        case "rescind": PackageResources.rescind_toml
        case defaultName: PackageResources.two_guests_toml
        case "sub-channels": PackageResources.sub_channels_toml
        case "versions": PackageResources.versions_toml
        case "hibernate": PackageResources.hibernate_toml
        default: nil
        }
    }

    /// One of them, read; nil for a name that is none.
    ///
    /// - Throws: what is wrong with its text.
    public static func named(_ name: String) throws(ConfigurationError) -> Scenario? {
        guard let text = text(name) else { return nil }
        return try Scenario(ConfigurationDocument(parsing: text, file: "\(name).toml"))
    }

    /// A line for each: its name, and what it shows.
    ///
    /// - Throws: what is wrong with the text of one.
    public static func list() throws(ConfigurationError) -> String {
        var lines = ""
        for name in names {
            let title = try named(name)?.title ?? ""
            lines += name + String(repeating: " ", count: max(1, 14 - name.count)) + title + "\n"
        }
        return lines
    }
}
