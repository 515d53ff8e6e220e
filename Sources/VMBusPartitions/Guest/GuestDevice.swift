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
    /// The driver's machine. A list of it, or of none where the guest has no driver, as with the machine inside every look at a
    /// field of the device would copy the whole device.
    var consumer: [any DeviceEndpoint]
    /// Primary first.
    public internal(set) var channels: [Channel] = []
    var lists: [SharedPages] = []
    /// Which of the guest's network interfaces it carries; -1 for none.
    var interface = -1
    /// What the guest does with its disks, once it carries some.
    var work: GuestDiskWork?

    /// One of the device's channels.
    public struct Channel: Sendable {
        /// 0 for the primary.
        public let subchannel: UInt16
        /// The channel's number.
        public let relid: UInt32
        /// The processor that takes its interrupts.
        public internal(set) var targetVP: UInt32 = 0
        var ringList: UInt32 = 0
        var rings: (outgoing: RingPages, incoming: RingPages)?
        var port: ChannelPort?
        /// What the guest has counted since the channel opened.
        public internal(set) var counters = Counters()

        /// The pages of both rings while the channel is open, guest→host first.
        public var ringPages: (outgoing: RingPages, incoming: RingPages)? { port == nil ? nil : rings }

        init(subchannel: UInt16, relid: UInt32) {
            self.subchannel = subchannel
            self.relid = relid
        }
    }

    /// What a guest counts per channel, under the names that Linux gives it (reference §7.3).
    public struct Counters: Sendable, Hashable {
        /// Host→guest interrupts taken.
        public internal(set) var interrupts: UInt64 = 0
        /// Guest→host signals by hypercall.
        public internal(set) var events: UInt64 = 0
        /// Signals because the inbound ring became non-full.
        public internal(set) var interruptsInFull: UInt64 = 0
        /// Signals because the outbound ring became non-empty.
        public internal(set) var interruptsOutEmpty: UInt64 = 0
        /// Writes that first met a full ring.
        public internal(set) var outFullFirst: UInt64 = 0
        /// All writes that met a full ring.
        public internal(set) var outFullTotal: UInt64 = 0
    }

    init(instance: GUID, kind: DeviceKind, generation: UInt32, consumer: (any DeviceEndpoint)?) {
        self.instance = instance
        self.kind = kind
        self.generation = generation
        self.consumer = consumer.map { [$0] } ?? []
    }

    /// What the catalogue says of the kind.
    private var deviceClass: DeviceClass? { DeviceClass.catalogue.first { $0.kind == kind } }

    /// The Linux driver that would own the device, if the guest has one for it.
    public var driverName: String? { consumer.isEmpty ? nil : deviceClass?.linuxDrivers.first }

    /// The name of its network interface, once it carries one.
    public var interfaceName: String? { interface >= 0 ? "eth\(interface)" : nil }

    /// Whether a guest spreads the device's channels over its processors (reference §5).
    var isPerformanceDevice: Bool { deviceClass?.isPerformanceDevice ?? false }
}
