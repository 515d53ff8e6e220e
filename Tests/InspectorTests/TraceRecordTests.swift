import BusModel
import Inspector
import Testing
import VMBusWire

/// Tracepoints and counters as lines of the flow.
@Suite struct `Records of a live guest` {
    private func entries(_ fill: (inout GuestLog) -> Void) -> [FlowEntry] {
        var log = GuestLog()
        fill(&log)
        var state = InspectorState(
            capabilities: Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false))
        state.ingest(log.take())
        return (0..<state.history.count).compactMap { state.history[$0] }
    }

    private func entry(_ event: String, system: String = "hyperv", _ fields: TraceField...) -> FlowEntry? {
        let record = TraceRecord(system: system, event: event, cpu: 0, thread: 1, fields: fields)
        return entries { $0.add(.trace, record.encoded(), code: record.messageType?.rawValue ?? 0) }.first
    }

    @Test func `name the control message and tell statuses in words`() {
        let failed = entry(
            "vmbus_onopen_result", TraceField("child_relid", 14), TraceField("openid", 14),
            TraceField("status", 0xC000_009A))
        #expect(failed?.name == "TRACE.OPEN_CHANNEL_RESULT")
        #expect(failed?.info == "relid 14, failure 0xc000009a")
        let text = entry(
            "vmbus_onopen_result", TraceField("child_relid", 14), TraceField("status", signed: -1_073_741_670))
        #expect(text?.info == "relid 14, failure 0xc000009a")
        let open = entry(
            "vmbus_open", TraceField("child_relid", 14), TraceField("gpadlhandle", 0xE1E1E),
            TraceField("target_vp", 2), TraceField("ret", signed: 0))
        #expect(open?.name == "TRACE.OPEN_CHANNEL")
        #expect(open?.info == "relid 14, rings in page list 0xe1e1e, vp 2, posted")
        let refused = entry("vmbus_close_internal", TraceField("child_relid", 14), TraceField("ret", signed: -11))
        #expect(refused?.info == "relid 14, not posted, error -11")
        let contact = entry("vmbus_negotiate_version", TraceField("ver", 0x50003), TraceField("ret", signed: 0))
        #expect(contact?.info == "proposes 5.3, posted")
        let delivered = entry("vmbus_on_msg_dpc", TraceField("msgtype", 4))
        #expect(delivered?.name == "TRACE.ALL_OFFERS_DELIVERED")
    }

    @Test func `tell all fields of a tracepoint that is not of the bus`() {
        let sent = entry(
            "nvsp_send", system: "netvsc", TraceField("name", text: "eth0\u{1B}[2J"), TraceField("msg_type", 107))
        #expect(sent?.name == "TRACE.nvsp_send")
        #expect(sent?.info == "name=eth0\u{FFFD}[2J msg_type=107")
    }

    @Test func `tell what changed in a sample, not what is`() {
        func sample(_ interrupts: UInt64, _ full: UInt64, _ used: UInt64) -> [UInt8] {
            AttributeList([
                AttributeReading(.interrupts, interrupts), AttributeReading(.outFullFirst, full),
                AttributeReading(.inUsed, used), AttributeReading(.monitorPending, reading: .unavailable),
            ]).encoded()
        }
        let all = entries { log in
            log.boot()
            for counts in [(100, 0, 0), (112, 1, 120), (112, 1, 120), (3, 1, 0)] as [(UInt64, UInt64, UInt64)] {
                log.add(.sample, sample(counts.0, counts.1, counts.2), device: GuestLog.nic, relid: 14)
            }
        }
        #expect(
            all.suffix(4).map(\.info) == [
                "interrupts 100, out_full_first 0, in_used 0", "interrupts +12, out_full_first +1, in_used 0 -> 120",
                "nothing changed", "interrupts from 3 again, in_used 120 -> 0",
            ])
        #expect(all.last?.name == "SAMPLE.COUNTERS")
    }

    @Test func `say whether the guest is traced, and what keeps it from being so`() {
        var log = GuestLog()
        var state = InspectorState(
            capabilities: Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false))
        #expect(!state.isTracing)
        #expect(state.tracingObstacle == nil && !state.canTrace)
        log.add(
            .state,
            AttributeList([AttributeReading(.tracing, 1), AttributeReading(.tracingObstacle, text: "")]).encoded(),
            code: StateCode.changed.rawValue)
        state.ingest(log.take())
        #expect(state.isTracing)
        #expect(state.tracingObstacle == "" && state.canTrace)
    }
}
