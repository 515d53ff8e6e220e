public import BusModel
import Query
public import VMBusWire

/// Which processor takes the interrupts of which channel, and how many: processors × channels with NUMA nodes.
public struct ProcessorMap: Sendable, Hashable {
    /// One processor of a partition.
    public struct Processor: Sendable, Hashable {
        /// The partition.
        public let partition: UInt16
        /// Its number.
        public let number: Int
        /// Its NUMA node; nil where that is not known.
        public let node: Int?
        /// Whether it is online; true where that is not known.
        public let isOnline: Bool
        /// Whether the scheduler leaves it alone.
        public let isIsolated: Bool
        /// Interrupts of all VMBus channels since boot, as the kernel counts them in 32 bits; nil where that was not read.
        public let kernelCount: UInt64?
        /// How many of these there are per second; nil until they were looked at twice.
        public let kernelRate: Double?
        /// Interrupts per second of the channels here.
        public internal(set) var rate = 0.0
        /// Its share of the partition's interrupts, 0 to 1.
        public internal(set) var share = 0.0
        /// How many open channels it serves.
        public internal(set) var channelCount = 0
    }

    /// One channel.
    public struct Channel: Sendable, Hashable {
        /// Which channel.
        public let key: ChannelKey
        /// The channel's number.
        public let relid: UInt32
        /// What people call it, such as `eth0:1`.
        public let label: String
        /// Whether it is open: only then the processor says something.
        public let isOpen: Bool
        /// Interrupts per second; 0 where that is not known yet.
        public let rate: Double
        /// The NUMA node of its device; nil where that is not known.
        public let deviceNode: Int?
        /// The place of its device in `devices`.
        public let device: Int
        /// The processor that takes its interrupts.
        public internal(set) var processor: Int?
    }

    /// One device with its channels.
    public struct Device: Sendable, Hashable {
        /// The partition.
        public let partition: UInt16
        /// Which device.
        public let instance: GUID
        /// What people call it.
        public let label: String
        /// The places of its channels in `channels`.
        public let channels: Range<Int>
        /// How unevenly its interrupts lie; nil where there are none.
        public internal(set) var imbalance: Imbalance?
    }

    /// One partition with what is known of its processors.
    public struct Partition: Sendable, Hashable {
        /// Its number.
        public let number: UInt16
        /// Its name.
        public let name: String
        /// Its processors.
        public let topology: ProcessorTopology
        /// How unevenly the interrupts of all devices lie; nil where there are none.
        public internal(set) var imbalance: Imbalance?
    }

    /// The partitions that have channels.
    public private(set) var partitions: [Partition] = []
    /// The processors, by partition and node, or as they were arranged.
    public private(set) var processors: [Processor] = []
    /// The devices: those made for speed first, otherwise in the order of the bus.
    public private(set) var devices: [Device] = []
    /// The channels, device by device.
    public private(set) var channels: [Channel] = []
    private var places: [UInt16: [Int: Int]] = [:]

    /// Nothing.
    init() {}

    mutating func add(_ partition: PartitionSnapshot, _ topology: ProcessorTopology, _ rates: ProcessorRates) {
        partitions.append(
            Partition(number: partition.number, name: PlainText.clean(partition.name), topology: topology))
        var counts: [String: UInt64] = [:]
        for count in partition.evidence.counters(.processorInterrupts) { counts[count.name] = count.count }
        for node in topology.nodes {
            for number in node.processors {
                processors.append(
                    Processor(
                        partition: partition.number, number: number, node: node.number,
                        isOnline: topology.isOnline(number), isIsolated: topology.isolated.contains(number),
                        kernelCount: counts["cpu\(number)"], kernelRate: rates[number]))
            }
        }
        findPlaces()
    }

    private mutating func findPlaces() {
        places = [:]
        for (place, processor) in processors.enumerated() {
            places[processor.partition, default: [:]][processor.number] = place
        }
    }

    /// Puts the processors into another order: which of them comes first, second and so on.
    mutating func arrange(_ order: [Int]) {
        processors = order.map { processors[$0] }
        findPlaces()
    }

    mutating func add(
        _ device: DeviceSnapshot, of partition: PartitionSnapshot, _ own: [(channel: ChannelSnapshot, rate: Double)]
    ) {
        let node = device.numaNode.value.flatMap { $0 >= 0 ? Int(exactly: $0) : nil }
        let start = channels.count
        for (channel, rate) in own {
            let cpu = channel.cpu.value.flatMap { $0 < UInt64(ProcessorSet.limit) ? Int($0) : nil }
            let isOpen = channel.phase.value == .open
            channels.append(
                Channel(
                    key: InspectorState.key(partition, device, channel), relid: channel.relid,
                    label: ChannelLabel.text(device, subchannel: channel.subchannel, in: partition),
                    isOpen: isOpen, rate: rate, deviceNode: node, device: devices.count, processor: cpu))
        }
        devices.append(
            Device(
                partition: partition.number, instance: device.instance,
                label: ChannelLabel.text(device, subchannel: 0, in: partition), channels: start..<channels.count))
    }

