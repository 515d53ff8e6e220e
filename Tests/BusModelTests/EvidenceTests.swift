import BusModel
import Testing
import VMBusWire

@Suite struct EvidenceTests {
    static let disk = GUID("f8b3781a-1e82-4818-a1c3-63d806ec15bb") ?? .zero

    private func snapshot() -> BusSnapshot {
        var batch = FlowBatch()
        batch.append(
            FlowRecordHeader(kind: .state, time: 5, partition: 1, code: StateCode.changed.rawValue),
            AttributeList([
                AttributeReading(.hypervisorBuild, text: "10.0.26100.7462-7-0"),
                AttributeReading(.productUUID, reading: Reading(.denied)),
            ]).encoded())
        batch.append(
            FlowRecordHeader(kind: .state, time: 7, partition: 1, device: Self.disk, code: StateCode.changed.rawValue),
            AttributeList([AttributeReading(.diskErrors, 3)]).encoded())
        var snapshot = BusSnapshot()
        snapshot.apply(batch)
        return snapshot
    }

    @Test func `evidence lands at its partition or device with its age`() {
        let snapshot = snapshot()
        let guest = snapshot.partition(1)
        #expect(guest?.evidence.text(.hypervisorBuild) == "10.0.26100.7462-7-0")
        #expect(guest?.evidence[.hypervisorBuild]?.time == 5)
        #expect(guest?.evidence.number(.hypervisorBuild) == nil)
        #expect(guest?.evidence[.productUUID]?.reading.form == .denied)
        let device = snapshot.device(1, Self.disk)
        #expect(device?.evidence.number(.diskErrors) == 3)
        #expect(device?.evidence[.diskErrors]?.time == 7)
    }

    @Test func `a later look stands in place of the one before`() {
        var snapshot = snapshot()
        let header = FlowRecordHeader(
            kind: .state, time: 9, partition: 1, device: Self.disk, code: StateCode.changed.rawValue)
        snapshot.apply(header, AttributeList([AttributeReading(.diskErrors, 8)]).encoded()[...])
        #expect(snapshot.device(1, Self.disk)?.evidence.items.count == 1)
        #expect(snapshot.device(1, Self.disk)?.evidence.number(.diskErrors) == 8)
    }

    @Test func `a keyframe keeps evidence with its ages`() {
        let before = snapshot()
        var after = BusSnapshot()
        after.apply(FlowRecordHeader(kind: .keyframe, time: 20, partition: 0), before.keyframe[...])
        #expect(after.partition(1)?.evidence == before.partition(1)?.evidence)
        #expect(after.device(1, Self.disk)?.evidence == before.device(1, Self.disk)?.evidence)
    }

    @Test func `counts travel as names and numbers, and names cannot break the form`() {
        let counts = [NamedCount("tx_send_full", 12), NamedCount("tx q0 full", 3)]
        let text = NamedCount.text(counts)
        #expect(text == "tx_send_full=12 tx_q0_full=3")
        #expect(text.split(separator: " ").compactMap { NamedCount(parsing: $0) }.map(\.count) == [12, 3])
        #expect(NamedCount(parsing: "nonsense") == nil)
        #expect(NamedCount(parsing: "a=-1") == nil)
    }

    @Test func `a trace record and a kernel log record read back as written`() throws {
        let record = TraceRecord(
            system: "hyperv", event: "vmbus_onoffer", cpu: 3, thread: 77, command: "kworker/3:1",
            fields: [
                TraceField("child_relid", 11), TraceField("if_instance", guid: Self.disk),
                TraceField("status", signed: -1_073_741_670), TraceField("dev", text: "eth0"),
            ])
        let read = try TraceRecord.decode(record.encoded())
        #expect(read == record)
        #expect(read.fullName == "hyperv:vmbus_onoffer")
        #expect(read.number("child_relid") == 11)
        #expect(read.signed("status") == -1_073_741_670)
        #expect(read.guid("if_instance") == Self.disk)
        #expect(read.text("dev") == "eth0")
        #expect(read.number("dev") == nil)
        let line = KernelLogRecord(.probeFailed, first: -19, level: 3, bootTime: 1_000, text: "probe failed")
        #expect(try KernelLogRecord.decode(line.encoded()) == line)
        #expect(line.line == "probe failed")
        #expect(line.lineCount == 1)
        #expect(line.standing(for: 4980).lineCount == 4980)
        #expect(KernelLogRecord(.other, text: "12 more").lineCount == 1)
    }
}
