import Glibc
import Platform
import Testing

@Suite struct `The ring command` {
    private static let fixtures =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/CaptureFilesTests/Fixtures"

    private func isOneLine(_ text: String) -> Bool {
        text.hasPrefix("vmbusscope: ") && text.split(separator: "\n", omittingEmptySubsequences: false).count == 2
    }

    @Test func `prints a whole pair with status 0`() throws {
        let image = Self.fixtures + "/rings/pair.bin"
        let text = try Program.run("ring", image)
        #expect(text.status == 0 && text.errors.isEmpty)
        #expect(
            text.output.contains("RING 1 of 2, guest to host") && text.output.contains("RING 2 of 2, host to guest"))
        let json = try Program.run("ring", image, "--json")
        let expected = try WholeFile.read(Self.fixtures + "/rings/pair.json", limit: 1 << 20)
        #expect(json.status == 0 && json.errors.isEmpty)
        #expect(json.output == String(decoding: expected, as: UTF8.self))
        let one = try Program.run("ring", image, "--no-pair", "--device", "heartbeat", "--sender", "host")
        #expect(one.output.hasPrefix("RING\n") && one.output.contains("IC.MALFORMED"))
    }

    @Test func `lists what is whole and names the damage with status 2`() throws {
        let outcome = try Program.run("ring", Self.fixtures + "/rings/overrun-by-8.bin", "--json")
        #expect(outcome.status == 2)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains("1 damage found"))
        #expect(outcome.output.contains(#""packets":[{"offset":"#))
        #expect(outcome.output.contains(#""kind":"overrun","message":"length of the packet at offset 320 is 64: "#))
    }

    @Test(arguments: [
        ("/", "is a directory"), ("/dev/null", "no regular file"), ("/nonexistent/ring", "no such file"),
        ("\(fixtures)/rings/busy.json", "are no ring"),
    ])
    func `refuses what cannot be a dump`(path: String, reason: String) throws {
        let outcome = try Program.run("ring", path)
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains(reason), "\(outcome.errors)")
    }

    @Test func `refuses a pipe without waiting for it, and a file that is far too long`() throws {
        var template = Array("/tmp/vmbusscope-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        let place = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let (pipe, long) = (place + "/pipe", place + "/long")
        defer {
            for path in [pipe, long, place] { _ = Glibc.remove(path) }
        }
        guard mkfifo(pipe, 0o600) == 0 else { throw SystemError.last("mkfifo") }
        let file = open(long, O_WRONLY | O_CREAT, 0o600)
        guard file >= 0, ftruncate(file, 1 << 36) == 0 else { throw SystemError.last("ftruncate") }
        close(file)
        for (path, reason) in [(pipe, "no regular file"), (long, "cut the ring out")] {
            let outcome = try Program.run("ring", path)
            #expect(outcome.status == 1)
            #expect(isOneLine(outcome.errors) && outcome.errors.contains(reason), "\(outcome.errors)")
        }
    }

    /// Where there is no python3 the images of `CaptureFilesTests` must do.
    @Test func `agrees with an independent writer about random images`() throws {
        let words = ["python3", Self.fixtures + "/make_rings.py", "--check", Program.path, "1", "60"]
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Program.unblockSignals(&attributes)
        var process: pid_t = 0
        guard posix_spawnp(&process, words[0], nil, &attributes, &pointers, environ) == 0 else { return }
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process else { throw SystemError.last("waitpid") }
        #expect(status == 0 || status >> 8 == 127)
    }
}
