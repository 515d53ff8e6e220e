import BusModel
import Configuration
import Inspector
import ProtocolRules
import Testing
import VMBusPartitions
import VMBusSimulator

/// What sessions tell of faults and of the rules of the protocol.
@Suite struct RuleRecordTests {
    /// Wheezy's first signal does not come.
    private static func broken() throws -> SimulatorSource {
        var source = try SessionFixture.source()
        try source.perform(.armFault(partition: 2, "lost-signal"))
        try source.perform(.addBreakpoint("invariant", ignoring: 0))
        let travel = try source.travel(.breakpoint, .forward, limit: 2000)
        #expect(travel.arrival == .breakpoint(1))
        return source
    }

    @Test func `a breach is a record whose code no injected fault has`() throws {
        var source = try Self.broken()
        let position = source.position
        source.goToBeginning()
        var batch = FlowBatch()
        while source.position.sequence < position.sequence { batch.append(source.advance(.steps(1))) }
        let faults = batch.headers.filter { $0.kind == .fault }
        #expect(faults.map(\.brokenRule) == [nil, ProtocolRule.noLostWakeupData.rawValue])
        #expect(faults.map { FaultCode(rawValue: $0.code).isInjected } == [true, false])
        #expect(faults.first?.code == FaultClass.buggyPeer.rawValue)
        let text = String(decoding: batch.payload(of: faults[1]), as: UTF8.self)
        #expect(text.hasPrefix("no-lost-wakeup-data: "))
    }

    @Test func `the session counts checks and breaches, and forgets them going back`() throws {
        var source = try Self.broken()
        let session = try #require(source.session)
        let rule = try #require(session.invariants.first { $0.id == "no-lost-wakeup-data" })
        #expect(rule.breaches == 1 && rule.checks > 10 && rule.first?.text.hasPrefix("by the guest") == true)
        #expect(session.faults.map(\.strikes) == [1])
        #expect(session.marks.map(\.isBreach) == [false, true])
        _ = try source.travel(.unit(.message, 4), .backward, limit: 0)
        let before = try #require(source.session)
        #expect(before.invariants.allSatisfy { $0.breaches == 0 } && before.faults.map(\.strikes) == [0])
        #expect(before.marks == session.marks)
    }

    @Test func `a fault that is let go of does not strike, and the file keeps that`() throws {
        var source = try SessionFixture.source()
        try source.perform(.armFault(partition: 2, "lost-signal times=0"))
        try source.perform(.disarmFault(1))
        #expect(source.session?.faults == [])
        _ = source.advance(.steps(1500))
        #expect(source.session?.invariants.allSatisfy { $0.breaches == 0 } == true)
        let text = source.file.text
        let opened = try SimulatorSource(SessionFile(ConfigurationDocument(parsing: text, file: "x.session")))
        #expect(opened.file.text == text && opened.fingerprint == source.fingerprint)
        do throws(CommandRefusal) {
            try source.perform(.disarmFault(1))
            Issue.record("there is no such fault any more")
        } catch {
            #expect(error.reason == "there is no fault 1")
        }
    }

    @Test func `measurements can do without rules`() throws {
        var source = SimulatorSource(try #require(try Scenarios.named("boot")), checksRules: false)
        _ = source.advance(.steps(200))
        #expect(source.checker == nil && source.session?.invariants == [])
    }

    @Test(arguments: [
        "lost-signal", "lost-message direction=guest-to-host message=OPEN_CHANNEL nth=3 times=0 odds=0.25",
        "rescind guest=wheezy device=network at=2ms delay=1500ns", "wrong-relid value=-1",
        "delay-message subchannel=2 delay=3s",
    ])
    func `a fault's words are read again as the same fault`(_ words: String) throws {
        let guests = try #require(try Scenarios.named("two-guests")).guests
        let fault = try FaultConfiguration(words: words, guests: guests)
        #expect(try FaultConfiguration(words: fault.words(guests: guests), guests: guests) == fault)
    }
}
