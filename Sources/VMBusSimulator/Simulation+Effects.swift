import BusModel
import VMBusDevices
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
            case .suspended: suspended(guest)
            case .pollMessages: pollMessages(guest)
            case .ends(let restarts):
                queue.push(
                    .end(guest: guest, bootsAgain: restarts), at: time + latency(SimulatedLatency.shutdown))
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
            case .interrupt(let place, let delivery, let isShared):
                interrupt(guest, place, delivery, throughInterruptPage: isShared)
            case .frame(let device, let frame):
                let port = VirtualSwitch.Port.adapter(guest: guest, device: device)
                for delivery in exchange.forward(frame, from: port, time: time) {
                    queue.push(.frame(delivery.port, delivery.frame), at: time + latency(SimulatedLatency.frame))
                }
                for text in exchange.takeNotes() { note(text, guest) }
            case .disk(let device, let generation, let request):
                let completion = disks[guest].perform(request, device: device)
                queue.push(
                    .disk(guest: guest, device: device, generation: generation, completion),
                    at: time + latency(SimulatedLatency.disk))
            case .plugged(let device, let disk): disks[guest].insert(MemoryDisk(disk), device: device, lun: disk.lun)
            case .unplugged(let device, let lun): disks[guest].remove(device: device, lun: lun)
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
        case .learned(let readings):
            record(
                .state, partition: Self.partition(guest), code: StateCode.changed.rawValue,
                AttributeList(readings).encoded())
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

    /// HvSignalEvent. Without a connection of its own the channel's bit in the interrupt page, which the guest has set, says
    /// which one it was (reference §1.7).
    private mutating func signal(_ guest: Int, _ place: ChannelPlace, _ connectionID: UInt32) {
        record(
            .signal, partition: Self.partition(guest), place, direction: .guestToHost,
            code: SignalCode.hypercall.rawValue,
            SignalEventInput(connectionID: connectionID).encoded())
        guard !guests[guest].signalled.contains(place.relid) else { return }
        guests[guest].signalled.append(place.relid)
        queue.push(.hostSignal(guest: guest, relid: place.relid), at: time + latency(SimulatedLatency.signal))
    }

    private mutating func interrupt(
        _ guest: Int, _ place: ChannelPlace, _ delivery: EventFlagDelivery, throughInterruptPage isShared: Bool
    ) {
        if isShared {
            let (offset, bit) = InterruptPage.place(of: place.relid)
            guests[guest].memory.setBit(bit, at: GuestPartition.interruptPageAddress + offset)
        }
        record(
            .interrupt, partition: Self.partition(guest), place, direction: .hostToGuest, delivery.encoded())
        if guests[guest].controller.setFlag(delivery.flag, processor: delivery.vp) {
            queue.push(
                .eventInterrupt(guest: guest, processor: delivery.vp),
                at: time + latency(SimulatedLatency.eventInterrupt))
        }
    }

    /// Takes all bits of the host's half of the interrupt page.
    mutating func takeInterruptPage(_ guest: Int) -> [UInt32] {
        var memory = guests[guest].memory
        defer { guests[guest].memory = memory }
        return InterruptPage.channels { offset in
            let address = GuestPartition.interruptPageAddress + offset
            guard let word = try? memory.load32(address), word != 0 else { return nil }
            try? memory.store32(0, at: address)
            return word
        }
    }

    mutating func letGo(_ guest: Int) {
        queue.removeAll { $0.guest == guest }
        guests[guest].signalled = []
        guests[guest].monitorPending = false
        carryOutHost(guest, guests[guest].visitHost(at: time) { $0.reset(&$1) })
    }

    /// The guest's run is over: what was on its way to it is lost, and the host lets go of its memory.
    private mutating func disconnected(_ guest: Int) {
        letGo(guest)
        if guests[guest].bootsAgain {
            queue.push(.boot(guest: guest), at: time + latency(SimulatedLatency.reboot))
        }
    }
}
