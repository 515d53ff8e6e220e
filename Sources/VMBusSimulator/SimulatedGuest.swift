import VMBusPartitions
import VMBusRing
import VMBusWire

/// A guest in the simulator: its memory, both ends of its bus, and what the hypervisor keeps for it.
struct SimulatedGuest: Sendable {
    var memory: SimulatedMemory
    var guest: GuestPartition { didSet { guestDigest = nil } }
    var host: HostPartition { didSet { hostDigest = nil } }
    /// The digests of both ends, for as long as they do not change.
    var guestDigest: UInt64?
    var hostDigest: UInt64?
    var controller: SyntheticInterruptController
    var hypervisor = GuestHypervisorState()
    /// What both ends hold back; nil where every store is seen at once.
    var storeBuffers: StoreBuffers?
    /// Nanoseconds that it hibernates.
    var sleep: UInt64 = 0
    /// The host's end while it is away.
    var savedHost: SavedHostEnd?
    /// Up to where the rules have seen the bytes of its rings.
    var seenRings = SeenChannels()
    /// Boots again once it has disconnected.
    var bootsAgain = false

    init(_ configuration: GuestConfiguration, memoryOrder: MemoryOrder) {
        memory = SimulatedMemory(byteCount: configuration.memoryPages * 4096)
        guest = GuestPartition(configuration)
        host = HostPartition(configuration.host)
        controller = SyntheticInterruptController(processors: configuration.processors)
        if memoryOrder == .tso { storeBuffers = StoreBuffers() }
        #if Mutations
            controller.mutation = configuration.host.mutation
        #endif
    }

    /// Asks where the guest lies: of a list's member that is asked itself a copy is made, with all that both ends keep.
    mutating func inPlace<Result>(_ ask: (inout SimulatedGuest) -> Result) -> Result { ask(&self) }

    /// Lets the guest act on its memory; what it wants done comes back.
    mutating func visitGuest(
        at time: UInt64, _ body: (inout GuestPartition, inout PartitionActivity<SimulatedMemory>) -> Void
    ) -> [PartitionEffect] {
        var activity = PartitionActivity(memory: lendMemory(to: .guest), time: time)
        body(&guest, &activity)
        takeBack(&activity, from: .guest)
        return activity.effects
    }

    /// Lets the host's end act on the guest's memory; what it wants done comes back.
    mutating func visitHost(
        at time: UInt64, _ body: (inout HostPartition, inout PartitionActivity<SimulatedMemory>) -> Void
    ) -> [PartitionEffect] {
        var activity = PartitionActivity(memory: lendMemory(to: .host), time: time, tellsReceived: false)
        body(&host, &activity)
        takeBack(&activity, from: .host)
        return activity.effects
    }

    /// The memory itself, not a copy: what stays behind is empty until it comes back.
    private mutating func lendMemory(to end: PartitionEnd) -> SimulatedMemory {
        var lent = SimulatedMemory.detached
        swap(&lent, &memory)
        lent.heldStores = storeBuffers?[end].stores
        return lent
    }

    private mutating func takeBack(_ activity: inout PartitionActivity<SimulatedMemory>, from end: PartitionEnd) {
        swap(&memory, &activity.memory)
        guard storeBuffers != nil else { return }
        if activity.effects.contains(where: \.leavesProcessor) { memory.fence() }
        storeBuffers?[end].stores = memory.heldStores.take() ?? HeldStores()
    }
}
