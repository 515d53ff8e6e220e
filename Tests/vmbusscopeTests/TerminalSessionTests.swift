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
