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

    /// Starts one. To be called while the process has one thread, as a child of several could not run Swift.
    ///
    /// - Parameter cleanUp: what is done when this process ends without ``dismiss()``.
    public static func start(_ cleanUp: () -> Void) throws(SystemError) -> Watchdog {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError.last("pipe") }
        let reading = OwnedDescriptor(owning: ends[0])
        let writing = OwnedDescriptor(owning: ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child = cl_fork()
        let error = SystemError.last("fork")
        if child == 0 { watch(reading.rawValue, writing.rawValue, cleanUp) }
        guard child > 0 else { throw error }
        return Watchdog(line: writing, child: child)
    }

    /// Tells the child that all is cleaned up, and waits for its end.
    public consuming func dismiss() {
        try? line.write([1])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    /// What the child does until its end.
    private static func watch(_ reading: Int32, _ writing: Int32, _ cleanUp: () -> Void) -> Never {
        close(writing)
        // A terminal that goes, or Ctrl-C in it, is for the program; its output's reader must not wait for the child.
        setsid()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { signal(number, SIG_IGN) }
        for descriptor: Int32 in 0...2 { close(descriptor) }
        var byte: UInt8 = 0
        var count: Int
        repeat { count = read(reading, &byte, 1) } while count < 0 && errno == EINTR
        if count <= 0 { cleanUp() }
        _exit(0)
    }
}
