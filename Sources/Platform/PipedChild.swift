import CLinux
import Glibc

/// Another program that runs for us with pipes as its standard input, output and error.
///
/// It has a session of its own, so that neither it nor its children can ask anything at our terminal, and no signal that a key
/// makes reaches it. When its owner is gone the whole group is ended.
public final class PipedChild {
    private let process: pid_t
    private var input: OwnedDescriptor?
    private let outputEnd: OwnedDescriptor
    private let errorEnd: OwnedDescriptor
    private var status: Int32?

    /// How it ended.
    public enum Ending: Sendable, Hashable {
        /// By itself, with this status.
        case exited(Int32)
        /// By a signal with this number.
        case signalled(Int32)
    }

    /// How long a child may take to end, in milliseconds.
    public struct Patience: Sendable, Hashable {
        /// When its input has ended.
        public var byItself: Int
        /// When it was asked to.
        public var asked: Int

        /// So long.
        public init(byItself: Int = 50, asked: Int = 300) { (self.byItself, self.asked) = (byItself, asked) }
    }

    private let patience: Patience

    /// Starts the program that the first word names, looked for as a shell does, with the rest as its arguments and our
    /// environment.
    public init(_ arguments: [String], patience: Patience = Patience()) throws(SystemError) {
        self.patience = patience
        let program = arguments.first ?? ""
        let input = try Self.pipe()
        let output = try Self.pipe()
        let errors = try Self.pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // All our descriptors are closed on exec; only the copies made here are not.
        posix_spawn_file_actions_adddup2(&actions, input.reading.rawValue, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output.writing.rawValue, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.writing.rawValue, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Our threads block signals and ignore broken pipes; the program starts as from a shell.
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | Self.newSession)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var standard = sigset_t()
        sigemptyset(&standard)
        sigaddset(&standard, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &standard)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, program, &actions, &attributes, &words, cl_environment())
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, path: program) }
        self.process = process
        self.input = input.takeWriting()
        outputEnd = output.takeReading()
        errorEnd = errors.takeReading()
        // A pipe can be held open by somebody who writes nothing; a look at it must not wait for that.
        for end in [outputEnd.rawValue, errorEnd.rawValue] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    deinit { end() }

    /// Readable when it has written to its standard output or has closed it.
    public var output: Int32 { outputEnd.rawValue }
    /// The same of its standard error.
    public var errors: Int32 { errorEnd.rawValue }

    /// How it ended; nil while it runs.
    public func ending() -> Ending? {
        if status == nil {
            var value: Int32 = 0
            guard waitpid(process, &value, WNOHANG) == process else { return nil }
            status = value
        }
        return status.map { $0 & 0x7F == 0 ? .exited($0 >> 8 & 0xFF) : .signalled($0 & 0x7F) }
    }

    /// Asks it and its children to end, without waiting: before `end` of many, so that they take their moment together.
    public func askToEnd() {
        input = nil
        if ending() == nil { kill(-process, SIGTERM) }
    }

    /// Ends it: closes its input, after a moment asks it and its children, and after another one does not ask any more.
    public func end() {
        input = nil
        if endsSoon(patience.byItself) { return }
        kill(-process, SIGTERM)
        if endsSoon(patience.asked) { return }
        kill(-process, SIGKILL)
        var value: Int32 = 0
        while waitpid(process, &value, 0) < 0, errno == EINTR {}
        status = value
    }

    private func endsSoon(_ milliseconds: Int) -> Bool {
        for _ in 0..<max(0, milliseconds) / 5 {
            if ending() != nil { return true }
            _ = poll(nil, 0, 5)
        }
        return false
    }

    /// `POSIX_SPAWN_SETSID`, which glibc's header hides from Swift.
    private static let newSession: Int16 = 0x80

    private struct Pipe: ~Copyable {
        let reading: OwnedDescriptor
        let writing: OwnedDescriptor

        consuming func takeReading() -> OwnedDescriptor { reading }
        consuming func takeWriting() -> OwnedDescriptor { writing }
    }

    private static func pipe() throws(SystemError) -> Pipe {
        var ends: [Int32] = [0, 0]
        guard cl_pipe(&ends) == 0 else { throw SystemError.last("pipe2") }
        return Pipe(reading: OwnedDescriptor(owning: ends[0]), writing: OwnedDescriptor(owning: ends[1]))
    }
}
