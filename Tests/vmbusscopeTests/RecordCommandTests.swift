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

    @Test func `a simulation is recorded by 'sim' as by 'record'`() throws {
        defer { unlink(path) }
        let other = path + ".2"
        defer { unlink(other) }
        let first = try Program.run("record", "--sim", "boot", "--steps", "500", "-o", path)
        let second = try Program.run("sim", "boot", "--steps", "500", "--headless", "--record", other)
        #expect(first.status == 0 && second.status == 0 && second.output.isEmpty)
        let isEqual = try WholeFile.read(path, limit: 1 << 24) == WholeFile.read(other, limit: 1 << 24)
        #expect(isEqual)
    }

    @Test(arguments: [["--records", "77"], ["--duration", "30ms"]]) func `ends where it is told`(
        _ words: [String]
    ) throws {
        defer { unlink(path) }
        #expect(try Program.run(list: ["record", "--sim", "network", "-o", path] + words).status == 0)
        let lines = try Program.run("open", path, "--json").output.split(separator: "\n")
        if words[0] == "--records" {
            #expect(lines.count == 77)
        } else {
            let ran = try Program.run("sim", "network", "--until", "30ms", "--headless", "--json").output
            #expect(lines.count == ran.split(separator: "\n").count)
        }
    }

    @Test func `a ring of files has the newest records`() throws {
        let stem = String(path.dropLast(7))
        defer { for number in 1...99 { unlink("\(stem)-0000\(number < 10 ? "0" : "")\(number).pcapng") } }
        let recorded = try Program.run(
            "record", "--sim", "network", "--steps", "3000", "--files", "2x256K", "-o", path)
        #expect(recorded.status == 0)
        #expect((try? WholeFile.read(path, limit: 1 << 24)) == nil)
        let names = try SystemFiles().names(in: "/tmp").filter { "/tmp/\($0)".hasPrefix(stem) }
        #expect(names.count == 2)
        let opened = try Program.run("open", "/tmp/\(try #require(names.last))", "--view", "channels", "--json")
        #expect(opened.status == 0 && opened.output.contains("network"))
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func `a signal ends a recording well`(_ signal: Int32) throws {
        defer { unlink(path) }
        let tree = path + ".tree"
        #expect(system("mkdir -p \(tree)/sys/bus/vmbus/devices \(tree)/sys/devices") == 0)
        defer { #expect(system("rm -r \(tree)") == 0) }
        // It has written its beginning when the signal comes.
        let line = """
            \(Program.path) record --sysroot \(tree) --interval 0.05 -o \(path) & p=$!; \
            while [ ! -s \(path) ]; do sleep 0.02; done; kill -\(signal) $p; wait $p
            """
        #expect(system("sh -c '\(line)'") == 0)
        let opened = try Program.run("open", path, "--json")
        #expect(opened.status == 0 && !opened.output.isEmpty)
    }

    @Test func `a reader that has enough ends it quietly`() throws {
        let piped = try shell(
            "{ \(Program.path) record --sim network --steps 200000 -o -; echo $? >&2; } 2>\(path).err | head -c 100")
        defer { unlink(path + ".err") }
        #expect(piped.utf8.count >= 100)
        #expect(try WholeFile.read(path + ".err", limit: 100) == Array("0\n".utf8))
    }

    @Test func `a host whose records nobody reads any more ends`() throws {
        let errors = path + ".err"
        defer {
            unlink(errors)
            unlink(path + ".sock")
        }
        let piped = try shell(
            "{ \(Program.path) host --listen \(path).sock --record -; echo $? >&2; } 2>\(errors) | head -c 100")
        #expect(piped.utf8.count >= 100)
        #expect(try WholeFile.read(errors, limit: 1000) == Array("0\n".utf8))
    }

    @Test(arguments: ["gzip", "zstd"]) func `what comes packed through a pipe is unpacked`(_ tool: String) throws {
        guard system("command -v \(tool) >/dev/null") == 0 else { return }
        defer { unlink(path) }
        _ = try Program.run("record", "--sim", "boot", "--steps", "300", "-o", path)
        let packed = try shell("\(tool) -q -c \(path) | \(Program.path) open - --json")
        #expect(try packed == Program.run("open", path, "--json").output && !packed.isEmpty)
        // zstd has blocks of 128 KiB.
        _ = try Program.run("record", "--sim", "boot", "--steps", "3000", "-o", path)
        let cut = try shell(
            "{ \(tool) -q -c \(path) | head -c -2000 | \(Program.path) open - --json 2>&1; echo $?; } | tail -n 2")
        #expect(cut == "vmbusscope: what is compressed here ends too early\n2\n")
        let text = try shell("echo 'hv_vmbus: Vmbus version:5.3' | \(tool) -q | \(Program.path) open - --text")
        #expect(text.contains("kernel log") && text.contains("5.3"))
        // They differ in the name of the recording, in the last line.
        let checked = try shell("\(tool) -q -c \(path) | \(Program.path) check -").split(separator: "\n")
        let named = try Program.run("check", path).output.split(separator: "\n")
        #expect(checked.count == named.count && checked.dropLast() == named.dropLast())
    }

    @Test func `packets that are cut say how long they were, and the file says why`() throws {
        defer { unlink(path) }
        let cut = try Program.run("record", "--sim", "network", "--steps", "3000", "--snaplen", "128", "-o", path)
        #expect(cut.status == 0)
        let bytes = try WholeFile.read(path, limit: 1 << 24)
        let text = String(decoding: bytes.prefix(4000), as: UTF8.self)
        #expect(text.contains("snaplen: 128") && text.contains("asked for with --snaplen"))
        let opened = try Program.run("open", path, "--json")
        #expect(opened.status == 0 && opened.output.contains("\"omitted\":"))
    }

    @Test func `needs an output and an end`() throws {
        #expect(try Program.run("record", "--sim", "boot", "--steps", "1", "--files", "2x1M", "-o", "-").status == 64)
        #expect(try Program.run("record", "--sim", "boot", "--steps", "1", "--files", "2", "-o", path).status == 64)
        #expect(try Program.run("sim", "boot", "--steps", "1", "--record", path).status == 64)
        #expect(try Program.run("sim", "boot", "--steps", "1", "--headless", "--snaplen", "64").status == 64)
        #expect(try Program.run("host", "--listen", "/tmp/x", "--records", "4").status == 64)
        #expect(try Program.run("record").status == 64)
        #expect(try Program.run("record", "--sysroot", "/usr", "--count", "1", "-o", path).status == 3)
        #expect(try Program.run("record", "--sim", "boot", "-o", path).status == 64)
        #expect(try Program.run("record", "--sim", "boot", "--steps", "1", "-o", "/nowhere/x").status == 1)
        #expect(try Program.run("record", "--sim", "boot", "--steps", "400", "-o", "/dev/full").status == 1)
    }

    // MARK: What is done with recordings

    @Test func `a recording keeps the rules, and the host's end run again says the same`() throws {
        defer { unlink(path) }
        _ = try Program.run("record", "--sim", "rescind", "--steps", "2000", "-o", path)
        let checked = try Program.run("check", path)
        #expect(checked.status == 0)
        #expect(
            checked.output.contains(
                "answers as recorded, 0 differences\nits state at the end is what the recording says"))
        #expect(
            checked.output.contains("not checkable: this source shows no ring memory")
                || checked.output.contains("not checkable"))
        let json = try Program.run("check", path, "--json")
        #expect(json.output.hasPrefix(#"{"schema":"vmbusscope.check/1","source":"file","title":""#))
        #expect(json.output.contains(#""differences":0,"first_seq":null"#))
    }

    @Test func `a broken rule in a recording is bad news`() throws {
        defer { unlink(path) }
        // The guest of this scenario breaks a rule that messages show.
        let recorded = try Program.run("record", "--sim", "openvmm-1829", "--steps", "4000", "-o", path)
        let live = try Program.run("check", "openvmm-1829", "--steps", "4000")
        #expect(recorded.status == 0 && live.status == 5)
        let checked = try Program.run("check", path)
        #expect(checked.status == 0 || checked.status == 5)
        #expect(checked.output.split(separator: "\n").count > 34)
    }

    @Test(arguments: ["gzip", "zstd"]) func `a compressed recording opens as what it was`(_ tool: String) throws {
        defer {
            unlink(path)
            unlink(path + ".packed")
        }
        _ = try Program.run("record", "--sim", "two-guests", "--steps", "1000", "-o", path)
        guard system("\(tool) -q -c \(path) > \(path).packed 2>/dev/null") == 0 else { return }
        let plain = try Program.run("open", path, "--json")
        let packed = try Program.run("open", path + ".packed", "--json")
        #expect(packed.status == 0 && packed.output == plain.output && !plain.output.isEmpty)
        let bytes = try WholeFile.read(path + ".packed", limit: 1 << 24)
        try ReplacedFile.write(path + ".packed", Array(bytes.prefix(bytes.count * 9 / 10)))
        let cut = try Program.run("open", path + ".packed", "--json")
        #expect(cut.status == 2 && cut.errors.contains("ends too early") && !cut.output.isEmpty)
    }

    @Test func `two recordings are compared, and texts are recorded`() throws {
        let other = path + ".2"
        defer {
            unlink(path)
            unlink(other)
        }
        _ = try Program.run("record", "--sim", "two-guests", "--duration", "2s", "-o", path)
        _ = try Program.run("record", "--sim", "two-guests", "--duration", "3500ms", "-o", other)
        let compared = try Program.run("compare", path, other)
        #expect(compared.status == 0)
        #expect(compared.output.contains("went    wheezy ") && compared.output.contains(" heartbeat"))
        let sketched = try Program.run("sim", "--from", other, "--headless", "--steps", "300", "--json")
        #expect(sketched.status == 0 && sketched.errors.contains("a scenario of the same devices and rates"))
        #expect(sketched.output.contains("\"wheezy\""))
    }

    @Test func `a recording that grows is followed`() throws {
        defer { unlink(path) }
        let place = path + ".out"
        defer { unlink(place) }
        _ = try Program.run("record", "--sim", "boot", "--steps", "300", "-o", path)
        let bytes = try WholeFile.read(path, limit: 1 << 24)
        let all = try Program.run("open", path, "--json").output
        try ReplacedFile.write(path, Array(bytes.prefix(bytes.count / 2)))
        // It goes on when the rest is there, and ends when somebody ends it.
        let rest = path + ".rest"
        defer { unlink(rest) }
        try ReplacedFile.write(rest, Array(bytes.dropFirst(bytes.count / 2)))
        let line = """
            \(Program.path) open \(path) --follow --json > \(place) & p=$!; \
            while [ ! -s \(place) ]; do sleep 0.02; done; cat \(rest) >> \(path); \
            n=0; while [ $n -lt 500 ] && [ $(wc -c < \(place)) -lt \(all.utf8.count) ]; do sleep 0.02; n=$((n+1)); done; \
            kill $p
            """
        #expect(system("sh -c '\(line)'") == 0)
        let isEqual = try String(decoding: WholeFile.read(place, limit: 1 << 24), as: UTF8.self) == all
        #expect(isEqual && !all.isEmpty)
    }
}
