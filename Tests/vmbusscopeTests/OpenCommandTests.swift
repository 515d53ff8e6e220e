import Glibc
import Testing

@Suite struct `The open command` {
    private static let texts =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/LinuxGuestTests/Fixtures/texts"

    private static let ring =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/CaptureFilesTests/Fixtures/rings/pair.bin"

    private func isOneLine(_ text: String) -> Bool {
        text.hasPrefix("vmbusscope: ") && text.split(separator: "\n", omittingEmptySubsequences: false).count == 2
    }

    @Test func `shows a log and a listing as one, and says what they are`() throws {
        let outcome = try Program.run("open", Self.texts + "/kernel-log.txt", Self.texts + "/lsvmbus-vv.txt")
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(outcome.output.hasPrefix("FILE  kernel-log.txt (kernel log), lsvmbus-vv.txt (lsvmbus listing)\n"))
        #expect(outcome.output.contains("Network adapter"))
        #expect(outcome.output.contains("LOG.PROBE_FAILED"))
        #expect(outcome.output.contains("sub-channel 2"))
    }

    @Test func `counts what it does not understand, with status 2`() throws {
        let outcome = try Program.run("open", Self.texts + "/trace.txt", "--json")
        #expect(outcome.status == 2)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains("trace.txt: 1 line not understood"))
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count == 34)
        #expect(lines.allSatisfy { $0.hasPrefix(#"{"schema":"vmbusscope.flow/1","seq":"#) && $0.hasSuffix("}") })
        #expect(lines.contains { $0.contains(#""value":"trace.txt: trace, 1 line not understood""#) })
        #expect(lines.contains { $0.contains(#""name":"TRACE.OFFER_CHANNEL""#) })
    }

    @Test func `prints the view that is asked for, of what fits`() throws {
        let channels = try Program.run(
            "open", Self.texts + "/lsvmbus-vv.txt", "--view", "channels", "--filter", "class == network")
        #expect(channels.status == 0)
        #expect(channels.output.contains("Network adapter") && !channels.output.contains("Dynamic memory"))
        let flow = try Program.run(
            "open", Self.texts + "/kernel-log.txt", "--view", "flow", "--json", "--filter", "kind == kernel_log")
        #expect(flow.output.split(separator: "\n").count == 14)
        let wrong = try Program.run("open", Self.texts + "/kernel-log.txt", "--json", "--filter", "kind ==")
        #expect(wrong.status == 64 && isOneLine(wrong.errors))
    }

    @Test(arguments: [
        ("/", "is a directory"), ("/dev/null", "pipe it in"), ("/nonexistent/log", "no such file"),
        ("-", "standard input: is empty"), (ring, "vmbusscope ring"),
        (#filePath, "not a format that is known; known are"),
    ])
    func `refuses what is no text of a known format`(path: String, reason: String) throws {
        let outcome = try Program.run("open", path)
        #expect(outcome.status == (path == "/" ? 3 : 1))
        #expect(outcome.output.isEmpty)
        #expect(isOneLine(outcome.errors) && outcome.errors.contains(reason), "\(outcome.errors)")
    }

    @Test func `goes on without a file that it cannot take`() throws {
        let outcome = try Program.run("open", "/nonexistent/log", Self.texts + "/driverctl.txt", "--view", "channels")
        #expect(outcome.status == 2)
        #expect(outcome.output.contains("Dynamic memory"))
        #expect(isOneLine(outcome.errors) && outcome.errors.contains("/nonexistent/log"))
    }

    @Test func `wants a file`() throws {
        #expect(try Program.run("open").status == 64)
        #expect(try Program.run("open", "-", "-").status == 64)
    }

    @Test func `opens the inspector on a terminal`() throws {
        let session = try TerminalSession(
            columns: 120, rows: 30, "open", Self.texts + "/kernel-log.txt", "--view", "flow")
        #expect(try session.waits(for: "VERSION_AGREED"))
        #expect(session.text.contains("FILE"))
        try session.press("1")
        #expect(try session.waits(for: "connected"))
        try session.press("q")
        #expect(try session.waitsForEnd() == 0)
        #expect(session.hasSaneSettings)
    }
}
