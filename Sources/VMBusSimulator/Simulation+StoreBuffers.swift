import VMBusPartitions
import VMBusRing

/// What the processors of both ends of a guest's bus hold back from each other.
///
/// A visit of a partition happens at once, so that nothing comes in between its accesses; what it has stored last, without a
/// fence behind, is seen later, and the other end may come before. That shows a missing barrier where the other end's visit
/// lies between the store and the moment when it is seen.
struct StoreBuffers: Sendable, Hashable {
    /// What one end holds back.
    struct Buffer: Sendable, Hashable {
        var stores = HeldStores()
        /// The oldest store is on its way out.
        var isLeaving = false
    }

    private var guest = Buffer()
    private var host = Buffer()

    subscript(end: PartitionEnd) -> Buffer {
        get { end == .guest ? guest : host }
        set { if end == .guest { guest = newValue } else { host = newValue } }
    }

    /// What both hold back: they write different words.
    var all: HeldStores { guest.stores.joined(host.stores) }
}

extension Simulation {
    /// What a visit has left in the end's buffer leaves it sooner or later.
    mutating func holdStores(_ end: PartitionEnd, _ guest: Int) {
        guard let buffer = guests[guest].storeBuffers?[end], !buffer.stores.isEmpty, !buffer.isLeaving else { return }
        guests[guest].storeBuffers?[end].isLeaving = true
        queue.push(
            .storeSeen(guest: guest, end), at: later(delay(.storeBuffer, SimulatedLatency.storeBuffer)))
    }

    /// The oldest store that an end holds back is seen.
    mutating func letStoreBeSeen(_ end: PartitionEnd, _ guest: Int) {
        guard let buffer = guests[guest].storeBuffers?[end] else { return }
        guests[guest].memory.heldStores = buffer.stores
        _ = guests[guest].memory.publishOldest()
        let left = guests[guest].memory.heldStores.take() ?? HeldStores()
        guests[guest].storeBuffers?[end] = StoreBuffers.Buffer(stores: left)
        holdStores(end, guest)
    }

    /// Everything that both ends hold back is seen.
    mutating func letAllStoresBeSeen(_ guest: Int) {
        guard let buffers = guests[guest].storeBuffers else { return }
        guests[guest].memory.heldStores = buffers.all
        guests[guest].memory.fence()
        guests[guest].memory.heldStores = nil
        guests[guest].storeBuffers = StoreBuffers()
    }
}

extension PartitionEffect {
    /// Whether a processor's stores are seen before it: it enters the hypervisor, or sets a bit that is locked.
    var leavesProcessor: Bool {
        switch self {
        case .post, .send, .signal, .monitorSignal, .interrupt, .disconnected, .suspended: true
        default: false
        }
    }
}
