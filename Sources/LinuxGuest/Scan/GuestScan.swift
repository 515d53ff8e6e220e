public import BusModel
public import VMBusWire

/// What one look at a guest's sysfs found.
public struct GuestScan: Hashable, Sendable {
    /// Whether there is a VMBus; without one there is nothing else here.
    public let busAvailable: Bool
    /// The devices in the order of lsvmbus: by relid, those without a relid last, equal ones by name.
    public let devices: [DeviceScan]
    /// What went wrong with the bus as a whole; paths are relative to `/sys/bus/vmbus`.
    public let problems: [ScanProblem]

    /// Puts a scan together.
    public init(busAvailable: Bool, devices: [DeviceScan], problems: [ScanProblem]) {
        self.busAvailable = busAvailable
        self.devices = devices
        self.problems = problems
    }

    /// Whether the list of devices itself was refused for want of permission, so that nothing could be read.
    public var isPermissionDenied: Bool {
        devices.isEmpty && problems.contains { $0.failure.isPermissionDenied }
    }
}

/// One device of the bus.
public struct DeviceScan: Hashable, Sendable {
    /// The name of its directory: the instance identifier, `vmbus_N` on old kernels.
    public let name: String
    /// `device_id`: which instance it is.
    public internal(set) var instance: Readout<GUID> = .missing
    /// `class_id`: what it is.
    public internal(set) var classID: Readout<GUID> = .missing
    /// `id`: the relid of its primary channel. `invalid` while the kernel says -1.
    public internal(set) var relid: Readout<UInt32> = .missing
    /// `state`: 0 offered, 1 opening, 2 not open, 3 opened.
    public internal(set) var state: Readout<Int32> = .missing
    /// Whether its primary channel is open; nil if that cannot be told.
    public internal(set) var isOpened: Bool?
    /// The driver that is bound; missing if none is.
    public internal(set) var driver: Readout<String> = .missing
    /// The NUMA node of its target processor; missing if the kernel knows none.
    public internal(set) var numaNode: Readout<Int32> = .missing
    /// What people know it by.
    public internal(set) var kernelNames = KernelNames()
    /// `channel_vp_mapping`.
    public internal(set) var mapping: Readout<ChannelMapping> = .missing
    /// Its channels, the primary first and the others by relid; nil if not even their number is known.
    public internal(set) var channels: [ChannelScan]?
    /// Every file that did not give what it should; paths are relative to the device's directory.
    public internal(set) var problems: [ScanProblem] = []
    /// Whether the device went away, or began to, while it was looked at.
    public internal(set) var isVanishing = false
    /// Whether it was read at this look; otherwise everything is as it was when it was read last.
    public internal(set) var isFresh = true
    /// Whether another device of the same name was here at the look before.
    public internal(set) var isReplacement = false
    /// When it was read, in the clock's nanoseconds; nil where the whole look has one time.
    public internal(set) var readTime: UInt64?

    init(name: String) {
        self.name = name
    }

    /// The catalogue's entry for its class; `DeviceClass.unknown` also if the class could not be read.
    public var deviceClass: DeviceClass {
        classID.value.map(DeviceClass.of) ?? .unknown
    }

    /// Its primary channel, if its channels are known.
    public var primary: ChannelScan? { channels?.first { $0.isPrimary } }
}

/// One channel of a device.
public struct ChannelScan: Hashable, Sendable {
    /// Its relid, which is the name of its directory.
    public let relid: UInt32
    /// Whether it is the device's first channel.
    public internal(set) var isPrimary: Bool
    /// Its index among the device's channels, 0 for the primary; missing before Linux 4.16.
    public internal(set) var subchannel: Readout<UInt32> = .missing
    /// The target processor.
    public internal(set) var cpu: Readout<UInt32> = .missing
    /// Whether it is open; nil if that cannot be told.
    public internal(set) var isOpened: Bool?
    /// The ring from host to guest.
    public internal(set) var inbound = RingScan()
    /// The ring from guest to host.
    public internal(set) var outbound = RingScan()
    /// Events from the host that were taken.
    public internal(set) var interrupts: Readout<UInt64> = .missing
    /// Signals to the host by hypercall.
    public internal(set) var events: Readout<UInt64> = .missing
    /// Signals because the inbound ring became non-full.
    public internal(set) var interruptsInFull: Readout<UInt64> = .missing
    /// Signals because the outbound ring became non-empty.
    public internal(set) var interruptsOutEmpty: Readout<UInt64> = .missing
    /// Writes that were the first to meet a full outbound ring.
    public internal(set) var outFullFirst: Readout<UInt64> = .missing
    /// All writes that met a full outbound ring.
    public internal(set) var outFullTotal: Readout<UInt64> = .missing
    /// The monitor that signals for it; missing if it has none.
    public internal(set) var monitorID: Readout<UInt32> = .missing
    /// The monitor's latency in units of 100 ns.
    public internal(set) var latency: Readout<UInt32> = .missing
    /// The pending bits of the monitor's whole group of 32.
    public internal(set) var groupPending: Readout<UInt32> = .missing
    /// `write_avail` as read: bytes that a writer could still put into the outbound ring.
    public internal(set) var outboundFree: UInt32?
    /// The most that waited in its rings at this look; nil where they were looked at once.
    public internal(set) var burst: FillBurst?
    /// Whether it was read at this look; otherwise everything is as it was when it was read last.
    public internal(set) var isFresh = true

    init(relid: UInt32, isPrimary: Bool) {
        self.relid = relid
        self.isPrimary = isPrimary
    }

    /// Whether this channel's own bit is pending; nil without a monitor.
    public var isPending: Bool? {
        guard let monitor = monitorID.value, let bits = groupPending.value else { return nil }
        return bits >> (monitor % 32) & 1 == 1
    }
}

/// One ring of a channel, as far as sysfs tells.
public struct RingScan: Hashable, Sendable {
    /// Bytes of data it can hold, without its header page; nil if unknown or closed.
    public internal(set) var size: UInt64?
    /// How the size is known; nil if it is not. Measured means that used and free bytes added up to whole pages twice in this
    /// open; drivers give all channels of a device the same size.
    public internal(set) var sizeSource: RingSizeSource?
    /// Bytes waiting in it; nil if unknown or closed.
    public internal(set) var used: UInt64?
    /// Whether its reader has asked not to be interrupted; nil if unknown or closed.
    public internal(set) var isMasked: Bool?
    /// Where is read next; nil if unknown or closed. The kernel tells it of primaries alone.
    public internal(set) var readIndex: UInt32?
    /// Where is written next; as `readIndex`.
    public internal(set) var writeIndex: UInt32?
}
