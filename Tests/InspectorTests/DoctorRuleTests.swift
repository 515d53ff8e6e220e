import BusModel
import Inspector
import Testing
import VMBusWire

/// One way to bring a rule's finding about, and what the finding must say.
struct RuleCase: Sendable, CustomTestStringConvertible {
    let rule: String
    let severity: Severity
    let actor: ResponsibleParty
    /// Seconds of the session; nil where the finding has no moment.
    let since: Double?
    /// Parts of the evidence: numbers and times.
    let evidence: [String]
    let kind: SourceKind
    let build: @Sendable (inout DoctorSession) -> Void

    init(
        _ rule: String, _ severity: Severity, _ actor: ResponsibleParty, since: Double?, _ evidence: [String],
        kind: SourceKind = .live, _ build: @escaping @Sendable (inout DoctorSession) -> Void
    ) {
        (self.rule, self.severity, self.actor, self.since, self.evidence) = (rule, severity, actor, since, evidence)
        self.kind = kind
        self.build = build
    }

    var testDescription: String { "\(rule) \(severity.rawValue)" }
}

/// Every rule finds what it is for, names who must act next, since when, and the numbers that say so.
@Suite struct DoctorRuleTests {
    @Test(arguments: RuleCase.all) func `a rule finds what it is for`(_ example: RuleCase) throws {
        var session = DoctorSession(example.kind)
        example.build(&session)
        let state = session.inspector()
        let diagnosis = state.diagnosed()
        let found = diagnosis.findings.map { "\($0.rule) \($0.severity.rawValue) \($0.text) \($0.evidence)" }
        let finding = try #require(diagnosis.findings.first { $0.rule == example.rule }, "\(found)")
        #expect(finding.severity == example.severity, "\(finding)")
        #expect(finding.actor == example.actor, "\(finding)")
        if let wanted = example.since {
            let since = Double(try #require(finding.since, "\(finding)")) / 1e9
            #expect(abs(since - wanted) <= 1, "since \(since), wanted \(wanted): \(finding)")
        } else {
            #expect(finding.since == nil, "\(finding)")
        }
        let text = finding.evidence.joined(separator: "\n")
        for part in example.evidence { #expect(text.contains(part), "'\(part)' is not in \(text)") }
        let details = try #require(state.details(of: .finding(finding.id)))
        #expect(details.sections.count == 3)
    }

    @Test func `as many channels as are usual are no finding`() {
        var session = DoctorSession()
        session.guest()
        session.state([AttributeReading(.onlineProcessors, text: "0")])
        #expect(!session.inspector().diagnosed().findings.contains { $0.rule == "channels-few" })
    }

    @Test(arguments: [(15, false), (21, true)])
    func `a channel that is looked at in turn stalls at its own third look`(_ end: Int, _ stalls: Bool) {
        var session = DoctorSession()
        session.guest()
        // It is read at 1 and 11 seconds, while the rest of the bus is read each second.
        session.each(1...end) { session, second in
            if second == 1 || second == 11 { session.nic(outUsed: 128) }
        }
        let found = session.inspector().diagnosed().findings.contains { $0.rule == "outbound-stalled" }
        #expect(found == stalls)
    }

    @Test(arguments: [(9, false), (41, true)])
    func `a device that is looked at in turn is stuck at its own third look`(_ end: Int, _ isStuck: Bool) {
        var session = DoctorSession()
        session.guest()
        // Its channel is read at 0 and 10 seconds, while the rest of the bus is read each second.
        session.each(1...20) { session, second in if second == 10 { session.nic() } }
        session.state([AttributeReading(.deviceState, 1)], device: DoctorSession.nic)
        session.each(21...20 + end) { _, _ in }
        let found = session.inspector().diagnosed().findings.contains { $0.rule == "opening-stuck" }
        #expect(found == isStuck)
    }

    @Test(arguments: [(130, false), (190, true)])
    func `a ring that is looked at in turn is nearly full at its own third look`(_ end: Int, _ isFull: Bool) {
        var session = DoctorSession()
        session.guest()
        session.each(1...end) { session, second in
            if second % 70 == 1 { session.nic(inUsed: 500_000, interrupts: UInt64(second)) }
        }
        let found = session.inspector().diagnosed().findings.contains { $0.rule == "ring-nearly-full" }
        #expect(found == isFull)
    }

    @Test(arguments: [(100, false), (190, true)])
    func `evidence that is looked at in turn is old at its own third look`(_ end: Int, _ isIdle: Bool) {
        var session = DoctorSession()
        session.guest()
        // A value that stays is told twice, here at 1 and 71 seconds.
        session.each(1...end) { session, second in
            guard second == 1 || second == 71 else { return }
            session.state(
                [
                    AttributeReading(.virtualFunction, text: "enP1"), AttributeReading(.virtualFunctionActive, 0),
                    AttributeReading(.linkCarrier, 0),
                ], device: DoctorSession.nic)
        }
        let rules = Set(session.inspector().diagnosed().findings.map(\.rule))
        #expect(rules.contains("function-idle") == isIdle)
        #expect(rules.contains("nic-link-down") == isIdle)
    }

    @Test func `lines of a second boot are as old as their places in the text`() throws {
        var session = DoctorSession(.file)
        session.at(500)
        session.line(.addFailed, first: 4, boot: 500, "vmbus: unable to add device object (relid=4)")
        // The machine starts again: ten seconds of its new clock later is second 510 of the text.
        for boot in [10.0, 12, 15] {
            session.at(500 + boot)
            session.line(.hotAddFailed, boot: boot, "Memory hot add failed")
        }
        let findings = session.inspector().diagnosed().findings
        #expect(findings.first { $0.rule == "add-failed" }?.since == 500_000_000_000)
        let later = try #require(findings.first { $0.rule == "hot-add-failed" })
        #expect(later.since == 510_000_000_000)
        #expect(later.evidence.last == "3 lines, the last 0 us ago, the first 5.0 s ago")
    }

    @Test func `lines that a reader finds long after they were written keep their own times`() throws {
        var session = DoctorSession()
        session.guest()
        session.at(300)
        session.line(.hotAddFailed, boot: 20, "Memory hot add failed")
        session.line(.hotAddFailed, boot: 19, "Memory hot add failed")
        session.line(.addFailed, first: 4, boot: 290, "vmbus: unable to add device object (relid=4)")
        let findings = session.inspector().diagnosed().findings
        #expect(findings.first { $0.rule == "hot-add-failed" }?.since == 19_000_000_000)
        #expect(findings.first { $0.rule == "add-failed" }?.since == 290_000_000_000)
    }

    @Test func `only a source that looks again and again is said to have looked too seldom`() {
        func limits(_ kind: SourceKind, _ build: (inout DoctorSession) -> Void) -> [String] {
            var session = DoctorSession(kind)
            build(&session)
            return session.inspector().diagnosed().limits.filter { $0.contains("three looks") }
        }
        #expect(limits(.live) { $0.guest() }.count == 1)
        #expect(limits(.file) { $0.guest() }.isEmpty)
        #expect(limits(.host) { $0.boot() }.isEmpty)
        let recorded = limits(.file) { session in
            session.guest()
            session.at(1)
            session.nic()
        }
        #expect(recorded.count == 1)
        #expect(limits(.live) { session in session.each(1...3) { session, _ in session.guest() } }.isEmpty)
    }

    @Test func `what is found of one device in two ways is one finding with both`() throws {
        var session = DoctorSession()
        session.guest()
        session.each(1...9) { session, second in
            let counters = "tx_errors=\(second * 3) rx_errors=\(second * 4)"
            session.state([AttributeReading(.interfaceCounters, text: counters)], device: DoctorSession.nic)
        }
        let found = session.inspector().diagnosed().findings.filter { $0.rule == "nic-errors" }
        #expect(found.count == 1)
        let text = try #require(found.first).evidence.joined(separator: "\n")
        #expect(text.contains("tx_errors grew by 24") && text.contains("rx_errors grew by 32"))
    }

    @Test func `lines without times say no ages`() throws {
        var session = DoctorSession(.file)
        session.line(.ringFull, "hyperv_drm: Unable to send packet via vmbus; error -11")
        let state = session.inspector()
        let diagnosis = state.diagnosed()
        let finding = try #require(diagnosis.findings.first { $0.rule == "request-ids-used-up" })
        #expect(finding.evidence.last == "1 line")
        #expect(!DoctorReport.text(state, diagnosis).contains("0 us"))
    }

    @Test func `every rule has a session that brings it about`() {
        let tested = Set(RuleCase.all.map(\.rule))
        for rule in DoctorRules.all { #expect(tested.contains(rule.id), "\(rule.id)") }
        #expect(Set(DoctorRules.all.map(\.id)).count == DoctorRules.all.count)
    }

    @Test func `a rule that can be critical is so in one of its sessions, and none is worse than it says`() throws {
        for rule in DoctorRules.all {
            let worst = RuleCase.all.filter { $0.rule == rule.id }.map(\.severity).max()
            #expect(worst == rule.worst, "\(rule.id)")
        }
    }

    @Test func `every known problem is named by a rule or says why it cannot be seen`() {
        #expect(KnownProblem.all.map(\.row) == Array(1...50))
        for problem in KnownProblem.all {
            let rules = DoctorRules.all.filter { $0.rows.contains(problem.row) }
            #expect(!rules.isEmpty || problem.notVisible != nil, "D\(problem.row)")
        }
    }

    @Test func `all that a rule says of itself is there`() {
        for rule in DoctorRules.all {
            let texts = [rule.id, rule.meaning, rule.method, rule.cause, rule.remedy, rule.source]
            #expect(texts.allSatisfy { !$0.isEmpty }, "\(rule.id)")
            #expect(DoctorReport.explanation(rule).contains(rule.remedy))
        }
    }
}

extension RuleCase {
    static let all: [RuleCase] =
        rings + requests + comings + network + storage + services + connection + inspection + breaches

    // MARK: Rings

    private static let rings: [RuleCase] = [
        RuleCase(
            "inbound-stalled", .critical, .guestDriver, since: 3,
            ["4096 bytes of 520192 wait for the guest", "unchanged for 6.0 s", "not masked", "interrupts 4712"]
        ) { session in
            session.guest()
            session.each(1...2) { session, _ in session.nic() }
            session.each(3...9) { session, _ in session.nic(inUsed: 4096, interrupts: 4712) }
        },
        RuleCase(
            "inbound-reader-stuck", .warning, .guestDriver, since: 3,
            ["256 bytes", "masked by the guest", "unchanged for 62.0 s"]
        ) { session in
            session.guest()
            session.each(1...2) { session, _ in session.nic() }
            session.each(3...65) { session, _ in session.nic(inUsed: 256, inMask: 1) }
        },
        RuleCase(
            "program-not-reading", .warning, .guestProgram, since: 2, ["64 bytes", "driver uio_hv_generic"]
        ) { session in
            session.guest(driver: "uio_hv_generic")
            session.at(1)
            session.nic()
            session.each(2...40) { session, _ in session.nic(inUsed: 64) }
        },
        RuleCase(
            "outbound-stalled", .critical, .hostProvider, since: 4,
            ["800 bytes of 520192 wait for the host", "unchanged for 6.0 s", "signals 100", "empty 99"]
        ) { session in
            session.guest()
            session.each(1...3) { session, _ in session.nic() }
            session.each(4...10) { session, _ in session.nic(outUsed: 800, events: 100, outEmpty: 99) }
        },
        RuleCase(
            "outbound-masked", .critical, .hostProvider, since: 4, ["800 bytes", "masked by the host, for 12.0 s"]
        ) { session in
            session.guest()
            session.each(1...3) { session, _ in session.nic() }
            session.each(4...16) { session, _ in session.nic(outUsed: 800, outMask: 1) }
        },
        RuleCase(
            "monitor-bit-stuck", .critical, .rootPartition, since: 5,
            ["bit set for 11.0 s in 12 looks", "latency is 100 us", "64 bytes wait"]
        ) { session in
            session.guest()
            session.at(0.5)
            session.state(
                [AttributeReading(.monitorID, 35), AttributeReading(.monitorLatency, 1000)], device: DoctorSession.nic,
                relid: 14)
            session.each(1...4) { session, _ in session.nic(more: [AttributeReading(.monitorPending, 0)]) }
            session.each(5...16) { session, second in
                // The bytes vary, so that only the bit tells of the trouble; another channel's bit comes and goes.
                session.nic(
                    outUsed: second.isMultiple(of: 2) ? 64 : 72,
                    more: [AttributeReading(.monitorPending, 8 | UInt64(second & 1))])
            }
        },
        RuleCase(
            "ring-nearly-full", .warning, .guestDriver, since: 2,
            ["above 90% for 63.0 s", "500520 bytes of 520192 wait"]
        ) { session in
            session.guest()
            session.each(2...65) { session, second in
                session.nic(inUsed: 500_000 + UInt64(second) * 8, interrupts: 100 + UInt64(second))
            }
        },
        RuleCase(
            "outbound-full", .warning, .operatorOfGuest, since: 2, ["80 full writes in 16 episodes within 8.0 s"]
        ) { session in
            session.guest()
            session.each(1...9) { session, second in
                session.nic(fullFirst: UInt64(second) * 2, fullTotal: UInt64(second) * 10)
            }
        },
        RuleCase(
            "request-ids-used-up", .warning, .guestDriver, since: 2,
            ["error -11", "5 lines", "800 bytes of 520192 wait in the ring"]
        ) { session in
            session.guest()
            session.each(1...6) { session, second in
                session.nic(outUsed: 800, interrupts: UInt64(second))
                if second > 1 { session.line(.ringFull, device: DoctorSession.nic, "hv_netvsc: error -11") }
            }
        },
        RuleCase(
            "needless-signals", .warning, .guestDriver, since: 2, ["8000 signals within 8.0 s, 800 explained"]
        ) { session in
            session.guest()
            session.each(1...9) { session, second in
                session.nic(events: UInt64(second) * 1000, outEmpty: UInt64(second) * 100)
            }
        },
        RuleCase(
            "interrupt-storm", .info, .operatorOfGuest, since: 2, ["1600000 interrupts within 8.0 s", "processor 1"]
        ) { session in
            session.guest()
            session.each(1...9) { session, second in session.nic(interrupts: UInt64(second) * 200_000) }
        },
        RuleCase("ring-corrupt", .critical, .guestDriver, since: 2, ["write index 520193, ring of 520192 bytes"]) {
            session in
            session.guest()
            session.each(1...2) { session, second in
                session.nic(more: [AttributeReading(.outWriteIndex, second == 2 ? 520_193 : 8)])
            }
        },
        RuleCase("ring-size-unusual", .info, .nobody, since: nil, ["65536 data bytes", "524288 or 520192"]) { session in
            session.guest()
            session.at(1)
            session.state([AttributeReading(.inSize, 65_536)], device: DoctorSession.nic, relid: 14)
        },
        RuleCase(
            "interrupt-before-open", .info, .nobody, since: 1, ["1 interrupts while the open waited"], kind: .simulator
        ) { session in
            session.boot()
            session.at(1)
            session.open(relid: 14)
            session.log.add(
                .interrupt, EventFlagDelivery(vp: 1, flag: 14).encoded(), device: DoctorSession.nic, relid: 14,
                direction: .hostToGuest)
            session.message(.openChannelResult(OpenChannelResult(relid: 14, openID: 14, status: .success)))
        },
        RuleCase("ring-left-at-close", .info, .nobody, since: 3, ["320 bytes in both rings"]) { session in
            session.guest()
            session.each(1...2) { session, second in session.nic(inUsed: 256, outUsed: 64) }
            session.at(3)
            session.state(
                [AttributeReading(.channelPhase, ChannelPhase.closed.rawValue)], device: DoctorSession.nic, relid: 14)
        },
    ]

    // MARK: Requests

    /// Something that is asked at second 2 of a log of messages, which ends some seconds later without more.
    private static func asked(
        _ rule: String, _ severity: Severity, _ actor: ResponsibleParty, _ evidence: [String], end: Double = 9,
        _ ask: @escaping @Sendable (inout DoctorSession) -> Void
    ) -> RuleCase {
        RuleCase(rule, severity, actor, since: 2, evidence, kind: .host) { session in
            session.boot()
            session.at(2)
            ask(&session)
            session.at(end)
            session.log.add(.note, [])
        }
    }

    private static let requests: [RuleCase] = [
        RuleCase(
            "wait-cycle", .critical, .guestKernel, since: 3,
            ["guest waits for host", "open the channel: no answer", "host waits for guest", "let go of the channel"],
            kind: .host
        ) { session in
            session.boot()
            session.at(2)
            session.open(relid: 14)
            session.at(3)
            session.rescind(relid: 14)
            session.at(30)
            session.log.add(.note, [])
        },
        asked(
            "open-unanswered", .critical, .hostProvider,
            ["relid 14", "open id 14", "sent by the guest at 2.000000 s (record 6)", "7.0 s ago"]
        ) { $0.open(relid: 14) },
        RuleCase(
            "open-unanswered", .critical, .guestKernel, since: 2, ["rescinded", "relid 14"], kind: .live
        ) { session in
            session.guest()
            session.at(2)
            session.trace(
                "vmbus_open", [TraceField("child_relid", 14), TraceField("openid", 14), TraceField("ret", 0)])
            session.trace("vmbus_onoffer_rescind", [TraceField("child_relid", 14)])
            session.each(3...9) { _, _ in }
        },
        RuleCase("opening-stuck", .critical, .hostProvider, since: 1, ["state 1 (opening) for 8.0 s"]) { session in
            session.guest()
            session.at(1)
            session.state([AttributeReading(.deviceState, 1)], device: DoctorSession.nic)
            session.each(2...9) { _, _ in }
        },
        asked("gpadl-unanswered", .critical, .hostProvider, ["10 of 10 pages sent", "0xe1e10"]) {
            $0.pageList(relid: 14, pages: 10, sent: 10)
        },
        asked("gpadl-incomplete", .critical, .guestKernel, ["26 of 40 pages sent"]) {
            $0.pageList(relid: 14, pages: 40, sent: 26)
        },
        asked("teardown-unanswered", .critical, .hostProvider, ["0xe1e10", "relid 14"]) {
            $0.message(.gpadlTeardown(GPADLTeardown(relid: 14, gpadl: 0xE1E10)))
        },
        RuleCase("contact-unanswered", .critical, .rootPartition, since: 1, ["version 5.3", "6.0 s ago"], kind: .host) {
            session in
            session.at(1)
            session.message(.initiateContact(InitiateContact(version: .iron)))
            session.at(7)
            session.log.add(.note, [])
        },
        RuleCase("offers-unfinished", .warning, .rootPartition, since: 1, ["tell all offers"], kind: .host) { session in
            session.message(.initiateContact(InitiateContact(version: .iron)))
            session.message(.versionResponse(VersionResponse(supported: true)))
            session.at(1)
            session.message(.requestOffers)
            session.offer(relid: 14)
            session.at(20)
            session.log.add(.note, [])
        },
        asked("modify-unanswered", .warning, .rootPartition, ["to processor 3"]) {
            $0.message(.modifyChannel(ModifyChannel(relid: 14, targetVP: 3)))
        },
        asked("tl-connect-unanswered", .warning, .rootPartition, ["port 50000", "31.8 s ago"], end: 33.8) { session in
            var request = TLConnectRequest()
            request.endpointID = GUID(1, 2, 3, 4)
            request.serviceID = DeviceClass.hvSocketClass(port: 50_000)
            session.message(.tlConnectRequest(request))
        },
        asked("rescind-unreleased", .critical, .guestDriver, ["relid 14", "70.0 s ago"], end: 72) {
            $0.rescind(relid: 14)
        },
        asked("unload-unanswered", .critical, .rootPartition, ["end the connection"]) { $0.message(.unload) },
        asked("request-unanswered", .warning, .rootPartition, ["hold the messages"]) { $0.message(.pause) },
        asked("request-refused", .warning, .hostProvider, ["status 0xc0000017", "1.0 s ago"], end: 3) { session in
            session.open(relid: 14)
            session.message(
                .openChannelResult(
                    OpenChannelResult(relid: 14, openID: 14, status: MessageStatus(rawValue: 0xC000_0017))))
        },
        RuleCase("post-failed", .warning, .guestKernel, since: 2, ["relid 14", "error -11"]) { session in
            session.guest()
            session.at(2)
            session.trace(
                "vmbus_open", [TraceField("child_relid", 14), TraceField("openid", 14), TraceField("ret", signed: -11)])
        },
        RuleCase(
            "released-early", .info, .nobody, since: 3, ["move its interrupts", "given up"], kind: .host
        ) {
            session in
            session.boot()
            session.at(2)
            session.message(.modifyChannel(ModifyChannel(relid: 14, targetVP: 3)))
            session.rescind(relid: 14)
            session.at(3)
            session.message(.relidReleased(ChannelReference(relid: 14)))
        },
        RuleCase("offers-unasked", .warning, .rootPartition, since: 2, ["the first of 2"], kind: .host) { session in
            session.message(.initiateContact(InitiateContact(version: .iron)))
            session.message(.versionResponse(VersionResponse(supported: true)))
            session.at(2)
            session.offer(relid: 14)
            session.offer(relid: 2, device: DoctorSession.pulse, classID: GuestLog.heartbeat)
        },
        RuleCase(
            "transaction-old", .critical, .hostProvider, since: 3, ["transaction 0x7", "1 wait, 0 were completed"]
        ) { session in
            session.guest()
            session.at(3)
            session.request(7, device: DoctorSession.nic, relid: 14)
            session.at(64)
            session.log.add(.note, [])
        },
        RuleCase("gpadl-total", .warning, .operatorOfGuest, since: nil, ["1400000000 bytes of about 1342177280"]) {
            session in
            session.guest()
            session.at(1)
            session.state(
                [AttributeReading(.inSize, 700_000_000), AttributeReading(.outSize, 700_000_000)],
                device: DoctorSession.nic, relid: 14)
        },
    ]

    // MARK: Comings and goings

    private static let comings: [RuleCase] = [
        RuleCase("offer-storm", .warning, .rootPartition, since: 1, ["10 changes within"]) { session in
            session.guest()
            session.each(1...9) { session, second in
                if second.isMultiple(of: 2) {
                    session.device(DoctorSession.nic, GuestLog.network, relid: 14, driver: "hv_netvsc")
                } else {
                    session.state([], device: DoctorSession.nic, code: .removed)
                }
            }
        },
        RuleCase("sockets-lost", .info, .rootPartition, since: 5, ["3 rescinds within a second"]) { session in
            session.guest()
            let sockets = (1...3).map { GUID($0, 9, 9, 9) }
            for (index, socket) in sockets.enumerated() {
                session.device(
                    socket, DeviceClass.hvSocketClass(port: 1024), relid: UInt32(40 + index), driver: "hv_sock")
            }
            session.at(5)
            for socket in sockets { session.state([], device: socket, code: .removed) }
            session.each(6...20) { _, _ in }
        },
        RuleCase("device-removed", .info, .nobody, since: 4, ["gone 2.0 s ago", DoctorSession.disk.description]) {
            session in
            session.guest()
            session.at(4)
            session.state([], device: DoctorSession.disk, code: .removed)
            session.each(5...6) { _, _ in }
        },
    ]

    // MARK: Network

    private static func counters(
        _ rule: String, _ severity: Severity, _ actor: ResponsibleParty, since: Double, _ evidence: [String],
        seconds: Int = 9, _ text: @escaping @Sendable (Int) -> String
    ) -> RuleCase {
        RuleCase(rule, severity, actor, since: since, evidence) { session in
            session.guest()
            session.each(1...seconds) { session, second in
                session.nic()
                session.state(
                    [AttributeReading(.interfaceCounters, text: text(second))], device: DoctorSession.nic)
            }
        }
    }

    /// Something of a device that is told each second.
    private static func told(
        _ rule: String, _ severity: Severity, _ actor: ResponsibleParty, since: Double, _ evidence: [String],
        of device: GUID = DoctorSession.nic, _ seconds: ClosedRange<Int>,
        _ readings: @escaping @Sendable (Int) -> [AttributeReading]
    ) -> RuleCase {
        RuleCase(rule, severity, actor, since: since, evidence) { session in
            session.guest()
            session.each(seconds) { session, second in session.state(readings(second), device: device) }
        }
    }

    /// A line about the network card each second.
    private static func flapping(_ fact: KernelLogFact) -> RuleCase {
        RuleCase("data-path-flapping", .warning, .rootPartition, since: 1, ["8 lines"]) { session in
            session.guest()
            session.each(1...8) { session, second in
                session.line(fact, first: Int64(second & 1), device: DoctorSession.nic, "VF comes or goes")
            }
        }
    }

    private static let network: [RuleCase] = [
        counters(
            "nic-send-buffer-full", .warning, .hostProvider, since: 2,
            ["tx_send_full grew by 800 within 8.0 s, 100 a second", "relid 14: 0 of 520192"]
        ) { "tx_send_full=\($0 * 100) tx_packets=\($0)" },
        counters(
            "nic-completions-blocked", .warning, .hostProvider, since: 2, ["rx_comp_busy grew by 400"]
        ) { "rx_comp_busy=\($0 * 50)" },
        counters(
            "nic-queue-stopped", .warning, .hostProvider, since: 4,
            ["stop_queue grew by 1, wake_queue by 0", "nothing sent for 36.0 s"], seconds: 40
        ) { "stop_queue=\($0 < 4 ? 5 : 6) wake_queue=5 tx_packets=\(min($0, 4))" },
        counters("nic-errors", .warning, .guestDriver, since: 2, ["tx_errors grew by 24"]) { "tx_errors=\($0 * 3)" },
        flapping(.dataPathSwitched), flapping(.virtualFunctionChanged), flapping(.virtualFunctionSlot),
        flapping(.virtualFunctionLink),
        told(
            "carrier-flapping", .warning, .rootPartition, since: 2, ["carrier_changes grew by 6 within 6.0 s"], 1...7
        ) { [AttributeReading(.carrierChanges, UInt64($0))] },
        told(
            "nic-link-down", .info, .operatorOfGuest, since: 2, ["carrier 0 for 7.0 s", "operstate down"], 2...9
        ) { _ in [AttributeReading(.linkCarrier, 0), AttributeReading(.linkState, text: "down")] },
        told("function-idle", .info, .operatorOfGuest, since: 2, ["not active for 68.0 s"], 2...70) { _ in
            [AttributeReading(.virtualFunction, text: "enP1"), AttributeReading(.virtualFunctionActive, 0)]
        },
    ]

    // MARK: Storage

    private static let storage: [RuleCase] = [
        told(
            "disks-stuck", .critical, .hostProvider, since: 3,
            ["5 in flight for 35.0 s", "1000 completed, unchanged for 37.0 s"], of: DoctorSession.disk, 1...38
        ) { second in
            [
                AttributeReading(.diskInFlight, second < 3 ? 0 : 5), AttributeReading(.diskCompleted, 1000),
                AttributeReading(.carries, text: "root file system"),
            ]
        },
        told(
            "disk-timeouts", .warning, .hostProvider, since: 4, ["grew by 2 within 5.0 s", "1.0 s ago"],
            of: DoctorSession.disk, 1...6
        ) { [AttributeReading(.diskTimeouts, $0 < 4 ? 0 : $0 < 5 ? 1 : 2)] },
        told(
            "disk-errors", .warning, .hostProvider, since: 2, ["grew by 10 within 5.0 s"], of: DoctorSession.disk, 1...6
        ) { [AttributeReading(.diskErrors, UInt64($0) * 2)] },
        RuleCase(
            "storage-log-errors", .warning, .hostProvider, since: 1, ["12 lines", "SCSI status 0xa, SRB status 0x20"]
        ) { session in
            session.guest()
            session.each(1...12) { session, _ in
                session.line(.storageError, first: 0x0A, second: 0x20, device: DoctorSession.disk, "tag#1 cmd 0x2a")
            }
        },
        RuleCase("storage-log-errors", .warning, .hostProvider, since: 2, ["25 lines, the last"]) { session in
            session.guest()
            session.flood(.storageError, told: 5, counted: 20, device: DoctorSession.disk, "tag#1 cmd 0x2a")
        },
    ]

    // MARK: Services

    private static let services: [RuleCase] = [
        RuleCase(
            "daemon-missing", .warning, .operatorOfGuest, since: 2, ["running: hv_vss_daemon", "40 bytes of the host"]
        ) { session in
            session.guest()
            session.device(DoctorSession.daemonDevice, DoctorSession.kvpClass, relid: 5, driver: "hv_utils")
            session.state([AttributeReading(.daemons, text: "hv_vss_daemon")])
            session.each(2...40) { session, _ in
                session.sample(DoctorSession.daemonDevice, relid: 5, [AttributeReading(.inUsed, 40)])
            }
        },
        logged("daemon-trouble", .warning, .guestProgram, .daemonTrouble, text: "KVP: timeout waiting for daemon"),
        RuleCase("heartbeat-silent", .warning, .hostProvider, since: 3, ["interrupts 103, unchanged for 62.0 s"]) {
            session in
            session.guest()
            session.each(1...3) { session, _ in session.nic() }
            for second in 4...65 {
                session.at(Double(second))
                session.nic(interrupts: UInt64(second))
                session.sample(DoctorSession.pulse, relid: 2, [AttributeReading(.interrupts, 103)])
            }
        },
        logged("hot-add-failed", .warning, .guestKernel, .hotAddFailed),
        logged("balloon-limited", .info, .operatorOfGuest, .balloonLimited),
        logged("hibernation-trouble", .warning, .rootPartition, .hibernationTrouble),
        logged("device-timed-out", .warning, .hostProvider, .requestTimedOut),
        logged("device-ejected", .info, .nobody, .deviceEjected),
    ]

    private static func logged(
        _ rule: String, _ severity: Severity, _ actor: ResponsibleParty, _ fact: KernelLogFact, first: Int64 = 0,
        count: Int = 1, text: String = "a line of the log"
    ) -> RuleCase {
        RuleCase(rule, severity, actor, since: 2, [text, "\(count) line"]) { session in
            session.guest()
            session.each(2...2 + count - 1) { session, _ in session.line(fact, first: first, text) }
        }
    }

    // MARK: Connection and processors

    private static let connection: [RuleCase] = [
        RuleCase("connection-failed", .critical, .rootPartition, since: 1, ["Unable to connect"]) { session in
            session.at(1)
            session.line(.connectionFailed, "Unable to connect to host")
        },
        RuleCase("offers-not-requested", .critical, .guestKernel, since: 1, ["Unable to request offers"]) { session in
            session.at(1)
            session.line(.offersRequestFailed, first: -11, "Unable to request offers - -11")
        },
        logged("task-blocked", .critical, .guestKernel, .taskBlocked, first: 120, text: "task kworker in vmbus_open"),
        logged("task-blocked", .warning, .guestKernel, .taskBlocked, first: 120, text: "task jbd2 blocked"),
        logged("operation-failed", .info, .guestDriver, .operationFailed, first: -22),
        logged("probe-failed", .warning, .guestDriver, .channelOpenFailed, first: -22),
        logged("add-failed", .warning, .guestKernel, .addFailed, first: 14),
        logged("close-failed", .warning, .guestDriver, .closeFailed, first: -11),
        logged("message-unknown", .warning, .hostProvider, .messageUnknown, first: 77, count: 12),
        logged("offer-refused", .info, .nobody, .offerRefused),
        RuleCase("log-flood", .warning, .guestDriver, since: 1, ["119 lines"]) { session in
            session.guest()
            for index in 0..<119 {
                session.at(1 + Double(index) / 119)
                session.line(.messageUnknown, first: 3, "Unhandled message: type: 3")
            }
        },
        RuleCase("log-flood", .warning, .guestDriver, since: 2, ["219 lines", "199 more like this"]) { session in
            session.guest()
            session.flood(.messageUnknown, counted: 199, "Unhandled message: type: 3")
        },
        RuleCase("probe-failed", .warning, .guestDriver, since: 2, ["probe failed", "1 line"]) { session in
            session.guest(nicState: 2)
            session.at(2)
            session.line(.probeFailed, first: -110, device: DoctorSession.nic, "probe failed (-110)")
        },
        RuleCase("device-without-driver", .warning, .operatorOfGuest, since: 0, ["state 2, no driver", "hv_netvsc"]) {
            session in
            session.guest(driver: nil, nicState: 2)
            session.each(1...12) { _, _ in }
        },
        RuleCase("device-not-opened", .warning, .guestDriver, since: 0, ["state 2 (not open) for 12.0 s"]) { session in
            session.guest(nicState: 2)
            session.each(1...12) { _, _ in }
        },
        RuleCase("version-old", .info, .nobody, since: nil, ["version 4.0", "max_version 4.0"]) { session in
            session.guest()
            session.state([
                AttributeReading(.loggedVersion, text: "4.0"), AttributeReading(.maximumVersion, text: "4.0"),
            ])
        },
        RuleCase(
            "processor-offline", .critical, .operatorOfGuest, since: 2,
            ["target processor 1, online are 0,2-3", "128 bytes wait"]
        ) { session in
            session.guest()
            session.state([AttributeReading(.onlineProcessors, text: "0,2-3")])
            session.each(2...4) { session, _ in session.nic(inUsed: 128) }
        },
        RuleCase("processor-isolated", .info, .operatorOfGuest, since: nil, ["target processor 1, isolated are 1-2"]) {
            session in
            session.guest()
            session.state([AttributeReading(.isolatedProcessors, text: "1-2")])
        },
        RuleCase("channels-share-processor", .info, .operatorOfGuest, since: nil, ["processor 1: relid 14, 15"]) {
            session in
            session.guest()
            session.state(
                [AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.cpu, 1)],
                device: DoctorSession.nic, relid: 15, subchannel: 1, code: .appeared)
        },
        RuleCase(
            "channels-few", .info, .operatorOfGuest, since: nil, ["1 open of 1 offered", "at least 8 are usual"]
        ) { session in
            session.guest()
            session.state([AttributeReading(.onlineProcessors, text: "0-15")])
        },
        RuleCase(
            "interrupts-on-one", .warning, .operatorOfGuest, since: nil, ["50k of 50k interrupts a second, 4 proc"]
        ) {
            session in
            session.guest()
            session.each(1...9) { session, second in session.nic(interrupts: UInt64(second) * 50_000) }
        },
    ]

    // MARK: The inspection itself

    private static let breaches: [RuleCase] = [
        RuleCase(
            "broken-rule", .critical, .guestDriver, since: 3,
            ["rule 23, no-lost-wakeup-data", "96 bytes wait", "broken by the guest, channel 1", "2 times"],
            kind: .simulator
        ) { session in
            session.guest()
            session.lostWakeUp(3)
            session.lostWakeUp(4)
        },
        RuleCase("broken-rule", .warning, .guestDriver, since: 3, ["it went on at 5.0"], kind: .simulator) {
            session in
            session.guest()
            session.lostWakeUp(3)
            session.at(5)
            session.log.add(.signal, device: DoctorSession.nic, relid: 1, direction: .guestToHost)
        },
        RuleCase("broken-rule", .critical, .hostProvider, since: 2, ["rule 17, index-range"], kind: .simulator) {
            session in
            session.guest()
            session.at(2)
            session.log.add(
                .fault, Array("index-range: in ring: 70000: below the ring's size".utf8),
                code: FaultCode(rule: 17).rawValue, device: DoctorSession.nic, relid: 1, direction: .hostToGuest)
        },
    ]

    private static let inspection: [RuleCase] = [
        RuleCase("tracing-leftovers", .warning, .operatorOfGuest, since: nil, ["vmbusscope-4711-90210"]) {
            session in
            session.guest()
            session.state([AttributeReading(.tracingLeftovers, text: "vmbusscope-4711-90210")])
        },
        RuleCase("debug-delays", .warning, .operatorOfGuest, since: nil, ["eth0"]) { session in
            session.guest()
            session.state([AttributeReading(.debugDelays, text: "eth0")])
        },
        RuleCase(
            "files-unreadable", .info, .operatorOfGuest, since: nil,
            ["1 file, permission missing: channels/14/cpu (EACCES)"]
        ) { session in
            session.guest()
            session.state(
                [AttributeReading(problem: SnapshotProblem(path: "channels/14/cpu", error: "EACCES"))],
                device: DoctorSession.nic)
        },
        RuleCase("records-missing", .info, .nobody, since: nil, ["40 numbers were left out"]) { session in
            session.guest()
            session.log.skip(40)
            session.log.add(.note, [])
        },
    ]
}

extension DoctorSession {
    /// The guest's signal of its NIC has not come.
    fileprivate mutating func lostWakeUp(_ second: Double) {
        at(second)
        log.add(
            .fault, Array("no-lost-wakeup-data: receiver: 96 bytes wait: a signal is on its way".utf8),
            code: FaultCode(rule: 23).rawValue, device: Self.nic, relid: 1, direction: .guestToHost)
    }
}
