import BusModel
import VMBusWire

/// The rules of the ring: 17 to 25.
///
/// A step is what one end does at once. Its records come first, then both rings of every channel that it touched: what was
/// written and signalled is weighed against how the rings were before and are now.
struct RingRules: RuleFold {
    private var channels = ChannelStates<RingPair>()
    /// Whether packets are shown when they are taken, so that their bytes are worth remembering.
    private let remembersBytes: Bool

    init(_ available: EvidenceKinds) { remembersBytes = available.contains(.rings) }

    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        let header = record.header
        switch header.kind {
        case .packet: packet(record, &report)
        case .signal:
            if let place = channels.meet(header.partition, header.relid, RingPair()) {
                channels[place].guestSignals += 1
            }
        case .interrupt:
            if let place = channels.meet(header.partition, header.relid, RingPair()) {
                channels[place].hostSignals += 1
            }
        case .message:
            guard case .openChannel(let open) = record.message,
                let place = channels.meet(header.partition, open.relid, RingPair())
            else { return }
            channels[place] = RingPair()
        case .gap: channels.removeAll()
        default: break
        }
    }

    mutating func observe(_ evidence: RuleEvidence, _ bus: RuleBus, _ report: inout RuleReport) {
        switch evidence {
        case .ring(let ring):
            guard let place = channels.meet(ring.partition, ring.relid, RingPair()) else { return }
            channels[place].look(ring, &report)
        case .machineReset(let partition): channels.forEach(of: partition) { $0 = RingPair() }
        default: break
        }
    }

    private mutating func packet(_ record: RuleRecord, _ report: inout RuleReport) {
        guard let direction = record.header.direction,
            let place = channels.meet(record.header.partition, record.header.relid, RingPair())
        else { return }
        let bytes = record.payload.dropLast(Int(record.header.attachmentLength))
        report.checked(.descriptorSane)
        let party = RuleParty(sending: direction)
        if let descriptor = DescriptorWords(bytes) {
            // A recording may keep less of a packet than the ring held.
            if let problem = descriptor.problem(available: .max) {
                report.broken(
                    .descriptorSane, by: party, record, place: "packet \(problem.field)", value: "\(problem.value)",
                    problem.explanation)
            }
        } else {
            report.broken(
                .descriptorSane, by: party, record, place: "packet", value: "\(bytes.count) bytes",
                "at least the 16 bytes of the descriptor")
        }
        if direction == .guestToHost {
            channels[place].outgoing.wrote(bytes, remembers: remembersBytes)
        } else {
            channels[place].incoming.wrote(bytes, remembers: remembersBytes)
        }
    }
}

/// Both rings of a channel, and the signals of a step.
private struct RingPair: Sendable {
    /// The ring in which the guest writes.
    var outgoing = RingWatch()
    /// The ring in which the host writes.
    var incoming = RingWatch()
    /// Signals since the rings were looked at.
    var guestSignals = 0
    var hostSignals = 0
    /// Reasons that the rings gave for them.
    private var guestReasons = 0
    private var hostReasons = 0
    /// Which of the rings were looked at in this step: 1 the guest's, 2 the host's.
    private var looked: UInt8 = 0

    mutating func look(_ ring: RingEvidence, _ report: inout RuleReport) {
        if ring.direction == .guestToHost {
            let reasons = Self.look(&outgoing, ring, &report)
            guestReasons += reasons.sender
            hostReasons += reasons.receiver
            looked |= 1
        } else {
            let reasons = Self.look(&incoming, ring, &report)
            hostReasons += reasons.sender
            guestReasons += reasons.receiver
            looked |= 2
        }
        guard looked == 3 else { return }
        economy(guestSignals, guestReasons, .guest, ring, &report)
        economy(hostSignals, hostReasons, .host, ring, &report)
        (guestSignals, hostSignals, guestReasons, hostReasons, looked) = (0, 0, 0, 0, 0)
    }

    private func economy(
        _ signals: Int, _ reasons: Int, _ party: RuleParty, _ ring: RingEvidence, _ report: inout RuleReport
    ) {
        guard signals > 0 else { return }
        report.checked(.signalEconomy)
        guard signals > reasons else { return }
        report.broken(
            .signalEconomy, by: party, partition: ring.partition, channel: ring.channel, relid: ring.relid,
            place: "signal", value: "\(signals) with \(reasons) reasons",
            "an unmasked ring has become non-empty, or what a blocked sender waits for has become free")
    }
}

