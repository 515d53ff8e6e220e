import BusModel
import VMBusWire

/// The rules of moves and of their interrupts: 15 and 30.
struct MoveRules: RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        guard let index = bus.index(record.header.partition), bus.guests[index].isConnected else { return }
        if record.header.kind == .interrupt {
            interrupt(record, bus.guests[index].channel(record.header.relid), &report)
            return
        }
        let version = bus.guests[index].context.version
        switch record.message {
        case .modifyChannel(let modify):
            let channel = bus.guests[index].channel(modify.relid)
            report.checked(.modifyNeedsVersion)
            func broken(_ value: String, _ explanation: String) {
                report.broken(
                    .modifyNeedsVersion, by: .guest, record, place: "MODIFY_CHANNEL.relid", value: value, explanation)
            }
            guard version >= .redstone3 else { return broken("version \(version)", "moves come with version 4.1") }
            if channel?.isRescinded == true { return }
            guard let channel, channel.isOpen else { return broken("\(modify.relid)", "only an open channel is moved") }
            guard channel.moves.isEmpty else {
                return broken("\(modify.relid)", "one move of a channel is answered before the next")
            }
        case .modifyChannelResponse(let response):
            let moves = bus.guests[index].channel(response.relid)?.moves ?? []
            report.check(
                .modifyNeedsVersion, version >= .iron && !moves.isEmpty, by: .host, record,
                place: "MODIFY_CHANNEL_RESPONSE.relid", value: "\(response.relid), version \(version)",
                "no move of the channel waits for an answer")
        case .relidReleased(let reference):
            guard let channel = bus.guests[index].channel(reference.relid), channel.isRescinded else { return }
            report.check(
                .modifyNeedsVersion, channel.moves.isEmpty, by: .guest, record, place: "RELID_RELEASED.relid",
                value: String(reference.relid), "the channel's move is not answered")
        default: break
        }
    }

    /// Without an answer, below 5.3, the processor before a move stays possible.
    private func interrupt(_ record: RuleRecord, _ channel: RuleChannel?, _ report: inout RuleReport) {
        guard let channel, channel.state != .closed, !channel.targets.isEmpty,
            // The processor and the flag of an `EventFlagDelivery`, by hand.
            let processor = record.payload.number32(0), record.payload.number32(8) != nil
        else { return }
        report.check(
            .interruptTarget, channel.targets.contains(processor) || channel.moves.contains(processor), by: .host,
            record, place: "interrupt of channel \(channel.relid)", value: "processor \(processor)",
            "the channel's interrupts go to processor \((channel.targets + channel.moves).map(String.init).joined(separator: " or "))"
        )
    }
}
