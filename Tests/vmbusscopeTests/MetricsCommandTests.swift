import Glibc
import Platform
import Testing

@Suite struct `The metrics command` {
    @Test func `prints OpenMetrics of a tree`() throws {
        let tree = try SmallTree()
        defer { tree.remove() }
        let outcome = try Program.run("metrics", "--sysroot", tree.path)
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(outcome.output.hasSuffix("# EOF\n"))
        let channel = #"{device="309d6b79-965e-4a32-9ae4-45508201e2bd",channel="0""#
        #expect(outcome.output.contains("vmbus_channel_ring_capacity_bytes\(channel),direction=\"in\"} 4096\n"))
        #expect(outcome.output.contains("vmbus_channel_interrupts_total\(channel)} 700\n"))
        #expect(!outcome.output.contains("vmbus_channel_write_full"))
    }

    @Test func `writes one whole file that everybody may read, and no other`() throws {
        let tree = try SmallTree()
        defer { tree.remove() }
        let file = tree.path + "/vmbus.prom"
        defer { _ = Glibc.remove(file) }
        for _ in 0..<2 {
            let outcome = try Program.run("metrics", "--sysroot", tree.path, "--textfile", file)
            #expect(outcome.status == 0 && outcome.output.isEmpty && outcome.errors.isEmpty)
        }
        let text = String(decoding: try WholeFile.read(file, limit: 1 << 20), as: UTF8.self)
        #expect(text.contains("# TYPE vmbus_channel_interrupts_total counter\n") && !text.contains("# EOF"))
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o644)
        #expect(try SystemFiles().names(in: tree.path) == ["proc", "sys", "vmbus.prom"])
    }

    @Test func `says that there is no bus with status 3, in the file as well`() throws {
        let printed = try Program.run("metrics", "--sysroot", "/tmp")
        #expect(printed.status == 3 && printed.output.contains("\nvmbus_available 0\n"))
        let tree = try SmallTree()
        defer { tree.remove() }
        let file = tree.path + "/none.prom"
        defer { _ = Glibc.remove(file) }
        let written = try Program.run("metrics", "--sysroot", "/tmp", "--textfile", file)
        #expect(written.status == 3 && written.errors.contains("no VMBus here"))
        let text = String(decoding: try WholeFile.read(file, limit: 1 << 20), as: UTF8.self)
        #expect(text.contains("\nvmbus_available 0\n"))
    }

    @Test(arguments: ["/dev/null", "/tmp", "/nonexistent/vmbus.prom"])
    func `replaces nothing but a regular file`(path: String) throws {
        let outcome = try Program.run("metrics", "--sysroot", "/tmp", "--textfile", path)
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("vmbusscope: "))
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func `comes with rules, their tests and a dashboard`() throws {
        let rules = try Program.run("print", "rules")
        #expect(rules.status == 0 && rules.output.hasPrefix("groups:\n"))
        #expect(rules.output.split(separator: "\n").count { $0.hasPrefix("      - alert: VMBus") } == 13)
        #expect(try Program.run("print", "rule-tests").output.contains("rule_files:\n  - vmbus.rules.yml\n"))
        #expect(try Program.run("print", "dashboard").output.hasPrefix(#"{"id":null,"uid":"vmbusscope""#))
    }
}