extension RingPair {
    /// What the present state of a ring breaks, and how many reasons for a signal the step gave each end.
    fileprivate static func look(
        _ watch: inout RingWatch, _ ring: RingEvidence, _ report: inout RuleReport
    ) -> (sender: Int, receiver: Int) {
        defer { watch.look(ring) }
        guard hasPossibleIndices(&watch, ring, &report) else { return (0, 0) }
        space(watch, ring, &report)
        owners(&watch, ring, &report)
        packets(ring, &report)
        bytes(&watch, ring, &report)
        wakeups(&watch, ring, &report)
        return reasons(watch, ring)
    }

    private static func broken(
        _ rule: ProtocolRule, by party: RuleParty, _ ring: RingEvidence, place: String, value: String,
        _ explanation: String, bytes: ArraySlice<UInt8> = [], _ report: inout RuleReport
    ) {
        report.broken(
            rule, by: party, partition: ring.partition, channel: ring.channel, relid: ring.relid,
            place: "\(ring.sendingParty.rawValue)'s ring, \(place)", value: value, explanation, bytes: Array(bytes))
    }

    private static func hasPossibleIndices(
        _ watch: inout RingWatch, _ ring: RingEvidence, _ report: inout RuleReport
    ) -> Bool {
        report.checked(.indexRange)
        let isWritePossible = ring.writeIndex < ring.dataSize && ring.writeIndex % 8 == 0
        let isReadPossible = ring.readIndex < ring.dataSize && ring.readIndex % 8 == 0
        let holds = isWritePossible && isReadPossible
        if watch.isNew(.indexRange, isBroken: !holds) {
            broken(
                .indexRange, by: isWritePossible ? ring.receivingParty : ring.sendingParty, ring,
                place: isWritePossible ? "read index" : "write index",
                value: "\(isWritePossible ? ring.readIndex : ring.writeIndex)",
                "a multiple of 8 below \(ring.dataSize)", &report)
        }
        return holds
    }

    private static func space(_ watch: RingWatch, _ ring: RingEvidence, _ report: inout RuleReport) {
        guard watch.written > 0 else { return }
        report.checked(.oneByteFree)
        let used = distance(watch.readIndex, watch.writeIndex, ring)
        let freed = distance(watch.readIndex, ring.readIndex, ring)
        let most = Int(ring.dataSize) - 8
        guard used - freed + watch.written > most else { return }
        broken(
            .oneByteFree, by: ring.sendingParty, ring, place: "bytes in use", value: "\(used - freed + watch.written)",
            "at most \(most) of \(ring.dataSize) bytes", &report)
    }

    private static func owners(_ watch: inout RingWatch, _ ring: RingEvidence, _ report: inout RuleReport) {
        guard ring.sender != nil || ring.receiver != nil else { return }
        report.checked(.singleWriter)
        var problem: (place: String, shared: UInt32, own: UInt32, culprit: RuleParty)?
        if let sender = ring.sender, sender.position != ring.writeIndex {
            problem = ("write index", ring.writeIndex, sender.position, ring.receivingParty)
        } else if let receiver = ring.receiver, receiver.published != ring.readIndex {
            problem = ("read index", ring.readIndex, receiver.published, ring.sendingParty)
        }
        guard watch.isNew(.singleWriter, isBroken: problem != nil), let problem else { return }
        broken(
            .singleWriter, by: problem.culprit, ring, place: problem.place, value: "\(problem.shared)",
            "the \(problem.own) that its owner has stored", &report)
    }

    private static func packets(_ ring: RingEvidence, _ report: inout RuleReport) {
        guard let written = ring.written, let sender = ring.sender else { return }
        var rest = written[...]
        while !rest.isEmpty {
            let start = distance(UInt32(rest.count), sender.position &+ ring.dataSize, ring)
            report.checked(.descriptorSane)
            let descriptor = DescriptorWords(rest)
            let problem = descriptor.map { $0.problem(available: rest.count) } ?? ("length", rest.count, "16 bytes")
            guard let descriptor, problem == nil else {
                broken(
                    .descriptorSane, by: ring.sendingParty, ring,
                    place: "\(problem?.field ?? "") of the packet at \(start)", value: "\(problem?.value ?? 0)",
                    problem?.explanation ?? "", bytes: rest, &report)
                return
            }
            report.checked(.trailerLinks)
            let trailer = rest.number32(descriptor.length + 4) ?? 0
            if Int(trailer) != start {
                broken(
                    .trailerLinks, by: ring.sendingParty, ring, place: "trailer of the packet at \(start)",
                    value: "\(trailer)", "the offset at which the packet starts",
                    bytes: rest.prefix(descriptor.length + 8), &report)
            }
            rest = rest.dropFirst(descriptor.length + 8)
        }
    }

