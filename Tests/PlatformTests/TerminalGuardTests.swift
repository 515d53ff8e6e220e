import CLinux
import Glibc
import Platform
import Testing

/// What a child process that dies leaves behind on its terminal.
private struct Death {
    var signal: Int32
    var output: String
    var echoes: Bool
}

struct TerminalGuardTests {
    /// Lets a child take a pseudo-terminal, arm the guard, and die in `death`.
    private func die(_ death: (Int32) -> Void) throws -> Death {
        var main: Int32 = 0
        let child = forkpty(&main, nil, nil, nil)
        try #require(child >= 0)
        defer { close(main) }
        let terminal: Int32 = 0
        if child == 0 {
            // The threads of the test runner block some of the signals.
            var none = sigset_t()
            sigemptyset(&none)
            sigprocmask(SIG_SETMASK, &none, nil)
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(__rlimit_resource_t(4), &limit)
            for number in [SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGQUIT] { signal(number, SIG_DFL) }
            var settings = termios()
            tcgetattr(terminal, &settings)
            let restore = Array("<restored>".utf8)
            if cl_terminal_guard_install() != 0 { _exit(90) }
            if cl_terminal_guard_arm(terminal, &settings, restore, restore.count) != 0 { _exit(91) }
            settings.c_lflag &= ~tcflag_t(ECHO | ICANON)
            tcsetattr(terminal, TCSANOW, &settings)
            death(terminal)
            _exit(0)
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        var settings = termios()
        tcgetattr(main, &settings)
        // The end of the child closes its terminal, which shows as a hang-up or an error after the last byte.
        var output: [UInt8] = []
        var waiting = pollfd(fd: main, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, 10_000) > 0, let more = try? DescriptorAccess.read(main, atMost: 4_096), !more.isEmpty {
            output += more
        }
        return Death(
            signal: status & 0x7F, output: String(decoding: output, as: UTF8.self),
            echoes: settings.c_lflag & tcflag_t(ECHO | ICANON) == tcflag_t(ECHO | ICANON))
    }

    @Test(arguments: [SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGQUIT])
    func `a fatal signal restores the terminal and is what the parent sees`(number: Int32) throws {
        let death = try die { _ in raise(number) }
        #expect(death.signal == number)
        #expect(death.output == "<restored>")
        #expect(death.echoes)
    }

    @Test func `a fault restores the terminal and is what the parent sees`() throws {
        let death = try die { _ in UnsafeMutablePointer<UInt8>(bitPattern: 8)?.pointee = 1 }
        #expect(death.signal == SIGSEGV)
        #expect(death.output == "<restored>")
        #expect(death.echoes)
    }

    @Test func `a guard that is disarmed leaves the terminal alone`() throws {
        let death = try die { _ in
            cl_terminal_guard_disarm()
            abort()
        }
        #expect(death.signal == SIGABRT)
        #expect(death.output == "")
        #expect(!death.echoes)
    }
}
