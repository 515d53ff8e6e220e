import VMBusRing

/// Who may touch the guest's memory, and when. Outside a connection a memory without a byte is lent in its place: what forgets
/// that the guest has gone touches nothing. Nobody keeps what is lent beyond one visit.
struct MemoryAccess<Memory: BridgeMemory & Sendable>: Sendable {
    private enum State: Sendable {
        /// The monitor has shown no memory.
        case absent
        /// There is memory, and it is the guest's own: before the first contact, after UNLOAD, after a reset.
        case kept(Memory)
        /// A connection stands: what the guest has shared with the host may be touched.
        case shared(Memory)
    }

    private var state = State.absent

    /// Whether the monitor has shown memory.
    var isShown: Bool { if case .absent = state { false } else { true } }

    /// The monitor shows the guest's memory.
    mutating func show(_ memory: Memory) { state = .kept(memory) }

    /// A connection stands.
    mutating func share() {
        if case .kept(let memory) = state { state = .shared(memory) }
    }

    /// The connection has ended, or the guest is gone.
    mutating func take() {
        if case .shared(let memory) = state { state = .kept(memory) }
    }

    /// The memory for one visit of the host's end of the bus.
    var lent: Memory { if case .shared(let memory) = state { memory } else { Memory.detached } }

    /// The memory for the synthetic interrupt controller, whose pages are named by registers: from the moment when the guest
    /// writes them until it clears them or is reset, whether VMBus is connected or not.
    var controllerMemory: Memory {
        switch state {
        case .absent: Memory.detached
        case .kept(let memory), .shared(let memory): memory
        }
    }
}
