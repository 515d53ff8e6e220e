import Glibc
import Testing

@testable import Platform

@Suite struct `A piped child` {
    /// Everything that comes from a pipe until its end.
    private func drain(_ descriptor: Int32) throws -> String {
        var loop = PollLoop<Void>()
        loop.add(descriptor, token: ())
        var bytes: [UInt8] = []
        while true {
            _ = try loop.wait(timeout: .seconds(20))
            guard let more = try DescriptorAccess.read(descriptor, atMost: 4096) else { continue }
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }

    /// Waits for its end, which comes by itself.
    private func ending(_ child: PipedChild) -> PipedChild.Ending? {
        for _ in 0..<4000 {
            if let ending = child.ending() { return ending }
            _ = poll(nil, 0, 5)
        }
        return nil
    }

    @Test func `speaks through its pipes and says how it ended`() throws {
        let child = try PipedChild(["sh", "-c", "echo out; echo err >&2; exit 7"])
        #expect(try drain(child.output) == "out\n")
        #expect(try drain(child.errors) == "err\n")
        #expect(ending(child) == .exited(7))
        let killed = try PipedChild(["sh", "-c", "kill -9 $$"])
        #expect(ending(killed) == .signalled(9))
    }

    @Test func `is refused when there is no such program`() {
        do throws(SystemError) {
            _ = try PipedChild(["/nonexistent/program"])
            Issue.record("it was started")
        } catch {
            #expect(error.code == ENOENT && error.path == "/nonexistent/program")
        }
    }

    @Test func `sees the end of its input when it is ended, and ends by itself`() throws {
        let child = try PipedChild(
            ["sh", "-c", "cat >/dev/null; exit 5"], patience: PipedChild.Patience(byItself: 20_000))
        #expect(child.ending() == nil)
        child.end()
        #expect(child.ending() == .exited(5))
    }

    @Test func `is ended with its children, even if it will not`() throws {
        let child = try PipedChild(["sh", "-c", "trap '' TERM; sleep 100 & echo $!; while :; do wait; done"])
        var loop = PollLoop<Void>()
        loop.add(child.output, token: ())
        _ = try loop.wait(timeout: .seconds(20))
        let line = try DescriptorAccess.read(child.output, atMost: 100) ?? []
        let grandchild = try #require(pid_t(String(decoding: line, as: UTF8.self).filter(\.isNumber)))
        child.end()
        #expect(child.ending() == .signalled(SIGKILL))
        // Whoever takes care of orphans may not have looked yet.
        for _ in 0..<4000 where kill(grandchild, 0) == 0 && !isDead(grandchild) { _ = poll(nil, 0, 5) }
        #expect(kill(grandchild, 0) != 0 || isDead(grandchild))
    }

    private func isDead(_ process: pid_t) -> Bool {
        let text = (try? SystemFiles().read("/proc/\(process)/stat", limit: 4096)).map {
            String(decoding: $0, as: UTF8.self)
        }
        return text.map { $0.contains(") Z ") } ?? true
    }

    @Test func `has a session of its own and starts with signals as from a shell`() throws {
        let child = try PipedChild(["sh", "-c", "cat /proc/self/stat /proc/self/status"])
        let text = try drain(child.output)
        let fields = text.drop { $0 != ")" }.split(separator: " ")
        #expect(fields.count > 5 && fields[4] != String(getsid(0))[...])
        #expect(text.contains("SigBlk:\t0000000000000000\n"))
    }
}
