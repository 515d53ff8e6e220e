import BusModel
import Inspector
import Testing
import VMBusWire

/// Requests of the control plane by age, with their answers, and who waits for whom.
@Suite struct LedgerTests {
    private func inspector(_ kind: SourceKind = .host, _ build: (inout DoctorSession) -> Void) -> InspectorState {
        var session = DoctorSession(kind)
        build(&session)
        return session.inspector()
    }

    @Test func `each request has one row with its answer, who sent it and how long it took`() throws {
        let state = inspector { session in
            session.boot()
            session.at(1)
            session.pageList(relid: 14, pages: 10, sent: 10)
            session.at(1.5)
            session.message(.gpadlCreated(GPADLCreated(relid: 14, gpadl: 0xE1E10, status: .success)))
            session.open(relid: 14)
            session.at(2)
            session.message(.openChannelResult(OpenChannelResult(relid: 14, openID: 14, status: .success)))
            session.message(.closeChannel(ChannelReference(relid: 14)))
            session.message(.gpadlTeardown(GPADLTeardown(relid: 14, gpadl: 0xE1E10)))
            session.message(.gpadlTorndown(GPADLTorndown(gpadl: 0xE1E10)))
            session.rescind(relid: 14)
            session.at(3)
            session.message(.relidReleased(ChannelReference(relid: 14)))
            session.message(.unload)
            session.message(.unloadComplete)
        }
        let ledger = state.ledger
        #expect(ledger.waiting.isEmpty)
        #expect(
            ledger.finished.map(\.kind) == [
                .contact, .offers, .pageList, .open, .close, .teardown, .release, .unload,
            ])
        #expect(ledger.finished.allSatisfy { $0.state == .done && $0.owes == nil })
        let list = try #require(ledger.finished.first { $0.kind == .pageList })
        #expect(list.age(at: .max) == 500_000_000)
        #expect(list.pagesReceived == 10)
        #expect(list.label == "network" && list.relid == 14)
        let release = try #require(ledger.finished.first { $0.kind == .release })
        #expect(release.sender == .host && release.age(at: 0) == 1_000_000_000)
        #expect(state.ledgerTable().rows.count == 8)
        #expect(state.waitGraph.edges.isEmpty)
    }

    @Test func `tracepoints give the same requests as messages, even when an answer is told before its request`() throws
    {
        let state = inspector(.live) { session in
            session.guest()
            session.at(1)
            session.trace(
                "vmbus_onopen_result",
                [TraceField("child_relid", 14), TraceField("openid", 7), TraceField("status", 0)])
            session.trace(
                "vmbus_open",
                [
                    TraceField("child_relid", 14), TraceField("openid", 7), TraceField("gpadlhandle", 1),
                    TraceField("ret", 0),
                ]
            )
            session.at(2)
            session.trace("vmbus_send_modifychannel", [TraceField("child_relid", 14), TraceField("target_vp", 3)])
            session.trace(
                "vmbus_establish_gpadl_header",
                [
                    TraceField("child_relid", 14), TraceField("gpadl", 5), TraceField("range_buflen", 41 * 8),
                    TraceField("rangecount", 1), TraceField("ret", 0),
                ])
            session.trace("vmbus_establish_gpadl_body", [TraceField("gpadl", 5), TraceField("ret", 0)])
        }
        let open = try #require(state.ledger.finished.first)
        #expect(open.kind == .open && open.state == .done)
        #expect(state.ledger.waiting.map(\.kind) == [.move, .pageList])
        let list = try #require(state.ledger.waiting.last)
        #expect(list.pagesExpected == 40)
        #expect(list.pagesReceived == 40)
        #expect(list.owes == .host)
        #expect(state.ledger.unmatchedAnswers == 0)
    }

    @Test func `an answer without a request is counted and makes no row`() {
        let state = inspector { session in
            session.boot()
            session.message(.openChannelResult(OpenChannelResult(relid: 14, openID: 1, status: .success)))
        }
        #expect(state.ledger.unmatchedAnswers == 1)
        #expect(state.ledger.all.count == 2)
    }

    @Test func `an offer of the endpoint answers a socket's request`() throws {
        let endpoint = GUID(1, 2, 3, 4)
        let service = DeviceClass.hvSocketClass(port: 1024)
        let state = inspector { session in
            session.boot()
            var request = TLConnectRequest()
            (request.endpointID, request.serviceID) = (endpoint, service)
            session.message(.tlConnectRequest(request))
            session.at(1)
            session.offer(relid: 30, device: endpoint, classID: service)
        }
        let request = try #require(state.ledger.finished.last)
        #expect(request.kind == .socket && request.state == .done && request.detail == "port 1024")
    }

    @Test func `a list whose pages are missing waits for the guest, a complete one for the host`() {
        for (sent, owes) in [(26, BusParty.guest), (40, .host)] {
            let state = inspector { session in
                session.boot()
                session.pageList(relid: 14, pages: 40, sent: sent)
            }
            #expect(state.ledger.waiting.map(\.owes) == [owes])
        }
    }

    @Test func `a list that was accepted is whole, although its last pages are traced behind the answer`() throws {
        let state = inspector { session in
            session.boot()
            session.pageList(relid: 14, pages: 40, sent: 26)
            session.message(.gpadlCreated(GPADLCreated(relid: 14, gpadl: 0xE1E10, status: .success)))
        }
        let list = try #require(state.ledger.finished.last)
        #expect(list.kind == .pageList && list.state == .done)
        #expect(list.pagesReceived == 40)
    }

    @Test func `a new contact gives up what waited before`() {
        let state = inspector { session in
            session.boot()
            session.open(relid: 14)
            session.at(1)
            session.message(.initiateContact(InitiateContact(version: .iron)))
        }
        #expect(state.ledger.waiting.map(\.kind) == [.contact])
        #expect(state.ledger.finished.last?.state == .abandoned)
    }

    @Test func `an open and a rescind of its channel that both wait are a ring of waits`() throws {
        let state = inspector { session in
            session.cross(end: 2)
        }
        let cycle = try #require(state.waitGraph.cycles.first)
        #expect(state.waitGraph.cycles.count == 1)
        #expect(cycle.map(\.from.party) == [.guest, .host])
        #expect(cycle.map(\.to.party) == [.host, .guest])
        let row = try #require(state.ledgerTable().rows.first)
        #expect(row.id == .cycle(0))
        #expect(row.cells[0].tone == .bad && row.cells[1].text == "CYCLE")
        #expect(state.details(of: .cycle(0))?.sections.count == 2)
    }

    @Test func `what has only just been asked makes no ring of waits`() {
        let state = inspector { session in
            session.boot()
            session.at(1)
            session.open(relid: 14)
            session.rescind(relid: 14)
        }
        #expect(state.ledger.waiting.count == 2)
        #expect(state.waitGraph.cycles.isEmpty)
    }

    @Test func `requests that nobody answers fill no memory`() {
        let state = inspector { session in
            session.boot()
            for number in 0..<3000 {
                session.message(.gpadlTeardown(GPADLTeardown(relid: 14, gpadl: UInt32(number))))
            }
        }
        #expect(state.ledger.waiting.count == 1024)
        #expect(state.ledger.droppedCount == 1976)
        #expect(state.waitGraph.cycles.isEmpty)
    }

    @Test func `packets without completions are listed oldest first until they are completed or the channel closes`() {
        var session = DoctorSession(.simulator)
        session.guest()
        for id in 1...3 {
            session.at(Double(id))
            session.request(UInt64(id), device: DoctorSession.nic, relid: 14)
        }
        #expect(session.inspector().transactions.oldest(10).map(\.transactionID) == [1, 2, 3])
        var descriptor = PacketDescriptor()
        (descriptor.type, descriptor.length8, descriptor.transactionID) = (.completion, 2, 2)
        session.log.add(
            .packet, descriptor.encoded(), code: 11, device: DoctorSession.nic, relid: 14, direction: .hostToGuest)
        let state = session.inspector()
        #expect(state.transactions.oldest(10).map(\.transactionID) == [1, 3])
        let key = ChannelKey(partition: 1, device: DoctorSession.nic, subchannel: 0)
        #expect(state.transactions.completed(key, .guestToHost) == 1)
        #expect(state.ledgerTable().rows.map(\.cells[1].text) == ["complete a packet", "complete a packet"])
        session.message(.closeChannel(ChannelReference(relid: 14)))
        #expect(session.inspector().transactions.oldest(10).isEmpty)
    }

    @Test func `an integration component's question waits for an answer that is in-band too`() {
        var session = DoctorSession(.simulator)
        session.guest()
        var descriptor = PacketDescriptor()
        (descriptor.type, descriptor.length8) = (.dataInBand, 2)
        for (id, direction) in [(UInt64(5), Direction.hostToGuest), (6, .hostToGuest), (5, .guestToHost)] {
            descriptor.transactionID = id
            session.log.add(
                .packet, descriptor.encoded(), code: 6, device: DoctorSession.pulse, relid: 2, direction: direction)
        }
        let state = session.inspector()
        #expect(state.transactions.oldest(10).map(\.transactionID) == [6])
        let key = ChannelKey(partition: 1, device: DoctorSession.pulse, subchannel: 0)
        #expect(state.transactions.completed(key, .hostToGuest) == 1)
    }

    @Test func `a live guest without tracing shows whose reading is waited for`() {
        let state = inspector(.live) { session in
            session.guest()
            session.each(1...2) { session, _ in session.nic() }
            session.each(3...6) { session, _ in session.nic(outUsed: 512) }
        }
        let rows = state.ledgerTable().rows
        #expect(rows.map(\.cells[1].text) == ["read the ring"])
        #expect(rows.first?.cells[6].text == "host")
        #expect(rows.first?.cells[9].text == "512 bytes wait, unchanged in 4 looks")
        #expect(state.diagnosed().limits.contains { $0.contains("tracing") })
    }

    @Test func `an empty ledger and an empty doctor say so in words`() {
        let state = inspector(.live) { session in
            session.guest(processors: 1)
            session.each(1...4) { session, _ in session.nic() }
        }
        #expect(state.ledgerTable().rows.isEmpty)
        #expect(state.ledgerTable().emptyText.contains("tracing"))
        let table = state.doctorTable()
        #expect(table.rows.isEmpty)
        #expect(table.emptyText.hasPrefix("No findings: \(DoctorRules.all.count) rules looked at 3 channels 4 times"))
    }

    @Test func `the documents name their schemas and hold what the tables show`() throws {
        let state = inspector { session in
            session.cross(end: 20)
        }
        let ledger = try HeadlessShow.render(.ledger, state, format: .json)
        #expect(ledger.hasPrefix(#"{"schema":"vmbusscope.ledger/1","source":"host","seq":8,"time_ns":20000000000"#))
        #expect(ledger.contains(#""kind":"rescind""#) && ledger.contains(#""cycles":[["#))
        let doctor = try HeadlessShow.render(.doctor, state, format: .json)
        #expect(doctor.hasPrefix(#"{"schema":"vmbusscope.doctor/1""#))
        #expect(doctor.contains(#""rule":"wait-cycle","severity":"critical","must_act_next":"guest_kernel""#))
        let csv = try HeadlessShow.render(.doctor, state, format: .csv)
        #expect(csv.hasPrefix("severity,subject,for,actor,info,rule,partition\n"))
        let text = DoctorReport.text(state, state.diagnosed())
        #expect(text.contains("  Must act next: guest kernel\n"))
    }
}
