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
    /// The monitor page's usual latency (reference §1.8).
    static let monitor: ClosedRange<UInt64> = 20_000...100_000
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
            carryOutHost(
                guest,
                guests[guest].visitHost(at: time) { host, activity in
                    host.receive(message: bytes, connectionID: connectionID, &activity)
                })
        case .messageInterrupt(let guest, let processor): messageInterrupt(guest, processor)
        case .eventInterrupt(let guest, let processor): eventInterrupt(guest, processor)
        case .hostSignal(let guest, let relid): hostSignal(guest, relid)
        case .monitorPoll(let guest): monitorPoll(guest)
        case .guestWake(let guest, let token):
            carryOutGuest(guest, guests[guest].visitGuest(at: time) { $0.wake(token, &$1) })
        case .hostWake(let guest, let token):
            carryOutHost(guest, guests[guest].visitHost(at: time) { $0.wake(token, &$1) })
        case .frame(.adapter(let guest, let device), let frame):
            carryOutHost(
                guest,
                guests[guest].visitHost(at: time) { host, activity in
                    host.deliver(frame: frame, device: device, &activity)
                })
        // A simulation has no outside, and its responder answers inside the switch.
        case .frame: break
        case .end(let guest, let bootsAgain): unload(guest, bootsAgain: bootsAgain)
        case .disk(let guest, let device, let generation, let completion):
            carryOutHost(
                guest,
                guests[guest].visitHost(at: time) { host, activity in
                    host.completed(completion, device: device, generation: generation, &activity)
                })
        case .sample(let guest): sample(guest)
        case .resume(let guest): resume(guest)
        case .restore(let guest): restoreHost(guest)
        case .scenario(let index): perform(scenario.events[index])
        }
    }

    private mutating func boot(_ guest: Int) {
        let fresh = SimulatedGuest(scenario.guests[guest])
        guests[guest].memory = fresh.memory
        guests[guest].guest = fresh.guest
        guests[guest].controller = fresh.controller
        guests[guest].bootsAgain = false
        guests[guest].host.machineReset(at: time)
        note("\(scenario.guests[guest].name) boots", guest)
        for device in guests[guest].host.devices where device.configuration.kind == .network {
            exchange.connect(.adapter(guest: guest, device: device.configuration.instance))
        }
        carryOutGuest(guest, guests[guest].visitGuest(at: time) { $0.boot(&$1) })
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
                at: time + latency(SimulatedLatency.messageInterrupt))
        }
        carryOutGuest(guest, effects)
    }

    private mutating func eventInterrupt(_ guest: Int, _ processor: UInt32) {
        if guests[guest].guest.isCrashing { return }
        for flag in guests[guest].controller.takeFlags(processor: processor) {
            // Flag 0 is no channel: old hosts point with it to the interrupt page (reference §1.3).
            guard flag == 0 else {
                carryOutGuest(guest, guests[guest].visitGuest(at: time) { $0.interrupted(eventFlag: flag, &$1) })
                continue
            }
            for relid in takeInterruptPage(guest) {
                carryOutGuest(guest, guests[guest].visitGuest(at: time) { $0.interrupted(relid: relid, &$1) })
            }
        }
    }

    private mutating func hostSignal(_ guest: Int, _ relid: UInt32) {
        guests[guest].signalled.removeAll { $0 == relid }
        carryOutHost(guest, guests[guest].visitHost(at: time) { $0.signalled(relid: relid, &$1) })
    }

    /// Takes the pending bits of all groups and signals what they stand for.
    private mutating func monitorPoll(_ guest: Int) {
        guests[guest].monitorPending = false
        let page = guests[guest].host.monitorPage
        guard page != 0 else { return }
        for group in 0..<4 as Range<UInt64> {
            let address = page + 8 + group * 8
            guard let word = try? guests[guest].memory.load32(address), word != 0,
                (try? guests[guest].memory.store32(0, at: address)) != nil
            else { continue }
            for bit in 0..<32 as Range<UInt32> where word & 1 << bit != 0 {
                let monitorID = UInt8(truncatingIfNeeded: UInt32(group) * 32 + bit)
                if let relid = guests[guest].host.channel(monitorID: monitorID)?.relid {
                    carryOutHost(guest, guests[guest].visitHost(at: time) { $0.signalled(relid: relid, &$1) })
                }
            }
        }
    }

    private mutating func perform(_ event: ScenarioEvent) {
        switch event.action {
        case .rescind(let device): _ = rescind(device, guest: event.guest)
        case .offer(let device):
            guard let configuration = scenario.guests[event.guest].host.devices.first(where: { $0.instance == device })
            else { return }
            exchange.connect(.adapter(guest: event.guest, device: device))
            for disk in configuration.storage?.disks ?? []
            where !disks[event.guest].contains(device: device, lun: disk.lun) {
                disks[event.guest].insert(MemoryDisk(disk), device: device, lun: disk.lun)
            }
            carryOutHost(
                event.guest, guests[event.guest].visitHost(at: time) { $0.offer(configuration, &$1) })
        case .command(let device, let command):
            var isKnown = false
            let effects = guests[event.guest].visitHost(at: time) { isKnown = $0.perform(command, device: device, &$1) }
            carryOutHost(event.guest, effects)
            if !isKnown { note("there is no device \(device) to ask", event.guest) }
        case .move(let device, let subchannel, let cpu):
            if let refusal = move(device, subchannel, cpu: cpu, guest: event.guest) { note(refusal, event.guest) }
        case .reboot: unload(event.guest, bootsAgain: true)
        case .crash: crash(event.guest)
        case .hibernate(let duration): hibernate(event.guest, for: duration)
        case .saveHost(let duration): saveHost(event.guest, for: duration)
        }
    }

    /// The host takes a device back. False when there is none.
    mutating func rescind(_ device: GUID, guest: Int) -> Bool {
        exchange.disconnect(.adapter(guest: guest, device: device))
        var found = false
        carryOutHost(guest, guests[guest].visitHost(at: time) { found = $0.rescind(device: device, &$1) })
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
        carryOutGuest(guest, effects)
        return reason
    }

    /// The guest ends its connection.
    mutating func unload(_ guest: Int, bootsAgain: Bool) {
        guests[guest].bootsAgain = bootsAgain
        note("\(scenario.guests[guest].name) \(bootsAgain ? "reboots" : "shuts down")", guest)
        carryOutGuest(guest, guests[guest].visitGuest(at: time) { $0.unload(&$1) })
    }

    mutating func note(_ text: String, _ guest: Int) {
        record(.note, partition: Self.partition(guest), Array(text.utf8))
    }
}
