import BusModel
import VMBusPartitions
import VMBusRing
import VMBusWire

extension Simulation {
    /// Carries out what a guest wants done.
    mutating func carryOutGuest(_ guest: Int, _ effects: [PartitionEffect]) {
        for effect in effects {
            switch effect {
            case .post(let bytes, let connectionID): post(guest, bytes, connectionID)
            case .signal(let place, let connectionID): signal(guest, place, connectionID)
            case .monitorSignal(let place, let monitorID):
                record(
                    .signal, partition: Self.partition(guest), place, direction: .guestToHost,
                    code: SignalCode.monitorPage.rawValue,
                    MonitorSignal(monitorID: monitorID).encoded())
                guard !guests[guest].monitorPending else { continue }
                guests[guest].monitorPending = true
                queue.push(.monitorPoll(guest: guest), at: time + latency(SimulatedLatency.monitor))
            case .wake(let after, let token): queue.push(.guestWake(guest: guest, token), at: time + after)
            case .deviceChanged(let device): recordDevice(guest, device)
            case .disconnected: disconnected(guest)
            default: carryOut(guest, effect)
            }
        }
    }

    /// Carries out what the host's end of a guest's bus wants done.
    mutating func carryOutHost(_ guest: Int, _ effects: [PartitionEffect]) {
        for effect in effects {
            switch effect {
            case .send(let bytes, let targetVP):
                recordMessage(guest, .hostToGuest, bytes)
                if guests[guest].controller.post(bytes, processor: targetVP) {
                    queue.push(
                        .messageInterrupt(guest: guest, processor: targetVP),
                        at: time + latency(SimulatedLatency.messageInterrupt))
                }
            case .interrupt(let place, let targetVP, let eventFlag):
                interrupt(guest, place, targetVP, eventFlag)
            case .frame(let device, let frame):
                let port = VirtualSwitch.Port(guest: guest, device: device)
                for target in exchange.forward(frame, from: port) {
                    queue.push(.frame(target, frame), at: time + latency(SimulatedLatency.frame))
                }
            case .wake(let after, let token): queue.push(.hostWake(guest: guest, token), at: time + after)
            default: carryOut(guest, effect)
            }
        }
    }

    private mutating func carryOut(_ guest: Int, _ effect: PartitionEffect) {
        switch effect {
        case .packet(let place, let direction, let type, let bytes, let attachment):
            record(
                .packet, partition: Self.partition(guest), place, direction: direction, code: UInt32(type.rawValue),
                bytes,
                attachment: attachment)
        case .violation(let violation):
            record(.fault, partition: Self.partition(guest), Array(violation.description.utf8))
        case .note(let text): note(text, guest)
        default: break
        }
    }

    /// HvPostMessage: the hypervisor refuses a connection id that leads nowhere (reference §1.4), else the host gets it after
    /// all that was posted before.
    private mutating func post(_ guest: Int, _ bytes: [UInt8], _ connectionID: UInt32) {
        guard guests[guest].host.accepts(connectionID: connectionID) else {
            note("HvPostMessage to connection \(connectionID) fails: HV_STATUS_INVALID_CONNECTION_ID (0x12)", guest)
            carryOutGuest(guest, guests[guest].visitGuest(at: time) { $0.postRefused(&$1) })
            return
        }
        recordMessage(guest, .guestToHost, bytes)
        let due = max(guests[guest].lastPost, time + latency(SimulatedLatency.post))
        guests[guest].lastPost = due
        queue.push(.hostMessage(guest: guest, bytes: bytes, connectionID: connectionID), at: due)
    }

    private mutating func recordMessage(_ guest: Int, _ direction: Direction, _ bytes: [UInt8]) {
        let type = bytes.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let partition = Self.partition(guest)
        if let place = channelPlace(guest, bytes) {
            record(.message, partition: partition, place, direction: direction, code: type, bytes)
        } else {
            record(.message, partition: partition, direction: direction, code: type, bytes)
        }
    }

