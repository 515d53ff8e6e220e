import BusModel
import VMBusWire

/// The rules of the connection's beginning and end: 1, 2 and 14.
struct ContactRules: RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        guard let message = record.message, let guest = bus.guest(record.header.partition), guest.phase != .unseen
        else { return }
        if record.header.direction == .guestToHost {
            fromGuest(message, guest, record, &report)
        } else {
            fromHost(message, guest, record, &report)
        }
    }

    private func fromGuest(
        _ message: ChannelMessage, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        switch (message, guest.phase) {
        case (.initiateContact(let contact), _):
            report.check(
                .versionDown, isLegal(contact.version, guest), by: .guest, record, place: "INITIATE_CONTACT.version",
                value: contact.version.description,
                "the proposal before was \(guest.lastProposal?.description ?? "none")")
        // A reserved channel is closed with or without a connection.
        case (.closeReservedChannel, _): break
        // A guest that crashes while it negotiates says goodbye too.
        case (.unload, .quiet), (.unload, .proposed): break
        case (_, .quiet), (_, .proposed), (_, .connected):
            report.check(
                .contactFirst, guest.phase == .connected, by: .guest, record, place: record.place,
                value: guest.phase.word, "no version was accepted")
        case (_, .unloading), (_, .unloaded):
            report.check(
                .unloadLast, false, by: .guest, record, place: record.place, value: guest.phase.word,
                "a guest that said goodbye sends nothing but a new contact")
        case (_, .unseen): break
        }
    }

    /// A guest that was reset without a word begins with its first version again, and one whose proposal was not answered may
    /// have been reset.
    private func isLegal(_ version: ProtocolVersion, _ guest: GuestBus) -> Bool {
        guard let last = guest.lastProposal else { return true }
        return version <= last || version == guest.firstProposal || !guest.proposals.isEmpty
    }

    private func fromHost(
        _ message: ChannelMessage, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        switch (message, guest.phase) {
        case (.versionResponse(let response), _):
            let isAsked = guest.proposals.contains { version in
                response.versionSupported == 0 || version >= .redstone3MultiClient
                    || version.rawValue == response.versionOrConnectionID
            }
            // A guest may begin anew while its host still answers the contact before.
            guard isAsked || !guest.hostMayLag else { return }
            report.check(
                .versionDown, isAsked, by: .host, record, place: "VERSION_RESPONSE.version",
                value: Hexadecimal.prefixed(response.versionOrConnectionID), "no such proposal waits for an answer")
        case (.closeReservedResponse, _): break
        case (.unloadComplete, _):
            report.check(
                .unloadLast, guest.openUnloads > 0, by: .host, record, place: record.place, value: guest.phase.word,
                "each UNLOAD is answered once")
        case (_, .quiet), (_, .proposed):
            report.check(
                .contactFirst, guest.hostMayLag, by: .host, record, place: record.place, value: guest.phase.word,
                "no version was accepted")
        case (_, .connected): report.checked(.contactFirst)
        case (_, .unloaded):
            report.check(
                .unloadLast, false, by: .host, record, place: record.place, value: guest.phase.word,
                "nothing follows UNLOAD_COMPLETE")
        case (_, .unloading), (_, .unseen): break
        }
    }
}

extension GuestBus.Phase {
    /// The phase in a word.
    var word: String {
        switch self {
        case .unseen: "unseen"
        case .quiet: "without a contact"
        case .proposed: "negotiating"
        case .connected: "connected"
        case .unloading: "after UNLOAD"
        case .unloaded: "after UNLOAD_COMPLETE"
        }
    }
}

extension RuleRecord {
    /// The message's name, as the place of a breach.
    var place: String { message?.type.facts?.name ?? header.kind.word }

    /// Who sent it.
    var party: RuleParty { RuleParty(sending: header.direction) }
}
