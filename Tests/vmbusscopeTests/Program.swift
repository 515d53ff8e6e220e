import Glibc
import Platform

/// The built program, run as people run it.
enum Program {
    /// What came of a run.
    struct Outcome {
        /// The exit status; 128 and the signal's number if one ended it.
        let status: Int32
        let output: String
        let errors: String
    }

    /// Beside the bundle of tests, where the build puts every product.
    static let path: String = {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
        var components = bundle.split(separator: "/", omittingEmptySubsequences: false)
        if let last = components.lastIndex(where: { $0.hasSuffix(".xctest") }) { components.removeSubrange(last...) }
        return components.joined(separator: "/") + "/vmbusscope"
    }()

    /// Runs the program to its end, which must come within a minute.
    ///
    /// - Parameter outputLimit: how many bytes to read before standard output is closed; nil for all.
    static func run(_ arguments: String..., outputLimit: Int? = nil) throws -> Outcome {
        try run(list: arguments, outputLimit: outputLimit)
    }

    /// The same with a list.
    static func run(list arguments: [String], outputLimit: Int? = nil) throws -> Outcome {
        var output: [Int32] = [0, 0]
        var errors: [Int32] = [0, 0]
        guard pipe2(&output), pipe2(&errors) else { throw SystemError.last("pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO)
        for end in output + errors { posix_spawn_file_actions_addclose(&actions, end) }
        var pointers: [UnsafeMutablePointer<CChar>?] = (["timeout", "60", path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var variables = environment()
        defer { for variable in variables { free(variable) } }
        var process: pid_t = 0
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        unblockSignals(&attributes)
        let code = posix_spawnp(&process, "timeout", &actions, &attributes, &pointers, &variables)
        close(output[1])
        close(errors[1])
        guard code == 0 else { throw SystemError(call: "posix_spawnp", code: code, path: path) }
        let said = try drain(output[0], limit: outputLimit)
        close(output[0])
        let complained = try drain(errors[0], limit: nil)
        close(errors[0])
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process else { throw SystemError.last("waitpid") }
        let signal = status & 0x7F
        return Outcome(status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: said, errors: complained)
    }

    /// Starts the program with descriptors of ours as its descriptors 3, 4 and so on.
    /// - Returns: the process, which the caller waits for.
    static func start(_ arguments: [String], descriptors: [Int32]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        // First out of the way, as one may have the number that another one is to get.
        for (index, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(900 + index))
        }
        for index in descriptors.indices {
            posix_spawn_file_actions_adddup2(&actions, Int32(900 + index), Int32(3 + index))
            posix_spawn_file_actions_addclose(&actions, Int32(900 + index))
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        unblockSignals(&attributes)
        var process: pid_t = 0
        var variables = environment()
        defer { for variable in variables { free(variable) } }
        let code = posix_spawn(&process, path, &actions, &attributes, &pointers, &variables)
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, path: path) }
        return process
    }

    /// The environment of this process, to be freed one by one.
    private static func environment() -> [UnsafeMutablePointer<CChar>?] {
        ProcessEnvironment.variables().sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    }

    /// A test's thread blocks signals, which a shell does not, and without which `timeout` waits for ever.
    static func unblockSignals(_ attributes: inout posix_spawnattr_t, flags: Int16 = 0) {
        posix_spawnattr_setflags(&attributes, flags | Int16(POSIX_SPAWN_SETSIGMASK))
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
    }

    /// A pipe that no other test's program inherits.
    private static func pipe2(_ ends: inout [Int32]) -> Bool {
        pipe(&ends) == 0 && ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
    }

    private static func drain(_ descriptor: Int32, limit: Int?) throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < limit ?? .max {
            guard let more = try DescriptorAccess.read(descriptor, atMost: min(65536, (limit ?? .max) - bytes.count)),
                !more.isEmpty
            else { break }
            bytes += more
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A copied tree with one network device, made for one test and removed again.
struct SmallTree {
    let path: String
    private var made: [String]

    init() throws {
        var template = Array("/tmp/vmbusscope-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        made = [path]
        let device = "sys/bus/vmbus/devices/309d6b79-965e-4a32-9ae4-45508201e2bd"
        try put("proc/sys/kernel/hostname", "web-7")
        for (name, value) in [
            ("id", "14"), ("state", "3"), ("class_id", "{f8615163-df3e-46c5-913f-f2d2f965ed0e}"),
            ("device_id", "{309d6b79-965e-4a32-9ae4-45508201e2bd}"), ("channel_vp_mapping", "14:2"),
            ("in_read_bytes_avail", "96"), ("in_write_bytes_avail", "4000"), ("out_read_bytes_avail", "0"),
            ("out_write_bytes_avail", "4096"), ("channels/14/cpu", "2"), ("channels/14/subchannel_id", "0"),
            ("channels/14/in_mask", "0"), ("channels/14/out_mask", "0"), ("channels/14/read_avail", "96"),
            ("channels/14/write_avail", "4096"), ("channels/14/interrupts", "700"), ("channels/14/events", "300"),
        ] { try put("\(device)/\(name)", value) }
    }

    private mutating func put(_ name: String, _ line: String) throws {
        var directory = path
        for component in name.split(separator: "/").dropLast() {
            directory += "/" + component
            guard mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw SystemError.last("mkdir") }
            if !made.contains(directory) { made.append(directory) }
        }
        let file = open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard file >= 0 else { throw SystemError.last("open", path: name) }
        made.append(path + "/" + name)
        defer { close(file) }
        try DescriptorAccess.write(file, Array((line + "\n").utf8))
    }

    /// Removes the tree, the deepest first.
    func remove() {
        for made in made.reversed() { _ = Glibc.remove(made) }
    }
}
