/// Which processor takes the interrupts of each new channel. A value: the same calls give the same processors.
public struct ChannelSpread: Sendable, Hashable {
    /// How the choice is made.
    public enum Policy: Sendable, Hashable {
        /// The caller's own choice stands.
        case given
        /// Round-robin over the memory nodes, then over the node's processors that no channel has yet (reference §8.2).
        case roundRobin
    }

    private let policy: Policy
    private let nodes: [[UInt32]]
    private let connectVP: UInt32
    private var nextNode = 0
    private var taken: [Set<UInt32>]

    /// A spread over the processors of each memory node; `connectVP` takes the channels of slow devices.
    public init(_ policy: Policy, nodes: [[UInt32]], connectVP: UInt32 = 0) {
        self.policy = policy
        self.nodes = nodes.filter { !$0.isEmpty }
        self.connectVP = connectVP
        taken = Array(repeating: [], count: self.nodes.count)
    }

    /// The processor for a device's next channel.
    ///
    /// - Parameters:
    ///   - isPerformance: Whether the device is one whose channels are spread at all.
    ///   - used: Processors of the device's other channels, which are avoided while others are free.
    ///   - given: What the caller would choose.
    public mutating func next(isPerformance: Bool, used: [UInt32], given: UInt32) -> UInt32 {
        guard policy == .roundRobin else { return given }
        guard isPerformance, !nodes.isEmpty else { return connectVP }
        let processors = nodes.reduce(0) { $0 + $1.count }
        for _ in 0..<processors {
            let processor = take()
            if used.count >= processors || !used.contains(processor) { return processor }
        }
        return take()
    }

    private mutating func take() -> UInt32 {
        let node = nextNode
        nextNode = (nextNode + 1) % nodes.count
        if nodes[node].allSatisfy({ taken[node].contains($0) }) { taken[node] = [] }
        let processor = nodes[node].first { !taken[node].contains($0) } ?? connectVP
        taken[node].insert(processor)
        return processor
    }
}
