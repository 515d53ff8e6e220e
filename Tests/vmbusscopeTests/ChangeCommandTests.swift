import Glibc
import Platform
import Testing

/// A guest's files in a directory that takes what is written.
private struct WritableGuest: ~Copyable {
    static let device = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"
    let root: String

    init() throws {
        var template = Array("/tmp/vmbusscope-guest-XXXXXX".utf8CString)
        root = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
        }
        let device = "sys/bus/vmbus/devices/\(Self.device)"
        let files = [
            "\(device)/class_id": "{57164f39-9115-4e78-ab55-382f3bd5422d}", "\(device)/device_id": "{\(Self.device)}",
            "\(device)/id": "5", "\(device)/state": "3", "\(device)/driver_override": "(null)",
            "\(device)/channel_vp_mapping": "5:1", "\(device)/channels/5/cpu": "1",
            "\(device)/channels/5/subchannel_id": "0", "\(device)/channels/5/interrupts": "7",
            "\(device)/channels/5/out_mask": "0", "\(device)/channels/5/in_mask": "0",
            "\(device)/channels/5/read_avail": "0", "\(device)/channels/5/write_avail": "12288",
            "\(device)/out_intr_mask": "0", "\(device)/out_read_bytes_avail": "0",
            "\(device)/out_write_bytes_avail": "12288",
            "\(device)/in_intr_mask": "0", "\(device)/in_read_bytes_avail": "0",
            "\(device)/in_write_bytes_avail": "12288",
            "sys/bus/vmbus/drivers/hv_utils/bind": "", "sys/bus/vmbus/drivers/hv_utils/unbind": "",
            "sys/bus/vmbus/drivers/uio_hv_generic/bind": "", "sys/bus/vmbus/drivers/uio_hv_generic/unbind": "",
            "sys/devices/system/cpu/online": "0-2",
        ]
        for (path, text) in files.sorted(by: { $0.key < $1.key }) {
            try Self.makeDirectories("\(root)/\(path)")
            try ReplacedFile.write("\(root)/\(path)", Array("\(text)\n".utf8))
        }
        guard symlink("../../drivers/hv_utils", "\(root)/\(device)/driver") == 0 else {
            throw SystemError.last("symlink")
        }
    }

    deinit { system("rm -rf '\(root)'") }

    private static func makeDirectories(_ path: String) throws {
        var place = ""
        for part in path.split(separator: "/").dropLast() {
            place += "/" + part
            if mkdir(place, 0o755) != 0, errno != EEXIST { throw SystemError.last("mkdir", path: place) }
        }
    }

    func text(_ path: String) throws -> String {
        let bytes = try WholeFile.read("\(root)/sys/bus/vmbus/\(path)", limit: 4096)
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// What drivers were told, old and new, and the override.
    func told() throws -> [String] {
        try [
            "drivers/hv_utils/unbind", "drivers/uio_hv_generic/unbind", "drivers/hv_utils/bind",
            "devices/\(Self.device)/driver_override",
        ].map { try text($0) }
    }
}

/// The program while it runs, with what it says.
private final class RunningProgram {
    let process: pid_t
    private let output: OwnedDescriptor
    private var said = ""

    /// Standard output and standard error come through one pipe.
    init(_ arguments: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError.last("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        output = OwnedDescriptor(owning: ends[0])
        let writing = OwnedDescriptor(owning: ends[1])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for number in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_adddup2(&actions, writing.rawValue, number)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Program.unblockSignals(&attributes)
        var pointers: [UnsafeMutablePointer<CChar>?] = ([Program.path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, Program.path, &actions, &attributes, &pointers, nil)
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code, path: Program.path) }
        self.process = process
    }

    /// Reads until it has said something, or has ended with all that have its pipe.
    func wait(for text: String?) throws -> String {
        while text.map({ !said.contains($0) }) ?? true, let more = try output.read(atMost: 4096), !more.isEmpty {
            said += String(decoding: more, as: UTF8.self)
        }
        return said
    }

    /// The wait status.
    func end(_ signal: Int32) -> Int32 {
        kill(process, signal)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return status
    }
}

@Suite struct `Changing a guest` {
    private static let device = WritableGuest.device
    private static let attach = ["attach", "fd149e91", "--accept-host-action", "--sysroot"]

    // MARK: attach

