import Glibc
import Testing

/// The real program on a real (pseudo-)terminal.
@Suite(.serialized) struct TerminalSessionTests {
    @Test func `steps through a simulation, shows every view and leaves the terminal as it was`() throws {
        let session = try TerminalSession(columns: 100, rows: 30, "sim", "--seed", "7", "--paused")
        #expect(try session.waits(for: "PAUSED"))
        #expect(session.text.contains("SIM"))
        #expect(!session.hasSaneSettings)
        try session.press("4m")
        #expect(try session.waits(for: "INITIATE_CONTACT"))
        try session.press("\r")
        #expect(try session.waits(for: "target_vp"))
        try session.press("2")
        #expect(try session.waits(for: "Device"))
        try session.press("3")
        #expect(try session.waits(for: "hannel"))
        try session.press("?")
        #expect(try session.waits(for: "Esc"))
        try session.press("qq")
        #expect(try session.waitsForEnd() == 0)
        #expect(session.hasSaneSettings)
        #expect(session.hasLeftTheScreen)
    }

    @Test(arguments: [nil, SIGTERM] as [Int32?])
    func `shows a host that waits for a guest, and takes its socket away`(_ signal: Int32?) throws {
        let path = "/tmp/vmbusscope-test-\(getpid())-\(UInt64.random(in: 0 ... .max)).sock"
        let session = try TerminalSession(columns: 100, rows: 30, "host", "--listen", path)
        #expect(try session.waits(for: "HOST"))
        #expect(try session.waits(for: "root"))
        #expect(access(path, F_OK) == 0)
        if let signal { session.signal(signal) } else { try session.press("q") }
        #expect(try session.waitsForEnd() == signal.map { 128 + $0 } ?? 0)
        #expect(access(path, F_OK) != 0)
        #expect(session.hasSaneSettings)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func `a signal ends it with the signal's status and a sane terminal`(_ signal: Int32) throws {
        let session = try TerminalSession(columns: 80, rows: 24, "sim", "--seed", "7")
        #expect(try session.waits(for: "RUNNING"))
        session.signal(signal)
        #expect(try session.waitsForEnd() == 128 + signal)
        #expect(session.hasSaneSettings)
        #expect(session.hasLeftTheScreen)
    }

    @Test(arguments: [SIGSEGV, SIGABRT, SIGILL])
    func `a fault leaves a sane terminal too`(_ signal: Int32) throws {
        let session = try TerminalSession(columns: 80, rows: 24, "sim", "--seed", "7", "--paused")
        #expect(try session.waits(for: "PAUSED"))
        session.signal(signal)
        let status = try session.waitsForEnd()
        #expect(status != nil && status != 0)
        #expect(session.hasSaneSettings)
        #expect(session.hasLeftTheScreen)
    }
}
