import VMBusRing
import VMBusWire

extension RingModel {
    /// The first rule that this state breaks (reference §6.4 by name).
    var brokenRule: ModelBreach? {
        for (value, name) in [(ring.control.writeIndex, "write index"), (ring.control.readIndex, "read index")]
        where value >= settings.ringBytes || value % 8 != 0 {
            return ModelBreach(
                rule: "index-range", text: "the \(name) is \(value) in a ring of \(settings.ringBytes) bytes")
        }
        // A packet may be taken before its sender is done with sending it.
        let outstanding = max(0, sender.sent - packetsGivenBack)
        let used = UInt32(outstanding) * settings.packetBytes
        if used + 8 > settings.ringBytes {
            return ModelBreach(
                rule: "one-byte-free",
                text: "\(outstanding) packets take \(used) of \(settings.ringBytes) bytes; 8 must stay free")
        }
        return lostWakeUp
    }

    /// Packets whose space the receiver has given back: it may have stored the read index and not yet be done.
    private var packetsGivenBack: Int {
        let given = UInt32(truncatingIfNeeded: ring.load(.readIndex, by: .receiver))
        return receiver.taken - Int(ringDistance(from: given, to: receiver.ring.position) / settings.packetBytes)
    }

    private func ringDistance(from start: UInt32, to end: UInt32) -> UInt32 {
        end >= start ? end - start : settings.ringBytes - start + end
    }

    /// An end that sleeps although it has something to do, with no signal on its way and nobody who still decides about one.
    ///
    /// The other end decides within an operation, so one that is between operations has decided; what it does later signals
    /// nothing of what was there before.
    private var lostWakeUp: ModelBreach? {
        let waiting = sender.sent - receiver.taken
        if receiver.phase == .asleep, !receiver.isSignalled, sender.isBetweenOperations, waiting > 0 {
            return ModelBreach(
                rule: "no-lost-wakeup-data",
                text:
                    "the receiver sleeps, \(waiting) packet\(waiting == 1 ? " waits" : "s wait"), and no signal is on "
                    + "its way")
        }
        if case .asleep(let needed) = sender.phase, !sender.isSignalled, receiver.isBetweenOperations {
            let used = ringDistance(from: receiver.ring.published, to: sender.ring.position)
            let free = settings.ringBytes - used
            if free > needed {
                return ModelBreach(
                    rule: "no-lost-wakeup-space",
                    text:
                        "the sender sleeps until more than \(needed) bytes are free, \(free) are, and no signal is on "
                        + "its way")
            }
            if receiver.phase == .asleep, !receiver.isSignalled {
                return ModelBreach(rule: "no-progress", text: "both ends sleep and no signal is on its way")
            }
        }
        return nil
    }

    /// Checks a packet that was taken against the one that was sent.
    mutating func check(_ packet: ReceivedPacket, _ payload: [UInt8], expected: [UInt8]) {
        let number = UInt64(receiver.taken)
        guard packet.transactionID != number || payload != expected || packet.type != .dataInBand else { return }
        breach = ModelBreach(
            rule: "bytes-preserved",
            text: "packet \(number) came out with transaction id \(packet.transactionID) and payload \(payload), "
                + "was put in with \(expected)")
    }

    /// What the shipped code itself finds wrong.
    static func breach(_ damage: RingDamage, seenBy end: RingEnd) -> ModelBreach {
        let rule =
            switch damage.field {
            case .writeIndex, .readIndex, .position: "index-range"
            case .trailer: "trailer-links"
            default: "descriptor-sane"
            }
        return ModelBreach(rule: rule, text: "the \(end.rawValue) finds \(damage)")
    }
}
