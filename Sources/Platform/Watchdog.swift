import CLinux
import Glibc

/// A child that does nothing but wait for this process to be gone, and then cleans up behind it, whatever it died of.
public struct Watchdog: ~Copyable {
    private let line: OwnedDescriptor
    private let child: pid_t

    private init(line: consuming OwnedDescriptor, child: pid_t) {
        self.line = line
        self.child = child
    }

    /// What tells the child that nothing is left to do. No text holds it.
    private static let dismissal: UInt8 = 0
    /// The longest that the child waits for the process's last descriptor to be closed, in milliseconds.
    private static let patience: Int32 = 10_000

    /// Starts one. To be called while the process has one thread, as a child of several could not run Swift.
    ///
    /// - Parameters:
    ///   - speaks: whether the child keeps standard error, to say what it did; who reads it to the end then waits for the child.
    ///   - cleanUp: what is done when this process ends without ``dismiss()``, with all that was entrusted to it. The process has
    ///     closed all its files by then.
    public static func start(speaks: Bool = false, _ cleanUp: (_ entrusted: [UInt8]) -> Void) throws(SystemError)
        -> Watchdog
    {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError.last("pipe") }
        let reading = OwnedDescriptor(owning: ends[0])
        let writing = OwnedDescriptor(owning: ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let parent = getpid()
        let child = cl_fork()
        let error = SystemError.last("fork")
        if child == 0 { watch(reading.rawValue, writing.rawValue, parent, speaks, cleanUp) }
        guard child > 0 else { throw error }
        return Watchdog(line: writing, child: child)
    }

    /// Gives the child something more for its time: text that holds no byte 0.
    public borrowing func entrust(_ text: String) throws(SystemError) { try line.write(Array(text.utf8)) }

    /// Tells the child that all is cleaned up, and waits for its end.
    public consuming func dismiss() {
        try? line.write([Self.dismissal])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    /// What the child does until its end.
    private static func watch(
        _ reading: Int32, _ writing: Int32, _ parent: pid_t, _ speaks: Bool, _ cleanUp: ([UInt8]) -> Void
    ) -> Never {
        close(writing)
        // A terminal that goes, or Ctrl-C in it, is for the program; its output's reader must not wait for the child.
        setsid()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTOU] { signal(number, SIG_IGN) }
        for descriptor: Int32 in 0...(speaks ? 1 : 2) { close(descriptor) }
        var entrusted: [UInt8] = []
        while let bytes = try? DescriptorAccess.read(reading, atMost: 4096), !bytes.isEmpty {
            entrusted += bytes
            if bytes.last == dismissal { _exit(0) }
        }
        // The kernel closes a dead program's descriptors one after the other: what it held is free once the program is gone.
        var waited: Int32 = 0
        while getppid() == parent, waited < patience {
            _ = poll(nil, 0, 10)
            waited += 10
        }
        cleanUp(entrusted)
        _exit(0)
    }
}
