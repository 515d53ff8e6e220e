import VMBusEngine
import VMBusWire

/// The rows of the page list table (reference §8.6). A list in which a device has its rings has rows of its own.
enum PageListRow: CaseIterable, Hashable, Sendable {
    case absent, inProgress, offered, offeredTearingDown, accepted, tearingDown
    /// The rings of a channel that is opening or open.
    case ring
    /// The rings of a channel that is closing.
    case closingRing
    /// The same, and the guest takes the list back.
    case closingRingTearingDown

    /// The row of a list, made from the engine's own types, so that a new state does not build before it has its cells.
    init(_ list: HostPageList?, in channel: HostChannel?) {
        guard let list, let channel else {
            self = .absent
            return
        }
        let isClosing: Bool
        let ring: UInt32?
        switch channel.state {
        case .opening(let request), .open(let request), .closingReopen(let request):
            (isClosing, ring) = (false, request.message.ringGPADL)
        case .closing, .closingClientRelease: (isClosing, ring) = (true, nil)
        case .clientReleased, .closed, .openingClientRelease, .revoked, .reoffered: (isClosing, ring) = (false, nil)
        }
        self =
            switch list.state {
            case .inProgress: .inProgress
            case .offered: .offered
            case .offeredTearingDown: .offeredTearingDown
            case .accepted: ring == list.handle ? .ring : isClosing ? .closingRing : .accepted
            case .tearingDown: isClosing ? .closingRingTearingDown : .tearingDown
            }
    }
}

/// The columns of the page list table that are no messages.
enum PageListEvent: CaseIterable, Hashable, Sendable {
    case accepted, refused, tornDown, channelClosed, revoke, reset, abandoningReset
}

/// What becomes of list 0x101 of channel 1, on 6.0 with every answer awaited. It is the channel's only list.
enum HostPageListTable {
    typealias Row = Cell<PageListRow>

    static func cell(_ row: PageListRow, _ column: MessageColumn) -> Row {
        switch column {
        case .guest(let message): guest(row, message)
        case .host(let message): host(row, message)
        }
    }

    private static func host(_ row: PageListRow, _ message: HostMessage) -> Row {
        switch message {
        case .offerChannel, .rescindChannelOffer, .allOffersDelivered, .openChannelResult, .gpadlCreated,
            .gpadlTorndown, .versionResponse, .unloadComplete, .closeReservedResponse, .tlConnectResult,
            .modifyChannelResponse, .modifyConnectionResponse, .pauseResponse:
            Row(row, [.breaks("direction")], "§8.4: a host→guest type is never legal; B.6 theme 2")
        }
    }

    private static func guest(_ row: PageListRow, _ message: GuestMessage) -> Row {
        switch message {
        case .requestOffers: Row(row, [.breaks("offers-after-request")], "§8.4: a second request is refused")
        case .gpadlHeader: header(row)
        case .gpadlBody: body(row)
        case .gpadlTeardown: teardown(row)
        case .openChannel: open(row)
        case .openReservedChannel: openReserved(row)
        case .closeChannel: close(row)
        case .closeReservedChannel: closeReserved(row)
        case .relidReleased: relidReleased(row)
        case .modifyChannel: modify(row)
        case .unload: disconnect(row, [.disconnected, .sends(.unloadComplete)], "§2.7: lists go, then UNLOAD_COMPLETE")
        case .initiateContact: disconnect(row, [.disconnected, .contact], "§2.5: a full disconnect first")
        case .tlConnectRequest: Row(row, [.socket], "§3.12: no list's business")
        case .modifyConnection: Row(row, [.modifyConnection], "§8.7: no list's business")
        case .pause: Row(row, [.sends(.pauseResponse)], "§3.14: no list's business")
        case .resume: Row(row, [], "§3.14: no list's business")
        }
    }

    /// A header with the same handle.
    private static func header(_ row: PageListRow) -> Row {
        let failure = Told.refuses(.gpadlCreated)
        return switch row {
        case .absent: Row(.inProgress, [], "§8.6 InProgress: header not complete")
        case .inProgress, .offered, .accepted, .tearingDown, .ring, .closingRing, .closingRingTearingDown:
            Row(row, [.breaks("gpadl-lifecycle"), failure], "§3.9: duplicate handle, CREATED with failure")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique"), failure], "§8.5: the channel was released")
        }
    }

