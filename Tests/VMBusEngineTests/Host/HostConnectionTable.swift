import VMBusEngine
import VMBusWire

/// The rows of the connection table (reference §8.4).
enum ConnectionRow: CaseIterable, Hashable, Sendable {
    case disconnected
    case connecting, connectingReset, connectingUnload, connectingContact, connectingRefuse
    case connected, offersSent, modifying, paused
    case disconnectingReset, disconnectingUnload, disconnectingContact, disconnectingRefuse

    /// The row of a connection, made from the engine's own type, so that a new state does not build before it has its cells.
    /// Nil for the one combination that no input leads to: a disconnect without a reason.
    init?(_ host: HostConnection) {
        switch host.state {
        case .disconnected: self = .disconnected
        case .connecting(_, .none): self = .connecting
        case .connecting(_, .reset): self = .connectingReset
        case .connecting(_, .unloadComplete): self = .connectingUnload
        case .connecting(_, .contact): self = .connectingContact
        case .connecting(_, .refuse): self = .connectingRefuse
        case .connected:
            self = host.isPaused ? .paused : host.isModifying ? .modifying : host.offersSent ? .offersSent : .connected
        case .disconnecting(.none): return nil
        case .disconnecting(.reset): self = .disconnectingReset
        case .disconnecting(.unloadComplete): self = .disconnectingUnload
        case .disconnecting(.contact): self = .disconnectingContact
        case .disconnecting(.refuse): self = .disconnectingRefuse
        }
    }
}

/// The columns of the connection table that are no messages of one form.
enum ConnectionEvent: CaseIterable, Hashable, Sendable {
    case contactOfUnknownVersion, contactAccepted, contactRefused, modified, modifyFailed
    /// The last device that owes an answer gives it.
    case lastAnswer
    case hotAdd, reset, abandoningReset
}

/// What a connection does, on 6.0 with every answer awaited and one offer that nobody has opened. The rows `disconnecting…`
/// wait for the close of that channel.
enum HostConnectionTable {
    typealias Row = Cell<ConnectionRow>

    static func cell(_ row: ConnectionRow, _ column: MessageColumn) -> Row {
        switch column {
        case .guest(let message): guest(row, message)
        case .host(let message): host(row, message)
        }
    }

    private static func host(_ row: ConnectionRow, _ message: HostMessage) -> Row {
        switch message {
        case .offerChannel, .rescindChannelOffer, .allOffersDelivered, .openChannelResult, .gpadlCreated,
            .gpadlTorndown, .versionResponse, .unloadComplete, .closeReservedResponse, .tlConnectResult,
            .modifyChannelResponse, .modifyConnectionResponse, .pauseResponse:
            Row(row, [.breaks("direction")], "§8.4: a host→guest type is never legal; B.6 theme 2")
        }
    }

    private static func guest(_ row: ConnectionRow, _ message: GuestMessage) -> Row {
        switch message {
        case .initiateContact: contact(row)
        case .unload: unload(row)
        case .closeReservedChannel: closeReserved(row)
        case .requestOffers:
            standing(
                row, .offersSent, [.sends(.offerChannel), .sends(.allOffersDelivered)],
                again: [.breaks("offers-after-request")], "§8.4 REQUEST_OFFERS, once")
        case .openChannel:
            standing(
                row, nil, [.breaks("relid-unique")],
                again: [.breaks("open-preconditions"), .refuses(.openChannelResult)], "§8.5: no offers, no channels")
        case .openReservedChannel:
            standing(
                row, nil, [.breaks("relid-unique")],
                again: [.breaks("open-preconditions"), .repliesNo(.openChannelResult)],
                "§8.5: no offers, no channels")
        case .closeChannel:
            standing(row, nil, [.breaks("relid-unique")], again: [.breaks("close-open")], "§8.5: ChannelNotOpen")
        case .gpadlHeader:
            standing(
                row, nil, [.breaks("relid-unique"), .refuses(.gpadlCreated)], again: [.listOffered], "§8.6 Offered")
        case .gpadlBody:
            standing(
                row, nil, [.breaks("gpadl-complete")], again: [.breaks("gpadl-complete")], "§3.9: a body for no list")
        case .gpadlTeardown:
            standing(
                row, nil, [.breaks("relid-unique")], again: [.breaks("gpadl-lifecycle")], "§8.6: unknown handle")
        case .relidReleased:
            standing(row, nil, [.breaks("relid-unique")], again: [.released], "§8.5 RELID_RELEASED, Closed")
        case .modifyChannel:
            standing(
                row, nil, [.refuses(.modifyChannelResponse), .breaks("relid-unique")],
                again: [.refuses(.modifyChannelResponse), .breaks("modify-open")], "§8.5: failure response")
        case .tlConnectRequest: standing(row, nil, [.socket], again: [.socket], "§3.12")
        case .modifyConnection: modifyConnection(row)
        case .pause:
            standing(
                row, .paused, [.sends(.pauseResponse)], again: [.sends(.pauseResponse)], againTo: .paused,
                modifyingTo: .paused, "§3.14: answered, then silent")
        case .resume: resume(row)
        }
    }

