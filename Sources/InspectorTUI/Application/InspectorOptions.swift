public import Inspector

/// How the inspector starts.
public struct InspectorOptions: Sendable {
    /// The theme's name.
    public var theme = "dark"
    /// How many colours to use, whatever the terminal and the environment say; nil for as many as there are.
    public var colorDepth: ColorDepth?
    /// Draw with ASCII characters only.
    public var ascii = false
    /// Whether a source that can be stepped stands still at first, or a live picture is held still.
    public var paused = false
    /// Whether a source that has a past is gone through to its end first, as for what somebody still writes.
    public var startsAtEnd = false
    /// How fast a source that can be stepped runs at first, as a power of two: 0 is the speed of the wall's clock.
    public var speed = 0
    /// The view that is shown first.
    public var view = InspectorView.partitions
    /// A filter for that view; empty for none.
    public var filter = ""
    /// Whether clicks and the wheel are taken.
    public var mouse = true
    /// Whether the guest is traced from the start, so that nothing is asked and what became of it is said.
    public var tracing = false
    /// How much of the log is kept.
    public var limits = HistoryLimits()
    /// The environment, for `TERM`, `NO_COLOR` and the like; nil for the process's own.
    public var environment: [String: String]?
    /// Gives the user's own theme file by its name, or nil where there is none.
    public var userTheme: @Sendable (_ name: String) -> [UInt8]? = { _ in nil }

    /// Writes a file; what went wrong, or nil. A file that is there stays unless it may be replaced.
    public var writeFile: @Sendable (_ path: String, _ text: String, _ replaces: Bool) -> String? = { _, _, _ in
        "This program writes no files."
    }

    /// As the program starts when nothing is said.
    public init() {}
}

/// How the inspector ended.
public enum InspectorExit: Sendable, Hashable {
    /// The user left.
    case quit
    /// A signal asked for it, with its number.
    case signal(Int32)
    /// The terminal went away.
    case terminalGone

    /// The exit code for the shell: 0, 128 and the signal's number, or 129 as for `SIGHUP`.
    public var code: Int32 {
        switch self {
        case .quit: 0
        case .signal(let number): 128 &+ number
        case .terminalGone: 129
        }
    }
}
