import Glibc
import Platform
import Testing

@Suite struct `Recordings as files` {
    private let place: String

    init() throws {
        place = "/tmp/vmbusscope-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        guard mkdir(place, 0o700) == 0 else { throw SystemError.last("mkdir", path: place) }
    }

    private func recorded(_ scenario: String = "boot", steps: Int = 300) throws -> String {
        let path = "\(place)/\(scenario).pcapng"
        let outcome = try Program.run("record", "--sim", scenario, "--steps", "\(steps)", "-o", path)
        try #require(outcome.status == 0)
        return path
    }

    private func clean() {
        _ = system("rm -r \(place)")
    }

    @Test func `info counts, and says with status 2 where a file is damaged`() throws {
        defer { clean() }
        let path = try recorded()
        let whole = try Program.run("capture", "info", path)
        #expect(whole.status == 0 && whole.output.contains("Damage            none"))
        let json = try Program.run("capture", "info", "--json", path)
        #expect(json.output.hasPrefix(#"{"schema":"vmbusscope.capture/1","#))
        let bytes = try WholeFile.read(path, limit: 1 << 24)
        let cut = "\(place)/cut.pcapng"
        try ReplacedFile.write(cut, Array(bytes.prefix(bytes.count / 2 + 1)))
        let damaged = try Program.run("capture", "info", cut)
        #expect(damaged.status == 2 && damaged.errors.contains("the file ends inside a block"))
        #expect(try Program.run("capture", "info", "/dev/null").status == 1)
        #expect(try Program.run("capture", "info", "\(place)/none").status == 1)
        #expect(try Program.run("capture", "info").status == 64)
    }

