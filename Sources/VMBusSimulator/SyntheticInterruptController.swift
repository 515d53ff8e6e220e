import ProtocolRules
import VMBusWire

/// The synthetic interrupt controller of one guest: per processor a message slot with what waits behind it, and event flags
/// (reference §1.2, §1.3), for VMBus's interrupt source.
struct SyntheticInterruptController: Sendable {
    private struct Processor: Sendable {
        /// Full while `messageType` is not 0.
        var slot = MessageSlot()
        var waiting: [[UInt8]] = []
        var flags: [UInt32] = []
        /// Messages that were written over before the guest had read them.
        var overwritten: UInt64 = 0
    }

    private var processors: [Processor]
    #if Mutations
        /// The planted bug of the hypervisor; nil for none.
        var mutation: Mutation?
    #endif

    init(processors count: UInt32) { processors = Array(repeating: Processor(), count: max(1, Int(count))) }

    /// What the rules look at: the slots of all processors.
    func slots(of partition: UInt16) -> [SlotEvidence] {
        processors.indices.map { index in
            let processor = processors[index]
            return SlotEvidence(
                partition: partition, processor: UInt32(index), messageType: processor.slot.messageType,
                payloadSize: UInt32(processor.slot.payloadSize), isPending: processor.slot.isPending,
                waiting: UInt64(processor.waiting.count), overwritten: processor.overwritten)
        }
    }

    /// Whether a processor will find the flag.
    func isFlagged(_ flag: UInt32) -> Bool { processors.contains { $0.flags.contains(flag) } }

    /// The flags that a processor will find.
    func flags(processor: UInt32) -> [UInt32] { processors[index(processor)].flags }

    /// A processor that the guest does not have gets nothing; its messages go to the first.
    private func index(_ processor: UInt32) -> Int {
        Int(processor) < processors.count ? Int(processor) : 0
    }

    /// Delivers a message, or lets it wait behind the one in the slot. True when the processor is to be interrupted.
    mutating func post(_ payload: [UInt8], processor: UInt32) -> Bool {
        let index = index(processor)
        #if Mutations
            if mutation == .messageSlotOverwritten, processors[index].slot.messageType != 0 {
                processors[index].slot = MessageSlot(payload: payload)
                processors[index].overwritten += 1
                return false
            }
        #endif
        if processors[index].slot.messageType != 0 {
            processors[index].waiting.append(payload)
            processors[index].slot.flags |= 1
            return false
        }
        processors[index].slot = MessageSlot(payload: payload)
        return true
    }

    /// What the guest copies out of the slot: the valid bytes, or nil for an empty slot.
    func message(processor: UInt32) -> [UInt8]? {
        let slot = processors[index(processor)].slot
        guard slot.messageType == SynIC.channelMessageType else { return nil }
        return Array(slot.payload.prefix(Int(slot.payloadSize)))
    }

    /// The guest empties the slot and, when another message was pending, writes end-of-message: that one is delivered
    /// (reference §1.2, steps 4 to 6). True when the processor is to be interrupted again.
    mutating func endOfMessage(processor: UInt32) -> Bool {
        let index = index(processor)
        let pending = processors[index].slot.isPending
        processors[index].slot = MessageSlot()
        guard pending, !processors[index].waiting.isEmpty else { return false }
        let next = processors[index].waiting.removeFirst()
        processors[index].slot = MessageSlot(payload: next, pending: !processors[index].waiting.isEmpty)
        return true
    }

    /// Sets an event flag. True when no flag was set before, so that the processor is to be interrupted.
    mutating func setFlag(_ flag: UInt32, processor: UInt32) -> Bool {
        let index = index(processor)
        guard !processors[index].flags.contains(flag) else { return false }
        processors[index].flags.append(flag)
        return processors[index].flags.count == 1
    }

    /// Takes all flags of a processor, lowest first, as a guest scans the page.
    mutating func takeFlags(processor: UInt32) -> [UInt32] {
        let index = index(processor)
        defer { processors[index].flags = [] }
        return processors[index].flags.sorted()
    }

    /// How many messages, the one in the slot included, or flags wait for a processor; nil for one that the guest has not.
    func waiting(_ processor: Int, flags: Bool) -> UInt64? {
        guard processors.indices.contains(processor) else { return nil }
        let place = processors[processor]
        return UInt64(flags ? place.flags.count : place.waiting.count + (place.slot.messageType == 0 ? 0 : 1))
    }
}
