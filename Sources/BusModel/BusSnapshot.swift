public import VMBusWire

/// What a partition is.
public enum PartitionRole: UInt64, Sendable, Hashable {
    /// The root partition, which offers the devices.
    case root = 0
    /// A guest.
    case guest = 1
}

/// How far a guest's connection to the host is.
public enum ConnectionPhase: UInt64, Sendable, Hashable {
    case disconnected = 0
    case connecting = 1
    case connected = 2
    case disconnecting = 3

    /// The word on the screen and in JSON.
    public var word: String {
        switch self {
        case .disconnected: "disconnected"
        case .connecting: "connecting"
        case .connected: "connected"
        case .disconnecting: "disconnecting"
        }
    }
}

/// How far a channel's life is.
public enum ChannelPhase: UInt64, Sendable, Hashable {
    /// Offered and not open.
    case closed = 0
    /// The guest has asked to open it.
    case opening = 1
    /// Data can flow.
    case open = 2
    /// The host has taken the offer back, the guest still holds the number.
    case rescinded = 3

    /// The word on the screen and in JSON.
    public var word: String {
        switch self {
        case .closed: "closed"
        case .opening: "opening"
        case .open: "open"
        case .rescinded: "rescinded"
        }
    }
}

/// Where a ring's size comes from.
public enum RingSizeSource: UInt64, Sendable, Hashable {
    /// From the ring itself: read and write available add up to it.
    case measured = 0
    /// Taken over from the device's primary channel.
    case inferred = 1

    /// The word in JSON.
    public var word: String { self == .measured ? "measured" : "inferred" }
}

/// Everything that is known of the bus at one place of a log: the fold of its records.
public struct BusSnapshot: Sendable, Hashable {
    /// The place.
    public var position = Position(sequence: 0, time: 0)
    /// False once the source has said that there is no bus here.
    public var busAvailable = true
    /// The partitions, in order of their numbers.
    public var partitions: [PartitionSnapshot] = []
    /// Files that could not be read and belong to no device.
    public var problems: [SnapshotProblem] = []

    /// Nothing is known.
    public init() {}

    /// The partition with this number.
    public func partition(_ number: UInt16) -> PartitionSnapshot? { partitions.first { $0.number == number } }

    /// A device of a partition.
    public func device(_ partition: UInt16, _ instance: GUID) -> DeviceSnapshot? {
        self.partition(partition)?.devices.first { $0.instance == instance }
    }

    /// A channel by its lasting name.
    public func channel(_ key: ChannelKey) -> ChannelSnapshot? {
        device(key.partition, key.device)?.channels.first { $0.subchannel == key.subchannel }
    }
}

/// A file that could not be read.
public struct SnapshotProblem: Sendable, Hashable {
    /// Path relative to the device's directory, or absolute.
    public var path: String
    /// The error's symbol.
    public var error: String

    /// A file and its error.
    public init(path: String, error: String) {
        self.path = path
        self.error = error
    }
}

/// What is known of one partition.
public struct PartitionSnapshot: Sendable, Hashable {
    /// 0 for the root, then the guests.
    public var number: UInt16
    /// Its name.
    public var name: String
    /// What it is.
    public var role: PartitionRole
    /// How far its connection is; for the root, always connected.
    public var connection = Reading<ConnectionPhase>.unavailable
    /// The version proposed last, while no answer has come.
    public var requestedVersion: ProtocolVersion?
    /// The negotiated version.
    public var version = Reading<ProtocolVersion>.unavailable
    /// The agreed features.
    public var features = Reading<FeatureFlags>.unavailable
    /// How many virtual processors it has.
    public var virtualProcessors = Reading<UInt64>.unavailable
    /// The kernel that runs in it.
    public var kernelRelease = Reading<String>.unavailable
    /// The devices offered to it, in order of their first offer.
    public var devices: [DeviceSnapshot] = []
    /// Page lists that the host holds or is getting.
    public var pageLists: [PageListSnapshot] = []
    /// Messages, packets, signals and interrupts so far.
    public var traffic = Traffic()
    /// What else is known: the hypervisor's build, processors, daemons.
    public var evidence = Evidence()

    /// A partition of which nothing else is known.
    public init(number: UInt16, name: String, role: PartitionRole) {
        self.number = number
        self.name = name
        self.role = role
    }

    /// What a partition is called before the log names it.
    public static func defaultName(_ number: UInt16) -> String { number == 0 ? "root" : "guest \(number)" }

    /// The agreement under which the next message is laid out; the newest while none is known.
    public var wireContext: WireContext {
        WireContext(version: version.value ?? .copper, features: features.value ?? .all)
    }

    /// All channels of all devices.
    public var channelCount: Int { devices.reduce(0) { $0 + $1.channels.count } }
    /// The channels that are open.
    public var openChannelCount: Int {
        devices.reduce(0) { $0 + $1.channels.count { $0.phase.value == .open } }
    }
}

/// How much went over a channel or a partition's bus, as far as the log shows it.
public struct Traffic: Sendable, Hashable {
    /// Channel messages, both directions.
    public var messages: UInt64 = 0
    /// Ring packets from the guest.
    public var packetsOut: UInt64 = 0
    /// Ring packets to the guest.
    public var packetsIn: UInt64 = 0
    /// Bytes in the guest's ring packets.
    public var bytesOut: UInt64 = 0
    /// Bytes in ring packets to the guest.
    public var bytesIn: UInt64 = 0
    /// Signals to the host.
    public var signals: UInt64 = 0
    /// Interrupts of the guest.
    public var interrupts: UInt64 = 0

    /// Nothing yet.
    public init() {}
}

