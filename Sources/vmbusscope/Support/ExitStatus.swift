/// What the process says at its end.
enum ExitStatus: Int32, Sendable {
    /// All is well.
    case success = 0
    /// Something failed.
    case failure = 1
    /// The input is damaged and was read in part.
    case damagedInput = 2
    /// There is no VMBus here.
    case noBus = 3
    /// Nothing could be read for want of permission.
    case permissionMissing = 4
    /// The answer is bad news: a broken invariant or a critical finding.
    case badNews = 5
    /// The command line is wrong.
    case usage = 64
    /// Ended by SIGINT, as shells count it.
    case interrupted = 130
    /// Ended by SIGTERM, as shells count it.
    case terminated = 143
    /// Ended by SIGHUP or because the terminal went away, as shells count it.
    case hungUp = 129

    /// Ended by a signal, as shells count it.
    init(signal number: Int32) { self = ExitStatus(rawValue: 128 &+ number) ?? .terminated }
}

/// Why a command ends early: the status and one line for people, unless everything has been said.
struct CommandFailure: Error {
    let status: ExitStatus
    let message: String?

    init(_ status: ExitStatus, _ message: String? = nil) {
        self.status = status
        self.message = message
    }
}
