import VMBusEngine
import VMBusWire

/// The rows of the channel table (reference §8.5). `open` and `closing` have rows for what changes their answers.
enum ChannelRow: CaseIterable, Hashable, Sendable {
    case clientReleased, closed, opening, openingReserved, open, openMoving, openReserved
    case closing, closingReserved, closingReopen, revoked, reoffered, closingClientRelease, openingClientRelease
    /// The host has no such channel any more.
    case gone

    /// The row of a channel, made from the engine's own type, so that a new state does not build before it has its cells.
    init(_ channel: HostChannel?) {
        guard let channel else {
            self = .gone
            return
        }
        self =
            switch channel.state {
            case .clientReleased: .clientReleased
            case .closed: .closed
            case .opening(let request): request.reservation == nil ? .opening : .openingReserved
            case .open(let request):
                request.reservation != nil ? .openReserved : channel.moving != nil ? .openMoving : .open
            case .closing(let reservation): reservation == nil ? .closing : .closingReserved
            case .closingReopen: .closingReopen
            case .closingClientRelease: .closingClientRelease
            case .openingClientRelease: .openingClientRelease
            case .revoked: .revoked
            case .reoffered: .reoffered
            }
    }
}

/// The columns of the channel table that are no messages.
enum ChannelEvent: CaseIterable, Hashable, Sendable {
    case opened, openFailed, closed, moved, moveFailed, revoke, offerAgain, reset, abandoningReset
}

/// What a connected guest's channel 1 does, on 6.0 with every answer awaited. The guest has shared the list of the rings and
/// a spare one, both accepted, and a list under way whose last part is to come; a row after a release has none of them.
enum HostChannelTable {
    typealias Row = Cell<ChannelRow>

    static let unknown: [Told] = [.breaks("relid-unique")]
    static let letGo: [Told] = [.breaks("relid-released")]
    /// Both accepted lists are taken back from the device.
    static let takesListsBack: [Told] = [.listTeardown, .listTeardown]

    static func cell(_ row: ChannelRow, _ column: MessageColumn) -> Row {
        switch column {
        case .guest(let message): guest(row, message)
        case .host(let message): host(row, message)
        }
    }

    private static func host(_ row: ChannelRow, _ message: HostMessage) -> Row {
        switch message {
        case .offerChannel, .rescindChannelOffer, .allOffersDelivered, .openChannelResult, .gpadlCreated,
            .gpadlTorndown, .versionResponse, .unloadComplete, .closeReservedResponse, .tlConnectResult,
            .modifyChannelResponse, .modifyConnectionResponse, .pauseResponse:
            Row(row, [.breaks("direction")], "§8.4: a host→guest type is never legal; B.6 theme 2")
        }
    }

    private static func guest(_ row: ChannelRow, _ message: GuestMessage) -> Row {
        switch message {
        case .requestOffers: Row(row, [.breaks("offers-after-request")], "§8.4: a second request is refused")
        case .openChannel: openChannel(row)
        case .openReservedChannel: openReserved(row)
        case .closeChannel: closeChannel(row)
        case .closeReservedChannel: closeReserved(row)
        case .modifyChannel: modifyChannel(row)
        case .relidReleased: relidReleased(row)
        case .gpadlHeader: header(row)
        case .gpadlBody: body(row)
        case .gpadlTeardown: teardown(row)
        case .unload: disconnect(row, unloads: true)
        case .initiateContact: disconnect(row, unloads: false)
        case .tlConnectRequest: Row(row, [.socket], "§3.12: no channel's business")
        case .modifyConnection: Row(row, [.modifyConnection], "§8.7: no channel's business")
        case .pause: Row(row, [.sends(.pauseResponse)], "§3.14: no channel's business")
        case .resume: Row(row, [], "§3.14: there is no resume response")
        }
    }

