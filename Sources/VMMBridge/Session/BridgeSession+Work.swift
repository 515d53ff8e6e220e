import BusModel
import VMBusPartitions
import VMBusRing
import VMBusWire

extension BridgeSession {
    /// Lets the host's end act on what the guest shares; what it wants done comes back.
    mutating func visit(
        _ body: (inout HostPartition, inout PartitionActivity<Memory>) -> Void
    ) -> [PartitionEffect] {
        var activity = PartitionActivity(memory: memory.lent, time: log.time)
        body(&host, &activity)
        return activity.effects
    }

    /// A channel message of the guest.
    mutating func message(_ bytes: [UInt8], _ connectionID: UInt32) {
        let type = MessageType(rawValue: SessionLog.type(of: bytes))
        log.message(bytes, .guestToHost, host)
        if type == .unload || type == .requestOffers { isNegotiating = false }
        // Both end what was before: from here on the pages belong to the guest, or to the next one.
        if type == .unload || type == .initiateContact { memory.take() }
        if type == .initiateContact { noteInterruptPage(bytes) }
        let effects = visit { host, activity in
            host.receive(message: bytes, connectionID: connectionID, &activity)
        }
        if type == .requestOffers, host.isConnected {
            offersTime = log.time
            agenda = events.map { (log.time &+ $0.time, $0.action) }
        }
        if host.isConnected {
            memory.share()
        } else {
            memory.take()
            forgetConnection()
        }
        carryOut(effects)
    }

    /// Where a guest below 2.4 keeps its bits.
    private mutating func noteInterruptPage(_ bytes: [UInt8]) {
        interruptPage = 0
        guard case .initiateContact(let contact) = try? ChannelMessage.decode(bytes, context: .newest),
            contact.version < .windows8
        else { return }
        interruptPage = contact.interruptPage
    }

    /// Nothing that a connection has begun goes on without it.
    mutating func forgetConnection() {
        timers.removeAll()
        agenda = []
        (monitorPoll, nextSample) = (nil, nil)
        interruptPage = 0
        forgetFaults()
    }

    mutating func signalled(_ relids: [UInt32]) {
        for relid in relids {
            carryOut(visit { $0.signalled(relid: relid, &$1) })
        }
    }

    /// Starts what must be done from time to time while a channel is open.
    mutating func settle() {
        guard host.isConnected, failure == nil else { return }
        if !delivery.hasRoom {
            fail(
                ProtocolViolation(
                    rule: "slot-emptied", place: "messages and flags",
                    value: "\(InterruptDelivery.maximumWaiting) wait", explanation: "a guest takes what it asks for"))
            return
        }
        let monitored = host.monitoredChannels
        if monitorPoll == nil, !monitored.isEmpty, host.monitorPage != 0 {
            monitorPoll = log.time &+ monitorInterval(monitored.map(\.monitorID))
        }
        if nextSample == nil, !host.openChannels.isEmpty { nextSample = log.time &+ sampleInterval }
    }

    // MARK: Effects

    /// Carries out what the host's end wants done.
    mutating func carryOut(_ effects: [PartitionEffect]) {
        for effect in effects {
            if faults.isArmed, let acts = pass(effect) {
                perform(acts)
            } else {
                carryOut(effect)
            }
        }
    }

    mutating func carryOut(_ effect: PartitionEffect) {
        switch effect {
        case .send(let bytes, let targetVP):
            log.message(bytes, .hostToGuest, host)
            deliver { delivery, memory throws(Memory.Failure) in
                try delivery.post(bytes, processor: targetVP, in: &memory)
            }
        case .interrupt(let place, let delivery, let isShared):
            interrupt(place, delivery, throughInterruptPage: isShared)
        case .packet(let place, let direction, let type, let bytes, let attachment):
            log.channel(
                .packet, place, direction, code: UInt32(type.rawValue), bytes, attachment: attachment)
        case .received(let place, let type, let bytes, let attachment):
            log.channel(
                .packet, place, .guestToHost, code: UInt32(type.rawValue), bytes, attachment: attachment)
        case .wake(let after, let token): timers.add(token, due: log.time &+ after)
        case .frame(let device, let frame): tell(.frame(device, frame))
        case .disk(let device, let generation, let request): diskWork.append((device, generation, request))
        case .plugged(let device, let disk): plug(disk, device)
        case .unplugged(let device, let lun): disks.remove(device: device, lun: lun)
        case .violation(let violation): log.violation(violation)
        case .note(let text): log.note(text)
        case .learned(let readings): log.state(readings)
        case .interruptMessage(_, let address, let data):
            log.note(
                "the monitor has no way to give the guest an interrupt message: \(data) to \(address)")
        // What a guest wants comes here when a fault has held it up.
        case .post(let bytes, let connectionID): message(bytes, connectionID)
        case .signal(let place, _), .monitorSignal(let place, _): signalled([place.relid])
        // What only a guest's end wants.
        case .deviceChanged, .disconnected, .suspended, .pollMessages, .ends: break
        }
    }

