import BusModel
import VMBusWire

/// The log of a live guest, made by hand: what sysfs tells and nothing more.
enum SampleGuest {
    static let network = GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E)
    static let scsi = GUID(0xBA61_63D9, 0x04A1, 0x4D29, 0xB605_72E2_FFB1_DC7F)

    /// A guest with a NIC of two channels and a disk; `name` is what the kernel calls the NIC.
    static func batch(interface: String = "eth0", driver: String = "hv_netvsc", samples: Int = 6) -> FlowBatch {
        var batch = FlowBatch()
        func state(_ time: UInt64, device: GUID = .zero, relid: UInt32 = 0, sub: UInt16 = 0, _ list: [AttributeReading])
        {
            batch.append(
                FlowRecordHeader(
                    kind: .state, time: time, partition: 1, device: device, subchannel: sub, relid: relid,
                    code: StateCode.appeared.rawValue), AttributeList(list).encoded())
        }
        state(
            1_000_000_000,
            [
                AttributeReading(.name, text: "this guest"), AttributeReading(.role, 1),
                AttributeReading(.connectionPhase, ConnectionPhase.connected.rawValue),
                AttributeReading(.kernelRelease, text: "6.1.0-40-amd64"), AttributeReading(.virtualProcessors, 4),
            ])
        state(
            1_000_000_000, device: SampleGuest.device(1),
            [
                AttributeReading(.classID, guid: network), AttributeReading(.deviceState, 3),
                AttributeReading(.driver, text: driver), AttributeReading(.networkInterfaces, text: interface),
            ])
        state(
            1_000_000_000, device: SampleGuest.device(2),
            [
                AttributeReading(.classID, guid: scsi), AttributeReading(.deviceState, 3),
                AttributeReading(.driver, text: "hv_storvsc"), AttributeReading(.blockDevices, text: "sda sdb"),
            ])
        for second in 0..<UInt64(max(1, samples)) {
            let time = (second + 1) * 1_000_000_000
            channel(&batch, time, device(1), relid: 14, sub: 0, cpu: 0, second: second)
            channel(&batch, time, device(1), relid: 15, sub: 1, cpu: 1, second: second * 3)
            channel(&batch, time, device(2), relid: 3, sub: 0, cpu: 0, second: second * second)
        }
        var next: UInt64 = 1
        batch.number(from: &next)
        return batch
    }

    static func device(_ number: UInt64) -> GUID { GUID(0x1000_0000, 0, 0x4000, number) }

    private static func channel(
        _ batch: inout FlowBatch, _ time: UInt64, _ device: GUID, relid: UInt32, sub: UInt16, cpu: UInt64,
        second: UInt64
    ) {
        let list = [
            AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.cpu, cpu),
            AttributeReading(.interrupts, 1_000 + second * 250), AttributeReading(.events, 400 + second * 90),
            AttributeReading(.outFullFirst, second / 3), AttributeReading(.outFullTotal, second),
            AttributeReading(.inSize, 520_192), AttributeReading(.inUsed, 4_096 * second),
            AttributeReading(.inMask, 0), AttributeReading(.outSize, 520_192),
            AttributeReading(.outUsed, 90_000 * (second % 6)), AttributeReading(.outMask, reading: Reading(.denied)),
        ]
        batch.append(
            FlowRecordHeader(
                kind: second == 0 ? .state : .sample, time: time, partition: 1, device: device, subchannel: sub,
                relid: relid, code: second == 0 ? StateCode.appeared.rawValue : 0), AttributeList(list).encoded())
    }
}