    /// Adds up what the channels' processors give.
    mutating func count() {
        for place in processors.indices {
            (processors[place].rate, processors[place].share, processors[place].channelCount) = (0, 0, 0)
        }
        for channel in channels where channel.isOpen {
            guard let place = place(of: channel) else { continue }
            processors[place].rate += channel.rate
            processors[place].channelCount += 1
        }
        for index in partitions.indices {
            let number = partitions[index].number
            let own = processors.indices.filter { processors[$0].partition == number }
            let total = own.reduce(0) { $0 + processors[$1].rate }
            if total > 0 { for place in own { processors[place].share = processors[place].rate / total } }
            let open = channels.count { $0.key.partition == number && $0.isOpen }
            partitions[index].imbalance = Imbalance(
                loads: own.map { processors[$0].rate }, over: min(open, partitions[index].topology.onlineCount))
        }
        for index in devices.indices {
            var loads: [Int: Double] = [:]
            var open = 0
            for channel in channels[devices[index].channels] where channel.isOpen {
                open += 1
                if let processor = channel.processor { loads[processor, default: 0] += channel.rate }
            }
            let online = partition(devices[index].partition)?.topology.onlineCount ?? open
            // The order of the loads reaches nobody: they are put in order there.
            devices[index].imbalance = Imbalance(loads: Array(loads.values), over: min(open, online))
        }
    }

    // MARK: Reading

    /// A partition of the map.
    public func partition(_ number: UInt16) -> Partition? { partitions.first { $0.number == number } }

    /// The place of a channel's processor in `processors`; nil where it has none that is shown.
    public func place(of channel: Channel) -> Int? {
        channel.processor.flatMap { places[channel.key.partition]?[$0] }
    }

    /// The place of a channel in `channels`; nil when it is not there.
    public func place(of key: ChannelKey) -> Int? { channels.firstIndex { $0.key == key } }

    /// The greatest rate that one channel, or one device on one processor, has.
    public func greatestLoad(byDevice: Bool) -> Double {
        guard byDevice else { return channels.map(\.rate).max() ?? 0 }
        return devices.indices.flatMap { loads(ofDevice: $0).values.map(\.rate) }.max() ?? 0
    }

    /// What a device has on each processor, by the processor's place: interrupts per second and open channels.
    public func loads(ofDevice index: Int) -> [Int: (rate: Double, channels: Int)] {
        var loads: [Int: (rate: Double, channels: Int)] = [:]
        for channel in channels[devices[index].channels] where channel.isOpen {
            guard let place = place(of: channel) else { continue }
            let before = loads[place] ?? (0, 0)
            loads[place] = (before.rate + channel.rate, before.channels + 1)
        }
        return loads
    }

    /// Whether a channel's interrupts go to another NUMA node than its device's.
    public func isOffNode(_ channel: Channel) -> Bool {
        guard let deviceNode = channel.deviceNode, let place = place(of: channel), let node = processors[place].node
        else { return false }
        return node != deviceNode
    }

    /// The map as it would be if a channel were on another processor, its rate being the same there. Nothing is written.
    public func moving(_ key: ChannelKey, to processor: Int) -> ProcessorMap {
        var map = self
        guard let place = map.place(of: key) else { return self }
        map.channels[place].processor = processor
        map.count()
        return map
    }
}

extension InspectorState {
    /// The map of processors and channels at the moment that is shown; of the channels those that fit the view's filter.
    public var processorMap: ProcessorMap {
        var map = ProcessorMap()
        for partition in snapshot.partitions
        where !partition.devices.isEmpty || partition.evidence[.processorInterrupts] != nil {
            map.add(partition, ProcessorTopology(partition), processorRates(partition.number))
            // What carries much comes first, so that it is seen before anybody scrolls.
            let (fast, slow) = (
                partition.devices.filter(\.deviceClass.isPerformanceDevice),
                partition.devices.filter { !$0.deviceClass.isPerformanceDevice }
            )
            for device in fast + slow {
                let own = device.channels.filter { channel in
                    query(.cpus).map { $0.matches(ChannelSubject(self, partition, device, channel)) } ?? true
                }
                if own.isEmpty { continue }
                map.add(
                    device, of: partition,
                    own.map { ($0, interruptRate(Self.key(partition, device, $0)) ?? 0) })
            }
        }
        map.count()
        if let column = processorSort.column {
            map.arrange(processorSort.places(map.processors.map { sortKey($0, column, map) }))
        }
        return map
    }
}
