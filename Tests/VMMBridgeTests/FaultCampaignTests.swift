import BusModel
import Configuration
import Testing
import VMBusPartitions
import VMBusWire

@testable import VMMBridge

@Suite struct `A campaign of faults` {
    private static func cases() throws -> [FaultCase] {
        let text = """
            [[case]]
            name = "first"
            [[case.faults]]
            kind = "lost-signal"
            [[case]]
            name = "second"
            do = "pings"
            [[case.faults]]
            kind = "delay-message"
            [[case.faults]]
            kind = "zero-length"
            """
        return try FaultCase.list(ConfigurationDocument(parsing: Array(text.utf8), file: "x.toml"), guests: [])
    }

    private static func batch(_ records: [(FlowKind, UInt32, Direction, String)]) -> FlowBatch {
        var batch = FlowBatch()
        for (kind, code, direction, text) in records {
            batch.append(
                FlowRecordHeader(kind: kind, time: 0, partition: 1, direction: direction, code: code), Array(text.utf8))
        }
        return batch
    }

    private static let contact = MessageType.initiateContact.rawValue
    private static let request = MessageType.requestOffers.rawValue

    @Test func `gives each connection a case, and each case a line`() throws {
        var campaign = FaultCampaign(try Self.cases(), seed: 1)
        #expect(campaign.opening == ["KTAP version 1", "1..2"])
        #expect(campaign.start()?.atContact == true)
        var console = "all is well\n"
        // Proposals of one negotiation are one connection.
        let (begun, next) = campaign.follow(
            Self.batch([
                (.message, Self.contact, .guestToHost, ""), (.message, Self.contact, .guestToHost, ""),
                (.fault, 2, .guestToHost, "lost-signal (buggy peer): gone"),
                (.message, Self.request, .guestToHost, ""),
            ])
        ) { Array(console.utf8) }
        #expect(begun == ["# lost-signal (buggy peer): gone"])
        #expect(next?.atContact == true)
        console += "[1.0] WARNING: CPU: 0 PID: 1\nsome"
        let (ended, last) = campaign.follow(
            Self.batch([
                (.message, Self.contact, .guestToHost, ""), (.fault, 3, .hostToGuest, "zero-length (hostile peer): x"),
            ])
        ) { Array(console.utf8) }
        #expect(
            ended == [
                "# first: buggy peer, 1 times done", "# first: [1.0] WARNING: CPU: 0 PID: 1",
                "not ok 1 first # WARNING: CPU: 0 PID: 1",
                "# zero-length (hostile peer): x",
            ])
        #expect(last == nil)
        let end = campaign.end(Array(console.utf8))
        #expect(
            end == [
                "# second: hostile peer, 1 times done",
                "not ok 2 second # nothing was heard of the guest after the fault",
            ])
        #expect(campaign.failures == 2)
    }

    @Test func `can be driven, and skips what was not done`() throws {
        var campaign = FaultCampaign(try Self.cases(), seed: 1)
        let unknown = campaign.begin("third", atContact: false, [])
        #expect(unknown == nil)
        let begun = campaign.begin("second", atContact: false, Array("BUG: old\n".utf8))
        #expect(begun?.lines == [])
        let skipped = campaign.end(nil, Array("BUG: old\nfine\n".utf8))
        #expect(skipped.lines.last == "ok 1 second # SKIP nothing came that it could be done to")
        _ = campaign.begin("first", atContact: true, [])
        _ = campaign.note(Self.batch([(.fault, 2, .guestToHost, "x")]))
        let failed = campaign.end("the shell does not answer", [])
        #expect(
            failed.lines.suffix(2) == [
                "# first: buggy peer, 1 times done", "not ok 2 first # the shell does not answer",
            ])
    }

    @Test(arguments: [
        ("[ 1.0] WARNING: CPU: 1 PID: 5 at drivers/hv/x.c", true), ("BUG: kernel NULL pointer dereference", true),
        ("INFO: task sh:1 blocked for more than 20 seconds.", true), ("Kernel panic - not syncing: x", true),
        ("BUG: KASAN: slab-out-of-bounds", true), ("hv_netvsc: unhandled packet type 0", false), ("", false),
    ])
    func `finds what a kernel complains of`(line: String, isComplaint: Bool) {
        var console = KernelConsole()
        let (half, rest) = (Array(line.utf8.prefix(7)), Array(line.utf8) + [10])
        let early = console.complaints(in: half)
        #expect(early.isEmpty)
        let found = console.complaints(in: rest).map(\.line)
        #expect(found == (isComplaint ? [line] : []))
        let again = console.complaints(in: rest)
        #expect(again.isEmpty)
    }

    @Test(arguments: [
        (
            """
            [   61.374170] WARNING: CPU: 0 PID: 0 at drivers/hv/vmbus_drv.c:1035 vmbus_on_msg_dpc+0x224/0x310 [hv_vmbus]
            [   61.374171] RIP: 0010:other+0x1/0x2
            """, ["WARN at drivers/hv/vmbus_drv.c:1035 in vmbus_on_msg_dpc"]
        ),
        (
            """
            [  204.996873] INFO: task kworker/0:3:329 blocked for more than 20 seconds.
            [  204.996874]       Not tainted 6.12
            [  204.996875]  __schedule+0x1/0x2
            [  204.996876]  wait_for_completion+0x1/0x2
            [  204.996877]  ? device_del+0x1/0x2
            [  204.996878]  device_attach.isra.0+0x1/0x2
            [  204.996879]  netvsc_remove+0x1/0x2 [hv_netvsc]
            [  204.996880]  vmbus_remove+0x1/0x2 [hv_vmbus]
            [  210.852541] INFO: task kworker/0:3:329 blocked for more than 26 seconds.
            [  210.852542]  netvsc_remove+0x1/0x2 [hv_netvsc]
            [  210.852543] INFO: task sh:7 blocked for more than 26 seconds.
            [  210.852544]  __mutex_lock+0x1/0x2
            [  210.852545]  bind_store+0x1/0x2
            [  210.852546]  </TASK>
            [  210.852547]  vmbus_remove+0x1/0x2 [hv_vmbus]
            """, ["hung task kworker in netvsc_remove", "hung task sh in bind_store"]
        ),
        (
            """
            [    2.0][  T7] BUG: unable to handle page fault for address: ffff
            [    2.0][  T7] #PF: supervisor read access in kernel mode
            [    2.0][  T7] RIP: 0010:hv_pkt_iter_first+0x1/0x2 [hv_vmbus]
            """, ["BUG: unable to handle page fault for address: in hv_pkt_iter_first"]
        ),
        (
            "Oops: general protection fault, probably for non-canonical address 0xc0: 0000 [#1] PREEMPT SMP NOPTI",
            ["Oops: general protection fault, probably for non-canonical address"]
        ),
        (
            "BUG: KASAN: slab-out-of-bounds in rndis_filter_receive+0x1/0x2 [hv_netvsc]",
            ["BUG: KASAN: slab-out-of-bounds in rndis_filter_receive [hv_netvsc]"]
        ),
    ])
    func `says in which function a kernel has its trouble, and each trouble once`(text: String, findings: [String]) {
        var console = KernelConsole()
        let found = console.complaints(in: Array(text.utf8) + [10]).map(\.finding)
        #expect(found == findings)
    }

    /// The faults that a guest in front of the bridge meets in its first two seconds, with the time of each.
    private static func schedule(_ seed: UInt64) throws -> [String] {
        let text = """
            [[case]]
            name = "late"
            [[case.faults]]
            kind = "delay-interrupt"
            times = 0
            odds = 0.3
            [[case.faults]]
            kind = "delay-message"
            times = 0
            odds = 0.3
            """
        let cases = try FaultCase.list(ConfigurationDocument(parsing: Array(text.utf8), file: "x.toml"), guests: [])
        let request = try #require(FaultCampaign(cases, seed: seed).start())
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.monitoredNetwork), mode: .monitorPages)
        machine.session.arm(request.faults, atContact: request.atContact)
        try machine.boot()
        try machine.run(until: 2_000_000_000)
        return machine.records.headers.filter { $0.kind == .fault }.map {
            "\($0.time) \(String(decoding: machine.records.payload(of: $0), as: UTF8.self))"
        }
    }

    @Test func `does the same faults at the same times with the same seed, and others with another`() throws {
        let (first, same, other) = (try Self.schedule(1), try Self.schedule(1), try Self.schedule(2))
        #expect(first.count > 3)
        #expect(first == same)
        #expect(first != other)
    }
}