    private static func openChannel(_ row: ChannelRow) -> Row {
        switch row {
        case .closed: Row(.opening, [.open], "§8.5 OPEN, Closed")
        case .closing: Row(.closingReopen, [], "§8.5 OPEN, Closing")
        case .opening, .openingReserved, .open, .openMoving, .openReserved, .closingReopen:
            Row(row, [.breaks("open-preconditions")], "§8.5 OPEN: ChannelAlreadyOpen, no answer")
        case .closingReserved:
            Row(row, [.breaks("open-preconditions")], "ours, because the close of a reserved channel is answered first")
        case .revoked, .reoffered: Row(row, [], "§8.5 OPEN, Revoked: ignored")
        case .clientReleased, .gone: Row(row, unknown, "§8.5: UnknownChannelId")
        case .closingClientRelease, .openingClientRelease: Row(row, letGo, "§8.5: ChannelReleased")
        }
    }

    private static func openReserved(_ row: ChannelRow) -> Row {
        switch row {
        case .closed: Row(.openingReserved, [.open], "§8.5 OPEN_RESERVED, Closed; B.4 test_reserved_channels")
        case .opening, .openingReserved, .open, .openMoving, .openReserved, .closing, .closingReserved, .closingReopen:
            Row(row, [.breaks("open-preconditions")], "§8.5 OPEN_RESERVED: error, no answer")
        case .revoked, .reoffered: Row(row, [], "§8.5 OPEN_RESERVED, Revoked: ignored")
        case .clientReleased, .gone: Row(row, unknown, "§8.5: UnknownChannelId")
        case .closingClientRelease, .openingClientRelease: Row(row, letGo, "§8.5: ChannelReleased")
        }
    }

    private static func closeChannel(_ row: ChannelRow) -> Row {
        switch row {
        case .open: Row(.closing, [.close], "§8.5 CLOSE, Open")
        case .openMoving: Row(.closing, [.close], "ours, because a move's answer means nothing on a closed channel")
        case .openReserved: Row(row, [.breaks("reserved-channel")], "§8.5 CLOSE, Open: ChannelReserved")
        case .closed, .opening, .openingReserved, .closing, .closingReserved, .closingReopen:
            Row(row, [.breaks("close-open")], "§8.5 CLOSE: ChannelNotOpen")
        case .revoked, .reoffered: Row(row, [], "§8.5 CLOSE, Revoked: ignored")
        case .clientReleased, .gone: Row(row, unknown, "§8.5: UnknownChannelId")
        case .closingClientRelease, .openingClientRelease: Row(row, letGo, "§8.5: ChannelReleased")
        }
    }

    private static func closeReserved(_ row: ChannelRow) -> Row {
        switch row {
        case .openReserved: Row(.closingReserved, [.close], "§8.5 CLOSE_RESERVED, Open and reserved")
        case .open, .openMoving: Row(row, [.breaks("reserved-channel")], "§8.5 CLOSE_RESERVED: ChannelNotReserved")
        case .closed, .opening, .openingReserved, .closing, .closingReserved, .closingReopen:
            Row(row, [.breaks("close-open")], "§8.5 CLOSE_RESERVED: error")
        case .revoked, .reoffered: Row(row, [], "§8.5 CLOSE_RESERVED, Revoked: ignored")
        case .clientReleased, .gone: Row(row, unknown, "§8.5: UnknownChannelId")
        case .closingClientRelease, .openingClientRelease: Row(row, letGo, "§8.5: ChannelReleased")
        }
    }

    private static func modifyChannel(_ row: ChannelRow) -> Row {
        let failure = Told.refuses(.modifyChannelResponse)
        return switch row {
        case .open: Row(.openMoving, [.move], "§8.5 MODIFY_CHANNEL, Open: applied")
        case .openMoving:
            Row(row, [.breaks("modify-once")], "§8.7: from 5.3 a second one before the response is ignored")
        case .openReserved:
            Row(row, [failure, .breaks("modify-interrupts")], "§3.13: a channel without interrupts is refused")
        case .closed, .opening, .openingReserved, .closing, .closingReserved, .closingReopen, .revoked, .reoffered:
            Row(row, [failure, .breaks("modify-open")], "§8.5 MODIFY_CHANNEL: failure response")
        case .clientReleased, .gone:
            Row(row, [failure, .breaks("relid-unique")], "§8.5: from 5.3 errors are answered")
        case .closingClientRelease, .openingClientRelease:
            Row(row, [failure, .breaks("relid-released")], "§8.5: from 5.3 errors are answered")
        }
    }

