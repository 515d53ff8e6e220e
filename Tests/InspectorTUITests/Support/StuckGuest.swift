import BusModel
import VMBusWire

/// A live guest with whom much is wrong: the host does not read the card's ring, an open and a rescind of a second card wait for
/// each other, and delays for tests are on.
enum StuckGuest {
    static func batch() -> FlowBatch {
        var batch = FlowBatch()
        let start = SampleGuest.batch()
        for header in start.headers { batch.append(header, from: start) }
        func record(_ kind: FlowKind, _ time: UInt64, _ payload: [UInt8], relid: UInt32 = 0, device: GUID = .zero) {
            batch.append(
                FlowRecordHeader(kind: kind, time: time, partition: 1, device: device, relid: relid, code: 2), payload)
        }
        func trace(_ time: UInt64, _ event: String, _ fields: [TraceField]) {
            record(
                .trace, time, TraceRecord(system: "hyperv", event: event, cpu: 1, thread: 77, fields: fields).encoded())
        }
        let offered = SampleGuest.device(3)
        record(
            .state, 6_500_000_000,
            AttributeList([AttributeReading(.classID, guid: SampleGuest.network), AttributeReading(.deviceState, 1)])
                .encoded(), device: offered)
        record(
            .state, 6_500_000_000,
            AttributeList([AttributeReading(.channelPhase, ChannelPhase.closed.rawValue)]).encoded(), relid: 21,
            device: offered)
        record(.state, 6_500_000_000, AttributeList([AttributeReading(.debugDelays, text: "eth0")]).encoded())
        trace(
            6_600_000_000, "vmbus_open",
            [
                TraceField("child_relid", 21), TraceField("openid", 21), TraceField("gpadlhandle", 0xE1E22),
                TraceField("ret", 0),
            ])
        trace(6_900_000_000, "vmbus_onoffer_rescind", [TraceField("child_relid", 21)])
        trace(
            7_000_000_000, "vmbus_send_modifychannel",
            [TraceField("child_relid", 15), TraceField("target_vp", 3), TraceField("ret", 0)])
        trace(
            7_000_500_000, "vmbus_onmodifychannel_response", [TraceField("child_relid", 15), TraceField("status", 0)])
        for second in 7...19 as ClosedRange<UInt64> {
            record(
                .sample, second * 1_000_000_000,
                AttributeList([
                    AttributeReading(.interrupts, 2250), AttributeReading(.events, 850),
                    AttributeReading(.interruptsOutEmpty, 700), AttributeReading(.outUsed, 24_576),
                    AttributeReading(.outMask, 0), AttributeReading(.inUsed, 0), AttributeReading(.inMask, 0),
                ]).encoded(), relid: 14, device: SampleGuest.device(1))
            record(
                .sample, second * 1_000_000_000,
                AttributeList([AttributeReading(.interrupts, 1_000 + second * 40), AttributeReading(.inUsed, 0)])
                    .encoded(), relid: 3, device: SampleGuest.device(2))
        }
        var next: UInt64 = 1
        batch.number(from: &next)
        return batch
    }
}
