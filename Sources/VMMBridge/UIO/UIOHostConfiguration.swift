public import VMBusDevices

/// How a network device behind a device node is made, and how the host behind it behaves.
public struct UIOHostConfiguration: Sendable, Hashable {
    /// Bytes of one ring with its control page: a multiple of 4096, at least 8192. There are two of them, one each way.
    public var ringBytes = 2 << 20
    /// Bytes of the receive buffer, which the host writes: a multiple of 4096.
    public var receiveBytes = 16 << 20
    /// Bytes of the send buffer, which the client writes: a multiple of 4096.
    public var sendBytes = 15 << 20
    /// The primary channel's number; sub-channels have the numbers behind it.
    public var relid: UInt32 = 14
    /// The primary channel's bit in the monitor page, sub-channels have those behind it; nil where no channel has one.
    public var monitorID: UInt8?
    /// Channels that the client may have, the primary among them; 1 to 64.
    public var queues = 1
    /// Each frame of the client goes back with its two addresses exchanged.
    public var echoes = false
    /// Numbered frames that the client gets after its first one.
    public var injectedFrames = 0
    /// Whether numbered frames run at most 64 ahead of the client's own.
    public var isPaced = false
    /// Whether a ring is looked at only when the client has signalled.
    public var waitsForDoorbells = false
    /// Whether the host, when the client's ring is full, asks for a signal by the pending-send size, instead of looking again.
    public var asksForSpace = false
    /// The adapter.
    public var network: NetworkProvider.Configuration

    /// The handles by which the shared buffers are known: what a kernel's page lists would have.
    public static let receiveGPADL: UInt32 = 0xE1E10
    /// As above, for the send buffer.
    public static let sendGPADL: UInt32 = 0xE1E11

    /// The defaults, which are Linux's for a network device.
    public init() {
        network = NetworkProvider.Configuration(address: [0x02, 0x15, 0x5D, 0, 0, 0x02])
        network.filtersFrames = false
    }

    /// The bit of a channel in the monitor page; nil for none.
    public func monitorID(subchannel: UInt16) -> UInt8? {
        guard let monitorID, Int(monitorID) + Int(subchannel) < 128 else { return nil }
        return monitorID + UInt8(subchannel)
    }

    /// The number of a channel.
    public func relid(subchannel: UInt16) -> UInt32 { relid + UInt32(subchannel) }

    /// The five maps: their names, as the kernel's driver calls them, and their bytes.
    public var maps: [(name: String, byteCount: Int)] {
        [
            ("txrx_rings", 2 * ringBytes), ("int_page", 4096), ("monitor_page", 4096),
            ("recv:\(Self.receiveGPADL)", receiveBytes), ("send:\(Self.sendGPADL)", sendBytes),
        ]
    }
}
