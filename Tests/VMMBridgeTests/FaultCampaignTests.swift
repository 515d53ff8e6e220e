import BusModel
import Configuration
import Testing
import VMBusPartitions
import VMBusWire
import VMMBridge

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
            ])) { Array(console.utf8) }
        #expect(begun == ["# lost-signal (buggy peer): gone"])
        #expect(next?.atContact == true)
        console += "[1.0] WARNING: CPU: 0 PID: 1\nsome"
        let (ended, last) = campaign.follow(
            Self.batch([
                (.message, Self.contact, .guestToHost, ""), (.fault, 3, .hostToGuest, "zero-length (hostile peer): x"),
            ])) { Array(console.utf8) }
        #expect(
            ended == [
                "# first: buggy peer, 1 times done", "# first: [1.0] WARNING: CPU: 0 PID: 1", "not ok 1 first",
                "# zero-length (hostile peer): x",
            ])
        #expect(last == nil)
        let end = campaign.end(Array(console.utf8))
        #expect(
            end == [
                "# second: hostile peer, 1 times done", "# second: nothing was heard of the guest after the fault",
                "not ok 2 second",
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
        #expect(failed.lines.suffix(2) == ["# first: the shell does not answer", "not ok 2 first"])
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
        let found = console.complaints(in: rest)
        #expect(found == (isComplaint ? [line] : []))
        let again = console.complaints(in: rest)
        #expect(again.isEmpty)
    }
}