    private static func body(_ row: PageListRow) -> Row {
        switch row {
        case .inProgress: Row(.offered, [.listOffered], "§8.6 Offered: complete")
        case .absent, .offered, .offeredTearingDown, .accepted, .tearingDown, .ring, .closingRing,
            .closingRingTearingDown:
            Row(row, [.breaks("gpadl-complete")], "§3.9: a body for no list under way is dropped")
        }
    }

    private static func teardown(_ row: PageListRow) -> Row {
        switch row {
        case .accepted: Row(.tearingDown, [.listTeardown], "§8.6 Accepted: allowed")
        case .closingRing:
            Row(.closingRingTearingDown, [], "§3.8: TORNDOWN is the proof, so it waits for the device's close")
        case .ring: Row(row, [.breaks("close-before-teardown")], "§3.8: the rings are in use")
        case .absent, .inProgress, .offered, .tearingDown, .closingRingTearingDown:
            Row(row, [.breaks("gpadl-lifecycle")], "§8.6: InvalidGpadlState or unknown handle")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    private static func open(_ row: PageListRow) -> Row {
        switch row {
        case .accepted: Row(.ring, [.open], "§3.6: the list is created already")
        case .closingRing: Row(.ring, [], "§8.5 OPEN, Closing; §9 number 50: a still-valid list")
        case .absent, .inProgress, .offered, .tearingDown, .closingRingTearingDown:
            Row(
                row, [.breaks("open-preconditions"), .refuses(.openChannelResult)],
                "§3.6: must be created; answered: ours, because a guest waits for the result without limit (§8.8)")
        case .ring: Row(row, [.breaks("open-preconditions")], "§8.5 OPEN: ChannelAlreadyOpen")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    private static func openReserved(_ row: PageListRow) -> Row {
        switch row {
        case .accepted: Row(.ring, [.open], "§8.5 OPEN_RESERVED, Closed")
        case .absent, .inProgress, .offered, .tearingDown:
            Row(
                row, [.breaks("open-preconditions"), .repliesNo(.openChannelResult)],
                "§3.11, and ours as for OPEN: answered to the request's target")
        case .ring, .closingRing, .closingRingTearingDown:
            Row(row, [.breaks("open-preconditions")], "§8.5 OPEN_RESERVED: error")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    private static func close(_ row: PageListRow) -> Row {
        switch row {
        case .ring: Row(.closingRing, [.close], "§8.5 CLOSE, Open")
        case .absent, .inProgress, .offered, .accepted, .tearingDown, .closingRing, .closingRingTearingDown:
            Row(row, [.breaks("close-open")], "§8.5 CLOSE: ChannelNotOpen")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    private static func closeReserved(_ row: PageListRow) -> Row {
        switch row {
        case .ring: Row(row, [.breaks("reserved-channel")], "§8.5 CLOSE_RESERVED: ChannelNotReserved")
        case .absent, .inProgress, .offered, .accepted, .tearingDown, .closingRing, .closingRingTearingDown:
            Row(row, [.breaks("close-open")], "§8.5 CLOSE_RESERVED: error")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    private static func relidReleased(_ row: PageListRow) -> Row {
        let source = "§8.5 RELID_RELEASED, §8.6: taken back without an answer"
        return switch row {
        case .absent, .inProgress: Row(.absent, [.released], source)
        case .offered: Row(.offeredTearingDown, [.released], "§8.6 OfferedTearingDown")
        case .accepted: Row(.tearingDown, [.listTeardown, .released], source)
        case .tearingDown: Row(.tearingDown, [.released], source)
        case .ring: Row(.closingRingTearingDown, [.close], source)
        case .closingRing, .closingRingTearingDown:
            Row(row, [.breaks("rescind-released-once")], "§8.5 RELID_RELEASED, Closing: error")
        case .offeredTearingDown: Row(row, [.breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    private static func modify(_ row: PageListRow) -> Row {
        let failure = Told.refuses(.modifyChannelResponse)
        return switch row {
        case .ring: Row(row, [.move], "§8.5 MODIFY_CHANNEL: no list's business")
        case .absent, .inProgress, .offered, .accepted, .tearingDown, .closingRing, .closingRingTearingDown:
            Row(row, [failure, .breaks("modify-open")], "§8.5 MODIFY_CHANNEL: failure response")
        case .offeredTearingDown: Row(row, [failure, .breaks("relid-unique")], "§8.5: the channel was released")
        }
    }

    /// `end` is what follows where nothing is left to wait for.
    private static func disconnect(_ row: PageListRow, _ end: [Told], _ source: String) -> Row {
        switch row {
        case .absent, .inProgress: Row(.absent, end, source)
        case .offered: Row(.offeredTearingDown, [], source)
        case .accepted: Row(.tearingDown, [.listTeardown], source)
        case .ring: Row(.closingRingTearingDown, [.close], source)
        case .closingRing: Row(.closingRingTearingDown, [], source)
        case .offeredTearingDown, .tearingDown, .closingRingTearingDown: Row(row, [], source)
        }
    }

    static func cell(_ row: PageListRow, _ event: PageListEvent) -> Row {
        let unasked = "ours, because an answer that nobody waits for means nothing"
        switch event {
        case .accepted:
            switch row {
            case .offered: return Row(.accepted, [.listCreated, .sends(.gpadlCreated)], "§8.6 Accepted")
            case .offeredTearingDown: return Row(.tearingDown, [.listTeardown], "§8.6 OfferedTearingDown")
            case .absent, .inProgress, .accepted, .tearingDown, .ring, .closingRing, .closingRingTearingDown:
                return Row(row, [], unasked)
            }
        case .refused:
            switch row {
            case .offered: return Row(.absent, [.refuses(.gpadlCreated)], "B.4 test_gpadl_create_failure")
            case .offeredTearingDown: return Row(.absent, [.listReleased], "§8.6: removed, nobody to tell")
            case .absent, .inProgress, .accepted, .tearingDown, .ring, .closingRing, .closingRingTearingDown:
                return Row(row, [], unasked)
            }
        case .tornDown:
            switch row {
            case .tearingDown: return Row(.absent, [.listReleased, .sends(.gpadlTorndown)], "§8.6 removed")
            case .absent, .inProgress, .offered, .offeredTearingDown, .accepted, .ring, .closingRing,
                .closingRingTearingDown:
                return Row(row, [], unasked)
            }
        case .channelClosed:
            switch row {
            case .closingRing: return Row(.accepted, [], "§8.5 close done")
            case .closingRingTearingDown: return Row(.tearingDown, [.listTeardown], "§3.8: the device is told now")
            case .absent, .inProgress, .offered, .offeredTearingDown, .accepted, .tearingDown, .ring:
                return Row(row, [], unasked)
            }
        case .revoke: return revoke(row)
        case .reset: return disconnect(row, [.disconnected], "B.4 test_gpadl_in_progress_reset; B.6 theme 9")
        case .abandoningReset: return abandoningReset(row)
        }
    }

    private static func revoke(_ row: PageListRow) -> Row {
        let rescind = Told.sends(.rescindChannelOffer)
        return switch row {
        case .absent: Row(.absent, [rescind], "§8.5 device removed")
        case .inProgress: Row(.inProgress, [rescind], "§8.6: its parts may still come, and are accepted at once")
        case .offered:
            Row(
                .absent, [.refuses(.gpadlCreated), .listReleased, rescind],
                "§8.5 device removed: pending creations are answered with failure")
        case .accepted, .closingRing: Row(.accepted, [rescind], "§8.5: accepted lists stay until the release")
        case .ring: Row(.accepted, [.close, rescind], "§8.5: accepted lists stay until the release")
        case .tearingDown, .closingRingTearingDown:
            Row(
                .absent, [.listReleased, .sends(.gpadlTorndown), rescind],
                "§8.5 device removed: pending teardowns are answered")
        case .offeredTearingDown: Row(.absent, [.listReleased], "§8.5 device removed; the guest has let go of it")
        }
    }

    private static func abandoningReset(_ row: PageListRow) -> Row {
        let end: [Told] = [.abandoned, .listReleased, .disconnected]
        let source = "B.6 theme 9: with devices that never answer"
        return switch row {
        case .absent, .inProgress: Row(.absent, [.disconnected], source)
        case .accepted: Row(.absent, [.listTeardown] + end, source)
        case .ring: Row(.absent, [.close] + end, source)
        case .offered, .offeredTearingDown, .tearingDown, .closingRing, .closingRingTearingDown:
            Row(.absent, end, source)
        }
    }
}
