import CLinux
import Glibc

/// A signal of the operating system.
public struct Signal: RawRepresentable, Hashable, Sendable {
    /// The number of the signal.
    public let rawValue: Int32

    /// The signal with this number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `SIGWINCH`: the window has another size.
    public static let windowChanged = Signal(rawValue: SIGWINCH)
    /// `SIGTERM`: end.
    public static let terminate = Signal(rawValue: SIGTERM)
    /// `SIGINT`: Ctrl-C.
    public static let interrupt = Signal(rawValue: SIGINT)
    /// `SIGHUP`: the terminal is gone.
    public static let hangUp = Signal(rawValue: SIGHUP)
    /// `SIGTSTP`: Ctrl-Z.
    public static let suspend = Signal(rawValue: SIGTSTP)
    /// `SIGCONT`: going on after a stop.
    public static let resume = Signal(rawValue: SIGCONT)

    /// Lets writing to a closed pipe fail with `EPIPE` instead of ending the process.
    public static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }
}

/// Signals as something to read in a ``PollLoop`` instead of something that interrupts. Make it before the first thread,
/// which inherits that these signals are blocked.
public struct SignalSource: ~Copyable {
    private let descriptor: OwnedDescriptor
    private let formerMask: sigset_t

    /// Those that a program with a screen must see.
    public static var screenSignals: [Signal] {
        [.windowChanged, .terminate, .interrupt, .hangUp, .suspend, .resume]
    }

    /// Blocks `signals` in the calling thread and makes them readable here.
    public init(_ signals: [Signal] = SignalSource.screenSignals) throws(SystemError) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal.rawValue) }
        let descriptor = try OwnedDescriptor(checking: cl_signalfd(&set), "signalfd")
        var former = sigset_t()
        let code = pthread_sigmask(SIG_BLOCK, &set, &former)
        guard code == 0 else { throw SystemError(call: "pthread_sigmask", code: code) }
        self.descriptor = descriptor
        formerMask = former
    }

    deinit {
        var mask = formerMask
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    /// Readable whenever one of the signals has come.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// The next signal that has come, or nil.
    public borrowing func next() throws(SystemError) -> Signal? {
        let number = cl_signalfd_next(descriptor.rawValue)
        guard number >= 0 else { throw SystemError.last("read", path: "signalfd") }
        return number == 0 ? nil : Signal(rawValue: number)
    }

    /// Stops the process as Ctrl-Z does by default and returns when it goes on. Does nothing where there is no shell to
    /// wake it up again.
    public static func suspendProcess() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTSTP)
        // Screen libraries have a handler of their own, which would restore the screen a second time.
        var standard = sigaction()
        standard.__sigaction_handler.sa_handler = SIG_DFL
        var present = sigaction()
        sigaction(SIGTSTP, &standard, &present)
        var former = sigset_t()
        raise(SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &set, &former)
        pthread_sigmask(SIG_SETMASK, &former, nil)
        sigaction(SIGTSTP, &present, nil)
    }

    /// Ends the process by `signal` itself, so that whoever waits for it sees the right status.
    public static func die(of signal: Signal) -> Never {
        Glibc.signal(signal.rawValue, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal.rawValue)
        raise(signal.rawValue)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        exit(128 + signal.rawValue)
    }
}
