/// One packet on one line.
public struct PacketSummary: Sendable, Hashable {
    /// LAYER.NAME of the innermost message, such as `RNDIS.PACKET`.
    public var name: String
    /// What matters in it; may be empty.
    public var info: String
    /// What the packet's bytes do not say and its field tree needs: the kind of request that it answers. 0 for nothing.
    public var hint: UInt32

    /// A line.
    public init(name: String, info: String, hint: UInt32 = 0) {
        self.name = name
        self.info = info
        self.hint = hint
    }
}

/// The latest answers to "what was asked under this number", of bounded size.
struct RecentTable<Key: Hashable & Sendable>: Sendable, Hashable {
    private var values: [Key: UInt32] = [:]
    private var order: [Key?]
    private var next = 0

    /// Keeps the latest `capacity` entries.
    init(capacity: Int) { order = Array(repeating: nil, count: max(1, capacity)) }

    subscript(key: Key) -> UInt32? { values[key] }

    /// Keeps an entry, and forgets the oldest when there are too many.
    mutating func insert(_ value: UInt32, for key: Key) {
        if values.updateValue(value, forKey: key) != nil { return }
        if let oldest = order[next] { values[oldest] = nil }
        order[next] = key
        next = (next + 1) % order.count
    }
}
