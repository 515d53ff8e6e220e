/// The stores that one processor holds back, first in first out: it sees them itself, others when they leave (total store
/// order, as x86 has it).
public struct HeldStores: Sendable, Hashable {
    /// One word.
    struct Store: Sendable, Hashable {
        let address: UInt64
        let value: UInt32
    }

    /// Oldest first.
    private(set) var stores: [Store] = []

    /// Nothing is held back.
    public init() {}

    /// Whether nothing is held back.
    public var isEmpty: Bool { stores.isEmpty }

    /// What its processor sees at an address; nil where it holds nothing back.
    func value(at address: UInt64) -> UInt32? { stores.last { $0.address == address }?.value }

    mutating func hold(_ value: UInt32, at address: UInt64) { stores.append(Store(address: address, value: value)) }

    /// Takes the oldest one; nil when there is none.
    mutating func takeOldest() -> Store? { stores.isEmpty ? nil : stores.removeFirst() }

    /// What two processors hold back that write different words.
    public func joined(_ other: HeldStores) -> HeldStores {
        var joined = self
        joined.stores += other.stores
        return joined
    }
}
