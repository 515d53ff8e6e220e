import Glibc
import Platform
import Testing

/// Other machines through `--ssh`, with a script in place of ssh that runs the program itself on a tree.
@Suite struct `Remote machines` {
    /// Hosts a and b are one tree; the others fail each in their way.
    private struct StandIn {
        let tree: SmallTree
        let script: String

        init() throws {
            tree = try SmallTree()
            script = tree.path + "/ssh"
            let text = """
                #!/bin/sh
                host=$1; shift
                case $host in
                a|b) exec "$@" --sysroot \(tree.path) ;;
                nobus) exec "$@" --sysroot /tmp ;;
                greets) echo 'Last login: today'; exec "$@" --sysroot \(tree.path) ;;
                cut) "$@" --sysroot \(tree.path) </dev/null | head -c 300; exit 3 ;;
                garbage) head -c 100000 /dev/zero ; sleep 60 ;;
                refused) echo 'ssh: connect to host refused port 22: Connection refused' >&2; exit 255 ;;
                missing) exit 127 ;;
                esac

                """
            try ReplacedFile.write(script, Array(text.utf8))
            guard chmod(script, 0o755) == 0 else { throw SystemError.last("chmod", path: script) }
        }

        func remove() {
            _ = Glibc.remove(script)
            tree.remove()
        }

        func show(_ view: String, _ hosts: String...) throws -> Program.Outcome {
            try Program.run(
                list: ["show", view, "--csv", "--ssh", script, "--remote-program", Program.path]
                    + hosts.flatMap { ["--remote", $0] })
        }
    }

    @Test func `are shown side by side, without a bus here`() throws {
        let standIn = try StandIn()
        defer { standIn.remove() }
        let partitions = try standIn.show("partitions", "b", "a", "greets")
        #expect(partitions.status == 0 && partitions.errors.isEmpty, "\(partitions.errors)")
        let lines = partitions.output.split(separator: "\n").dropFirst()
        #expect(lines.map { $0.prefix(16) } == ["b,guest,connecte", "a,guest,connecte", "greets,guest,con"])
        let channels = try standIn.show("channels", "b", "a")
        #expect(channels.output.split(separator: "\n").count { $0.contains(",14,") && $0.contains(",open,") } == 2)
    }

    @Test func `that fail do not hide the others, and the reason is said`() throws {
        let standIn = try StandIn()
        defer { standIn.remove() }
        let outcome = try standIn.show("partitions", "refused", "a", "missing", "nobus", "cut", "garbage")
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",").prefix(3).last ?? ""
        }
        #expect(lines == ["STALE", "connected", "STALE", "disconnected", "STALE", "STALE"])
        #expect(
            outcome.errors.contains("refused: ssh: connect to host refused port 22: Connection refused (status 255)"))
        #expect(outcome.errors.contains("missing: not found there"))
        #expect(outcome.errors.contains("cut: ") && outcome.errors.contains("garbage: no records come"))
        #expect(outcome.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("vmbusscope: ") })
    }

    @Test func `that all fail are a failure`() throws {
        let standIn = try StandIn()
        defer { standIn.remove() }
        let outcome = try standIn.show("partitions", "refused")
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(outcome.errors.contains("Connection refused"))
    }

    @Test func `stand beside this one where it has a bus`() throws {
        let standIn = try StandIn()
        defer { standIn.remove() }
        let outcome = try Program.run(
            "show", "partitions", "--csv", "--sysroot", standIn.tree.path, "--ssh", standIn.script, "--remote-program",
            Program.path, "--remote", "a")
        let names = outcome.output.split(separator: "\n").dropFirst().compactMap { $0.split(separator: ",").first }
        #expect(names == ["host", "web-7", "a"])
    }

    @Test func `are on the screen with what went wrong, and leave no program and a sane terminal behind`() throws {
        let standIn = try StandIn()
        defer { standIn.remove() }
        let session = try TerminalSession(
            columns: 100, rows: 30, "live", "--ssh", standIn.script, "--remote-program", Program.path, "--remote", "a",
            "--remote", "refused", "--interval", "0.1")
        #expect(try session.waits(for: "Connection refused"))
        try session.press("2")
        #expect(try session.waits(for: "Network adapter"))
        try session.press("1")
        #expect(try session.waits(for: "STALE"))
        try session.press("q")
        #expect(try session.waitsForEnd() == 0)
        #expect(session.hasSaneSettings && session.hasLeftTheScreen)
        let running = try SystemFiles().names(in: "/proc").filter { name in
            guard let words = try? SystemFiles().read("/proc/\(name)/cmdline", limit: 4096) else { return false }
            return String(decoding: words, as: UTF8.self).contains(standIn.tree.path)
        }
        #expect(running.isEmpty, "\(running)")
    }

    @Test func `get records until their input ends, and nothing at a wrong command line`() throws {
        let standIn = try StandIn()
        defer { standIn.remove() }
        // Its standard input is at its end from the beginning.
        let outcome = try Program.run("live", "--stream", "--interval", "60", "--sysroot", standIn.tree.path)
        #expect(outcome.status == 0 && outcome.output.hasPrefix("VMBSFLOW") && outcome.errors.isEmpty)
        for arguments in [
            ["live", "--remote", "-oProxyCommand=x"], ["live", "--remote", "a b"], ["live", "--ssh", "x"],
            ["live", "--remote", "a", "--remote", "a"], ["live", "--stream", "--remote", "a"],
            ["show", "channels", "--remote", ""], ["watch", "--remote-program", "x"],
        ] {
            let outcome = try Program.run(list: arguments)
            #expect(outcome.status == 64 && outcome.output.isEmpty, "\(arguments): \(outcome.errors)")
        }
    }
}
