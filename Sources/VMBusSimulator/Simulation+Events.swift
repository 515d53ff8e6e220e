import BusModel
import VMBusDevices
import VMBusPartitions
import VMBusRing
import VMBusWire

/// How long things take in the simulated machine, in nanoseconds. Orders of magnitude as on real machines.
enum SimulatedLatency {
    static let post: ClosedRange<UInt64> = 4_000...15_000
    static let messageInterrupt: ClosedRange<UInt64> = 2_000...9_000
    static let eventInterrupt: ClosedRange<UInt64> = 1_500...7_000
    static let signal: ClosedRange<UInt64> = 2_000...12_000
    /// Longer than on any machine, so that others come in between.
    static let storeBuffer: ClosedRange<UInt64> = 1_000...30_000
    static let frame: ClosedRange<UInt64> = 3_000...20_000
    static let shutdown: ClosedRange<UInt64> = 50_000_000...100_000_000
    /// A disk that forgets nothing and has no head to move.
    static let disk: ClosedRange<UInt64> = 20_000...180_000
    static let reboot: ClosedRange<UInt64> = 200_000_000...400_000_000
}

extension Simulation {
    /// Lets one thing happen.
    mutating func perform(_ event: SimulationEvent) {
        if waitsForHost(event) { return }
        switch event {
        case .boot(let guest): boot(guest)
        case .hostMessage(let guest, let bytes, let connectionID):
            guests[guest].hypervisor.postsUnderway = max(0, guests[guest].hypervisor.postsUnderway - 1)
            carry(
                guests[guest].visitHost(at: time) { host, activity in
                    host.receive(message: bytes, connectionID: connectionID, &activity)
                }, of: .host, guest: guest)
        case .messageInterrupt(let guest, let processor): messageInterrupt(guest, processor)
        case .eventInterrupt(let guest, let processor): eventInterrupt(guest, processor)
        case .hostSignal(let guest, let relid):
            guests[guest].hypervisor.signalled.removeAll { $0 == relid }
            hostSignal(guest, relid)
        case .hostSharedSignal(let guest):
            guests[guest].hypervisor.isSharedSignalled = false
            for relid in takeInterruptPage(guest, half: InterruptPage.sendHalf) { hostSignal(guest, relid) }
        case .monitorPoll(let guest): monitorPoll(guest)
        case .storeSeen(let guest, let end): letStoreBeSeen(end, guest)
        case .guestWake(let guest, let token):
            carry(guests[guest].visitGuest(at: time) { $0.wake(token, &$1) }, of: .guest, guest: guest)
        case .hostWake(let guest, let token):
            carry(guests[guest].visitHost(at: time) { $0.wake(token, &$1) }, of: .host, guest: guest)
        case .frame(.adapter(let guest, let device), let frame):
            carry(
                guests[guest].visitHost(at: time) { host, activity in
                    host.deliver(frame: frame, device: device, &activity)
                }, of: .host, guest: guest)
        // A simulation has no outside, and its responder answers inside the switch.
        case .frame: break
        case .end(let guest, let bootsAgain): unload(guest, bootsAgain: bootsAgain)
        case .disk(let guest, let device, let generation, let completion):
            carry(
                guests[guest].visitHost(at: time) { host, activity in
                    host.completed(completion, device: device, generation: generation, &activity)
                }, of: .host, guest: guest)
        case .sample(let guest): sample(guest)
        case .resume(let guest): resume(guest)
        case .restore(let guest): restoreHost(guest)
        case .scenario(let index): perform(scenario.events[index])
        case .fault(let guest, let end, let act): performHeldUp(act, of: end, guest: guest)
        case .faultsDue: performDueFaults()
        }
    }

    private mutating func boot(_ guest: Int) {
        let fresh = SimulatedGuest(scenario.guests[guest], memoryOrder: memoryOrder)
        guests[guest].memory = fresh.memory
        guests[guest].guest = fresh.guest
        guests[guest].controller = fresh.controller
        guests[guest].hypervisor = fresh.hypervisor
        guests[guest].storeBuffers = fresh.storeBuffers
        guests[guest].bootsAgain = false
        guests[guest].host.machineReset(at: time)
        note("\(scenario.guests[guest].name) boots", guest)
        for device in guests[guest].host.devices where device.configuration.kind == .network {
            exchange.connect(.adapter(guest: guest, device: device.configuration.instance))
        }
        carry(guests[guest].visitGuest(at: time) { $0.boot(&$1) }, of: .guest, guest: guest)
    }

