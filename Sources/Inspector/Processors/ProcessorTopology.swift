public import BusModel

/// The processors of a partition: which there are, which are online, isolated, and on which NUMA node.
///
/// Where no evidence of them was read, they are those that the partition is said to have and those that channels name.
public struct ProcessorTopology: Sendable, Hashable {
    /// A NUMA node.
    public struct Node: Sendable, Hashable {
        /// Its number; nil where nodes are not known.
        public let number: Int?
        /// Its processors, in order.
        public let processors: [Int]
    }

    /// All processors that are shown.
    public let processors: ProcessorSet
    /// Those that are online; nil where that is not known.
    public let online: ProcessorSet?
    /// Those that the scheduler leaves alone.
    public let isolated: ProcessorSet
    /// The nodes, in order; processors without a node come last.
    public let nodes: [Node]

    /// What is known of a partition's processors.
    public init(_ partition: PartitionSnapshot) {
        let evidence = partition.evidence
        online = evidence.text(.onlineProcessors).map { ProcessorSet(parsing: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        isolated = ProcessorSet(parsing: evidence.text(.isolatedProcessors) ?? "")
        var all = ProcessorSet()
        if let count = partition.virtualProcessors.value, count > 0 {
            all.insert(0...Int(min(count, UInt64(ProcessorSet.limit)) - 1))
        }
        if let online {
            // A host may promise hundreds of processors that never come: those that are not there show only where a channel
            // names them.
            all = online
            if let possible = evidence.text(.possibleProcessors).map({ ProcessorSet(parsing: $0) }),
                possible.count <= online.count + Self.shownOffline
            {
                for range in possible.ranges { all.insert(range) }
            }
        }
        for count in evidence.counters(.processorInterrupts) where online == nil && count.name.hasPrefix("cpu") {
            if let number = Int(count.name.dropFirst(3)), (0..<ProcessorSet.limit).contains(number) {
                all.insert(number...number)
            }
        }
        for device in partition.devices {
            for channel in device.channels {
                guard channel.phase.value != .closed, let cpu = channel.cpu.value, cpu < UInt64(ProcessorSet.limit)
                else { continue }
                all.insert(Int(cpu)...Int(cpu))
            }
        }
        processors = all
        nodes = Self.nodes(evidence.text(.processorNodes) ?? "", all)
    }

    /// Offline processors that are shown though no channel names them.
    private static let shownOffline = 64

    /// `0:0-3 1:4-7`.
    private static func nodes(_ text: String, _ all: ProcessorSet) -> [Node] {
        var rest = all.numbers
        var nodes: [Node] = []
        for part in text.split(separator: " ") {
            let pieces = part.split(separator: ":", maxSplits: 1)
            guard pieces.count == 2, let number = Int(pieces[0]), !nodes.contains(where: { $0.number == number }) else {
                continue
            }
            let set = ProcessorSet(parsing: pieces[1])
            let own = rest.filter { set.contains($0) }
            if own.isEmpty { continue }
            rest.removeAll { set.contains($0) }
            nodes.append(Node(number: number, processors: own))
        }
        nodes.sort { ($0.number ?? 0) < ($1.number ?? 0) }
        if !rest.isEmpty { nodes.append(Node(number: nil, processors: rest)) }
        return nodes
    }

    /// How many processors are online, as far as is known.
    public var onlineCount: Int { online?.count ?? processors.count }

    /// Whether a processor is online; true where that is not known.
    public func isOnline(_ processor: Int) -> Bool { online?.contains(processor) ?? true }

    /// The node of a processor; nil where that is not known.
    public func node(of processor: Int) -> Int? {
        nodes.first { $0.number != nil && $0.processors.contains(processor) }?.number
    }
}
