public import BusModel
public import VMBusWire

/// One record of the log with what was found out about it when it came.
public struct FlowEntry: Sendable, Hashable {
    /// The record's fixed part.
    public var header: FlowRecordHeader
    /// LAYER.NAME, spelled as the reference's tables do.
    public var name: String
    /// What it says, in one line.
    public var info: String
    /// The device's class; `unknown` for records without a device.
    public var deviceClass: DeviceKind
    /// What people call the channel: `eth0`, `sda`, `heartbeat`, with `:1` for a sub-channel; empty for none.
    public var channelLabel: String
    /// The partition's name.
    public var partitionName: String
    /// The agreement under which the bytes were written.
    public var context: WireContext
    /// What the channel's dissector must know of earlier packets to read this one.
    public var hint: UInt32

    /// The word for the record's direction in JSON, filters and on the screen; nil for none.
    public var directionWord: String? {
        switch header.direction {
        case .guestToHost: "guest_to_host"
        case .hostToGuest: "host_to_guest"
        case nil: nil
        }
    }
}
