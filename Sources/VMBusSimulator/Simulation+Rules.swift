import BusModel
import ProtocolRules
import VMBusDevices
import VMBusEngine
import VMBusPartitions
import VMBusRing
import VMBusWire

/// What an event may touch without leaving a record of it.
struct RuleTouch: Sendable {
    var guest: Int?
    var relids: [UInt32] = []
    /// Messages were taken out of slots.
    var hasSlots = false
    /// The monitor page was looked at.
    var hasMonitorPage = false
    /// A machine was reset.
    var boots = false
}

/// Up to where the bytes of a ring were shown to the rules; nil for an end that is not open.
struct SeenPositions: Sendable, Hashable {
    let sent: UInt32?
    let received: UInt32?
}

/// The same for both rings of a channel.
struct SeenRings: Sendable, Hashable {
    /// The ring in which the guest writes.
    var outgoing: SeenPositions
    /// The ring in which the host writes.
    var incoming: SeenPositions
}

/// What the rules have seen of a guest's rings, by the numbers of the channels.
struct SeenChannels: Sendable, Hashable {
    private var rings: [SeenRings?] = []
    /// Channels have event flags below this number.
    private static let numberLimit: UInt32 = 2048

    mutating func forget(_ relid: UInt32) {
        if Int(relid) < rings.count { rings[Int(relid)] = nil }
    }

    /// What was seen last; from now on it is something else.
    mutating func take(_ relid: UInt32, _ now: SeenRings) -> SeenRings? {
        guard relid < Self.numberLimit else { return nil }
        while rings.count <= Int(relid) { rings.append(nil) }
        defer { rings[Int(relid)] = now }
        return rings[Int(relid)]
    }
}

extension Simulation {
    /// What the rules must be shown besides the records of the event that is going to happen.
    func touch(of event: SimulationEvent) -> RuleTouch {
        switch event {
        case .boot(let guest): RuleTouch(guest: guest, boots: true)
        case .hostMessage(let guest, let bytes, _): RuleTouch(guest: guest, relids: Self.relid(in: bytes))
        case .messageInterrupt(let guest, let processor):
            RuleTouch(
                guest: guest, relids: Self.relid(in: guests[guest].controller.message(processor: processor) ?? []),
                hasSlots: true)
        case .eventInterrupt(let guest, let processor):
            RuleTouch(
                guest: guest,
                relids: guests[guest].controller.flags(processor: processor).flatMap { flag in
                    guard let flag = UInt16(exactly: flag), flag != 0 else { return openChannels(guest) }
                    return guests[guest].guest.connection.relid(eventFlag: flag).map { [$0] } ?? []
                })
        case .hostSignal(let guest, let relid): RuleTouch(guest: guest, relids: [relid])
        case .hostSharedSignal(let guest): RuleTouch(guest: guest, relids: openChannels(guest))
        case .monitorPoll(let guest): RuleTouch(guest: guest, relids: openChannels(guest), hasMonitorPage: true)
        case .guestWake(let guest, .drain(let relid)), .hostWake(let guest, .drain(let relid)):
            RuleTouch(guest: guest, relids: [relid])
        case .guestWake(let guest, _), .hostWake(let guest, _), .frame(.adapter(let guest, _), _), .end(let guest, _),
            .disk(let guest, _, _, _), .sample(let guest), .fault(let guest, _, _):
            RuleTouch(guest: guest)
        case .resume(let guest): RuleTouch(guest: guest)
        case .restore(let guest), .storeSeen(let guest, _): RuleTouch(guest: guest, relids: openChannels(guest))
        case .frame, .scenario, .faultsDue: RuleTouch()
        }
    }

    private func openChannels(_ guest: Int) -> [UInt32] {
        guests[guest].guest.devices.flatMap { $0.channels.filter { $0.ringPages != nil }.map(\.relid) }
    }

    /// Most messages name their channel in front; one that does not names some other, or none, which costs a look.
    private static func relid(in message: [UInt8]) -> [UInt32] {
        guard message.count >= 12 else { return [] }
        return [message[8..<12].reversed().reduce(0) { $0 << 8 | UInt32($1) }]
    }

