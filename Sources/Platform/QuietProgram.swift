import CLinux
import Glibc

/// A program whose output nobody needs.
public enum QuietProgram {
    /// Runs a program to its end.
    ///
    /// - Parameter arguments: its name, which is looked for as shells do, then its arguments.
    /// - Returns: its exit status; nil where it cannot be started or a signal ended it.
    public static func run(_ arguments: [String]) -> Int32? {
        guard let name = arguments.first else { return nil }
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        var process: pid_t = 0
        guard posix_spawnp(&process, name, &actions, nil, &pointers, cl_environment()) == 0 else { return nil }
        var status: Int32 = 0
        while waitpid(process, &status, 0) != process {
            guard errno == EINTR else { return nil }
        }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
    }
}