    private static func relidReleased(_ row: ChannelRow) -> Row {
        switch row {
        case .closed:
            Row(.clientReleased, takesListsBack + [.released], "§8.5 RELID_RELEASED, Closed")
        case .open, .openMoving:
            // The rings' list waits for the close.
            Row(.closingClientRelease, [.close, .listTeardown], "§8.5 RELID_RELEASED, Open")
        case .revoked: Row(.gone, [.listReleased, .listReleased, .released], "§8.5 RELID_RELEASED, Revoked: removed")
        case .reoffered:
            Row(
                .closed, [.listReleased, .listReleased, .released, .sends(.offerChannel)],
                "§8.5 RELID_RELEASED, Reoffered: offered under the same number")
        case .opening, .openingReserved, .openReserved, .closing, .closingReserved, .closingReopen:
            Row(row, [.breaks("rescind-released-once")], "§8.5 RELID_RELEASED: error; reserved: ours, it is in use")
        case .clientReleased, .gone: Row(row, unknown, "§8.5: UnknownChannelId")
        case .closingClientRelease, .openingClientRelease: Row(row, letGo, "§8.5: ChannelReleased")
        }
    }

    /// A complete list of one message, under a new handle.
    private static func header(_ row: ChannelRow) -> Row {
        let failure = Told.refuses(.gpadlCreated)
        return switch row {
        case .closed, .opening, .open, .openMoving, .closing, .closingReopen:
            Row(row, [.listOffered], "§8.6: complete, the device is asked")
        case .openingReserved, .openReserved, .closingReserved:
            Row(row, [.breaks("reserved-channel"), failure], "§3.11, §8.6: refused on a reserved channel")
        case .revoked, .reoffered:
            Row(
                row, [.listCreated, .sends(.gpadlCreated)], "§8.6: accepted at once; B.4 test_gpadl_on_revoked_channel")
        case .clientReleased, .gone: Row(row, [.breaks("relid-unique"), failure], "§8.5: GPADL errors are answered")
        case .closingClientRelease, .openingClientRelease:
            Row(row, [.breaks("relid-released"), failure], "§8.5: GPADL errors are answered")
        }
    }

    /// The last part of the list that is under way.
    private static func body(_ row: ChannelRow) -> Row {
        switch row {
        case .closed, .opening, .openingReserved, .open, .openMoving, .openReserved, .closing, .closingReserved,
            .closingReopen:
            Row(row, [.listOffered], "§8.6: complete, the device is asked, as it was begun in time")
        case .revoked, .reoffered:
            Row(row, [.listCreated, .sends(.gpadlCreated)], "§8.6: accepted at once on a revoked channel")
        case .clientReleased, .gone, .closingClientRelease, .openingClientRelease:
            Row(row, [.breaks("gpadl-complete")], "§3.9: a body for no list is dropped, no reply possible")
        }
    }

    /// For the spare list.
    private static func teardown(_ row: ChannelRow) -> Row {
        switch row {
        case .closed, .opening, .open, .openMoving, .closing, .closingReopen:
            Row(row, [.listTeardown], "§8.6 Accepted: the device is told")
        case .openingReserved, .openReserved, .closingReserved:
            Row(row, [.breaks("reserved-channel")], "§3.11: refused on a reserved channel")
        case .revoked, .reoffered:
            Row(
                row, [.listReleased, .sends(.gpadlTorndown)], "anchors A.3: also while revoked; nobody is there to ask")
        case .clientReleased, .gone: Row(row, unknown, "§8.5: UnknownChannelId")
        case .closingClientRelease, .openingClientRelease: Row(row, letGo, "§8.5: ChannelReleased")
        }
    }

