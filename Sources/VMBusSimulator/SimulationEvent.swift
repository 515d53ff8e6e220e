import VMBusDevices
import VMBusPartitions
import VMBusWire

/// Something that the hypervisor will let happen.
enum SimulationEvent: Sendable {
    case boot(guest: Int)
    /// A post reaches the host.
    case hostMessage(guest: Int, bytes: [UInt8], connectionID: UInt32)
    /// A processor is interrupted for its message slot.
    case messageInterrupt(guest: Int, processor: UInt32)
    /// A processor is interrupted for its event flags.
    case eventInterrupt(guest: Int, processor: UInt32)
    /// A signal reaches the host's end of a channel.
    case hostSignal(guest: Int, relid: UInt32)
    /// A signal that names no channel reaches the host: bits in the interrupt page say whose it is.
    case hostSharedSignal(guest: Int)
    /// The hypervisor looks at a guest's monitor page.
    case monitorPoll(guest: Int)
    /// The oldest store that an end holds back is seen by the other.
    case storeSeen(guest: Int, PartitionEnd)
    case guestWake(guest: Int, WakeToken)
    case hostWake(guest: Int, WakeToken)
    /// A frame reaches a network device of the host.
    case frame(VirtualSwitch.Port, [UInt8])
    /// The guest ends, as its host has asked it to.
    case end(guest: Int, bootsAgain: Bool)
    /// A disk of the host has done what it was asked.
    case disk(guest: Int, device: GUID, generation: UInt32, DiskCompletion)
    /// The guest's counters and fills are looked at.
    case sample(guest: Int)
    /// A guest that hibernates is there again.
    case resume(guest: Int)
    /// A host that was saved is there again.
    case restore(guest: Int)
    /// An event of the scenario.
    case scenario(Int)
    /// What a fault held up, or does later. It is large and rare: kept apart, it makes no other event large.
    indirect case fault(guest: Int, PartitionEnd, FaultAct)
    /// A fault comes by itself.
    case faultsDue

    /// The guest that it is about, if it ends with the guest's run.
    var guest: Int? {
        switch self {
        // A device that was taken back comes again, whoever is there then.
        case .fault(_, _, .offer): nil
        case .hostMessage(let guest, _, _), .messageInterrupt(let guest, _), .eventInterrupt(let guest, _),
            .hostSignal(let guest, _), .hostSharedSignal(let guest), .monitorPoll(let guest),
            .storeSeen(let guest, _), .guestWake(let guest, _), .end(let guest, _), .fault(let guest, _, _):
            guest
        case .boot, .hostWake, .frame, .disk, .sample, .resume, .restore, .scenario, .faultsDue: nil
        }
    }

    /// Events of one lane happen in the order of their coming, whoever decides: the posts of a guest (reference §1.4), the
    /// messages of one end that a fault holds up, and what a scenario lets happen.
    var lane: Int? {
        switch self {
        case .hostMessage(let guest, _, _): guest * 3
        case .fault(let guest, let end, let act) where act.isMessage: guest * 3 + (end == .guest ? 1 : 2)
        case .scenario: -1
        default: nil
        }
    }
}

/// Which end of a guest's bus.
public enum PartitionEnd: Sendable, Hashable {
    /// The guest's.
    case guest
    /// The root partition's.
    case host
}

/// Which of the events that wait may act next.
public enum EventOrdering: Sendable, Hashable {
    /// The one that is due first; where several are due at one moment it is a question which.
    case byTime
    /// Any that is due within a window of nanoseconds after the clock, or after the first, whichever is later: what a search
    /// goes through. Delays are not asked for then, and the counters are not looked at.
    case interleaved(window: UInt64)
}

/// What became of a step.
public enum StepOutcome: Sendable, Hashable {
    /// An event happened.
    case happened
    /// Somebody must decide first; nothing has happened. `choices.answer` takes the decision, then the step is tried again.
    case asks(Choice)
    /// Nothing will ever happen again.
    case ended
}
