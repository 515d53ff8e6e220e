import Glibc
import Testing

@Suite struct `The command line` {
    /// Whether it is one line that begins with the program's name.
    private func isOneLine(_ text: String) -> Bool {
        text.hasPrefix("vmbusscope: ") && text.split(separator: "\n", omittingEmptySubsequences: false).count == 2
    }

    @Test(
        arguments: [
            ["lss"], ["ls", "--no-such"], ["watch", "--count", "0"], ["watch", "--interval", "nan"],
            ["watch", "--interval", "0"], ["show"], ["show", "nothing"], ["sim", "--json"], ["sim", "--headless"],
            ["sim", "nobody", "--headless", "--steps", "1"], ["sim", "--headless", "--until", "-1s"],
            ["sim", "--headless", "--until", "inf"], ["sim", "--headless", "--steps", "-1"],
            ["host"], ["host", "--listen", "/tmp/x", "--max-version", "7.0"], ["host", "--listen", "/tmp/x", "nobody"],
            ["host", "--listen", "/tmp/x", "--echo"], ["host", "--listen", "/tmp/x", "--uio-dir", "/tmp/x"],
            ["host", "--uio-dir", "/tmp/x"], ["host", "--uio-dir", "/tmp/x", "--sysfs", "/tmp/y", "--ring", "4K"],
            ["host", "--uio-dir", "/tmp/x", "--sysfs", "/tmp/y", "--device", "keyboard"],
            ["bench", "net", "--rounds", "0"],
            ["print", "theme", "none"], ["print", "completions", "none"], ["ring"], ["ring", "a", "b"],
            ["ring", "/dev/null", "--device", "net"], ["ring", "/dev/null", "--sender", "nobody"],
            ["bench", "ring", "--rounds", "0"], ["metrics", "--interval", "5"], ["metrics", "--max-channels", "-1"],
            ["metrics", "--format", "json"], ["metrics", "--textfile", "/tmp/x", "--interval", "0"],
        ])
    func `refuses what it does not understand with one line and status 64`(arguments: [String]) throws {
        let outcome = try Program.run(list: arguments)
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty)
        #expect(isOneLine(outcome.errors), "\(outcome.errors)")
    }

    @Test(arguments: [
        [], ["ls"], ["watch"], ["show"], ["live"], ["sim"], ["host"], ["ring"], ["bench"], ["bench", "ring"], ["print"],
        ["print", "theme"], ["metrics"], ["attach"], ["move"],
    ])
    func `teaches on standard output`(command: [String]) throws {
        let outcome = try Program.run(list: command + ["--help"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        #expect(outcome.output.contains("OVERVIEW: ") && outcome.output.contains("USAGE: vmbusscope"))
        if command.count < 2 { #expect(outcome.output.contains("EXAMPLES")) }
    }

    @Test func `measures the ring in every case`() throws {
        let outcome = try Program.run("bench", "ring", "--json", "--rounds", "1")
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix(#"{"schema":"vmbusscope.bench.ring/1","results":[{"threads":1,"#))
        #expect(outcome.output.split(separator: #""ours_ns":"#).count == 25)
        #expect(outcome.output.split(separator: #""core_round_trip_ns":null"#).count == 13)
    }

    @Test func `says that there is no bus with status 3`() throws {
        let text = try Program.run("ls", "--sysroot", "/tmp")
        #expect(text.status == 3)
        #expect(text.output.isEmpty)
        #expect(isOneLine(text.errors) && text.errors.contains("/tmp/sys/bus/vmbus/devices"))
        let json = try Program.run("ls", "--json", "--sysroot", "/tmp/")
        #expect(json.status == 3)
        #expect(
            json.output
                == #"{"schema":"vmbusscope.ls/1","source":"tree","bus":{"available":false},"devices":[],"problems":[]}"#
                + "\n")
        #expect(isOneLine(json.errors))
        #expect(try Program.run("watch", "--count", "1", "--sysroot", "/tmp").status == 3)
        #expect(try Program.run("show", "channels", "--sysroot", "/tmp").status == 3)
        #expect(try Program.run("attach", "eth0", "--dry-run", "--sysroot", "/tmp").status == 3)
        #expect(try Program.run("move", "3", "1", "--dry-run", "--sysroot", "/tmp").status == 3)
    }

    @Test(arguments: [["live"], ["sim"], ["live", "--sysroot", "/tmp"]])
    func `says that a screen needs a terminal`(arguments: [String]) throws {
        let outcome = try Program.run(list: arguments)
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains("terminal"))
    }

    @Test func `a host keeps its hands off a file and says where it cannot listen`() throws {
        let tree = try SmallTree()
        defer { tree.remove() }
        let file = tree.path + "/proc/sys/kernel/hostname"
        let outcome = try Program.run("host", "--listen", file, "--json")
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains(file))
        #expect(access(file, F_OK) == 0)
    }

    @Test func `names a sysroot that is not there`() throws {
        let outcome = try Program.run("ls", "--sysroot", "/nonexistent/tree")
        #expect(outcome.status == 1)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains("/nonexistent/tree"))
    }

    @Test func `lists, watches and shows a copied tree`() throws {
        let tree = try SmallTree()
        defer { tree.remove() }
        let brief = try Program.run("ls", "--sysroot", tree.path)
        #expect(brief.output == "VMBUS ID 14: Synthetic network adapter\n")
        #expect(brief.status == 0 && brief.errors.isEmpty)
        #expect(
            try Program.run("ls", "-vv", "--sysroot", tree.path).output == """
                VMBUS ID 14: Class_ID = {f8615163-df3e-46c5-913f-f2d2f965ed0e} - Synthetic network adapter
                \tDevice_ID = {309d6b79-965e-4a32-9ae4-45508201e2bd}
                \tSysfs path: /sys/bus/vmbus/devices/309d6b79-965e-4a32-9ae4-45508201e2bd
                \tRel_ID=14, target_cpu=2


                """)
        let watch = try Program.run("watch", "--count", "2", "--interval", "0.05", "--sysroot", tree.path)
        let lines = watch.output.split(separator: "\n")
        #expect(watch.status == 0 && lines.count == 3)
        #expect(
            lines.last?.split(separator: " ").dropFirst().map(String.init) == [
                "network", "14", "open", "2", "96/4K", "0/4K", "700", "0", "300", "0", "-", "idle",
            ])
        let json = try Program.run("watch", "--json", "--count", "1", "--sysroot", tree.path)
        #expect(json.output.hasPrefix(#"{"schema":"vmbusscope.watch/1","sample":1,"time_ns":"#))
        #expect(json.output.contains(#""partition":"web-7","device":"309d6b79-965e-4a32-9ae4-45508201e2bd""#))
        let table = try Program.run("show", "channels", "--csv", "--filter", "class == network", "--sysroot", tree.path)
        #expect(table.status == 0)
        #expect(table.output.contains("Network adapter,") && table.output.contains(",14,unknown,"))
        let filter = try Program.run("show", "channels", "--filter", "clas == network", "--sysroot", tree.path)
        #expect(filter.status == 64 && isOneLine(filter.errors))
    }

    @Test func `runs a simulation that is the same each time`() throws {
        let first = try Program.run("sim", "--headless", "--steps", "400", "--json", "--seed", "7")
        let second = try Program.run("sim", "--headless", "--steps", "400", "--json", "--seed", "7")
        #expect(first.status == 0 && first.errors.isEmpty)
        #expect(first.output == second.output)
        #expect(
            first.output.split(separator: "\n").allSatisfy { $0.hasPrefix(#"{"schema":"vmbusscope.flow/1","seq":"#) })
        let text = try Program.run("sim", "--headless", "--until", "2ms")
        #expect(text.output.contains("VMBUS.INITIATE_CONTACT"))
    }

    @Test func `a simulation ends at a filter or a breakpoint, and is drawn`() throws {
        let filter = try Program.run("sim", "--headless", "--until", "name == VMBUS.OPEN_CHANNEL")
        #expect(filter.status == 0 && filter.output.split(separator: "\n").last?.contains("VMBUS.OPEN_CHANNEL") == true)
        let stop = try Program.run("sim", "--headless", "--steps", "3000", "--break", "kind == packet")
        #expect(stop.status == 0 && isOneLine(stop.errors) && stop.errors.contains("breakpoint 1"))
        let chart = try Program.run("sim", "--steps", "100", "--export", "mermaid")
        #expect(chart.status == 0 && chart.output.hasPrefix("sequenceDiagram\n"))
        let wrong = try Program.run("sim", "--headless", "--until", "relid == banana")
        #expect(wrong.status == 64 && isOneLine(wrong.errors))
    }

    @Test func `a session that was written is opened again`() throws {
        let path = "/tmp/vmbusscope-tests-\(getpid()).session"
        defer { unlink(path) }
        let words = ["sim", "storage", "--seed", "5", "--headless", "--steps", "400"]
        let whole = try Program.run(list: ["sim", "storage", "--seed", "5", "--headless", "--steps", "500", "--json"])
        #expect(try Program.run(list: words + ["--record-session", path]).status == 0)
        let rest = try Program.run("sim", path, "--headless", "--steps", "100", "--json")
        #expect(rest.status == 0)
        let last = rest.output.split(separator: "\n").last
        #expect(last != nil && last == whole.output.split(separator: "\n").last)
        #expect(try Program.run("sim", path, "--seed", "1").status == 64)
        #expect(try Program.run("sim", "/nowhere.session", "--headless", "--steps", "1").status == 1)
    }

    @Test func `the same run in two processes is the same`() throws {
        let outcome = try Program.run("sim", "storage", "--check-determinism", "--steps", "1500")
        #expect(outcome.status == 0 && outcome.output.contains("1500 steps") && outcome.errors.isEmpty)
    }

    @Test func `prints what is shipped inside`() throws {
        #expect(try Program.run("print", "theme").output == "dark\nlight\nhigh-contrast\nmono\n")
        #expect(try Program.run("print", "theme", "mono").output.contains("name = \"mono\""))
        #expect(try Program.run("print", "scenario").output.contains("two-guests "))
        #expect(try Program.run("print", "scenario", "two-guests").output.contains("["))
        #expect(try Program.run("print", "completions", "bash").output.hasPrefix("#!/bin/bash"))
    }

    @Test func `ends quietly when its reader has seen enough`() throws {
        let outcome = try Program.run("sim", "--headless", "--until", "100s", outputLimit: 1000)
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
    }
}
