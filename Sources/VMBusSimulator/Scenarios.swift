public import Configuration
public import VMBusPartitions

/// The scenarios that are shipped inside the program.
public enum Scenarios {
    /// The one that runs when none is named.
    public static let defaultName = "two-guests"

    /// Those to learn from, in the order in which they are best looked at.
    public static let names = [
        "boot", "network", "storage", "utilities", "hvsock", "memory-and-pci", "console", "rescind", defaultName,
        "sub-channels",
        "versions",
        "hibernate",
    ]

    /// Those that show a problem which was met outside: with a guest or host as it once was, or with a fault.
    public static let gallery = [
        "openvmm-1829", "openvmm-1681", "openvmm-1939", "openvmm-1100", "needless-signals", "wsl-40795",
        "wsl-41253", "linux-f047", "linux-342a", "linux-fbc9", "openvmm-1967", "lis-253", "linux-2d8a", "openvmm-4081",
        "wsl-41286", "linux-38d6", "openvmm-2854", "openvmm-1590", "linux-95f0", "linux-d642",
    ]

    /// The text of one of them, with its comments; nil for a name that is none.
    public static func text(_ name: String) -> [UInt8]? {
        switch name {
        case "openvmm-1829": PackageResources.openvmm_1829_toml
        case "openvmm-1681": PackageResources.openvmm_1681_toml
        case "openvmm-1939": PackageResources.openvmm_1939_toml
        case "openvmm-1100": PackageResources.openvmm_1100_toml
        case "needless-signals": PackageResources.needless_signals_toml
        case "wsl-40795": PackageResources.wsl_40795_toml
        case "wsl-41253": PackageResources.wsl_41253_toml
        case "linux-f047": PackageResources.linux_f047_toml
        case "linux-342a": PackageResources.linux_342a_toml
        case "linux-fbc9": PackageResources.linux_fbc9_toml
        case "openvmm-1967": PackageResources.openvmm_1967_toml
        case "lis-253": PackageResources.lis_253_toml
        case "linux-2d8a": PackageResources.linux_2d8a_toml
        case "openvmm-4081": PackageResources.openvmm_4081_toml
        case "wsl-41286": PackageResources.wsl_41286_toml
        case "openvmm-2854": PackageResources.openvmm_2854_toml
        case "linux-38d6": PackageResources.linux_38d6_toml
        case "openvmm-1590": PackageResources.openvmm_1590_toml
        case "linux-95f0": PackageResources.linux_95f0_toml
        case "linux-d642": PackageResources.linux_d642_toml
        case "boot": PackageResources.boot_toml
        case "network": PackageResources.network_toml
        case "storage": PackageResources.storage_toml
        case "utilities": PackageResources.utilities_toml
        case "hvsock": PackageResources.hvsock_toml
        case "memory-and-pci": PackageResources.memory_and_pci_toml
        case "console": PackageResources.console_toml
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

    /// A line for each: its name, and what it shows; the gallery last.
    ///
    /// - Throws: what is wrong with the text of one.
    public static func list() throws(ConfigurationError) -> String {
        var lines = ""
        for name in names + gallery {
            let title = try named(name)?.title ?? ""
            lines += name + String(repeating: " ", count: max(1, 18 - name.count)) + title + "\n"
        }
        return lines
    }
}
