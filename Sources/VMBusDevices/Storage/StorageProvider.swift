import VMBusWire

/// The host's end of a storage controller (storvsp): negotiation, sub-channels, SCSI commands, disks that come and go
/// (reference §6.2). What a disk is to do leaves as `disk` effects.
public struct StorageProvider: DeviceEndpoint {
    /// Which kind of controller it is.
    public enum Kind: Sendable, Hashable {
        /// Many disks on one target.
        case scsi
        /// One disk.
        case ide
        /// As SCSI, with names of its ports.
        case fibreChannel
    }

    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Which kind of controller it is.
        public var kind = Kind.scsi
        /// The newest version that the host takes.
        public var maximumVersion = VStor.Version.version62
        /// Sub-channels that it gives at most; 0 to 63.
        public var maximumSubchannels = 0
        /// Bytes of the longest transfer.
        public var maximumTransfer = 1 << 18
        /// Requests that disks work on at the same time.
        public var maximumOutstanding = 4096
        /// The disks that it has from the start.
        public var disks: [DiskDescription] = []
        /// Tells its disks from those of every other controller; also the adapter's name on Fibre Channel.
        public var identity: UInt64 = 0
        /// IDE: which bus and target the disk is.
        public var target: UInt8 = 0

        /// A SCSI controller without disks.
        public init() {}

        /// The same with every number inside what the protocol can carry.
        func clamped() -> Configuration {
            var result = self
            result.maximumSubchannels = kind == .ide ? 0 : min(max(maximumSubchannels, 0), 63)
            result.maximumTransfer = min(max(maximumTransfer, 4096) / 4096 * 4096, 8 << 20)
            result.maximumOutstanding = min(max(maximumOutstanding, 1), 65_536)
            return result
        }
    }

    /// What the controller counts.
    public struct Counters: Sendable, Hashable {
        /// Requests that were answered with success.
        public var completed: UInt64 = 0
        /// Requests that were answered with anything else.
        public var failed: UInt64 = 0
        /// Bytes that guests read.
        public var bytesRead: UInt64 = 0
        /// Bytes that guests wrote.
        public var bytesWritten: UInt64 = 0
    }

    /// Where the negotiation stands.
    enum Phase: Sendable, Hashable {
        case closed
        case opened
        case begun
        case versioned
        case described
        case ready
    }

    /// A request that a disk works on.
    struct Outstanding: Sendable, Hashable {
        var transactionID: UInt64
        var subchannel: UInt16
        var answer: VStor.Packet
        var ranges: [GPARange]
    }

    /// What was chosen.
    public let configuration: Configuration
    /// The agreed version.
    public internal(set) var version: VStor.Version?
    /// Whether the guest may send requests.
    public var isReady: Bool { phase == .ready }
    /// The disks, in the order in which they came.
    public internal(set) var units: [LogicalUnit] = []
    /// Sub-channels that were granted.
    public internal(set) var grantedSubchannels: UInt16 = 0
    /// What was counted.
    public internal(set) var counters = Counters()
    var phase = Phase.closed
    /// Only looked up; put in order where order could show.
    var outstanding: [UInt64: Outstanding] = [:]
    /// The guest's own ids of what is outstanding, by channel.
    var inUse: Set<RequestID> = []
    var nextToken: UInt64 = 1
    var outbound: OutboundQueues

    /// A request as its guest tells it from others.
    struct RequestID: Sendable, Hashable {
        var subchannel: UInt16
        var id: UInt64
    }

    /// What the log keeps of a request's data.
    public static var recordedAttachmentLimit: Int { 4096 }

    /// A controller that waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration.clamped()
        outbound = OutboundQueues(capacity: self.configuration.maximumOutstanding + 64)
        for disk in self.configuration.disks { plug(disk) }
    }

    /// Requests that disks work on.
    public var outstandingCount: Int { outstanding.count }

    // MARK: Life

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        if subchannel == 0, phase == .closed { phase = .opened }
        return []
    }

    /// The disks stay as they are: they are the host's.
    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        outbound.closed(subchannel: subchannel)
        for token in outstanding.keys.sorted()
        where subchannel == 0 || outstanding[token]?.subchannel == subchannel {
            forget(token)
        }
        guard subchannel == 0 else { return [] }
        phase = .closed
        version = nil
        grantedSubchannels = 0
        outbound = OutboundQueues(capacity: configuration.maximumOutstanding + 64)
        return []
    }

    @discardableResult
    mutating func forget(_ token: UInt64) -> Outstanding? {
        guard let request = outstanding.removeValue(forKey: token) else { return nil }
        inUse.remove(RequestID(subchannel: request.subchannel, id: request.transactionID))
        return request
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        outbound.writable(subchannel: subchannel)
    }

    // MARK: Disks

    /// Adds a disk. False when the place is taken, or there is no size.
    @discardableResult
    mutating func plug(_ disk: DiskDescription) -> Bool {
        let target = configuration.kind == .ide ? configuration.target : 0
        guard disk.byteCount > 0, units.count < (configuration.kind == .ide ? 1 : 64),
            !units.contains(where: { $0.lun == disk.lun })
        else { return false }
        var unit = LogicalUnit(
            lun: configuration.kind == .ide ? 0 : disk.lun, medium: disk.medium,
            byteCount: disk.byteCount, isReadOnly: disk.isReadOnly)
        unit.target = target
        unit.identity = (configuration.identity ^ UInt64(disk.lun) << 48) & (1 << 60 - 1)
        units.append(unit)
        return true
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .storage(let command) = command else { return nil }
        switch command {
        case .add(let disk):
            guard plug(disk) else {
                return [.note("storage: unit \(disk.lun) was not added: there is one, or no room, or it has no size")]
            }
            return [.plugged(disk)] + tellGuest()
        case .remove(let lun):
            guard let index = units.firstIndex(where: { $0.lun == lun }) else {
                return [.note("storage: there is no unit \(lun) to remove")]
            }
            units.remove(at: index)
            var effects: [DeviceEffect] = []
            for token in outstanding.keys.sorted() where outstanding[token]?.answer.request.lun == lun {
                guard let request = forget(token) else { continue }
                effects += finish(request, status: .invalidLUN)
            }
            return effects + [.unplugged(lun: lun)] + tellGuest()
        }
    }

    /// The guest is told to look again, once it listens.
    private mutating func tellGuest() -> [DeviceEffect] {
        guard phase == .ready, let version else { return [] }
        let news = VStor.Packet(.enumerateBus)
        return outbound.send(
            ChannelPacket(payload: news.encoded(version: version, sender: .hostToGuest)), subchannel: 0)
    }

    func broken(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))
    }
}