    @Test func `split by records gives pieces that merge puts together again`() throws {
        defer { clean() }
        let path = try recorded("network", steps: 500)
        #expect(
            try Program.run("capture", "split", path, "--records", "400", "-o", "\(place)/piece.pcapng").status == 0)
        let pieces = ["\(place)/piece-0001.pcapng", "\(place)/piece-0002.pcapng"]
        // A piece explains itself: its channels have their names.
        let second = try Program.run("open", pieces[1], "--view", "channels", "--text")
        #expect(second.status == 0 && second.output.contains("Network adapter"))
        var list = ["capture", "merge"] + pieces
        var number = 3
        while access("\(place)/piece-000\(number).pcapng", F_OK) == 0 {
            list.append("\(place)/piece-000\(number).pcapng")
            number += 1
        }
        #expect(try Program.run(list: list + ["-o", "\(place)/whole.pcapng"]).status == 0)
        let (before, after) = (
            try Program.run("export", path, "--to", "csv"),
            try Program.run("export", "\(place)/whole.pcapng", "--to", "csv")
        )
        let isSame = Self.records(before.output) == Self.records(after.output)
        #expect(isSame && before.output.count > 10_000)
    }

    /// Without keyframes that a piece begins with.
    private static func records(_ csv: String) -> [Substring] {
        csv.split(separator: "\n").filter { !$0.contains(",keyframe,") }
    }

    @Test func `split by a filter gives what fits and the rest`() throws {
        defer { clean() }
        let path = try recorded("network", steps: 400)
        #expect(
            try Program.run("capture", "split", path, "--filter", "kind == packet", "-o", "\(place)/x.pcapng").status
                == 0)
        let fits = try Program.run("export", "\(place)/x-fits.pcapng", "--to", "csv", "--filter", "kind == packet")
        let rest = try Program.run("export", "\(place)/x-rest.pcapng", "--to", "csv", "--filter", "kind == packet")
        let all = try Program.run("export", path, "--to", "csv", "--filter", "kind == packet")
        #expect(fits.output.split(separator: "\n").count == all.output.split(separator: "\n").count)
        #expect(rest.output.split(separator: "\n").count == 1)
        #expect(
            try Program.run("capture", "split", path, "--filter", "kind ==", "-o", "\(place)/y.pcapng").status == 64)
    }

    @Test func `merge lays recordings of two machines side by side`() throws {
        defer { clean() }
        let (one, two) = (try recorded("boot"), try recorded("storage", steps: 200))
        let both = "\(place)/both.pcapng"
        #expect(try Program.run("capture", "merge", one, two, "-o", both).status == 0)
        let view = try Program.run("open", both, "--view", "partitions", "--text")
        #expect(view.status == 0 && view.output.split(separator: "\n").count >= 4)
        #expect(try Program.run("capture", "merge", one, "-o", both).status == 64)
        #expect(try Program.run("capture", "merge", one, two, "-o", one).status == 64)
    }

    @Test func `anonymise lists what it replaced, and the file opens`() throws {
        defer { clean() }
        let path = try recorded("network", steps: 600)
        let other = "\(place)/other.pcapng"
        let outcome = try Program.run("capture", "anonymise", path, "--key", "secret", "-o", other)
        #expect(
            outcome.status == 0 && outcome.output.contains("transaction ids") && outcome.output.contains("Now zero"))
        let (before, after) = (
            try Program.run("export", path, "--to", "csv"), try Program.run("export", other, "--to", "csv")
        )
        #expect(before.output.split(separator: "\n").count == after.output.split(separator: "\n").count)
        #expect(after.status == 0 && before.output != after.output)
        let again = try Program.run("capture", "anonymise", path, "--key", "secret", "-o", "-")
        #expect(again.status == 0 && again.errors.contains("transaction ids"))
    }

    @Test(arguments: ["pcapng", "jsonl", "csv", "perfetto", "mermaid", "html"])
    func `every export of a damaged file is whole, with status 2`(_ form: String) throws {
        defer { clean() }
        let path = try recorded()
        var bytes = try WholeFile.read(path, limit: 1 << 24)
        bytes.removeLast(bytes.count / 3)
        for place in stride(from: bytes.count / 2, to: bytes.count / 2 + 40, by: 3) { bytes[place] ^= 0x55 }
        try ReplacedFile.write(path, bytes)
        let out = "\(place)/out"
        let outcome = try Program.run("export", path, "--to", form, "-o", out)
        #expect(outcome.status == 2 && outcome.errors.contains("byte "))
        let result = try WholeFile.read(out, limit: 1 << 26)
        #expect(result.count > 1000)
        if form == "html" { #expect(String(decoding: result.suffix(8), as: UTF8.self) == "</html>\n") }
        if form == "pcapng" { #expect(try Program.run("capture", "info", out).status == 0) }
    }

    @Test func `an export of some time and kind opens with what was known there`() throws {
        defer { clean() }
        let path = try recorded("network", steps: 800)
        let part = "\(place)/part.pcapng"
        let outcome = try Program.run(
            "export", path, "--to", "pcapng", "--from", "1.2ms", "--to-time", "3ms", "--filter", "kind == packet", "-o",
            part)
        #expect(outcome.status == 0)
        let names = try Program.run("export", part, "--to", "csv", "--filter", "name contains RNDIS")
        let whole = try Program.run(
            "export", path, "--to", "csv", "--filter", "name contains RNDIS", "--from", "1.2ms", "--to-time", "3ms")
        #expect(names.output == whole.output && names.output.split(separator: "\n").count > 2)
    }

    @Test func `wrong words are told before anything is written`() throws {
        defer { clean() }
        let path = try recorded()
        for words in [
            ["export", path], ["export", path, "--to", "docx"], ["export", path, "--to", "csv", "--filter", "a =="],
            ["export", path, "--to", "csv", "--from", "2s", "--to-time", "1s"],
            ["export", path, "--to", "csv", "-o", path], ["capture", "split", path, "-o", "\(place)/x"],
            ["capture", "split", path, "--records", "0", "-o", "\(place)/x"], ["capture", "anonymise", path],
        ] {
            let outcome = try Program.run(list: words)
            #expect(outcome.status == 64 && outcome.output.isEmpty, "\(words)")
        }
        #expect(try Program.run("export", "\(place)/none", "--to", "csv").status == 1)
        #expect(try Program.run("export", path, "--to", "csv", "-o", "/dev/full").status == 1)
        // A reader that goes away ends it quietly.
        let short = try Program.run(list: ["export", path, "--to", "csv"], outputLimit: 100)
        #expect(short.errors.isEmpty)
    }

    @Test func `extcap answers as Wireshark asks, and captures into its pipe`() throws {
        defer { clean() }
        let list = try Program.run("extcap", "--extcap-interfaces", "--extcap-version=4.0")
        #expect(list.output.contains("interface {value=vmbus-live}") && list.output.contains("{value=vmbus-sim}"))
        let dlts = try Program.run("extcap", "--extcap-interface", "vmbus-sim", "--extcap-dlts")
        #expect(dlts.output == "dlt {number=147}{name=USER0}{display=VMBus records}\n")
        let choices = try Program.run("extcap", "--extcap-interface", "vmbus-sim", "--extcap-config")
        #expect(choices.output.contains("{call=--scenario}") && choices.output.contains("value {arg=0}{value=boot}"))
        let live = try Program.run("extcap", "--extcap-interface", "vmbus-live", "--extcap-config")
        #expect(live.output.contains("{call=--trace}"))
        let path = "\(place)/captured.pcapng"
        let captured = try Program.run(
            "extcap", "--extcap-interface", "vmbus-sim", "--scenario", "boot", "--steps", "200", "--speed", "1000",
            "--capture", "--fifo", path)
        #expect(captured.status == 0)
        #expect(try Program.run("capture", "info", path).output.contains("Damage            none"))
        for words in [[], ["--extcap-interface", "eth0", "--extcap-dlts"], ["--extcap-interface", "vmbus-sim"]] {
            #expect(try Program.run(list: ["extcap"] + words).status == 64)
        }
    }

    @Test func `the dissector is printed`() throws {
        let printed = try Program.run("print", "dissector")
        #expect(printed.status == 0 && printed.output.contains("Proto(\"vmbus\""))
    }
}