    /// The guest copies the slot, handles the copy, empties the slot and, if another message waits, writes end-of-message.
    private mutating func messageInterrupt(_ guest: Int, _ processor: UInt32) {
        guard !guests[guest].guest.isCrashing,
            let message = guests[guest].controller.message(processor: processor)
        else { return }
        let effects = guests[guest].visitGuest(at: time) { $0.receive(message: message, &$1) }
        if guests[guest].controller.endOfMessage(processor: processor) {
            queue.push(
                .messageInterrupt(guest: guest, processor: processor),
                at: later(delay(.messageInterruptDelay, SimulatedLatency.messageInterrupt)))
        }
        carry(effects, of: .guest, guest: guest)
    }

    private mutating func eventInterrupt(_ guest: Int, _ processor: UInt32) {
        if guests[guest].guest.isCrashing { return }
        for flag in guests[guest].controller.takeFlags(processor: processor) {
            // Flag 0 is no channel: old hosts point with it to the interrupt page (reference §1.3).
            guard flag == 0 else {
                carry(
                    guests[guest].visitGuest(at: time) { $0.interrupted(eventFlag: flag, &$1) }, of: .guest,
                    guest: guest)
                continue
            }
            for relid in takeInterruptPage(guest, half: 0) {
                carry(
                    guests[guest].visitGuest(at: time) { $0.interrupted(relid: relid, &$1) }, of: .guest, guest: guest)
            }
        }
    }

    mutating func hostSignal(_ guest: Int, _ relid: UInt32) {
        carry(guests[guest].visitHost(at: time) { $0.signalled(relid: relid, &$1) }, of: .host, guest: guest)
    }

    private mutating func perform(_ event: ScenarioEvent) {
        switch event.action {
        case .rescind(let device): _ = rescind(device, guest: event.guest)
        case .offer(let device): offer(device, guest: event.guest)
        case .command(let device, let command):
            var isKnown = false
            let effects = guests[event.guest].visitHost(at: time) { isKnown = $0.perform(command, device: device, &$1) }
            carry(effects, of: .host, guest: event.guest)
            if !isKnown { note("there is no device \(device) to ask", event.guest) }
        case .move(let device, let subchannel, let cpu):
            if let refusal = move(device, subchannel, cpu: cpu, guest: event.guest) { note(refusal, event.guest) }
        case .reboot: unload(event.guest, bootsAgain: true)
        case .crash: crash(event.guest)
        case .hibernate(let duration): hibernate(event.guest, for: duration)
        case .saveHost(let duration): saveHost(event.guest, for: duration)
        }
    }

    /// The host offers a device of the scenario.
    mutating func offer(_ device: GUID, guest: Int) {
        guard let configuration = scenario.guests[guest].host.devices.first(where: { $0.instance == device })
        else { return }
        exchange.connect(.adapter(guest: guest, device: device))
        for disk in configuration.storage?.disks ?? [] where !disks[guest].contains(device: device, lun: disk.lun) {
            disks[guest].insert(MemoryDisk(disk), device: device, lun: disk.lun)
        }
        carry(guests[guest].visitHost(at: time) { $0.offer(configuration, &$1) }, of: .host, guest: guest)
    }

    /// The host takes a device back. False when there is none.
    mutating func rescind(_ device: GUID, guest: Int) -> Bool {
        exchange.disconnect(.adapter(guest: guest, device: device))
        var found = false
        carry(guests[guest].visitHost(at: time) { found = $0.rescind(device: device, &$1) }, of: .host, guest: guest)
        return found
    }

    /// The guest moves a channel. The reason when it cannot.
    mutating func move(_ device: GUID, _ subchannel: UInt16, cpu: UInt32, guest: Int) -> String? {
        guard
            let relid = guests[guest].guest.devices.first(where: { $0.instance == device })?
                .channels.first(where: { $0.subchannel == subchannel })?.relid
        else { return "the guest has no such channel" }
        guard cpu < scenario.guests[guest].processors else { return "the guest has no processor \(cpu)" }
        var reason: String?
        let effects = guests[guest].visitGuest(at: time) { partition, activity in
            do {
                try partition.moveChannel(relid: relid, targetVP: cpu, &activity)
            } catch {
                reason = "\(error)"
            }
        }
        carry(effects, of: .guest, guest: guest)
        return reason
    }

    /// The guest ends its connection.
    mutating func unload(_ guest: Int, bootsAgain: Bool) {
        guests[guest].bootsAgain = bootsAgain
        note("\(scenario.guests[guest].name) \(bootsAgain ? "reboots" : "shuts down")", guest)
        carry(guests[guest].visitGuest(at: time) { $0.unload(&$1) }, of: .guest, guest: guest)
    }

    mutating func note(_ text: String, _ guest: Int) {
        record(.note, partition: Self.partition(guest), Array(text.utf8))
    }
}
