public import BusModel

/// Somebody who waits or is waited for: one end of a channel, or of the whole connection.
public struct WaitNode: Sendable, Hashable, Comparable {
    /// The guest's partition.
    public let partition: UInt16
    /// Which end.
    public let party: BusParty
    /// The channel; nil for the connection.
    public let channel: ChannelKey?

    /// By partition, channel, party.
    public static func < (left: WaitNode, right: WaitNode) -> Bool {
        if left.partition != right.partition { return left.partition < right.partition }
        switch (left.channel, right.channel) {
        case (nil, nil): return left.party < right.party
        case (nil, _): return true
        case (_, nil): return false
        case (let one?, let other?): return one == other ? left.party < right.party : one < other
        }
    }
}

/// Somebody waits for somebody else.
public struct WaitEdge: Sendable, Hashable {
    /// Who waits.
    public let from: WaitNode
    /// Who must act.
    public let to: WaitNode
    /// The request that it waits with.
    public let request: UInt64
    /// Since when, in the log's nanoseconds.
    public let since: UInt64
    /// Why, in words.
    public let reason: String
}

/// Who waits for whom.
public struct WaitGraph: Sendable, Hashable {
    /// Waits that are shorter than this make no cycle: whatever is in flight waits for a moment.
    public static let leastAge: UInt64 = 1_000_000_000

    /// The waits, oldest first.
    public let edges: [WaitEdge]
    /// Rings of waits that nobody inside can end, each beginning with its least end.
    public let cycles: [[WaitEdge]]

    /// The waits of a ledger that have lasted at `now`.
    public init(_ ledger: ControlLedger, at now: UInt64, leastAge: UInt64 = WaitGraph.leastAge) {
        var edges: [WaitEdge] = []
        let ripe = ledger.waiting.filter { now >= $0.lastPartAt && now - $0.lastPartAt >= leastAge }
        for request in ripe {
            func node(_ party: BusParty) -> WaitNode {
                WaitNode(partition: request.partition, party: party, channel: request.channel)
            }
            edges.append(
                WaitEdge(
                    from: node(request.sender), to: node(request.sender.other), request: request.id,
                    since: request.sentAt, reason: "\(request.kind.title): no answer"))
            if let expected = request.pagesExpected, let received = request.pagesReceived, received < expected {
                edges.append(
                    WaitEdge(
                        from: node(.host), to: node(.guest), request: request.id, since: request.lastPartAt,
                        reason: "\(expected - received) of \(expected) pages have not come"))
            }
            guard request.kind == .release else { continue }
            // Linux takes a rescind only when no offer is being handled, and a driver that opens inside of that waits for
            // the host (reference §8.2).
            for other in ripe where other.partition == request.partition && other.sender == .guest {
                guard [.open, .pageList, .teardown].contains(other.kind), other.channel != request.channel else {
                    continue
                }
                edges.append(
                    WaitEdge(
                        from: node(.guest),
                        to: WaitNode(partition: other.partition, party: .guest, channel: other.channel),
                        request: other.id, since: max(request.sentAt, other.sentAt),
                        reason: "the guest handles rescinds behind what it is doing"))
            }
        }
        self.edges = edges
        cycles = Self.cycles(in: edges)
    }

    /// One cycle for each wait that closes one, none twice.
    private static func cycles(in edges: [WaitEdge]) -> [[WaitEdge]] {
        var found: [[WaitEdge]] = []
        // Only looked up, never walked.
        var outgoing: [WaitNode: [WaitEdge]] = [:]
        for edge in edges { outgoing[edge.from, default: []].append(edge) }
        let starts = Set(edges.map(\.from)).sorted()
        for start in starts {
            guard let path = shortestCycle(from: start, outgoing), path.allSatisfy({ $0.from >= start }) else {
                continue
            }
            found.append(path)
        }
        return found
    }

    private static func shortestCycle(from start: WaitNode, _ outgoing: [WaitNode: [WaitEdge]]) -> [WaitEdge]? {
        var reached: [WaitNode: WaitEdge] = [:]
        var queue = [start]
        var next = 0
        while next < queue.count {
            let node = queue[next]
            next += 1
            for edge in outgoing[node] ?? [] {
                if edge.to == start {
                    var path = [edge]
                    while let last = path.last, last.from != start, let before = reached[last.from] {
                        path.append(before)
                    }
                    return path.reversed()
                }
                guard reached[edge.to] == nil else { continue }
                reached[edge.to] = edge
                queue.append(edge.to)
            }
        }
        return nil
    }
}
