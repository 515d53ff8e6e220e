import CLinux
import Glibc

/// Gives the terminal back in order if the process dies of a fatal signal, such as a Swift trap.
public enum TerminalGuard {
    /// Installs the handlers of fatal signals. They do nothing but hand on, as long as the guard is not armed.
    public static func install() throws(SystemError) {
        guard cl_terminal_guard_install() == 0 else { throw SystemError.last("sigaction") }
    }

    /// From now on a fatal signal writes `bytes` (at most 256) to `descriptor` and gives it `settings` back.
    public static func arm(
        descriptor: Int32, settings: TerminalSettings, bytes: [UInt8]
    ) throws(SystemError) {
        var termios = settings.termios
        guard cl_terminal_guard_arm(descriptor, &termios, bytes, bytes.count) == 0 else {
            throw SystemError.last("terminal guard")
        }
    }

    /// The terminal is in order again and fatal signals leave it alone.
    public static func disarm() {
        cl_terminal_guard_disarm()
    }
}

/// The line settings of a terminal: echo, line editing, signal keys.
public struct TerminalSettings: Sendable {
    let termios: termios

    /// The settings of a terminal as they are now.
    public init(of descriptor: Int32) throws(SystemError) {
        var termios = Glibc.termios()
        guard tcgetattr(descriptor, &termios) == 0 else { throw SystemError.last("tcgetattr") }
        self.termios = termios
    }

    /// Gives a terminal these settings, as soon as what was written is out.
    public func apply(to descriptor: Int32) throws(SystemError) {
        var termios = termios
        guard tcsetattr(descriptor, TCSADRAIN, &termios) == 0 else { throw SystemError.last("tcsetattr") }
    }
}

/// The size of a terminal's window in cells.
public struct TerminalSize: Hashable, Sendable {
    /// The number of columns.
    public let columns: Int
    /// The number of rows.
    public let rows: Int

    /// The window size of a terminal; nil if it does not know its own.
    public init?(of descriptor: Int32) {
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        guard cl_window_size(descriptor, &rows, &columns) == 0, rows > 0, columns > 0 else { return nil }
        self.columns = Int(columns)
        self.rows = Int(rows)
    }
}