    /// Lets the synthetic interrupt controller deliver something. A page of the guest's that is not there is its own fault.
    @discardableResult
    mutating func deliver(
        _ body: (inout InterruptDelivery, inout Memory) throws(Memory.Failure) -> [HostFrame]?
    ) -> Bool {
        var memory = memory.controllerMemory
        do throws(Memory.Failure) {
            guard let frames = try body(&delivery, &memory) else { return false }
            send(frames)
        } catch {
            log.violation(
                ProtocolViolation(
                    rule: "synic-page", place: "message or event flags page", value: "\(error)",
                    explanation: "the page that a guest gives for it is in its memory"))
        }
        return true
    }

    private mutating func interrupt(
        _ place: ChannelPlace, _ interrupt: EventFlagDelivery, throughInterruptPage isShared: Bool
    ) {
        if isShared, interruptPage != 0 {
            let (offset, bit) = InterruptPage.place(of: place.relid)
            var memory = memory.lent
            _ = try? memory.setBits(1 << bit, at: interruptPage &+ offset)
        }
        log.channel(.interrupt, place, .hostToGuest, interrupt.encoded())
        let hasPage = deliver { delivery, memory throws(Memory.Failure) in
            try delivery.setFlag(interrupt.flag, processor: interrupt.vp, in: &memory)
        }
        if !hasPage {
            log.note("processor \(interrupt.vp) has no event flags page: flag \(interrupt.flag) is lost")
        }
    }

    // MARK: Registers

    mutating func register(_ write: RegisterWrite) {
        log.register(write)
        if let index = write.register.crashParameter { crashParameters[index] = write.value }
        switch write.register {
        case .guestOSID where write.value != 0:
            if let name = GuestOSID(rawValue: write.value).name {
                log.state([AttributeReading(.kernelRelease, text: name)])
            }
        case .crashControl:
            let parameters = crashParameters.map { Hexadecimal.prefixed($0) }.joined(separator: ", ")
            log.note("the guest crashed; its crash parameters: \(parameters)")
        case .control, .messagePage, .eventFlagsPage, .endOfMessage:
            deliver { delivery, memory throws(Memory.Failure) in
                try delivery.write(write.register, write.value, processor: write.vp, in: &memory)
            }
        default: break
        }
    }

    // MARK: Pages that are looked at

    /// Takes all bits of the half of the interrupt page that the guest writes (reference §1.7).
    mutating func takeInterruptPage() -> [UInt32] {
        let page = interruptPage
        guard page != 0 else { return [] }
        var memory = memory.lent
        return InterruptPage.channels { try? memory.exchange(0, at: page &+ InterruptPage.sendHalf &+ $0) }
    }

    /// Takes the bits of the monitored channels that are open and signals what they stand for (reference §1.8).
    mutating func pollMonitorPage() {
        let (page, monitored) = (host.monitorPage, host.monitoredChannels)
        guard page != 0, !monitored.isEmpty else { return }
        var pending: [UInt32] = [0, 0, 0, 0]
        var memory = memory.lent
        for group in 0..<4 {
            let address = page &+ 8 &+ UInt64(group) * 8
            guard let word = try? memory.load32(address), word != 0 else { continue }
            pending[group] = (try? memory.exchange(0, at: address)) ?? 0
        }
        for (relid, monitorID) in monitored
        where monitorID < MonitorPage.idCount && pending[Int(monitorID / 32)] & 1 << UInt32(monitorID % 32) != 0 {
            guard let place = host.channel(relid: relid) else { continue }
            log.channel(
                .signal, place, .guestToHost, code: SignalCode.monitorPage.rawValue,
                MonitorSignal(monitorID: monitorID).encoded())
            carryOut([.monitorSignal(place, monitorID: monitorID)])
        }
    }

    /// How long a monitored signal may wait: what the page says of the channel that is in the greatest hurry, within limits, as
    /// every look wakes this process up. A guest that leaves the page to the host says 0.
    private func monitorInterval(_ monitorIDs: [UInt8]) -> UInt64 {
        let (page, memory) = (host.monitorPage, memory.lent)
        let latencies = monitorIDs.compactMap { monitorID -> UInt64? in
            guard let place = MonitorPage.place(of: monitorID) else { return nil }
            // Two latencies to a word.
            let address = page &+ UInt64(place.latencyOffset & ~3)
            guard let word = try? memory.load32(address) else { return nil }
            let latency = place.latencyOffset % 4 == 0 ? word & 0xFFFF : word >> 16
            return latency == 0 ? nil : UInt64(latency) * 100
        }
        return min(max(latencies.min() ?? 1_000_000, 100_000), 100_000_000)
    }
}
