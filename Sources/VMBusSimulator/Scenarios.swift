public import Configuration
public import VMBusPartitions

/// The scenarios that are shipped inside the program.
public enum Scenarios {
    /// The one that runs when none is named.
    public static let defaultName = "two-guests"

    /// Their names, in alphabetical order.
    public static let names = ["habits", "heartbeat", "heartbeat-and-network", "storage", defaultName, "utilities"]

    /// The text of one of them, with its comments; nil for a name that is none.
    public static func text(_ name: String) -> [UInt8]? {
        switch name {
        case "habits": PackageResources.habits_toml
        case "heartbeat": PackageResources.heartbeat_toml
        case "heartbeat-and-network": PackageResources.heartbeat_and_network_toml
        case "storage": PackageResources.storage_toml
        case defaultName: PackageResources.two_guests_toml
        case "utilities": PackageResources.utilities_toml
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
}