    private static func disconnect(_ row: ChannelRow, unloads: Bool) -> Row {
        let then: [Told] = [.disconnected, unloads ? .sends(.unloadComplete) : .contact]
        let source = unloads ? "§2.7: everything is released, then UNLOAD_COMPLETE" : "§2.5: a full disconnect first"
        return switch row {
        case .clientReleased, .gone: Row(row, then, source)
        case .closed: Row(.clientReleased, takesListsBack, source)
        case .opening: Row(.openingClientRelease, [.listTeardown], source)
        case .open, .openMoving: Row(.closingClientRelease, [.close, .listTeardown], source)
        case .closing, .closingReopen: Row(.closingClientRelease, [.listTeardown], source)
        case .openingReserved, .openReserved, .closingReserved:
            Row(row, then, "§3.11: a reserved channel survives; B.4 test_reserved_channels")
        case .revoked: Row(.gone, [.listReleased, .listReleased] + then, source)
        case .reoffered: Row(.clientReleased, [.listReleased, .listReleased] + then, source)
        case .closingClientRelease, .openingClientRelease: Row(row, [], source)
        }
    }

    static func cell(_ row: ChannelRow, _ event: ChannelEvent) -> Row {
        switch event {
        case .opened: opened(row)
        case .openFailed: openFailed(row)
        case .closed: closed(row)
        case .moved: moved(row)
        case .moveFailed: moveFailed(row)
        case .revoke: revoke(row)
        case .offerAgain: offerAgain(row)
        case .reset: reset(row)
        case .abandoningReset: abandoningReset(row)
        }
    }

