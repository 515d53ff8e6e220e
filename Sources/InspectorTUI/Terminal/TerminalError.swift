public import Platform

/// Why there can be no screen.
public enum TerminalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Input or output is no terminal.
    case notATerminal
    /// There is no description of this terminal; empty if `TERM` is not set.
    case unknownTerminal(name: String)
    /// A system call failed.
    case system(SystemError)

    /// One line: what is wrong and what to do.
    public var description: String {
        switch self {
        case .notATerminal:
            "not a terminal: use 'vmbusscope ls' or 'vmbusscope watch' in pipes and scripts"
        case .unknownTerminal(let name):
            name.isEmpty
                ? "TERM is not set: try 'TERM=xterm-256color vmbusscope'"
                : "terminal '\(name)' is not known here: install its terminfo or try 'TERM=xterm-256color vmbusscope'"
        case .system(let error): error.description
        }
    }
}
