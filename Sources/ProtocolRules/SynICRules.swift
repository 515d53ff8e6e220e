import BusModel
import VMBusWire

/// The rules of what the hypervisor keeps for a guest: 16 and 29.
struct SynICRules: RuleFold {
    /// Nanoseconds within which a monitor bit is cleared: a thousand times the usual latency.
    static let monitorLimit: UInt64 = 100_000_000

    private var slots: [KnownSlot] = []
    private var pages: [WatchedPage] = []

    /// What was told of a slot already.
    private struct KnownSlot: Sendable {
        let partition: UInt16
        let processor: UInt32
        var overwritten: UInt64 = 0
        var missedEnds: UInt64 = 0
    }

    /// The pending bits of a guest's monitor page, and since when each word is not zero.
    private struct WatchedPage: Sendable {
        let partition: UInt16
        var pending: [UInt32]
        var since: [UInt64]
    }

    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        switch record.header.kind {
        case .message:
            report.check(
                .synicSlot, record.payload.count <= SynIC.maximumPayload, by: record.party, record,
                place: record.place, value: "\(record.payload.count) bytes", "a message has at most 240 bytes")
        case .signal where record.header.code == SignalCode.monitorPage.rawValue:
            guard let index = bus.index(record.header.partition), bus.guests[index].isConnected,
                let signal = try? MonitorSignal.decode(Array(record.payload))
            else { return }
            let offer = bus.guests[index].channel(record.header.relid)?.offer
            report.check(
                .monitorOwned, offer.map { $0.isMonitored && $0.monitorID == signal.monitorID } ?? false, by: .guest,
                record, place: "signal of channel \(record.header.relid)", value: "monitor id \(signal.monitorID)",
                offer.map { $0.isMonitored ? "the channel's monitor id is \($0.monitorID)" : "it has no monitor id" }
                    ?? "no such channel is on offer")
        default: break
        }
    }

    mutating func observe(_ evidence: RuleEvidence, _ bus: RuleBus, _ report: inout RuleReport) {
        switch evidence {
        case .slot(let slot): examine(slot, &report)
        case .monitor(let page): examine(page, bus, &report)
        case .machineReset(let partition):
            slots.removeAll { $0.partition == partition }
            pages.removeAll { $0.partition == partition }
        case .ring: break
        }
    }

    private mutating func examine(_ slot: SlotEvidence, _ report: inout RuleReport) {
        report.checked(.synicSlot)
        func broken(_ party: RuleParty, _ value: String, _ explanation: String) {
            report.broken(
                .synicSlot, by: party, partition: slot.partition, place: "message slot of processor \(slot.processor)",
                value: value, explanation)
        }
        let place = slots.firstIndex { $0.partition == slot.partition && $0.processor == slot.processor }
        var known = place.map { slots[$0] } ?? KnownSlot(partition: slot.partition, processor: slot.processor)
        if slot.overwritten > known.overwritten {
            broken(.host, "\(slot.overwritten)", "a message was written over one that was not read")
        }
        if slot.waiting > 0, slot.messageType != 0, !slot.isPending {
            broken(.host, "\(slot.waiting) waiting", "a slot says when another message is pending")
        }
        if slot.payloadSize > SynIC.maximumPayload {
            broken(.host, "\(slot.payloadSize) bytes", "a message has at most 240 bytes")
        }
        if slot.missedEnds > known.missedEnds {
            broken(
                .guest, "\(slot.missedEnds)", "a slot with another message pending was emptied without end-of-message")
        }
        (known.overwritten, known.missedEnds) = (slot.overwritten, slot.missedEnds)
        if let place { slots[place] = known } else { slots.append(known) }
    }

    private mutating func examine(_ evidence: MonitorEvidence, _ bus: RuleBus, _ report: inout RuleReport) {
        report.checked(.monitorOwned)
        let place = "monitor page"
        let known = pages.firstIndex { $0.partition == evidence.partition }
        let count = evidence.pending.count
        var page =
            known.map { pages[$0] }
            ?? WatchedPage(
                partition: evidence.partition, pending: [UInt32](repeating: 0, count: count),
                since: [UInt64](repeating: 0, count: count))
        guard page.pending.count == count else { return }
        let owned = ownedBits(bus, evidence.partition)
        for group in evidence.pending.indices {
            let bits = evidence.pending[group]
            let foreign = bits & ~page.pending[group] & ~(owned.indices.contains(group) ? owned[group] : 0)
            if foreign != 0 {
                report.broken(
                    .monitorOwned, by: .guest, partition: evidence.partition, place: place,
                    value: "bits \(Hexadecimal.prefixed(foreign)) of group \(group)", "no offer allocates them")
            }
            // The bits that stay are those of both looks.
            if bits & page.pending[group] == 0 { page.since[group] = report.position.time }
            if report.position.time &- page.since[group] > Self.monitorLimit {
                report.broken(
                    .monitorOwned, by: .host, partition: evidence.partition, place: place,
                    value: "bits \(Hexadecimal.prefixed(bits)) of group \(group)",
                    "pending for more than \(Self.monitorLimit / 1_000_000) ms")
                page.since[group] = report.position.time
            }
            page.pending[group] = bits
        }
        if let known { pages[known] = page } else { pages.append(page) }
    }

    private func ownedBits(_ bus: RuleBus, _ partition: UInt16) -> [UInt32] {
        var owned: [UInt32] = [0, 0, 0, 0]
        guard let index = bus.index(partition) else { return owned }
        for channel in bus.guests[index].channels where channel.offer.isMonitored {
            let id = Int(channel.offer.monitorID)
            if id < MonitorPage.idCount { owned[id / 32] |= 1 << UInt32(id % 32) }
        }
        return owned
    }
}