    /// Shows the rules the records of a step, which are those from a place on, and what the machine is like after it; a breach
    /// becomes a record of its own.
    mutating func examine(_ touch: RuleTouch, recordsFrom first: Int) {
        guard var checker = checker.take() else { return }
        let known = checker.breaches.count
        if touch.boots, let guest = touch.guest { checker.observe(.machineReset(partition: Self.partition(guest))) }
        for header in records.headers[first...] { checker.observe(header, records.payload(of: header)) }
        show(touch, recordsFrom: first, &checker)
        let found = checker.breaches[known...]
        self.checker = consume checker
        guard !found.isEmpty else { return }
        var faults = FlowBatch()
        for breach in found {
            faults.append(
                FlowRecordHeader(
                    kind: .fault, time: time, partition: breach.partition, device: breach.channel?.device ?? .zero,
                    subchannel: breach.channel?.subchannel ?? 0, relid: breach.relid,
                    direction: breach.party.direction, code: FaultCode(rule: breach.rule.rawValue).rawValue),
                Array(breach.description.utf8))
        }
        number(&faults)
        records.append(faults)
    }

    /// Shows the rules what the machine is like after a step.
    private mutating func show(_ touch: RuleTouch, recordsFrom first: Int, _ checker: inout RuleChecker) {
        var places: [(guest: Int, relid: UInt32)] = []
        func touches(_ guest: Int, _ relid: UInt32) {
            let index = places.firstIndex { ($0.guest, $0.relid) >= (guest, relid) } ?? places.count
            if index == places.count || places[index] != (guest, relid) { places.insert((guest, relid), at: index) }
        }
        for relid in touch.relids { touches(touch.guest ?? 0, relid) }
        var told = touch.hasSlots ? touch.guest : nil
        for header in records.headers[first...] where header.partition > 0 {
            let guest = Int(header.partition) - 1
            guard guests.indices.contains(guest) else { continue }
            if header.kind == .message, header.direction == .hostToGuest { told = guest }
            if header.relid != 0, places.last.map({ $0 != (guest, header.relid) }) ?? true {
                touches(guest, header.relid)
            }
        }
        for place in places { showRings(place.guest, place.relid, &checker) }
        if let told {
            for slot in guests[told].controller.slots(of: Self.partition(told)) { checker.observe(.slot(slot)) }
        }
        if let guest = touch.guest, touch.hasMonitorPage || guests[guest].hypervisor.isMonitorPending {
            let page = guests[guest].hypervisor.monitorPage
            let words = (0..<4 as Range<UInt64>).compactMap { try? guests[guest].memory.load32(page + 8 + $0 * 8) }
            if page != 0, words.count == 4 {
                checker.observe(.monitor(MonitorEvidence(partition: Self.partition(guest), pending: words)))
            }
        }
    }

    /// Shows both rings of a channel; nothing for one that neither end has open.
    private mutating func showRings(_ guest: Int, _ relid: UInt32, _ checker: inout RuleChecker) {
        let guestEnds = guests[guest].inPlace { $0.guest.ringEnds(relid: relid) }
        let hostEnds = guests[guest].inPlace { $0.host.ringEnds(relid: relid) }
        let place = guests[guest].inPlace { $0.host.channel(relid: relid) }
        guard let place, guestEnds != nil || hostEnds != nil else {
            guests[guest].seenRings.forget(relid)
            return
        }
        let key = ChannelKey(partition: Self.partition(guest), device: place.device, subchannel: place.subchannel)
        let seen = guests[guest].seenRings.take(
            relid,
            SeenRings(
                outgoing: SeenPositions(sent: guestEnds?.sent, received: hostEnds?.received),
                incoming: SeenPositions(sent: hostEnds?.sent, received: guestEnds?.received)))
        // Every word has one owner, who decides by what he has stored, whether others see it by now or not.
        var memory = guests[guest].memory
        memory.heldStores = guests[guest].storeBuffers?.all
        showRing(guest, relid, key, .guestToHost, memory, from: guestEnds, to: hostEnds, seen?.outgoing, &checker)
        showRing(guest, relid, key, .hostToGuest, memory, from: hostEnds, to: guestEnds, seen?.incoming, &checker)
    }

