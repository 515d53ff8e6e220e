import Glibc
import Platform

/// The built program on a pseudo-terminal of its own, as its controlling terminal.
final class TerminalSession {
    private let terminal: Int32
    private let slave: Int32
    private let process: pid_t
    private let before: termios
    /// Everything that the program has written.
    private(set) var output: [UInt8] = []

    /// POSIX_SPAWN_SETSID, which the importer leaves out.
    private static let newSession: Int16 = 0x80

    /// How long anything may take on a loaded machine.
    private static let patience = Duration.seconds(40)

    /// Starts the program at a size.
    init(columns: UInt16, rows: UInt16, _ arguments: String...) throws {
        var (terminal, slave): (Int32, Int32) = (0, 0)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        var place = [CChar](repeating: 0, count: 128)
        guard openpty(&terminal, &slave, &place, nil, &size) == 0 else { throw SystemError.last("openpty") }
        self.terminal = terminal
        self.slave = slave
        var before = termios()
        tcgetattr(slave, &before)
        self.before = before
        let name = String(decoding: place.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A session's leader that opens a terminal gets it as its controlling one.
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO)
        posix_spawn_file_actions_addclose(&actions, terminal)
        posix_spawn_file_actions_addclose(&actions, slave)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Program.unblockSignals(&attributes, flags: Self.newSession)
        // What a sanitizer or the coverage was told is for the program too; everything else is the same on every machine.
        let sanitizers = ProcessEnvironment.variables().filter {
            $0.key.hasSuffix("SAN_OPTIONS") || $0.key == "LLVM_PROFILE_FILE"
        }
        let environment =
            ["TERM=xterm-256color", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "SWIFT_BACKTRACE=enable=no"]
            + sanitizers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pointers = ([Program.path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for pointer in pointers + variables { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, Program.path, &actions, &attributes, &pointers, &variables)
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, path: Program.path) }
        self.process = process
    }

    deinit {
        kill(process, SIGKILL)
        close(terminal)
        close(slave)
    }

    /// What the program has written, as text.
    var text: String { String(decoding: output, as: UTF8.self) }

    /// Presses keys.
    func press(_ keys: String) throws { try DescriptorAccess.write(terminal, Array(keys.utf8)) }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process, number) }

    /// Reads until `words` were written after the last call; false when they do not come in time.
    func waits(for words: String) throws -> Bool {
        let start = output.count
        let end = ContinuousClock.now + Self.patience
        while !String(decoding: output[start...], as: UTF8.self).contains(words) {
            guard ContinuousClock.now < end, try readMore() else { return false }
        }
        return true
    }

    /// Reads what the program writes until it ends.
    ///
    /// - Returns: its exit status; 128 and the signal's number if one ended it. Nil when it does not end in time.
    func waitsForEnd() throws -> Int32? {
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            var status: Int32 = 0
            if waitpid(process, &status, WNOHANG) == process {
                while try readMore(timeout: 50) {}
                return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
            }
            _ = try readMore(timeout: 50)
        }
        return nil
    }

    private func readMore(timeout: Int32 = 500) throws -> Bool {
        var entry = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, timeout) > 0 else { return timeout >= 500 }
        guard let bytes = try? DescriptorAccess.read(terminal, atMost: 65536), !bytes.isEmpty else { return false }
        output += bytes
        return true
    }

    /// Whether lines are edited, echoed and make signals as before the program started.
    var hasSaneSettings: Bool {
        var now = termios()
        guard tcgetattr(slave, &now) == 0 else { return false }
        return now.c_lflag == before.c_lflag && now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag
    }

    /// Whether the program has left the alternate screen and shown the cursor again since it took them.
    var hasLeftTheScreen: Bool {
        text.contains("\u{1B}[?1049h") && text.last(of: "\u{1B}[?1049l") > text.last(of: "\u{1B}[?1049h")
            && text.last(of: "\u{1B}[?25h") > text.last(of: "\u{1B}[?25l")
    }
}

extension String {
    /// Where the last occurrence starts; -1 for none.
    fileprivate func last(of needle: String) -> Int {
        let (bytes, wanted) = (Array(utf8), Array(needle.utf8))
        guard bytes.count >= wanted.count else { return -1 }
        return (0...(bytes.count - wanted.count)).last { Array(bytes[$0..<$0 + wanted.count]) == wanted } ?? -1
    }
}
