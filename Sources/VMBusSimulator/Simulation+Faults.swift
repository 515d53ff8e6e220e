import BusModel
import VMBusEngine
public import VMBusPartitions
import VMBusRing
import VMBusWire

/// Faults are done to what partitions want done, and to what they share.
extension Simulation {
    /// Arms a fault, as somebody does who watches.
    public mutating func arm(_ fault: FaultConfiguration) {
        faults.arm(fault)
        scheduleFaults()
    }

    /// Faults that come by themselves have a moment.
    mutating func scheduleFaults() {
        if let due = faults.nextTime { queue.push(.faultsDue, at: max(time, due)) }
    }

    mutating func performDueFaults() {
        for (guest, acts) in faults.takeDue(at: time) {
            for guest in guest.map({ $0...$0 }) ?? 0...max(0, guests.count - 1) where guests.indices.contains(guest) {
                perform(acts, of: .host, guest: guest)
            }
        }
        scheduleFaults()
    }

    /// Lets an effect pass the faults. False when none is done to it.
    mutating func disturb(_ effect: PartitionEffect, of end: PartitionEnd, guest: Int) -> Bool {
        // A post behind a refused one of the same visit is not tried at all.
        if case .post = effect, guests[guest].hypervisor.refused != nil { return false }
        if ordering != .byTime, effect.isMessage, let due = heldMessage(of: end, guest) {
            queue.push(.fault(guest: guest, end, .effect(effect)), at: due)
            return true
        }
        var (faults, choices) = (faults, choices)
        let acts = faults.pass(effect, guest: guest, time: time, place: messagePlace(effect, guest)) {
            choices.choose(.fault, $0)
        }
        (self.faults, self.choices) = (faults, choices)
        guard let acts else { return false }
        for item in acts {
            if case .refuse(let status) = item.act, case .post(let bytes, let connectionID) = effect {
                refuse(guest, bytes, connectionID, PostResult(rawValue: status))
            }
        }
        // The message has come, although it is the fault that answers it.
        if case .post(let bytes, _) = effect, acts.contains(where: \.act.isMessageOfHost) {
            recordMessage(guest, .guestToHost, bytes)
        }
        perform(acts, of: end, guest: guest)
        return true
    }

    /// When the last message of an end comes that a fault holds up. By time the injector keeps the order; where events change
    /// places, the clock says nothing of what is still to come.
    private func heldMessage(of end: PartitionEnd, _ guest: Int) -> UInt64? {
        queue.entries.last {
            if case .fault(guest, end, let act) = $0.event { act.isMessage } else { false }
        }?.time
    }

    private func messagePlace(_ effect: PartitionEffect, _ guest: Int) -> ChannelPlace? {
        switch effect {
        case .post(let bytes, _), .send(let bytes, _): channelPlace(guest, bytes)
        default: nil
        }
    }

    private mutating func perform(_ acts: [DelayedFaultAct], of end: PartitionEnd, guest: Int) {
        for item in acts {
            if item.delay == 0 {
                perform(item.act, of: end, guest: guest)
            } else if case .effect(.signal(let place, let connectionID)) = item.act {
                // The guest has signalled; it is the host that hears it later.
                signal(guest, place, connectionID, heldUpFor: item.delay)
            } else {
                queue.push(.fault(guest: guest, end, item.act), at: later(item.delay))
            }
        }
    }

    /// Does what faults want done. Nothing of it is disturbed a second time.
    mutating func perform(_ act: FaultAct, of end: PartitionEnd, guest: Int) {
        switch act {
        // A fault may answer in the place of the other end.
        case .effect(let effect): carryOut(effect, of: effect.isHosts ? .host : end, guest: guest)
        case .refuse: break
        case .stray(.guestToHost, let place):
            if let rings = guests[guest].host.rings(place) { hostSignal(guest, rings.place.relid) }
        case .stray(.hostToGuest, let place):
            if let interrupt = guests[guest].host.interrupt(place) { carryOut(interrupt, of: .host, guest: guest) }
        case .flag(let flag):
            if guests[guest].controller.setFlag(flag, processor: 0) {
                queue.push(
                    .eventInterrupt(guest: guest, processor: 0),
                    at: later(delay(.eventInterruptDelay, SimulatedLatency.eventInterrupt)))
            }
        case .rescind(let device): _ = rescind(device, guest: guest)
        case .offer(let device):
            guard !guests[guest].host.devices.contains(where: { $0.configuration.instance == device }) else { return }
            offer(device, guest: guest)
        case .repeatPacket(let place, .hostToGuest, let bytes):
            for effect in guests[guest].visitHost(at: time, { $0.write(packet: bytes, place, &$1) }) {
                carryOut(effect, of: .host, guest: guest)
            }
        case .repeatPacket(let place, .guestToHost, let bytes):
            for effect in guests[guest].visitGuest(at: time, { $0.write(packet: bytes, place, &$1) }) {
                carryOut(effect, of: .guest, guest: guest)
            }
        case .packet(let edit):
            let (rings, lists) = (
                guests[guest].host.rings(edit.rings), guests[guest].host.sharedPages(edit.place)
            )
            settle(guests[guest].memory.change(edit, rings, lists: lists), lasts: edit.lasts, guest)
        case .ring(let edit):
            let rings = guests[guest].host.rings(edit.place)
            settle(guests[guest].memory.change(edit, rings), lasts: edit.lasts, guest)
        case .restore(let words): guests[guest].memory.put(words, back: true)
        case .tell(let report): tell(report, guest)
        }
    }

    /// A change for a moment: between two looks of the other end that are two steps.
    private mutating func settle(_ change: (words: [WordEdit], report: FaultReport), lasts: UInt64?, _ guest: Int) {
        tell(change.report, guest)
        if let lasts, !change.words.isEmpty {
            queue.push(.fault(guest: guest, .host, .restore(change.words)), at: later(lasts))
        }
    }

    private mutating func tell(_ report: FaultReport, _ guest: Int) {
        let partition = Self.partition(guest)
        if let place = report.place {
            record(
                .fault, partition: partition, place, direction: report.direction, code: report.code, report.payload)
        } else {
            record(.fault, partition: partition, direction: report.direction, code: report.code, report.payload)
        }
    }
}

extension FaultAct {
    /// Whether it lets a message come.
    var isMessage: Bool { if case .effect(let effect) = self { effect.isMessage } else { false } }

    /// Whether it lets a message of the host come.
    fileprivate var isMessageOfHost: Bool { if case .effect(.send) = self { true } else { false } }
}

extension PartitionEffect {
    /// Whether it is a channel message.
    fileprivate var isMessage: Bool {
        switch self {
        case .post, .send: true
        default: false
        }
    }

    /// Whether only the host's end wants it.
    fileprivate var isHosts: Bool {
        switch self {
        case .send, .interrupt: true
        default: false
        }
    }
}