    private static func opened(_ row: ChannelRow) -> Row {
        switch row {
        case .opening: Row(.open, [.sends(.openChannelResult)], "§8.5 open done")
        case .openingReserved:
            Row(.openReserved, [.replies(.openChannelResult)], "§3.11: answered to the request's target")
        case .openingClientRelease: Row(.closingClientRelease, [.close], "§8.5 open done: closed again at once")
        case .clientReleased, .closed, .open, .openMoving, .openReserved, .closing, .closingReserved, .closingReopen,
            .revoked, .reoffered, .closingClientRelease, .gone:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func openFailed(_ row: ChannelRow) -> Row {
        switch row {
        case .opening: Row(.closed, [.refuses(.openChannelResult)], "§8.5 open failed")
        case .openingReserved: Row(.closed, [.repliesNo(.openChannelResult)], "§8.5 open failed")
        case .openingClientRelease:
            Row(.clientReleased, [.listTeardown, .released], "§8.5 open failed; the rings' list goes now")
        case .clientReleased, .closed, .open, .openMoving, .openReserved, .closing, .closingReserved, .closingReopen,
            .revoked, .reoffered, .closingClientRelease, .gone:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func closed(_ row: ChannelRow) -> Row {
        switch row {
        case .closing: Row(.closed, [], "§8.5 close done")
        case .closingReserved:
            Row(.closed, [.replies(.closeReservedResponse)], "§8.5 close done: answered to the request's target")
        case .closingReopen: Row(.opening, [.open], "§8.5 close done: the queued request")
        case .closingClientRelease: Row(.clientReleased, [.listTeardown, .released], "§8.5 close done")
        case .clientReleased, .closed, .opening, .openingReserved, .open, .openMoving, .openReserved, .revoked,
            .reoffered, .openingClientRelease, .gone:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func moved(_ row: ChannelRow) -> Row {
        switch row {
        case .openMoving: Row(.open, [.moved, .sends(.modifyChannelResponse)], "§8.5: response when done")
        case .clientReleased, .closed, .opening, .openingReserved, .open, .openReserved, .closing, .closingReserved,
            .closingReopen, .revoked, .reoffered, .closingClientRelease, .openingClientRelease, .gone:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func moveFailed(_ row: ChannelRow) -> Row {
        switch row {
        case .openMoving: Row(.open, [.refuses(.modifyChannelResponse)], "§3.13: always acknowledged from 5.3")
        case .clientReleased, .closed, .opening, .openingReserved, .open, .openReserved, .closing, .closingReserved,
            .closingReopen, .revoked, .reoffered, .closingClientRelease, .openingClientRelease, .gone:
            Row(row, [], "ours, because an answer that nobody waits for means nothing")
        }
    }

    private static func revoke(_ row: ChannelRow) -> Row {
        let rescind = Told.sends(.rescindChannelOffer)
        return switch row {
        case .closed, .closing, .closingReserved, .closingReopen: Row(.revoked, [rescind], "§8.5 device removed")
        case .opening, .openingReserved, .open, .openReserved:
            Row(.revoked, [.close, rescind], "§8.5 device removed; §3.7: no OPEN_RESULT any more")
        case .openMoving:
            Row(
                .revoked, [.close, .refuses(.modifyChannelResponse), rescind],
                "B.4 test_save_restore_with_revoked_channel: a guest's release waits for a pending modify")
        case .revoked: Row(.revoked, [], "ours, because it is taken back already")
        case .reoffered: Row(.revoked, [], "ours, because the guest knows only of the first rescind")
        case .clientReleased: Row(.gone, [], "§8.5 device removed; the guest does not know it")
        case .closingClientRelease: Row(.gone, [.listReleased], "§8.5 device removed; the guest has let go of it")
        case .openingClientRelease:
            Row(
                .gone, [.close, .listReleased, .disconnected, .sends(.unloadComplete)],
                "§8.5 device removed: the disconnect that led here waits for it no more")
        case .gone: Row(.gone, [], "ours, because the key names no channel")
        }
    }

    private static func offerAgain(_ row: ChannelRow) -> Row {
        switch row {
        case .revoked: Row(.reoffered, [], "§8.5 device re-added while revoked: the offer waits for the release")
        case .gone: Row(.closed, [.sends(.offerChannel)], "§3.5: a later offer arrives alone; B.4 test_hot_add")
        case .clientReleased, .closed, .opening, .openingReserved, .open, .openMoving, .openReserved, .closing,
            .closingReserved, .closingReopen, .reoffered, .closingClientRelease, .openingClientRelease:
            Row(row, [], "ours, because one device's channel is offered once: the caller gets an error")
        }
    }

    private static func reset(_ row: ChannelRow) -> Row {
        let source = "B.6 theme 9: reset in every state"
        return switch row {
        case .clientReleased, .gone: Row(row, [.disconnected], source)
        case .closed: Row(.clientReleased, takesListsBack, source)
        case .opening, .openingReserved: Row(.openingClientRelease, [.listTeardown], source)
        case .open, .openMoving, .openReserved: Row(.closingClientRelease, [.close, .listTeardown], source)
        case .closing, .closingReopen, .closingReserved: Row(.closingClientRelease, [.listTeardown], source)
        case .revoked: Row(.gone, [.listReleased, .listReleased, .disconnected], source)
        case .reoffered: Row(.clientReleased, [.listReleased, .listReleased, .disconnected], source)
        case .closingClientRelease, .openingClientRelease: Row(row, [], source)
        }
    }

    private static func abandoningReset(_ row: ChannelRow) -> Row {
        let source = "B.6 theme 9: with devices that never answer"
        let both: [Told] = [.abandoned, .listReleased, .listReleased, .disconnected]
        return switch row {
        case .clientReleased, .gone: Row(row, [.disconnected], source)
        case .closed: Row(.clientReleased, takesListsBack + both, source)
        case .opening, .openingReserved, .closing, .closingReopen, .closingReserved:
            Row(.clientReleased, [.listTeardown] + both, source)
        case .open, .openMoving, .openReserved: Row(.clientReleased, [.close, .listTeardown] + both, source)
        case .revoked: Row(.gone, [.listReleased, .listReleased, .disconnected], source)
        case .reoffered: Row(.clientReleased, [.listReleased, .listReleased, .disconnected], source)
        case .closingClientRelease, .openingClientRelease:
            Row(.clientReleased, [.abandoned, .listReleased, .disconnected], source)
        }
    }
}
