import Glibc
import Testing

@testable import Platform

@Suite struct `A listener at a name` {
    private static func freshPath() -> String { "/tmp/vmbusscope-test-\(getpid())-\(UInt64.random(in: 0 ... .max))" }

    private func failure(_ path: String) -> SystemError? {
        do throws(SystemError) {
            _ = try UnixListener(path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func `goes with its name`() throws {
        let path = Self.freshPath()
        do {
            let listener = try UnixListener(path: path)
            #expect(listener.path == path)
            #expect(access(path, F_OK) == 0)
            let nobody = try listener.accept() == nil
            #expect(nobody)
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func `takes the place of a socket that nobody listens at`() throws {
        let path = Self.freshPath()
        let descriptor = OwnedDescriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let number = descriptor.rawValue
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        #expect(failure(path) == nil)
        #expect(access(path, F_OK) != 0)
    }

    @Test func `leaves somebody else's socket alone`() throws {
        let path = Self.freshPath()
        let first = try UnixListener(path: path)
        #expect(failure(path)?.code == EADDRINUSE)
        #expect(access(path, F_OK) == 0)
        // A probe is a guest that leaves at once.
        let probe = try first.accept() != nil
        #expect(probe)
    }

    @Test(arguments: [false, true])
    func `leaves a file or a link alone`(isLink: Bool) throws {
        let path = Self.freshPath()
        let made = isLink ? symlink("/nonexistent/socket", path) : close(open(path, O_CREAT | O_WRONLY, 0o600))
        try #require(made == 0)
        defer { unlink(path) }
        #expect(failure(path)?.code == ENOTSOCK)
        var status = stat()
        #expect(lstat(path, &status) == 0)
    }

    @Test func `does not take away a name that somebody else has taken over`() throws {
        let path = Self.freshPath()
        do {
            let listener = try UnixListener(path: path)
            #expect(unlink(listener.path) == 0)
            #expect(close(open(path, O_CREAT | O_WRONLY, 0o600)) == 0)
        }
        #expect(access(path, F_OK) == 0)
        unlink(path)
    }

    @Test(arguments: ["", "/nonexistent/directory/socket", "/tmp/" + String(repeating: "x", count: 120)])
    func `needs a name that can be one`(path: String) {
        #expect(failure(path) != nil)
    }
}

@Suite struct `A mapping of a shared file` {
    @Test func `shows what others write, and survives their cutting it short`() throws {
        let file = try OwnedDescriptor.memoryFile("test", byteCount: 3 * 4096)
        #expect(try file.regularFileSize() == 12288)
        let ours = try SharedMapping(file, offset: 0, byteCount: 12288)
        let theirs = try SharedMapping(file, offset: 4096, byteCount: 4096)
        theirs.base.storeBytes(of: 77, as: UInt8.self)
        #expect(ours.base.load(fromByteOffset: 4096, as: UInt8.self) == 77)
        try file.truncate(to: 4096)
        #expect(!ours.isDamaged && !theirs.isDamaged)
        #expect(ours.base.load(fromByteOffset: 4096, as: UInt8.self) == 0)
        #expect(ours.base.load(fromByteOffset: 100, as: UInt8.self) == 0)
        #expect(ours.isDamaged && !theirs.isDamaged)
    }
}
