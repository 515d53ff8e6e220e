import VMBusDevices
public import VMBusRing
public import VMBusWire

/// A device as the guest has it: its driver, its channels and the pages that it shares.
public struct GuestDevice: Sendable {
    /// Which device it is.
    public let instance: GUID
    /// What kind it is.
    public let kind: DeviceKind
    /// Tells it from an earlier device of the same instance.
    let generation: UInt32
    /// The driver's machine; nil for a device that the guest has no driver for.
    var consumer: (any DeviceEndpoint)?
    /// Primary first.
    public internal(set) var channels: [Channel] = []
    var lists: [List] = []
    /// Which of the guest's network interfaces it carries; -1 for none.
    var interface = -1

    /// One of the device's channels.
    public struct Channel: Sendable {
        /// 0 for the primary.
        public let subchannel: UInt16
        /// The channel's number.
        public let relid: UInt32
        /// The processor that takes its interrupts.
        public internal(set) var targetVP: UInt32 = 0
        var connectionID: UInt32 = 0
        var monitorID: UInt8?
        var ringList: UInt32 = 0
        var rings: (outgoing: RingPages, incoming: RingPages)?
        var port: ChannelPort?

        /// The pages of both rings while the channel is open, guest→host first.
        public var ringPages: (outgoing: RingPages, incoming: RingPages)? { port == nil ? nil : rings }

        init(subchannel: UInt16, relid: UInt32) {
            self.subchannel = subchannel
            self.relid = relid
        }
    }

    /// Pages that the device shares with the host.
    struct List: Sendable {
        let handle: UInt32
        let pages: [UInt64]
        /// Nil for rings.
        let purpose: BufferPurpose?
    }

    init(instance: GUID, kind: DeviceKind, generation: UInt32, consumer: (any DeviceEndpoint)?) {
        self.instance = instance
        self.kind = kind
        self.generation = generation
        self.consumer = consumer
    }

    /// Whether a guest spreads the device's channels over its processors (reference §5).
    var isPerformanceDevice: Bool { [.network, .scsi, .ide, .fibreChannel, .rdma].contains(kind) }

    func place(_ channel: Int) -> ChannelPlace {
        ChannelPlace(device: instance, subchannel: channels[channel].subchannel, relid: channels[channel].relid)
    }
}
