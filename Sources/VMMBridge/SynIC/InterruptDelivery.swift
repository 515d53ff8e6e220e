import VMBusRing
import VMBusWire

/// Who writes the guest's message slots and event flags.
public enum InterruptMode: Sendable, Hashable {
    /// The monitor; the host asks it to.
    case monitorPages
    /// The host itself, in pages of the guest's memory.
    case ownPages
}

/// Brings messages and event flags to the guest's processors (reference §1.2, §1.3).
///
/// Through the monitor every delivery carries a tag, and its answer is waited for; in pages of our own a message waits
/// here until its slot is free. Both are bounded: a guest that never empties a slot gets no more messages.
struct InterruptDelivery: Sendable {
    /// Messages and flags that may be on their way or wait at one time, for all processors together.
    static let maximumWaiting = 4096

    private struct Processor: Sendable {
        var control: UInt64 = 0
        var messagePage: UInt64 = 0
        var eventFlagsPage: UInt64 = 0
        var waiting: [[UInt8]] = []

        /// Address of the slot of VMBus's source, where the guest has given a page.
        var slot: UInt64? { address(of: messagePage) }
        /// Address of the flags of VMBus's source, where the guest has given a page.
        var flags: UInt64? { address(of: eventFlagsPage) }

        private func address(of page: UInt64) -> UInt64? {
            guard control & 1 != 0, page & 1 != 0 else { return nil }
            return (page & ~0xFFF) + UInt64(SynIC.vmbusSINT) * UInt64(SynIC.slotSize)
        }
    }

    let mode: InterruptMode
    private var processors: [Processor]
    private var waitingCount = 0
    private var lastTag: UInt64 = 0
    /// Tags without an answer, oldest first.
    private var unanswered: [UInt64] = []

    init(_ mode: InterruptMode, processors count: UInt32) {
        self.mode = mode
        processors = Array(repeating: Processor(), count: Int(count))
    }

    /// The guest is gone: nothing waits for it, and its pages are not ours to write.
    mutating func reset() {
        processors = Array(repeating: Processor(), count: processors.count)
        waitingCount = 0
        unanswered = []
    }

    /// How many more deliveries there may be before the guest must take some.
    var hasRoom: Bool { waitingCount + unanswered.count < Self.maximumWaiting }

    /// A processor that the guest does not have gets nothing; what is for it goes to the first.
    private func index(_ processor: UInt32) -> Int { Int(processor) < processors.count ? Int(processor) : 0 }

    private mutating func takeTag() -> UInt64 {
        lastTag += 1
        unanswered.append(lastTag)
        return lastTag
    }

    /// The monitor tells what became of a delivery. False for one that never was.
    mutating func delivered(tag: UInt64) -> Bool {
        if let index = unanswered.firstIndex(of: tag) { unanswered.remove(at: index) }
        return tag > 0 && tag <= lastTag
    }

    /// The guest wrote a register of one of its processors. What can be delivered because of it is.
    mutating func write<Memory: BridgeMemory>(
        _ register: HypervisorRegister, _ value: UInt64, processor: UInt32, in memory: inout Memory
    ) throws(Memory.Failure) -> [HostFrame] {
        guard mode == .ownPages, Int(processor) < processors.count else { return [] }
        let index = Int(processor)
        switch register {
        case .control: processors[index].control = value
        case .messagePage: processors[index].messagePage = value
        case .eventFlagsPage:
            processors[index].eventFlagsPage = value
            return []
        case .endOfMessage: break
        default: return []
        }
        return try deliverWaiting(index, in: &memory)
    }

    /// Brings a channel message to a processor.
    mutating func post<Memory: BridgeMemory>(
        _ payload: [UInt8], processor: UInt32, in memory: inout Memory
    ) throws(Memory.Failure) -> [HostFrame] {
        switch mode {
        case .monitorPages:
            let message = MessageForProcessor(processor: UInt32(index(processor)), payload: payload)
            return [.postToProcessor(message, tag: takeTag())]
        case .ownPages:
            processors[index(processor)].waiting.append(payload)
            waitingCount += 1
            return try deliverWaiting(index(processor), in: &memory)
        }
    }

    /// Puts the next message into the slot of a processor if that is empty; else asks for an end-of-message.
    private mutating func deliverWaiting<Memory: BridgeMemory>(
        _ index: Int, in memory: inout Memory
    ) throws(Memory.Failure) -> [HostFrame] {
        guard let slot = processors[index].slot, let payload = processors[index].waiting.first else { return [] }
        if try memory.load32(slot) != 0 {
            // Byte 5 of the slot, bit 0. The guest may empty the slot just before it could see the bit, and writes no
            // end-of-message then; so the slot is looked at again.
            _ = try memory.setBits(0x0100, at: slot + 4)
            if try memory.load32(slot) != 0 { return [] }
        }
        processors[index].waiting.removeFirst()
        waitingCount -= 1
        let message = MessageSlot(payload: payload, pending: !processors[index].waiting.isEmpty)
        try memory.write(message.encoded()[4...], at: slot + 4)
        // The type last: the guest takes what is not 0.
        try memory.store32(message.messageType, at: slot)
        return [.raiseSource(InterruptForProcessor(processor: UInt32(index)), tag: takeTag())]
    }

    /// Sets an event flag of a processor. Nil when the guest has given it no page for that.
    mutating func setFlag<Memory: BridgeMemory>(
        _ flag: UInt32, processor: UInt32, in memory: inout Memory
    ) throws(Memory.Failure) -> [HostFrame]? {
        let index = index(processor)
        switch mode {
        case .monitorPages:
            return [.setEvent(EventForProcessor(processor: UInt32(index), flag: flag), tag: takeTag())]
        case .ownPages:
            guard let flags = processors[index].flags, flag < SynIC.eventFlagCount else { return nil }
            let before = try memory.setBits(1 << (flag % 32), at: flags + UInt64(flag / 32) * 4)
            guard before & 1 << (flag % 32) == 0 else { return [] }
            return [.raiseSource(InterruptForProcessor(processor: UInt32(index)), tag: takeTag())]
        }
    }
}
