import BusModel
import VMBusDevices
import VMBusPartitions
public import VMBusWire

/// The packets of a device that this program drives itself, as records of the log that a live guest has.
public struct UIOPacketRecords: Sendable {
    private let device: GUID
    private var batch = FlowBatch()

    /// For the device of this instance.
    public init(device: GUID) { self.device = device }

    mutating func append(_ packet: OpenedDevicePacket, relid: UInt32, at time: UInt64) {
        batch.append(
            FlowRecordHeader(
                kind: .packet, time: time, partition: ScanTranslation.guest, device: device,
                subchannel: packet.subchannel, relid: relid,
                direction: packet.isSent ? .guestToHost : .hostToGuest, code: UInt32(packet.packet.type.rawValue)),
            packet.packet.encoded ?? [], attachment: packet.attachment)
    }

    mutating func take() -> FlowBatch {
        defer { batch = FlowBatch() }
        return batch
    }
}
