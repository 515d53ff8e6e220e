import Glibc
import Platform
import Testing

/// A directory that is made for one test and removed with it.
private struct Place: ~Copyable {
    let path: String
    private var made: [String] = []

    init() throws {
        var template = Array("/tmp/vmbusscope-files-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        for name in made.reversed() { _ = Glibc.remove(path + name) }
        _ = Glibc.remove(path)
    }

    mutating func directory(_ name: String) throws {
        guard mkdir(path + name, 0o755) == 0 else { throw SystemError.last("mkdir", path: name) }
        made.append(name)
    }

    mutating func file(_ name: String, _ text: String) throws {
        let descriptor = open(path + name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError.last("open", path: name) }
        made.append(name)
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw SystemError.last("write", path: name) }
    }

    mutating func link(_ name: String, _ target: String) throws {
        guard symlink(target, path + name) == 0 else { throw SystemError.last("symlink", path: name) }
        made.append(name)
    }

    mutating func pipe(_ name: String) throws {
        guard mkfifo(path + name, 0o644) == 0 else { throw SystemError.last("mkfifo", path: name) }
        made.append(name)
    }
}

@Suite struct `System files` {
    private func code<Value>(_ body: () throws(SystemError) -> Value) -> Int32? {
        do {
            _ = try body()
            return nil
        } catch {
            return error.code
        }
    }

    private func text(_ files: SystemFiles, _ path: String) throws -> String {
        String(decoding: try files.read(path, limit: 100), as: UTF8.self)
    }

    @Test func `a whole file is read up to the limit, and nothing but a file`() throws {
        var place = try Place()
        try place.file("/ten", "0123456789")
        try place.pipe("/pipe")
        try place.link("/link", "ten")
        let path = place.path
        #expect(try WholeFile.read(path + "/link", limit: 10) == Array("0123456789".utf8))
        #expect(code { () throws(SystemError) in try WholeFile.read(path + "/ten", limit: 9) } == EFBIG)
        #expect(code { () throws(SystemError) in try WholeFile.read(path + "/pipe", limit: 9) } == EOPNOTSUPP)
        #expect(code { () throws(SystemError) in try WholeFile.read(path, limit: 9) } == EISDIR)
        #expect(code { () throws(SystemError) in try WholeFile.read(path + "/none", limit: 9) } == ENOENT)
        // A file of the kernel says that it has no bytes.
        #expect(try !WholeFile.read("/proc/self/status", limit: 1 << 20).isEmpty)
    }

    @Test func `reads up to the limit and refuses more`() throws {
        var place = try Place()
        try place.file("/four", "1234")
        try place.file("/none", "")
        for files in [SystemFiles(sysroot: place.path), SystemFiles(sysroot: place.path + "//")] {
            #expect(try files.read("/four", limit: 4) == Array("1234".utf8))
            #expect(code { () throws(SystemError) in try files.read("/four", limit: 3) } == EFBIG)
            #expect(try files.read("/none", limit: 0) == [])
            #expect(code { () throws(SystemError) in try files.read("/nothing", limit: 9) } == ENOENT)
        }
        #expect(try text(SystemFiles(), place.path + "/four") == "1234")
    }

    @Test func `opens nothing but regular files`() throws {
        var place = try Place()
        try place.pipe("/pipe")
        try place.directory("/directory")
        let files = SystemFiles(sysroot: place.path)
        #expect(code { () throws(SystemError) in try files.read("/pipe", limit: 9) } == EOPNOTSUPP)
        #expect(code { () throws(SystemError) in try files.read("/directory", limit: 9) } == EISDIR)
        #expect(code { () throws(SystemError) in try SystemFiles().read("/dev/zero", limit: 9) } == EOPNOTSUPP)
        #expect(try files.kind(of: "/pipe") == .other)
        #expect(try files.kind(of: "/directory") == .directory)
    }

    @Test func `follows links inside the sysroot only`() throws {
        var place = try Place()
        try place.directory("/etc")
        try place.directory("/deep")
        try place.file("/etc/hostname", "inside")
        try place.link("/absolute", "/etc/hostname")
        try place.link("/deep/upwards", "../../../../../../etc/hostname")
        try place.link("/deep/root", "/")
        try place.link("/outside", "/proc/self/environ")
        let files = SystemFiles(sysroot: place.path)
        #expect(try text(files, "/absolute") == "inside")
        #expect(try text(files, "/deep/upwards") == "inside")
        #expect(try text(files, "/deep/root/deep/root/etc/hostname") == "inside")
        #expect(try text(files, "/../../etc/hostname") == "inside")
        #expect(code { () throws(SystemError) in try files.read("/outside", limit: 9) } == ENOENT)
        #expect(code { () throws(SystemError) in try files.kind(of: "/outside") } == ENOENT)
        #expect(try files.linkTarget(of: "/outside") == "/proc/self/environ")
        #expect(code { () throws(SystemError) in try files.linkTarget(of: "/etc/hostname") } == EINVAL)
    }

    @Test func `reads through an open directory under the same rules`() throws {
        var place = try Place()
        try place.directory("/device")
        try place.file("/device/id", "14")
        try place.pipe("/device/pipe")
        try place.directory("/device/power")
        try place.link("/device/inside", "/device/id")
        try place.link("/device/outside", "/proc/self/environ")
        try place.link("/alias", "/../device")
        let directory = try SystemFiles(sysroot: place.path).directory("/alias")
        #expect(try directory.read("id", limit: 2) == Array("14".utf8))
        #expect(try directory.read("inside", limit: 2) == Array("14".utf8))
        let wrong: [(String, Int32)] = [
            ("id", EFBIG), ("pipe", EOPNOTSUPP), ("power", EISDIR), ("outside", ENOENT), ("none", ENOENT),
        ]
        for (name, expected) in wrong {
            #expect(code { () throws(SystemError) in try directory.read(name, limit: 1) } == expected, "\(name)")
        }
        #expect(throws: SystemError(call: "fstatat", code: ENOENT, path: place.path + "/device/none")) {
            try directory.read("none", limit: 1)
        }
        #expect(
            code { () throws(SystemError) in try SystemFiles(sysroot: place.path).directory("/device/id") } == ENOTDIR)
    }

    @Test func `gives up on links that lead in circles`() throws {
        var place = try Place()
        try place.link("/a", "b")
        try place.link("/b", "/a")
        let files = SystemFiles(sysroot: place.path)
        #expect(code { () throws(SystemError) in try files.read("/a", limit: 9) } == ELOOP)
        #expect(code { () throws(SystemError) in try files.names(in: "/a/x") } == ELOOP)
    }

    @Test func `lists names in the order of their bytes without the two dots`() throws {
        var place = try Place()
        for name in ["/b", "/a", "/Z", "/10", "/9"] { try place.file(name, "") }
        let files = SystemFiles(sysroot: place.path)
        #expect(try files.names(in: "/") == ["10", "9", "Z", "a", "b"])
        #expect(code { () throws(SystemError) in try files.names(in: "/a") } == ENOTDIR)
        #expect(code { () throws(SystemError) in try files.names(in: "/none") } == ENOENT)
    }

    @Test func `names the file and the call in an error`() throws {
        let place = try Place()
        let files = SystemFiles(sysroot: place.path)
        #expect(throws: SystemError(call: "readlink", code: ENOENT, path: place.path + "/sys")) {
            try files.read("/sys/bus", limit: 9)
        }
    }
}