    /// A message for which the connection must stand: `first` before the offers were asked for, `again` after.
    private static func standing(
        _ row: ConnectionRow, _ next: ConnectionRow?, _ first: [Told], again: [Told], againTo: ConnectionRow? = nil,
        modifyingTo: ConnectionRow? = nil, _ source: String
    ) -> Row {
        switch row {
        case .connected: Row(next ?? row, first, source)
        case .offersSent: Row(againTo ?? row, again, source)
        case .modifying: Row(modifyingTo ?? row, again, source)
        case .paused: Row(row, [.breaks("paused")], "§8.4, §3.14: refused while paused")
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse,
            .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(row, [.breaks("contact-first")], "§8.4: does not parse before the connection stands")
        }
    }

    private static func modifyConnection(_ row: ConnectionRow) -> Row {
        switch row {
        case .connected, .offersSent: Row(.modifying, [.modifyConnection], "§8.7")
        case .modifying:
            Row(
                row, [.refuses(.modifyConnectionResponse), .breaks("modify-connection")],
                "§8.7: refused while another runs")
        case .paused: Row(row, [.breaks("paused")], "§8.4, §3.14: refused while paused")
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse,
            .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(row, [.breaks("contact-first")], "§8.4: does not parse before the connection stands")
        }
    }

    private static func resume(_ row: ConnectionRow) -> Row {
        switch row {
        case .connected, .offersSent, .modifying: Row(row, [], "§3.14: there is no resume response")
        case .paused: Row(.offersSent, [], "§3.14: what was held flows again, and nothing was")
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse,
            .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(row, [.breaks("contact-first")], "§8.4: does not parse before the connection stands")
        }
    }

    private static func contact(_ row: ConnectionRow) -> Row {
        switch row {
        case .disconnected: Row(.connecting, [.contact], "§8.4 Connecting")
        case .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse:
            Row(.connectingContact, [], "§8.4 Connecting: next action Reconnect")
        case .connected, .offersSent, .modifying, .paused:
            Row(.connecting, [.disconnected, .contact], "§8.4: disconnect, then reconnect; §3.14: also while paused")
        case .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(.disconnectingContact, [], "§8.4 Disconnecting: the newest wish is the next action")
        }
    }

    private static func unload(_ row: ConnectionRow) -> Row {
        switch row {
        case .disconnected: Row(row, [.breaks("contact-first")], "§8.4 Disconnected")
        case .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse:
            Row(.connectingUnload, [], "§8.4 Connecting: next action UnloadComplete")
        case .connected, .offersSent, .modifying, .paused:
            Row(.disconnected, [.disconnected, .sends(.unloadComplete)], "§8.4 UNLOAD; §3.14: also while paused")
        case .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(.disconnectingUnload, [], "ours, because a guest that crashes here waits for the answer (§2.7)")
        }
    }

    private static func closeReserved(_ row: ConnectionRow) -> Row {
        switch row {
        case .connected, .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact,
            .connectingRefuse:
            Row(row, [.breaks("relid-unique")], "§3.1: parses in every state; no such channel")
        case .offersSent, .modifying: Row(row, [.breaks("close-open")], "§8.5 CLOSE_RESERVED, Closed")
        case .paused: Row(row, [.breaks("paused")], "§8.4, §3.14: refused while paused")
        case .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(row, [.breaks("relid-released")], "§3.1: parses in every state; the channel was let go of")
        }
    }

    static func cell(_ row: ConnectionRow, _ event: ConnectionEvent) -> Row {
        switch event {
        case .contactOfUnknownVersion: contactOfUnknownVersion(row)
        case .contactAccepted: contactAccepted(row)
        case .contactRefused: contactRefused(row)
        case .modified: modified(row, .sends(.modifyConnectionResponse))
        case .modifyFailed: modified(row, .refuses(.modifyConnectionResponse))
        case .lastAnswer: lastAnswer(row)
        case .hotAdd: hotAdd(row)
        case .reset: reset(row)
        case .abandoningReset: abandoningReset(row)
        }
    }