/// A list of guest pages (GPADL) on its way to the host or held by it.
public struct PageListSnapshot: Sendable, Hashable {
    /// The handle that the guest chose.
    public var handle: UInt32
    /// The channel that it belongs to.
    public var relid: UInt32
    /// Pages in all ranges, as the header announces them.
    public var pageCount: Int
    /// Whether the host has accepted it.
    public var isCreated: Bool

    /// A list.
    public init(handle: UInt32, relid: UInt32, pageCount: Int, isCreated: Bool) {
        self.handle = handle
        self.relid = relid
        self.pageCount = pageCount
        self.isCreated = isCreated
    }
}

/// What is known of one device.
public struct DeviceSnapshot: Sendable, Hashable {
    /// Which device it is.
    public var instance: GUID
    /// The name of its directory, or its instance.
    public var name: String
    /// What kind it is.
    public var classID: GUID
    /// Its state as sysfs counts it: 0 offered, 1 opening, 2 not open, 3 opened.
    public var state = Reading<UInt64>.unavailable
    /// The driver that owns it.
    public var driver = Reading<String>.unavailable
    /// The NUMA node of its primary's processor; -1 for none.
    public var numaNode = Reading<Int64>.unavailable
    /// What people know the device by.
    public var kernel = KernelNames()
    /// Primary first, then sub-channels in order of their index.
    public var channels: [ChannelSnapshot] = []
    /// Files of the device that could not be read.
    public var problems: [SnapshotProblem] = []
    /// What else is known: the network interface's counters, errors of disks.
    public var evidence = Evidence()

    /// A device of which nothing else is known.
    public init(instance: GUID, classID: GUID, name: String? = nil) {
        self.instance = instance
        self.classID = classID
        self.name = name ?? instance.description
    }

    /// What the catalogue knows of the class.
    public var deviceClass: DeviceClass { DeviceClass.of(classID) }
}

/// What people know a device by: the kernel's names for what hangs on it.
public struct KernelNames: Sendable, Hashable {
    /// Network interfaces.
    public var net: [String] = []
    /// SCSI host.
    public var scsiHost: String?
    /// Disks.
    public var block: [String] = []
    /// PCI functions.
    public var pci: [String] = []

    /// Names; none if none are given.
    public init(net: [String] = [], scsiHost: String? = nil, block: [String] = [], pci: [String] = []) {
        (self.net, self.scsiHost, self.block, self.pci) = (net, scsiHost, block, pci)
    }

    /// All names, what people use most first.
    public var all: [String] { net + block + pci + (block.isEmpty ? [scsiHost].compactMap { $0 } : []) }
}

/// What is known of one channel.
public struct ChannelSnapshot: Sendable, Hashable {
    /// 0 for the primary.
    public var subchannel: UInt16
    /// The channel's number now.
    public var relid: UInt32
    /// How far its life is.
    public var phase = Reading<ChannelPhase>.unavailable
    /// The processor that takes its interrupts.
    public var cpu = Reading<UInt64>.unavailable
    /// The connection that signals the host.
    public var connectionID = Reading<UInt64>.unavailable
    /// Its bit in the monitor pages, if it has one.
    public var monitorID = Reading<UInt64>.unavailable
    /// The longest wait of a monitored signal, in 100 ns.
    public var monitorLatency = Reading<UInt64>.unavailable
    /// The pending word of its monitor group.
    public var monitorPending = Reading<UInt64>.unavailable
    /// The host→guest ring.
    public var inbound = RingSnapshot()
    /// The guest→host ring.
    public var outbound = RingSnapshot()
    /// Host→guest interrupts taken, as the guest counts them.
    public var interrupts = Reading<UInt64>.unavailable
    /// Guest→host signals by hypercall, as the guest counts them.
    public var events = Reading<UInt64>.unavailable
    /// Signals because the inbound ring became non-full.
    public var interruptsInFull = Reading<UInt64>.unavailable
    /// Signals because the outbound ring became non-empty.
    public var interruptsOutEmpty = Reading<UInt64>.unavailable
    /// Writes that first met a full ring.
    public var outFullFirst = Reading<UInt64>.unavailable
    /// All writes that met a full ring.
    public var outFullTotal = Reading<UInt64>.unavailable
    /// The page list that holds the rings, where the log shows it.
    public var ringPageList: UInt32?
    /// When its values were read last, while they cannot be read.
    public var staleSince = Reading<UInt64>.unavailable
    /// What the log shows of its traffic.
    public var traffic = Traffic()
    /// How often the channel was offered again under the same name.
    public var generation = 0

    /// A channel of which nothing else is known.
    public init(subchannel: UInt16, relid: UInt32) {
        self.subchannel = subchannel
        self.relid = relid
    }
}

/// What is known of one ring.
public struct RingSnapshot: Sendable, Hashable {
    /// Data bytes, without the control page.
    public var size = Reading<UInt64>.unavailable
    /// Where the size comes from.
    public var sizeSource: RingSizeSource?
    /// Bytes waiting to be read.
    public var used = Reading<UInt64>.unavailable
    /// The most bytes that waited while it was looked at many times in a moment, which is done for a chosen channel alone.
    public var usedMaximum = Reading<UInt64>.unavailable
    /// How many times that was.
    public var usedLooks = Reading<UInt64>.unavailable
    /// Whether the reader wants no signals.
    public var masked = Reading<UInt64>.unavailable
    /// Where the next packet will be written.
    public var writeIndex = Reading<UInt64>.unavailable
    /// Where the next packet will be read.
    public var readIndex = Reading<UInt64>.unavailable

    /// Nothing is known.
    public init() {}

    /// Share of the ring that is waiting to be read, 0 to 1.
    public var fill: Double? {
        guard let size = size.value, let used = used.value, size > 0 else { return nil }
        return min(1, Double(used) / Double(size))
    }
}