    private mutating func showRing(
        _ guest: Int, _ relid: UInt32, _ key: ChannelKey, _ direction: Direction, _ memory: SimulatedMemory,
        from sender: RingEnds?, to receiver: RingEnds?, _ seen: SeenPositions?, _ checker: inout RuleChecker
    ) {
        guard let pages = sender?.outgoing ?? receiver?.incoming,
            let control = try? PagedRingMemory(guest: memory, pages: pages).control()
        else { return }
        let isUpstream = direction == .guestToHost
        var ring = RingEvidence(
            partition: key.partition, relid: relid, channel: key, direction: direction, dataSize: pages.dataSize)
        ring.writeIndex = control.writeIndex
        ring.readIndex = control.readIndex
        ring.interruptMask = control.interruptMask
        ring.pendingSendSize = control.pendingSendSize
        ring.featureBits = control.featureBits
        // Only for who waits does it matter whether he will look, and it may take a look at all that is on its way.
        if let sender {
            ring.sender = RingEvidence.Sender(
                position: sender.sent, isBlocked: sender.isBlocked, needed: sender.needed,
                willLook: sender.isBlocked && willLook(isUpstream ? .guest : .host, guest, relid))
            ring.written = Self.bytes(memory, pages, from: seen?.sent ?? 0, to: sender.sent)
        }
        if let receiver {
            let waits = receiver.received != control.writeIndex
            ring.receiver = RingEvidence.Receiver(
                position: receiver.received, published: receiver.published,
                willLook: waits && willLook(isUpstream ? .host : .guest, guest, relid))
            ring.taken = Self.bytes(memory, pages, from: seen?.received ?? 0, to: receiver.received)
        }
        checker.observe(.ring(ring))
    }

    /// The bytes of a ring's data area between two places; nil for none, and for places outside.
    private static func bytes(
        _ memory: SimulatedMemory, _ pages: RingPages, from start: UInt32, to end: UInt32
    ) -> [UInt8]? {
        guard start != end, start < pages.dataSize, end < pages.dataSize else { return nil }
        let count = end >= start ? end - start : pages.dataSize - start + end
        var bytes: [UInt8] = []
        let ring = PagedRingMemory(guest: memory, pages: pages)
        return (try? ring.appendBytes(from: start, count: Int(count), to: &bytes)) == nil ? nil : bytes
    }

    /// Whether something is on its way after which an end looks at a channel's rings.
    private mutating func willLook(_ end: PartitionEnd, _ guest: Int, _ relid: UInt32) -> Bool {
        switch end {
        case .host:
            if guests[guest].hypervisor.signalled.contains(relid) || guests[guest].hypervisor.isSharedSignalled
                || guests[guest].hypervisor.isMonitorPending
            {
                return true
            }
        case .guest:
            let isFlagged = guests[guest].inPlace {
                let isShared = $0.host.agreement.version < .windows8
                return $0.controller.isFlagged(
                    isShared ? 0 : UInt32($0.guest.connection.eventFlag(relid: relid) ?? 0))
            }
            if isFlagged { return true }
        }
        return queue.contains { $0.brings(end, of: guest, to: relid) }
    }
}

extension SimulationEvent {
    /// Whether an end looks at a channel's rings when the event happens, or soon after.
    fileprivate func brings(_ end: PartitionEnd, of guest: Int, to relid: UInt32) -> Bool {
        switch self {
        case .guestWake(guest, .drain(relid)): end == .guest
        case .hostWake(guest, .drain(relid)), .hostSignal(guest, relid), .hostSharedSignal(guest): end == .host
        case .fault(guest, _, .effect(.signal(let place, _))), .fault(guest, _, .effect(.monitorSignal(let place, _))):
            end == .host && place.relid == relid
        case .fault(guest, _, .effect(.interrupt(let place, _, _))): end == .guest && place.relid == relid
        default: false
        }
    }
}
