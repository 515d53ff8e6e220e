import BusModel
import VMBusDevices
import VMBusEngine
import VMBusPartitions
import VMBusRing
import VMBusWire

extension Simulation {
    /// Carries out what one end of a guest's bus wanted done in one visit.
    mutating func carry(_ effects: [PartitionEffect], of end: PartitionEnd, guest: Int) {
        for effect in effects { carry(effect, of: end, guest: guest) }
        settle(end, guest)
    }

    /// Every effect of a partition passes here before it is carried out, so this is where faults are put in: an effect may
    /// become none, another one, or several, each at once or later.
    private mutating func carry(_ effect: PartitionEffect, of end: PartitionEnd, guest: Int) {
        if faults.isArmed, disturb(effect, of: end, guest: guest) { return }
        carryOut(effect, of: end, guest: guest)
    }

    /// What was held up happens now.
    mutating func performHeldUp(_ act: FaultAct, of end: PartitionEnd, guest: Int) {
        perform(act, of: end, guest: guest)
        settle(end, guest)
    }

    /// What follows from a visit as a whole.
    private mutating func settle(_ end: PartitionEnd, _ guest: Int) {
        holdStores(end, guest)
        switch end {
        case .guest:
            handBackRefusedPosts(guest)
            watchMonitorPage(guest)
        case .host: followMonitorPage(guest)
        }
    }

    /// Carries out an effect, whatever faults there are.
    mutating func carryOut(_ effect: PartitionEffect, of end: PartitionEnd, guest: Int) {
        switch effect {
        case .packet(let place, let direction, let type, let bytes, let attachment):
            record(
                .packet, partition: Self.partition(guest), place, direction: direction, code: UInt32(type.rawValue),
                bytes, attachment: attachment)
        case .violation(let violation):
            record(.fault, partition: Self.partition(guest), Array(violation.description.utf8))
        case .note(let text): note(text, guest)
        case .learned(let readings):
            record(
                .state, partition: Self.partition(guest), code: StateCode.changed.rawValue,
                AttributeList(readings).encoded())
        default:
            switch end {
            case .guest: carryOutGuest(guest, effect)
            case .host: carryOutHost(guest, effect)
            }
        }
    }

    private mutating func carryOutGuest(_ guest: Int, _ effect: PartitionEffect) {
        switch effect {
        case .post(let bytes, let connectionID): post(guest, bytes, connectionID)
        case .signal(let place, let connectionID): signal(guest, place, connectionID)
        // The bit is in the page; the hypervisor finds it there.
        case .monitorSignal(let place, let monitorID):
            record(
                .signal, partition: Self.partition(guest), place, direction: .guestToHost,
                code: SignalCode.monitorPage.rawValue, MonitorSignal(monitorID: monitorID).encoded())
        case .wake(let after, let token): queue.push(.guestWake(guest: guest, token), at: later(after))
        case .deviceChanged(let device): recordDevice(guest, device)
        case .disconnected: disconnected(guest)
        case .suspended: suspended(guest)
        case .pollMessages: pollMessages(guest)
        case .ends(let restarts):
            queue.push(
                .end(guest: guest, bootsAgain: restarts),
                at: later(delay(.shutdownDelay, SimulatedLatency.shutdown)))
        default: break
        }
    }

    private mutating func carryOutHost(_ guest: Int, _ effect: PartitionEffect) {
        switch effect {
        case .send(let bytes, let targetVP): send(guest, bytes, targetVP)
        case .interrupt(let place, let delivery, let isShared):
            interrupt(guest, place, delivery, throughInterruptPage: isShared)
        case .frame(let device, let frame):
            let port = VirtualSwitch.Port.adapter(guest: guest, device: device)
            for delivery in exchange.forward(frame, from: port, time: time) {
                queue.push(
                    .frame(delivery.port, delivery.frame), at: later(delay(.frameDelay, SimulatedLatency.frame)))
            }
            for text in exchange.takeNotes() { note(text, guest) }
        case .disk(let device, let generation, let request):
            let completion = disks[guest].perform(request, device: device)
            queue.push(
                .disk(guest: guest, device: device, generation: generation, completion),
                at: later(delay(.diskDelay, SimulatedLatency.disk)))
        case .plugged(let device, let disk): disks[guest].insert(MemoryDisk(disk), device: device, lun: disk.lun)
        case .unplugged(let device, let lun): disks[guest].remove(device: device, lun: lun)
        case .interruptMessage(let device, let address, let data):
            queue.push(
                .guestWake(guest: guest, .interruptMessage(device, address: address, data: data)),
                at: later(SimulatedLatency.messageInterrupt.lowerBound))
        case .wake(let after, let token): queue.push(.hostWake(guest: guest, token), at: later(after))
        default: break
        }
    }

    mutating func recordMessage(_ guest: Int, _ direction: Direction, _ bytes: [UInt8]) {
        let type = bytes.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let partition = Self.partition(guest)
        if let place = channelPlace(guest, bytes) {
            record(.message, partition: partition, place, direction: direction, code: type, bytes)
        } else {
            record(.message, partition: partition, direction: direction, code: type, bytes)
        }
    }

    /// Which channel a message is about.
    func channelPlace(_ guest: Int, _ bytes: [UInt8]) -> ChannelPlace? {
        guard let message = try? ChannelMessage.decode(bytes, context: guests[guest].host.agreement) else { return nil }
        switch message {
        case .gpadlBody(let body): return guests[guest].guest.channel(pageList: body.gpadl)
        case .gpadlTorndown(let torndown): return guests[guest].guest.channel(pageList: torndown.gpadl)
        default: return message.relid.flatMap { guests[guest].host.channel(relid: $0) }
        }
    }

    /// The guest hears nothing any more, and the host lets go of its memory.
    mutating func letGo(_ guest: Int) {
        queue.removeAll { $0.guest == guest }
        letAllStoresBeSeen(guest)
        guests[guest].hypervisor = GuestHypervisorState()
        faults.forget(guest: guest)
        carry(guests[guest].visitHost(at: time) { $0.reset(&$1) }, of: .host, guest: guest)
    }

    /// The guest's run is over: what was on its way to it is lost, and the host lets go of its memory.
    private mutating func disconnected(_ guest: Int) {
        letGo(guest)
        if guests[guest].bootsAgain {
            queue.push(.boot(guest: guest), at: later(delay(.rebootDelay, SimulatedLatency.reboot)))
        }
    }

    /// A moment from now; the end of time for one behind it.
    func later(_ nanoseconds: UInt64) -> UInt64 {
        let (sum, overflow) = time.addingReportingOverflow(nanoseconds)
        return overflow ? .max : sum
    }
}