    private static func contactOfUnknownVersion(_ row: ConnectionRow) -> Row {
        switch row {
        case .disconnected: Row(row, [.refuses(.versionResponse)], "§2.5: supported = 0")
        case .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse:
            Row(.connectingRefuse, [], "§8.4 Connecting: next action FailedVersionResponse")
        case .connected, .offersSent, .modifying, .paused:
            Row(.disconnected, [.disconnected, .refuses(.versionResponse)], "§8.4: disconnect, then the answer")
        case .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(.disconnectingRefuse, [], "§8.4 Disconnecting: the newest wish is the next action")
        }
    }

    private static func contactAccepted(_ row: ConnectionRow) -> Row {
        switch row {
        case .connecting: Row(.connected, [.sends(.versionResponse), .connected], "§8.4 Connected")
        case .connectingReset: Row(.disconnected, [.disconnected], "§8.4: next action Reset")
        case .connectingUnload:
            Row(.disconnected, [.disconnected, .sends(.unloadComplete)], "§8.4: next action UnloadComplete")
        case .connectingContact: Row(.connecting, [.disconnected, .contact], "§8.4: next action Reconnect")
        case .connectingRefuse:
            Row(.disconnected, [.disconnected, .refuses(.versionResponse)], "§8.4: next action FailedVersionResponse")
        case .disconnected, .connected, .offersSent, .modifying, .paused, .disconnectingReset, .disconnectingUnload,
            .disconnectingContact, .disconnectingRefuse:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func contactRefused(_ row: ConnectionRow) -> Row {
        switch row {
        case .connecting: Row(.disconnected, [.refuses(.versionResponse)], "§2.5: supported = 1 with the failure")
        case .connectingReset: Row(.disconnected, [], "§8.4: next action Reset")
        case .connectingUnload: Row(.disconnected, [.sends(.unloadComplete)], "§8.4: next action UnloadComplete")
        case .connectingContact: Row(.connecting, [.contact], "§8.4: next action Reconnect")
        case .connectingRefuse:
            Row(.disconnected, [.refuses(.versionResponse)], "§8.4: next action FailedVersionResponse")
        case .disconnected, .connected, .offersSent, .modifying, .paused, .disconnectingReset, .disconnectingUnload,
            .disconnectingContact, .disconnectingRefuse:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func modified(_ row: ConnectionRow, _ answer: Told) -> Row {
        switch row {
        case .modifying: Row(.offersSent, [answer], "§3.14 MODIFY_CONNECTION_RESPONSE")
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse,
            .connected, .offersSent, .paused, .disconnectingReset, .disconnectingUnload, .disconnectingContact,
            .disconnectingRefuse:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func lastAnswer(_ row: ConnectionRow) -> Row {
        let end: [Told] = [.listReleased, .disconnected]
        return switch row {
        case .disconnectingReset: Row(.disconnected, end, "§8.4 Disconnecting: then the next action")
        case .disconnectingUnload: Row(.disconnected, end + [.sends(.unloadComplete)], "§8.4 UNLOAD")
        case .disconnectingContact: Row(.connecting, end + [.contact], "§2.5: then a fresh connect")
        case .disconnectingRefuse: Row(.disconnected, end + [.refuses(.versionResponse)], "§8.4 FailedVersionResponse")
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse,
            .connected, .offersSent, .modifying, .paused:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func hotAdd(_ row: ConnectionRow) -> Row {
        switch row {
        case .offersSent, .modifying: Row(row, [.sends(.offerChannel)], "§3.5; B.4 test_hot_add: after the request")
        case .connected: Row(row, [], "B.4 test_hot_add: after contact it waits for the request")
        case .paused: Row(row, [], "§3.14: held while paused")
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse,
            .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(row, [], "B.4 test_hot_add: before contact it waits for the request")
        }
    }

    private static func reset(_ row: ConnectionRow) -> Row {
        switch row {
        case .disconnected: Row(row, [], "B.4 test_disconnected_reset")
        case .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse:
            Row(.connectingReset, [], "§8.4 Connecting: next action Reset")
        case .connected, .offersSent, .modifying, .paused: Row(.disconnected, [.disconnected], "B.6 theme 9")
        case .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(.disconnectingReset, [], "B.6 theme 9: who is gone wants no answer")
        }
    }

    private static func abandoningReset(_ row: ConnectionRow) -> Row {
        let source = "B.6 theme 9: with devices that never answer"
        return switch row {
        case .disconnected, .connecting, .connectingReset, .connectingUnload, .connectingContact, .connectingRefuse:
            Row(.disconnected, [], source)
        case .connected, .offersSent, .modifying, .paused: Row(.disconnected, [.disconnected], source)
        case .disconnectingReset, .disconnectingUnload, .disconnectingContact, .disconnectingRefuse:
            Row(.disconnected, [.abandoned, .listReleased, .disconnected], source)
        }
    }
}