    private static func bytes(_ watch: inout RingWatch, _ ring: RingEvidence, _ report: inout RuleReport) {
        guard let taken = ring.taken else { return }
        var rest = taken[...]
        // What does not look like packets has been told when it was written.
        while let descriptor = DescriptorWords(rest), descriptor.problem(available: rest.count) == nil {
            let packet = rest.prefix(descriptor.length)
            rest = rest.dropFirst(descriptor.length + 8)
            guard let isSame = watch.took(packet) else { continue }
            report.checked(.bytesPreserved)
            guard !isSame else { continue }
            broken(
                .bytesPreserved, by: ring.sendingParty, ring, place: "packet taken", value: "\(packet.count) bytes",
                "the bytes of the oldest packet that was written and not taken", bytes: packet, &report)
            // Everything behind it would be told to be wrong, too.
            watch.loseTrack()
        }
        if !rest.isEmpty { watch.loseTrack() }
    }

    private static func wakeups(_ watch: inout RingWatch, _ ring: RingEvidence, _ report: inout RuleReport) {
        if let receiver = ring.receiver {
            report.checked(.noLostWakeupData)
            let isLost = receiver.position != ring.writeIndex && !receiver.willLook
            if watch.isNew(.noLostWakeupData, isBroken: isLost) {
                let isMasked = ring.interruptMask != 0
                broken(
                    .noLostWakeupData, by: isMasked ? ring.receivingParty : ring.sendingParty, ring,
                    place: isMasked ? "masked receiver" : "receiver",
                    value: "\(distance(receiver.position, ring.writeIndex, ring)) bytes wait",
                    "a receiver that sleeps has read everything, or a signal is on its way to it", &report)
            }
        }
        guard let sender = ring.sender, sender.isBlocked, sender.needed > 0 else {
            _ = watch.isNew(.noLostWakeupSpace, isBroken: false)
            return
        }
        report.checked(.noLostWakeupSpace)
        let free = Int(ring.dataSize) - distance(ring.readIndex, ring.writeIndex, ring)
        if watch.isNew(.noLostWakeupSpace, isBroken: free > sender.needed && !sender.willLook) {
            broken(
                .noLostWakeupSpace, by: ring.receivingParty, ring, place: "sender",
                value: "\(free) bytes are free, \(sender.needed) were waited for",
                "a sender sleeps only while there is no room, or a signal is on its way to it", &report)
        }
    }

    /// Which of the ends had a reason for a signal in this step (reference §4.7, §4.8).
    private static func reasons(_ watch: RingWatch, _ ring: RingEvidence) -> (sender: Int, receiver: Int) {
        let wasEmpty = watch.writeIndex == watch.readIndex || watch.writeIndex == ring.readIndex
        let isUnmasked = watch.interruptMask == 0 || ring.interruptMask == 0
        let hasFilled = watch.written > 0 && wasEmpty && isUnmasked
        // Only the sender moves it, and this is a step of the receiver.
        let pending = Int(ring.pendingSendSize)
        let freed = distance(watch.readIndex, ring.readIndex, ring)
        guard pending > 0, freed > 0 else { return (hasFilled ? 1 : 0, 0) }
        let free = Int(ring.dataSize) - distance(ring.readIndex, ring.writeIndex, ring)
        let before = free - freed
        // Linux's rule, and OpenVMM's.
        let isFree =
            before <= pending && pending < free || before < (pending & ~7) + 8 && (pending & ~7) + 8 <= free
        return (hasFilled ? 1 : 0, isFree ? 1 : 0)
    }

    /// Bytes from one offset forward to another.
    private static func distance(_ start: UInt32, _ end: UInt32, _ ring: RingEvidence) -> Int {
        let size = Int(ring.dataSize)
        guard size > 0 else { return 0 }
        let distance = (Int(end) - Int(start)) % size
        return distance < 0 ? distance + size : distance
    }
}
