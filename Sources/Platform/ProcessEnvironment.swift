import CLinux

/// The environment that the process was started with.
public enum ProcessEnvironment {
    /// All variables by name; of two with one name the first counts.
    public static func variables() -> [String: String] {
        var variables: [String: String] = [:]
        guard var entry = cl_environment() else { return variables }
        while let text = entry.pointee {
            let line = String(cString: text)
            if let separator = line.firstIndex(of: "=") {
                let name = String(line[..<separator])
                if variables[name] == nil { variables[name] = String(line[line.index(after: separator)...]) }
            }
            entry += 1
        }
        return variables
    }
}
