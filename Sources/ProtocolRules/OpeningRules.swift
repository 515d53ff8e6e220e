import BusModel
import VMBusWire

/// The rules of an open channel: 6, 7, 8 and 11.
///
/// What a guest says of a channel that its host has just taken back was on its way, and is no breach.
struct OpeningRules: RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        switch record.header.kind {
        case .packet, .signal:
            guard record.header.direction == .guestToHost, record.header.relid != 0,
                let index = bus.index(record.header.partition), bus.guests[index].isConnected
            else { return }
            traffic(record, bus.guests[index].channel(record.header.relid), &report)
        case .message:
            guard let message = record.message, let index = bus.index(record.header.partition),
                bus.guests[index].isConnected
            else { return }
            switch message {
            case .openChannel(let open):
                self.open(
                    bus.guests[index], open.relid, open.ringGPADL, open.downstreamPageOffset, record, &report)
            case .openReservedChannel(let open):
                self.open(
                    bus.guests[index], open.relid, open.ringGPADL, open.downstreamPageOffset, record, &report)
            case .openChannelResult(let result):
                self.result(result, bus.guests[index].channel(result.relid), record, &report)
            case .gpadlTeardown(let teardown):
                self.teardown(teardown, bus.guests[index].channel(teardown.relid), record, &report)
            default: break
            }
        default: break
        }
    }

    private func open(
        _ guest: GuestBus, _ relid: UInt32, _ handle: UInt32, _ offset: UInt32, _ record: RuleRecord,
        _ report: inout RuleReport
    ) {
        report.checked(.openPreconditions)
        func broken(_ field: String, _ value: String, _ explanation: String) {
            report.broken(
                .openPreconditions, by: .guest, record, place: "\(record.place).\(field)", value: value, explanation)
        }
        guard let channel = guest.channel(relid) else {
            return broken("relid", "\(relid)", "no such channel is on offer")
        }
        guard !channel.isRescinded else { return }
        guard channel.state == .closed else {
            return broken("relid", "\(relid)", "the channel is \(channel.isOpen ? "open" : "being opened") already")
        }
        guard let list = guest.list(handle), list.relid == relid, list.state == .created else {
            return broken(
                "ring_gpadl", Hexadecimal.prefixed(handle), "no created page list of this channel has the handle")
        }
        guard offset > 0, UInt64(offset) < list.parts.pages else {
            return broken(
                "downstream_page_offset", "\(offset)", "the page list of the rings has \(list.parts.pages) pages")
        }
    }

    private func result(
        _ result: OpenChannelResult, _ channel: RuleChannel?, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        let isAsked = if case .opening(let openID) = channel?.state { openID == result.openID } else { false }
        report.check(
            .openAnsweredOnce, isAsked, by: .host, record, place: "OPEN_CHANNEL_RESULT.relid",
            value: "\(result.relid), open id \(result.openID)", "no such open waits for an answer")
    }

    private func traffic(_ record: RuleRecord, _ channel: RuleChannel?, _ report: inout RuleReport) {
        report.check(
            .noTrafficBeforeAccept, channel.map { $0.isOpen || $0.isRescinded } ?? false, by: .guest, record,
            place: "\(record.header.kind.word) of channel \(record.header.relid)",
            value: channel.map { $0.state == .closed ? "closed" : "being opened" } ?? "not on offer",
            "a guest writes and signals only while the channel is open")
    }

    private func teardown(
        _ teardown: GPADLTeardown, _ channel: RuleChannel?, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        guard let channel, !channel.isRescinded else { return }
        report.check(
            .closeBeforeTeardown, channel.state == .closed || channel.ringList != teardown.gpadl, by: .guest, record,
            place: "GPADL_TEARDOWN.gpadl", value: Hexadecimal.prefixed(teardown.gpadl),
            "the rings of channel \(channel.relid), which is not closed, lie in the list")
    }
}