    @Test func `a dry run says every write and makes none`() throws {
        let guest = try WritableGuest()
        let ran = try Program.run(list: Self.attach + [guest.root, "--dry-run"])
        #expect(ran.status == 0 && ran.errors.isEmpty)
        let bus = "/sys/bus/vmbus"
        for write in [
            "echo uio_hv_generic > \(bus)/devices/\(Self.device)/driver_override",
            "echo \(Self.device) > \(bus)/drivers/hv_utils/unbind",
            "echo \(Self.device) > \(bus)/drivers/uio_hv_generic/bind",
            "echo \(Self.device) > \(bus)/drivers/uio_hv_generic/unbind",
            "echo > \(bus)/devices/\(Self.device)/driver_override",
            "echo \(Self.device) > \(bus)/drivers/hv_utils/bind",
        ] {
            #expect(ran.output.contains("  \(write)\n"))
        }
        let told = try guest.told()
        #expect(told == ["", "", "", "(null)"])
    }

    @Test(arguments: [
        (["attach", "fd149e91", "--dry-run"], "--accept-host-action"),
        (["attach", "fd149e91", "--accept-host-action"], "--confirm fd149e91 says"),
        (["attach", "fd149e91", "--accept-host-action", "--confirm", "fd149e92"], "is not how"),
        (["attach", "eth7", "--confirm", "fd149e91"], "no device 'eth7' on the bus"),
    ]) func `nothing is written without the words that it takes`(_ words: [String], _ reason: String) throws {
        let guest = try WritableGuest()
        let ran = try Program.run(list: words + ["--sysroot", guest.root])
        #expect(ran.status == 1 && ran.errors.contains(reason), "\(ran)")
        let told = try guest.told()
        #expect(told == ["", "", "", "(null)"])
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGHUP, SIGINT])
    func `the old driver gets the device back, whatever ends the program`(_ signal: Int32) throws {
        let guest = try WritableGuest()
        let program = try RunningProgram(Self.attach + [guest.root, "--confirm", "fd149e91"])
        // In the plan its lines begin with blanks; what is written is told without.
        let bind = "\necho \(Self.device) > /sys/bus/vmbus/drivers/uio_hv_generic/bind\n"
        _ = try program.wait(for: bind)
        #expect(program.end(signal) & 0x7F == signal)
        let said = try program.wait(for: nil)
        #expect(said.contains("\(Self.device) is back with hv_utils"), "\(said)")
        #expect(said.contains("the program is gone") == (signal == SIGKILL))
        let told = try guest.told()
        #expect(told == [Self.device, Self.device, Self.device, ""])
    }

    // MARK: move

    @Test func `a move is one write, and says what undoes it`() throws {
        let guest = try WritableGuest()
        let cpu = "devices/\(Self.device)/channels/5/cpu"
        let options = ["--interval", "0.05", "--sysroot", guest.root]
        let tried = try Program.run(list: ["move", "5", "2", "--dry-run"] + options)
        #expect(tried.status == 0 && tried.output.contains("CPU 1 -> CPU 2"), "\(tried)")
        let untouched = try guest.text(cpu)
        #expect(untouched == "1")
        let moved = try Program.run(list: ["move", "heartbeat", "2"] + options)
        #expect(moved.status == 0 && moved.output.contains("undo:  vmbusscope move heartbeat 1\n"), "\(moved)")
        #expect(moved.output.hasSuffix("heartbeat is on CPU 2\n"))
        let after = try guest.text(cpu)
        #expect(after == "2")
        let back = try Program.run(list: ["move", "fd149e91/5", "1"] + options)
        #expect(back.status == 0, "\(back)")
        let again = try guest.text(cpu)
        #expect(again == "1")
    }

    @Test(arguments: [
        (["move", "5", "7"], "CPU 7 is offline (EINVAL)"), (["move", "5", "1"], "it is there already"),
        (["move", "6", "1"], "no such channel"),
    ]) func `what the kernel would refuse is not tried`(_ words: [String], _ reason: String) throws {
        let guest = try WritableGuest()
        let ran = try Program.run(list: words + ["--interval", "0.05", "--sysroot", guest.root])
        #expect(ran.status == 1 && ran.errors.contains(reason), "\(ran)")
    }

    @Test(arguments: [SIGKILL, SIGTERM, nil]) func `a move for a time is taken back, whatever ends it`(
        _ signal: Int32?
    ) throws {
        let guest = try WritableGuest()
        let time = signal == nil ? "0.2" : "600"
        let program = try RunningProgram(
            ["move", "5", "2", "--for", time, "--interval", "0.05", "--sysroot", guest.root])
        _ = try program.wait(for: "is on CPU 2\n")
        if let signal { #expect(program.end(signal) & 0x7F == signal) }
        let said = try program.wait(for: nil)
        #expect(said.contains("channels/5/cpu is 1 again"), "\(said)")
        #expect(said.contains("the program is gone") == (signal == SIGKILL))
        if signal == nil { #expect(program.end(0) == 0) }
        let cpu = try guest.text("devices/\(Self.device)/channels/5/cpu")
        #expect(cpu == "1")
    }
}
