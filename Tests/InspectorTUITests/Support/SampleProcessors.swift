import BusModel
import VMBusWire

/// The log of a guest with processors on two nodes and channels whose interrupts lie unevenly.
enum SampleProcessors {
    /// - Parameters:
    ///   - nics: how many network adapters, each with a channel on `spread` processors.
    ///   - hasEvidence: whether nodes, offline and isolated processors are known.
    static func batch(
        processors: UInt64 = 8, nics: Int = 2, spread: Int = 6, disks: Int = 1, hasEvidence: Bool = true
    ) -> FlowBatch {
        var batch = FlowBatch()
        func tell(
            _ kind: FlowKind, _ time: UInt64, device: GUID = .zero, relid: UInt32 = 0, sub: Int = 0,
            _ list: [AttributeReading]
        ) {
            batch.append(
                FlowRecordHeader(
                    kind: kind, time: time * 1_000_000_000, partition: 1, device: device, subchannel: UInt16(sub),
                    relid: relid, code: kind == .state ? StateCode.appeared.rawValue : 0), AttributeList(list).encoded()
            )
        }
        var guest = [
            AttributeReading(.name, text: "this guest"), AttributeReading(.role, 1),
            AttributeReading(.connectionPhase, ConnectionPhase.connected.rawValue),
            AttributeReading(.protocolVersion, 0x0005_0003), AttributeReading(.virtualProcessors, processors),
        ]
        if hasEvidence {
            let half = processors / 2
            guest += [
                AttributeReading(.onlineProcessors, text: "0-\(processors - 2)"),
                AttributeReading(.possibleProcessors, text: "0-\(processors - 1)"),
                AttributeReading(.isolatedProcessors, text: "\(processors - 3)"),
                AttributeReading(.processorNodes, text: "0:0-\(half - 1) 1:\(half)-\(processors - 1)"),
                AttributeReading(.processorInterrupts, text: "cpu0=826460279 cpu1=5000"),
            ]
        }
        tell(.state, 1, guest)
        var relid: UInt32 = 1
        for number in 0..<nics + disks {
            let isNetwork = number < nics
            let device = SampleGuest.device(UInt64(number + 1))
            tell(
                .state, 1, device: device,
                [
                    AttributeReading(.classID, guid: isNetwork ? SampleGuest.network : SampleGuest.scsi),
                    AttributeReading(.deviceState, 3), AttributeReading(.numaNode, UInt64(number % 2)),
                    AttributeReading(.driver, text: isNetwork ? "hv_netvsc" : "hv_storvsc"),
                    isNetwork
                        ? AttributeReading(.networkInterfaces, text: "eth\(number)")
                        : AttributeReading(.blockDevices, text: "sd\(["a", "b", "c"][(number - nics) % 3])"),
                ])
            for sub in 0..<(isNetwork ? spread : 2) {
                let cpu = UInt64(sub * (number + 1) + number) % processors
                let rate = UInt64((sub + 1) * (sub + 1) * 130 * (number % 3 + 1))
                for look in UInt64(0)...4 {
                    tell(
                        look == 0 ? .state : .sample, look + 1, device: device, relid: relid, sub: sub,
                        [
                            AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.cpu, cpu),
                            AttributeReading(.interrupts, look * rate), AttributeReading(.events, look * rate / 3),
                        ])
                }
                relid += 1
            }
        }
        var next: UInt64 = 1
        batch.number(from: &next)
        return batch
    }
}
