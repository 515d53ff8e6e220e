import BusModel
import LinuxGuest
import Testing
import VMBusWire

@Suite struct `Traces as text` {
    private func parsed(_ text: String) -> TraceText { TraceText(parsing: Array(text.utf8)[...]) }

    private func events(_ text: String) -> [(record: TraceRecord, time: UInt64)] {
        parsed(text).entries.compactMap { entry in
            if case .event(let record, let time) = entry { (record, time) } else { nil }
        }
    }

    struct Printer: Sendable, CustomTestStringConvertible {
        let line: String
        var time: UInt64 = 1_234_567_890_000
        var command = "<idle>"
        var thread: UInt32 = 0
        var testDescription: String { line }
    }

    static let printers: [Printer] = [
        Printer(line: "          <idle>-0       [003] d.h1.  1234.567890: vmbus_chan_sched: relid 0xb"),
        Printer(line: "          <idle>-0       [003] d.h1  1234.567890: vmbus_chan_sched: relid 0xb"),
        Printer(line: "          <idle>-0       [003]  1234.567890: vmbus_chan_sched: relid 0xb"),
        Printer(line: "          <idle>-0     (-----) [003] d.h1.  1234.567890: vmbus_chan_sched: relid 0xb"),
        Printer(line: "          <idle>-0     [003]  1234.567890: vmbus_chan_sched:     relid 0xb"),
        Printer(
            line: "          <idle>-0     [003]  1234.567890123: vmbus_chan_sched: relid 0xb", time: 1_234_567_890_123),
        Printer(line: "          <idle>-0     [003] d.h1. 77123: vmbus_chan_sched: relid 0xb", time: 77123),
        Printer(line: "swapper     0 [003]  1234.567890: hyperv:vmbus_chan_sched: relid 0xb", command: "swapper"),
        Printer(
            line: "my [1] task  12/34 [003]  1234.567890: hyperv:vmbus_chan_sched: relid 0xb", command: "my [1] task",
            thread: 34),
        Printer(
            line: " my task - odd-3121    [003] d.h1.  1234.567890: vmbus_chan_sched: relid 0xb",
            command: "my task - odd",
            thread: 3121),
    ]

    @Test(arguments: printers) func `every printer gives the same event`(_ printer: Printer) {
        let events = events(printer.line)
        #expect(events.count == 1)
        let expected = TraceRecord(
            system: "hyperv", event: "vmbus_chan_sched", cpu: 3, thread: printer.thread, command: printer.command,
            fields: [TraceField("relid", 11)])
        #expect(events.first?.record == expected)
        #expect(events.first?.time == printer.time)
    }

    @Test func `perf trace lists fields by their names`() {
        let events = events(
            "     0.123 ( 0.004 ms): swapper/3/0 hyperv:vmbus_open(child_relid: 11, ret: -22, x: \"a\")\n")
        #expect(events.first?.record.fullName == "hyperv:vmbus_open")
        #expect(events.first?.record.number("child_relid") == 11)
        #expect(events.first?.record.signed("ret") == -22)
        #expect(events.first?.record.text("x") == "a")
        #expect(events.first?.time == 123_000)
        #expect(events.first?.record.command.elementsEqual("swapper/3".utf8) == true)
    }

    @Test func `fields stand in the kernel's order and width`() {
        let line = "x-1 [000] ..... 1.000000: "
        let version = events(
            line
                + "vmbus_negotiate_version: sending vmbus_version_requested 327683, target_vcpu 0x0, pages 1f:2f:3f, ret -22"
        )
        #expect(
            version.first?.record.fields == [
                TraceField("ver", 327683), TraceField("target_vcpu", 0), TraceField("ret", signed: -22),
                TraceField("int_page", 0x1f), TraceField("mon_page1", 0x2f), TraceField("mon_page2", 0x3f),
            ])
        let result = events(line + "vmbus_onopen_result: child_relid 0x14, openid 20, status -1073741670")
        #expect(result.first?.record.number("status") == 0xC000_009A)
        let size = events(line + "nvsp_send_pkt: dev=eth0 qid=3 type=CONTROL section=4294967295 size=-1")
        #expect(
            size.first?.record.fields == [
                TraceField("name", text: "eth0"), TraceField("qid", 3), TraceField("channel_type", 1),
                TraceField("section_index", 4_294_967_295), TraceField("section_size", 4_294_967_295),
            ])
        let rndis = events(line + "rndis_recv: dev=eth0 q=2 req=0x1f type=0x99 msg_len=12")
        #expect(rndis.first?.record.number("msg_type") == 0x99)
        let initialised = events(line + "rndis_recv: dev=eth0 q=2 req=0 type=INIT_C msg_len=12")
        #expect(initialised.first?.record.number("msg_type") == 0x8000_0002)
    }

    @Test func `an offer has its class and instance`() {
        let record = events(
            "k-9 [000] ..... 0.410511: vmbus_onoffer: child_relid 0xb, monitorid 0x3, is_dedicated 1, connection_id 0x200b, "
                + "if_type f8615163-df3e-46c5-913f-f2d2f965ed0e, if_instance 02155d00-0b01-0215-5d00-0b0102155d00, "
                + "chn_flags 0x0, mmio_megabytes 0, sub_channel_index 0"
        ).first?.record
        #expect(record?.guid("if_type")?.description == "f8615163-df3e-46c5-913f-f2d2f965ed0e")
        #expect(record?.guid("if_instance")?.description == "02155d00-0b01-0215-5d00-0b0102155d00")
        #expect(record?.number("connection_id") == 0x200b)
        #expect(record?.fields.count == 9)
    }

    @Test func `what is lost, foreign, strange and unknown is told apart`() {
        let trace = parsed(
            """
            # tracer: nop
            #
            cpus=4
            ##### CPU 2 buffer started ####
            x-1 [000] ..... 1.000000: vmbus_setevent: relid 0xb
            CPU:2 [LOST 1042 EVENTS]
            CPU:1 [7 EVENTS DROPPED]
            x-1 [000] ..... 2.000000: kvm_hv_synic_set_irq: vcpu_id 0 sint 2 vector 243 ret 0
            x-1 [000] ..... 2.000000: mshv_run_vp_entry: partition_id=1 vp_index=0
            x-1 [000] ..... 3.000000: vmbus_setevent: relid eleven
            x-1 [000] ..... 4.000000: sched_waking: comm=a pid=1
            nonsense
            x-1 [000] ..... 5.0000
            """)
        #expect(trace.entries.count == 5)
        #expect(trace.entries.contains(.lost(count: 1042, cpu: 2)))
        #expect(trace.entries.contains(.lost(count: 7, cpu: 1)))
        #expect(trace.hostCount == 2)
        #expect(trace.strangeCount == 1)
        #expect(trace.unknownCount == 1)
        #expect(trace.isCut)
        guard case .event(let strange, _) = trace.entries[3], case .event(let other, _) = trace.entries[4] else {
            Issue.record("expected two events at the end")
            return
        }
        #expect(strange.text("text") == "relid eleven")
        #expect(other.fullName == "sched:sched_waking")
    }
}
