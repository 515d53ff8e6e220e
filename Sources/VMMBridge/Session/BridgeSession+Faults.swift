import BusModel
import VMBusPartitions
import VMBusRing
import VMBusWire

/// The faults of a session: they are done to what passes between the guest and its host, and to the memory that both share.
extension BridgeSession {
    /// How often a word that changes between two looks is changed: about the hundredth part of a second.
    private static var alternations: Int { 100_000 }

    /// Nothing of other faults is left.
    mutating func arm(_ faults: FaultInjector, atContact: Bool) {
        if atContact { nextFaults = faults } else { self.faults = faults }
    }

    /// A connection begins: the faults that were kept for it are armed.
    mutating func takeNextFaults() {
        guard !isNegotiating else { return }
        isNegotiating = true
        guard let next = nextFaults.take() else { return }
        faults = next
    }

    /// Lets an effect pass the injector.
    mutating func pass(_ effect: PartitionEffect) -> [DelayedFaultAct]? {
        var faults = faults
        defer { self.faults = faults }
        return faults.pass(effect, guest: 0, time: faultTime, place: messagePlace(effect))
    }

    private var faultTime: UInt64 { offersTime.map { log.time &- $0 } ?? 0 }

    private func messagePlace(_ effect: PartitionEffect) -> ChannelPlace? {
        // What the log remembers of a message it learns when that is written down.
        var log = log
        switch effect {
        case .post(let bytes, _), .send(let bytes, _): return log.place(bytes, host)
        default: return nil
        }
    }

    // MARK: Waiting

    /// What a guest's hypercall comes to: its status at once, the rest when that is sent.
    mutating func wait(for acts: [DelayedFaultAct]) -> HypercallStatus {
        var status = HypercallStatus.success
        for item in acts {
            switch item.act {
            case .refuse(let code): status = HypercallStatus(rawValue: UInt32(code))
            case .tell(let report): log.fault(report)
            default:
                if item.delay == 0 { work(later: item.act) } else { hold(item) }
            }
        }
        return status
    }

    mutating func perform(_ acts: [DelayedFaultAct]) {
        for item in acts {
            if item.delay == 0 { perform(item.act) } else { hold(item) }
        }
    }

    private mutating func hold(_ item: DelayedFaultAct) { heldUp.append((log.time &+ item.delay, item.act)) }

    /// When there is something of faults to do.
    var nextFaultTime: UInt64? {
        let alone = offersTime.flatMap { start in faults.nextTime.map { start &+ $0 } }
        return [alone, heldUp.map(\.due).min()].compactMap { $0 }.min()
    }

    /// Does what was held up until now, and what comes by itself.
    mutating func performHeldUp() {
        while failure == nil,
            let index = heldUp.indices.filter({ heldUp[$0].due <= log.time }).min(by: {
                heldUp[$0].due < heldUp[$1].due
            })
        {
            perform(heldUp.remove(at: index).act)
        }
        guard offersTime != nil, host.isConnected else { return }
        for (_, acts) in faults.takeDue(at: faultTime) { perform(acts) }
    }

    /// The connection is gone, and with it what waited for it.
    mutating func forgetFaults() {
        heldUp = []
        offersTime = nil
        faults.forget(guest: 0)
    }

    // MARK: Doing

    mutating func perform(_ act: FaultAct) {
        switch act {
        case .effect(let effect): carryOut(effect)
        case .refuse: break
        case .stray(.guestToHost, let place):
            if let rings = host.rings(place) { signalled([rings.place.relid]) }
        case .stray(.hostToGuest, let place):
            if let interrupt = host.interrupt(place) { carryOut(interrupt) }
        case .flag(let flag):
            deliver { delivery, memory throws(Memory.Failure) in
                try delivery.setFlag(flag, processor: 0, in: &memory)
            }
        case .rescind(let device): rescind(device)
        case .offer(let device): offer(device)
        case .repeatPacket(let place, .hostToGuest, let bytes):
            for effect in visit({ $0.write(packet: bytes, place, &$1) }) { carryOut(effect) }
        // The guest writes its packets itself.
        case .repeatPacket(_, .guestToHost, _): break
        case .packet(let edit):
            var memory = memory.lent
            let (words, report) = memory.change(
                edit, host.rings(edit.rings), lists: host.sharedPages(edit.place))
            log.fault(report)
            settle(words, lasts: edit.lasts)
        case .ring(let edit):
            var memory = memory.lent
            let (words, report) = memory.change(edit, host.rings(edit.place))
            log.fault(report)
            settle(words, lasts: edit.lasts)
        case .restore(let words):
            var memory = memory.lent
            memory.put(words, back: true)
        case .tell(let report): log.fault(report)
        }
    }

    /// A change for a moment: the guest looks while it goes on, as it has been interrupted before.
    private mutating func settle(_ words: [WordEdit], lasts: UInt64?) {
        guard lasts != nil, !words.isEmpty else { return }
        var memory = memory.lent
        for number in 0..<Self.alternations { memory.put(words, back: number % 2 == 0) }
        memory.put(words, back: true)
    }
}
