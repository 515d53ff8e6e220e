import BusModel
import VMBusPartitions
import VMBusRing

/// What befalls a whole machine: crashes, hibernation, and a host that is replaced while its guest runs.
extension Simulation {
    /// The guest crashes and boots again once it has said goodbye.
    mutating func crash(_ guest: Int) {
        guests[guest].bootsAgain = true
        note("\(scenario.guests[guest].name) crashes", guest)
        carry(guests[guest].visitGuest(at: time) { $0.crash(&$1) }, of: .guest, guest: guest)
    }

    /// A guest without interrupts looks at the message slots of all its processors.
    mutating func pollMessages(_ guest: Int) {
        for processor in 0..<scenario.guests[guest].processors {
            while let message = guests[guest].controller.message(processor: processor) {
                _ = guests[guest].controller.endOfMessage(processor: processor)
                carry(
                    guests[guest].visitGuest(at: time) { $0.receive(message: message, &$1) }, of: .guest, guest: guest)
                if !guests[guest].guest.isCrashing { return }
            }
        }
    }

    mutating func hibernate(_ guest: Int, for duration: UInt64) {
        guests[guest].sleep = duration
        note("\(scenario.guests[guest].name) hibernates", guest)
        carry(guests[guest].visitGuest(at: time) { $0.hibernate(&$1) }, of: .guest, guest: guest)
    }

    /// The guest is off. What was on its way to it is lost; its memory is kept.
    mutating func suspended(_ guest: Int) {
        letGo(guest)
        guests[guest].controller = SyntheticInterruptController(processors: scenario.guests[guest].processors)
        queue.push(.resume(guest: guest), at: later(guests[guest].sleep))
    }

    mutating func resume(_ guest: Int) {
        note("\(scenario.guests[guest].name) resumes", guest)
        carry(guests[guest].visitGuest(at: time) { $0.resume(&$1) }, of: .guest, guest: guest)
    }

    /// The host's end stops where it is; what comes for it meanwhile waits.
    mutating func saveHost(_ guest: Int, for duration: UInt64) {
        let bytes = guests[guest].host.saved()
        guests[guest].savedHost = SavedHostEnd(bytes: bytes, restored: later(duration))
        note("the host is saved in \(bytes.count) bytes", guest)
        queue.push(.restore(guest: guest), at: later(duration))
    }

    mutating func restoreHost(_ guest: Int) {
        guard let saved = guests[guest].savedHost else { return }
        guests[guest].savedHost = nil
        note("another host takes the connection up", guest)
        carry(guests[guest].visitHost(at: time) { $0.restore(saved.bytes, &$1) }, of: .host, guest: guest)
    }

    /// Whether an event is for a host that is away. It comes again when the host is back.
    mutating func waitsForHost(_ event: SimulationEvent) -> Bool {
        var guest = event.host
        if case .scenario(let index) = event { guest = scenario.events[index].guest }
        guard let guest, let saved = guests[guest].savedHost else { return false }
        queue.push(event, at: saved.restored)
        return true
    }
}

/// A host's end that is away: what it knew of the connection, and when it is back.
struct SavedHostEnd: Sendable {
    let bytes: [UInt8]
    let restored: UInt64
}

extension SimulationEvent {
    /// The guest whose host end it is for.
    fileprivate var host: Int? {
        switch self {
        case .hostMessage(let guest, _, _), .hostSignal(let guest, _), .hostSharedSignal(let guest),
            .monitorPoll(let guest), .hostWake(let guest, _),
            .disk(let guest, _, _, _):
            guest
        case .frame(.adapter(let guest, _), _): guest
        default: nil
        }
    }
}
