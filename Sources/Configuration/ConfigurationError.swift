/// Why a configuration file cannot be used, and where in it. `file` is followed by line and column where they are known.
public enum ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text is not TOML. Line and column count from 1.
    case syntax(file: String, line: Int, column: Int, reason: String)
    /// The file is larger than `limit` bytes.
    case tooLarge(file: String, size: Int, limit: Int)
    /// A value that must be there is missing.
    case missing(file: String, path: String, expected: ConfigurationValue.Kind)
    /// A value is of another kind than it must be.
    case wrongKind(file: String, path: String, expected: ConfigurationValue.Kind, found: ConfigurationValue.Kind)
    /// A value is of the right kind and yet not acceptable; `expected` says what would be.
    case unacceptable(file: String, path: String, value: String, expected: String)
    /// A name that means nothing here; `nearest` is the known name that looks most like it.
    case unknownKey(file: String, path: String, nearest: String?)

    /// One line: the file, the place in it, what is wrong, and what would be right.
    public var description: String {
        switch self {
        case .syntax(let file, let line, let column, let reason):
            "\(file):\(line):\(column): \(reason)"
        case .tooLarge(let file, let size, let limit):
            "\(file): \(size) bytes are too many; at most \(limit) are read"
        case .missing(let file, let path, let expected):
            "\(file): \(path): missing; expected \(expected.rawValue)"
        case .wrongKind(let file, let path, let expected, let found):
            "\(file): \(path): expected \(expected.rawValue), found \(found.rawValue)"
        case .unacceptable(let file, let path, let value, let expected):
            "\(file): \(path): \(value): expected \(expected)"
        case .unknownKey(let file, let path, let nearest):
            "\(file): \(path): unknown" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        }
    }
}
