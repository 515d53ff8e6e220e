import Glibc
import Platform
import Testing

@Suite struct `A replaced file` {
    private func place() throws -> String {
        var template = Array("/tmp/vmbusscope-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @Test func `has the new bytes and nothing beside it`() throws {
        let place = try place()
        let file = place + "/a.prom"
        defer { for path in [file, place] { _ = Glibc.remove(path) } }
        for bytes: [UInt8] in [[1, 2, 3], [4], []] {
            try ReplacedFile.write(file, bytes)
            #expect(try WholeFile.read(file, limit: 10) == bytes)
        }
        #expect(try SystemFiles().names(in: place) == ["a.prom"])
    }

    @Test func `does not follow what was left behind under its hidden name`() throws {
        let place = try place()
        let (file, hidden, victim) = (place + "/a.prom", place + "/.a.prom.\(getpid()).tmp", place + "/victim")
        defer { for path in [file, hidden, victim, place] { _ = Glibc.remove(path) } }
        try ReplacedFile.write(victim, [9])
        guard symlink(victim, hidden) == 0 else { throw SystemError.last("symlink") }
        try ReplacedFile.write(file, [1])
        #expect(try WholeFile.read(victim, limit: 10) == [9])
        #expect(try WholeFile.read(file, limit: 10) == [1])
    }

    @Test func `is refused where a link or a directory stands`() throws {
        let place = try place()
        let (link, victim) = (place + "/link", place + "/victim")
        defer { for path in [link, victim, place] { _ = Glibc.remove(path) } }
        try ReplacedFile.write(victim, [9])
        guard symlink(victim, link) == 0 else { throw SystemError.last("symlink") }
        for path in [link, place] {
            do throws(SystemError) {
                try ReplacedFile.write(path, [1])
                Issue.record("\(path) was replaced")
            } catch {
                #expect(error.code == EEXIST)
            }
        }
        #expect(try WholeFile.read(victim, limit: 10) == [9])
        #expect(try SystemFiles().names(in: place) == ["link", "victim"])
    }
}