    /// Which channel a message is about.
    private func channelPlace(_ guest: Int, _ bytes: [UInt8]) -> ChannelPlace? {
        let (host, guest) = (guests[guest].host, guests[guest].guest)
        guard let message = try? ChannelMessage.decode(bytes, context: host.agreement) else { return nil }
        switch message {
        case .gpadlBody(let body): return guest.channel(pageList: body.gpadl)
        case .gpadlTorndown(let torndown): return guest.channel(pageList: torndown.gpadl)
        default: return message.relid.flatMap { host.channel(relid: $0) }
        }
    }

    /// HvSignalEvent. Without a connection of its own the channel's bit in the interrupt page says which one it was
    /// (reference §1.7).
    private mutating func signal(_ guest: Int, _ place: ChannelPlace, _ connectionID: UInt32) {
        record(
            .signal, partition: Self.partition(guest), place, direction: .guestToHost,
            code: SignalCode.hypercall.rawValue,
            SignalEventInput(connectionID: connectionID).encoded())
        if connectionID == ConnectionID.event { setInterruptPage(guest, half: 0x800, relid: place.relid) }
        guard !guests[guest].signalled.contains(place.relid) else { return }
        guests[guest].signalled.append(place.relid)
        queue.push(.hostSignal(guest: guest, relid: place.relid), at: time + latency(SimulatedLatency.signal))
    }

    /// The host's interrupt: a flag of its own from 2.4, before that the interrupt page and flag 0 (reference §1.9).
    private mutating func interrupt(_ guest: Int, _ place: ChannelPlace, _ targetVP: UInt32, _ eventFlag: UInt32) {
        let isOld = guests[guest].host.agreement.version < .windows8
        let flag = isOld ? 0 : eventFlag
        let processor = isOld ? 0 : targetVP
        if isOld { setInterruptPage(guest, half: 0, relid: place.relid) }
        record(
            .interrupt, partition: Self.partition(guest), place, direction: .hostToGuest,
            EventFlagDelivery(vp: processor, flag: flag).encoded())
        if guests[guest].controller.setFlag(flag, processor: processor) {
            queue.push(
                .eventInterrupt(guest: guest, processor: processor),
                at: time + latency(SimulatedLatency.eventInterrupt))
        }
    }

    private func interruptPageWord(_ guest: Int, half: UInt64, relid: UInt32) -> (address: UInt64, bit: UInt32) {
        (GuestPartition.interruptPageAddress + half + UInt64(relid / 32) * 4, relid % 32)
    }

    private mutating func setInterruptPage(_ guest: Int, half: UInt64, relid: UInt32) {
        let (address, bit) = interruptPageWord(guest, half: half, relid: relid)
        guard let word = try? guests[guest].memory.load32(address) else { return }
        try? guests[guest].memory.store32(word | 1 << bit, at: address)
    }

    /// Takes all bits of one half of the interrupt page.
    mutating func takeInterruptPage(_ guest: Int, half: UInt64) -> [UInt32] {
        var relids: [UInt32] = []
        for index in 0..<(SynIC.eventFlagCount / 32) {
            let (address, _) = interruptPageWord(guest, half: half, relid: index * 32)
            guard let word = try? guests[guest].memory.load32(address), word != 0 else { continue }
            try? guests[guest].memory.store32(0, at: address)
            relids += (0..<32).filter { word & 1 << $0 != 0 }.map { index * 32 + $0 }
        }
        return relids
    }

    /// The guest's run is over: what was on its way to it is lost, and the host lets go of its memory.
    private mutating func disconnected(_ guest: Int) {
        queue.removeAll { $0.guest == guest }
        guests[guest].signalled = []
        guests[guest].monitorPending = false
        carryOutHost(guest, guests[guest].visitHost(at: time) { $0.reset(&$1) })
        if guests[guest].bootsAgain {
            queue.push(.boot(guest: guest), at: time + latency(SimulatedLatency.reboot))
        }
    }
}
