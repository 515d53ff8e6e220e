import Glibc
import Platform
import Testing

@Suite struct `The record command` {
    private let path = "/tmp/vmbusscope-\(getpid())-\(UInt32.random(in: 0 ... .max)).pcapng"

    @Test(arguments: ["two-guests", "hvsock"]) func `keeps a session that opens as what it was`(_ name: String) throws {
        defer { unlink(path) }
        let recorded = try Program.run("record", "--sim", name, "--seed", "3", "--steps", "600", "-o", path)
        #expect(recorded.status == 0 && recorded.output.isEmpty && recorded.errors.isEmpty)
        let ran = try Program.run("sim", name, "--seed", "3", "--headless", "--steps", "600", "--json")
        let opened = try Program.run("open", path, "--json")
        #expect(opened.status == 0)
        let isEqual = ran.output == opened.output
        #expect(isEqual && opened.output.count > 100_000)
        let text = try Program.run("open", path)
        #expect(text.status == 0 && text.output.hasPrefix("FILE  \(path.dropFirst(5)): "))
    }

    @Test func `a file that was cut is shown as far as it goes, with status 2`() throws {
        defer { unlink(path) }
        _ = try Program.run("record", "--sim", "boot", "--steps", "200", "-o", path)
        let bytes = try WholeFile.read(path, limit: 1 << 24)
        try ReplacedFile.write(path, Array(bytes.prefix(bytes.count * 2 / 3 + 1)))
        let opened = try Program.run("open", path, "--json")
        #expect(opened.status == 2)
        #expect(opened.errors.hasPrefix("vmbusscope: byte ") && opened.errors.contains("the file ends inside a block"))
        #expect(opened.output.split(separator: "\n").count > 20)
    }

    @Test func `streams through a pipe`() throws {
        let stream = "\(Program.path) record --sim boot --steps 300 -o - | \(Program.path) open - --json"
        let piped = try shell(stream)
        let ran = try Program.run("sim", "boot", "--headless", "--steps", "300", "--json")
        let isEqual = piped == ran.output
        #expect(isEqual && piped.count > 10_000)
    }

    private func shell(_ line: String) throws -> String {
        let place = path + ".out"
        defer { unlink(place) }
        #expect(system("\(line) > \(place)") == 0)
        return String(decoding: try WholeFile.read(place, limit: 1 << 24), as: UTF8.self)
    }

    @Test func `needs an output and an end`() throws {
        #expect(try Program.run("record").status == 64)
        #expect(try Program.run("record", "--sim", "boot", "-o", path).status == 64)
        #expect(try Program.run("record", "--sim", "boot", "--steps", "1", "-o", "/nowhere/x").status == 1)
        #expect(try Program.run("record", "--sim", "boot", "--steps", "400", "-o", "/dev/full").status == 1)
    }
}
