/// Where a user's and a system's files of this program lie, by the XDG base directory rules.
public struct ConfigurationDirectories: Hashable, Sendable {
    /// The user's own directory, such as `/home/ada/.config/vmbusscope`; nil if the environment names no home.
    public let userConfiguration: String?
    /// Every directory to look in, the most important first: the user's own, then the system's.
    public let configuration: [String]
    /// Every directory with data such as themes, the most important first: the user's own, then the system's.
    public let data: [String]

    /// The directories of `application` as `environment` has them. Relative paths in the environment are ignored, as
    /// the rules ask.
    public init(environment: [String: String], application: String = "vmbusscope") {
        func absolute(_ name: String) -> String? {
            environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        func list(_ name: String, _ standard: [String]) -> [String] {
            guard let value = environment[name], !value.isEmpty else { return standard }
            let paths = value.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
            return paths.isEmpty ? standard : paths
        }
        func join(_ directory: String, _ name: String) -> String {
            directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
        }
        let home = absolute("HOME")
        let user = (absolute("XDG_CONFIG_HOME") ?? home.map { join($0, ".config") }).map { join($0, application) }
        let userData = (absolute("XDG_DATA_HOME") ?? home.map { join($0, ".local/share") }).map {
            join($0, application)
        }
        userConfiguration = user
        configuration = [user].compactMap { $0 } + list("XDG_CONFIG_DIRS", ["/etc/xdg"]).map { join($0, application) }
        data =
            [userData].compactMap { $0 }
            + list("XDG_DATA_DIRS", ["/usr/local/share", "/usr/share"]).map { join($0, application) }
    }
}
