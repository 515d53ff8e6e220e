import VMBusEngine
import VMBusWire

/// Guest channel: state × input. Checked against real connections by `GuestProductTests`.
enum GuestChannelTable {
    typealias Cell = GuestCell<GuestChannelRow>

    static func cell(_ row: GuestChannelRow, _ input: GuestChannelInput) -> Cell {
        switch input {
        case .message(let message): self.message(row, message)
        case .openFailed: openFailed(row)
        case .share: share(row)
        case .takeBackRings: takeBackRings(row)
        case .open: open(row)
        case .openReserved: openReserved(row)
        case .close: close(row)
        case .closeReserved: closeReserved(row)
        case .modify: modify(row)
        case .release: release(row)
        case .openUnposted: openUnposted(row)
        case .openReservedUnposted: openReservedUnposted(row)
        case .closeReservedUnposted: closeReservedUnposted(row)
        case .modifyUnposted: modifyUnposted(row)
        case .closeUnposted: closeUnposted(row)
        }
    }

    static func message(_ row: GuestChannelRow, _ input: GuestMessageInput) -> Cell {
        switch input {
        case .requestOffers, .openChannel, .closeChannel, .gpadlHeader, .gpadlBody, .gpadlTeardown, .relidReleased,
            .initiateContact, .unload, .openReservedChannel, .closeReservedChannel, .tlConnectRequest, .modifyChannel,
            .modifyConnection, .pause, .resume:
            switch row {
            case .unknown, .closed, .closedModifying, .opening, .open, .openModifying, .openingReserved, .openReserved,
                .closingReserved, .rescindedClosed, .rescindedClosedModifying, .rescindedOpen,
                .rescindedOpenModifying, .rescindedReserved, .released, .releasedWaiting:
                .flags("direction", "§3.1 direction, B.6 no. 2: only a guest sends it")
            }
        case .offerChannel:
            switch row {
            case .unknown: .does([.offered], .closed, "§8.2 OFFER received")
            case .closed, .closedModifying, .opening, .open, .openModifying, .openingReserved, .openReserved,
                .closingReserved, .rescindedClosed, .rescindedClosedModifying, .rescindedOpen,
                .rescindedOpenModifying, .rescindedReserved, .released, .releasedWaiting:
                .flags("relid-unique", "B.4 test_reoffer_in_use_rel_id, without its panic")
            }
        case .rescindChannelOffer:
            switch row {
            case .unknown: .flags("relid-unique", "ours, because a number that was never offered cannot be taken back")
            case .closed: .does([.rescinded], .rescindedClosed, "§8.2 state 2, rescind")
            case .closedModifying: .does([.rescinded], .rescindedClosedModifying, "B.4 _with_revoked_channel")
            case .opening: .does([.openRefused, .rescinded], .rescindedClosed, "§8.2 rescind during wait, §9 no. 20")
            case .open: .does([.rescinded], .rescindedOpen, "§8.2 state 3, rescind: the driver closes")
            case .openModifying: .does([.rescinded], .rescindedOpenModifying, "B.4 _with_revoked_channel")
            case .openingReserved:
                .does([.openRefused, .rescinded], .rescindedClosed, "§9 no. 20, for reserved opens too")
            case .openReserved: .does([.rescinded], .rescindedReserved, "§8.5: reserved channels can be revoked")
            case .closingReserved:
                .does([.reservedClosed, .rescinded], .rescindedClosed, "§8.5: no answer comes once revoked")
            case .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
                .rescindedReserved, .releasedWaiting:
                .ignores("§8.2 second rescind for the same relid ignored")
            case .released: .does([.post(.relidReleased)], .unknown, "B.4 test_release_revoke_and_reoffer")
            }
        case .openChannelResult:
            switch row {
            case .opening: .does([.opened], .open, "§8.2 state 1, result 0")
            case .openingReserved: .does([.opened], .openReserved, "§8.5 device open done")
            case .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
                .rescindedReserved, .releasedWaiting:
                .ignores("§8.2: a reply with no match is dropped; the rescind has told the waiter")
            case .unknown, .closed, .closedModifying, .open, .openModifying, .openReserved, .closingReserved,
                .released:
                .flags("open-answered-once", "ours, because Linux drops it silently and an inspector must not")
            }
        case .closeReservedResponse:
            switch row {
            case .closingReserved: .does([.reservedClosed], .closed, "§8.5 device close done")
            case .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
                .rescindedReserved, .releasedWaiting:
                .ignores("ours, because a late answer after a rescind blames nobody")
            case .unknown, .closed, .closedModifying, .opening, .open, .openModifying, .openingReserved,
                .openReserved, .released:
                .flags("reserved-channel", "§3.11: it answers CLOSE_RESERVED_CHANNEL")
            }
        case .modifyChannelResponse:
            switch row {
            case .openModifying: .does([.modified], .open, "§3.13, B.4 test_modify_channel")
            case .closedModifying: .does([.modified], .closed, "§3.13: always acknowledged")
            case .rescindedOpenModifying: .does([], .rescindedOpen, "B.4 _with_revoked_channel: late answer accepted")
            case .rescindedClosedModifying: .does([], .rescindedClosed, "B.4 _with_revoked_channel")
            case .releasedWaiting:
                .does([.post(.relidReleased)], .unknown, "B.4 _with_revoked_channel: release waits for the modify")
            case .unknown, .closed, .opening, .open, .openingReserved, .openReserved, .closingReserved,
                .rescindedClosed, .rescindedOpen, .rescindedReserved, .released:
                .flags("modify-needs-version", "§3.13: it answers MODIFY_CHANNEL, once")
            }
        case .allOffersDelivered:
            everywhere(row, .flags("offers-after-request", "§3.5: the request is answered once"))
        case .gpadlCreated, .gpadlTorndown:
            everywhere(row, .flags("gpadl-lifecycle", "§8.2: no such list waits for an answer"))
        case .versionResponse: everywhere(row, .flags("contact-first", "§2.5: a proposal is answered once"))
        case .unloadComplete: everywhere(row, .flags("unload-answered-once", "§2.7: it answers UNLOAD"))
        case .tlConnectResult: everywhere(row, .flags("socket-answered-once", "§3.12: it answers a request"))
        case .modifyConnectionResponse:
            everywhere(row, .flags("modify-answered-once", "§3.14: it answers MODIFY_CONNECTION"))
        case .pauseResponse: everywhere(row, .flags("pause-answered-once", "§3.14: it answers PAUSE"))
        }
    }

    /// The channel does not matter to what is about the connection.
    private static func everywhere(_ row: GuestChannelRow, _ cell: Cell) -> Cell {
        switch row {
        case .unknown, .closed, .closedModifying, .opening, .open, .openModifying, .openingReserved, .openReserved,
            .closingReserved, .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
            .rescindedReserved, .released, .releasedWaiting:
            cell
        }
    }

    private static func openFailed(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .opening: .does([.openRefused], .closed, "§8.2 state 1, open status ≠ 0; B.4 test_open_channel_fail")
        case .openingReserved: .does([.openRefused], .closed, "§8.5 device open failed")
        case .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying, .rescindedReserved,
            .releasedWaiting:
            .ignores("§8.2: a reply with no match is dropped; the rescind has told the waiter")
        case .unknown, .closed, .closedModifying, .open, .openModifying, .openReserved, .closingReserved, .released:
            .flags("open-answered-once", "ours, because Linux drops it silently and an inspector must not")
        }
    }

    private static func share(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .closed, .closedModifying, .opening, .open, .openModifying:
            .does([.post(.gpadlHeader)], nil, "§8.2: more GPADLs any time after the offer")
        case .openingReserved, .openReserved, .closingReserved:
            .refuses("§3.11: GPADL create on a reserved channel is refused")
        case .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying, .rescindedReserved:
            .refuses("§8.3: revoked channels refuse new I/O")
        case .unknown, .released, .releasedWaiting: .refuses("ours, because the driver has no such channel")
        }
    }

    private static func takeBackRings(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .closedModifying, .opening, .open, .openModifying:
            .does([.post(.gpadlTeardown)], nil, "§3.9: the host checks what it may let go of")
        case .openingReserved, .openReserved, .closingReserved:
            .refuses("§3.11: GPADL teardown on a reserved channel is refused")
        case .rescindedOpen, .rescindedOpenModifying, .rescindedClosedModifying, .rescindedReserved, .releasedWaiting:
            .does([.pageListTorndown], nil, "§8.2: GPADL_TEARDOWN is skipped, no TORNDOWN would come")
        case .unknown, .closed, .rescindedClosed, .released: .refuses("ours, because the host holds no such list")
        }
    }

    private static func open(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .closed, .closedModifying: .does([.post(.openChannel)], .opening, "§8.2 state 1, created OK")
        case .opening, .open, .openModifying, .openingReserved, .openReserved, .closingReserved:
            .refuses("C.3 double open: refused")
        case .unknown, .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
            .rescindedReserved, .released, .releasedWaiting:
            .refuses("§9 no. 20: the host would never answer")
        }
    }

    private static func openReserved(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .closed, .closedModifying:
            .does([.post(.openReservedChannel)], .openingReserved, "§3.11, §8.5 OPEN_RESERVED")
        case .opening, .open, .openModifying, .openingReserved, .openReserved, .closingReserved:
            .refuses("§8.5 OPEN_RESERVED of an open channel")
        case .unknown, .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
            .rescindedReserved, .released, .releasedWaiting:
            .refuses("§9 no. 20: the host would never answer")
        }
    }

    private static func close(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .open: .does([.post(.closeChannel)], .closed, "§8.2 state 3, driver closes")
        case .openModifying: .does([.post(.closeChannel)], .closedModifying, "§3.8: there is no reply to wait for")
        case .rescindedOpen:
            .does([.post(.closeChannel)], .rescindedClosed, "§8.2 state 3, rescind: CLOSE still posted")
        case .rescindedOpenModifying:
            .does([.post(.closeChannel)], .rescindedClosedModifying, "§8.2 state 3, rescind: CLOSE still posted")
        case .openReserved, .rescindedReserved: .refuses("§3.11: CLOSE on a reserved channel is refused")
        case .unknown, .closed, .closedModifying, .opening, .openingReserved, .closingReserved, .rescindedClosed,
            .rescindedClosedModifying, .released, .releasedWaiting:
            .refuses("§9 no. 49: CLOSE of a closed channel is dropped by hosts")
        }
    }

    private static func closeReserved(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .openReserved: .does([.post(.closeReservedChannel)], .closingReserved, "§3.11, §8.5 CLOSE_RESERVED")
        case .rescindedReserved: .does([.reservedClosed], .rescindedClosed, "§8.5: ignored by the host once revoked")
        case .unknown, .closed, .closedModifying, .opening, .open, .openModifying, .openingReserved, .closingReserved,
            .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying, .released,
            .releasedWaiting:
            .refuses("§8.5: an error for every other state")
        }
    }

    private static func modify(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .open: .does([.post(.modifyChannel)], .openModifying, "§3.13, §8.7")
        case .openModifying: .refuses("§3.13: only one may be outstanding per channel")
        case .unknown, .closed, .closedModifying, .opening, .openingReserved, .openReserved, .closingReserved,
            .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying, .rescindedReserved,
            .released, .releasedWaiting:
            .refuses("§3.13: hosts ignore it for channels that are not open; linux-guest-data §7 no. 8")
        }
    }

    private static func release(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .closed: .does([], .released, "B.4 test_release_revoke_and_reoffer")
        case .rescindedClosed, .rescindedOpen, .rescindedReserved:
            .does(
                [.post(.relidReleased)], .unknown, "§8.2 rescind, RELID_RELEASED; B.4 test_revoke_release_and_reoffer")
        case .rescindedClosedModifying, .rescindedOpenModifying:
            .does([], .releasedWaiting, "B.4 _with_revoked_channel: release waits for a pending modify")
        case .closedModifying, .opening, .open, .openModifying, .openingReserved, .openReserved, .closingReserved:
            .refuses("ours, because its rings are still shared")
        case .unknown, .released, .releasedWaiting: .refuses("ours, because the driver has no such channel")
        }
    }

    private static func openUnposted(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .opening: .does([.postFailed, .openRefused], .closed, "§1.4 final error; the open fails")
        case .unknown, .closed, .closedModifying, .open, .openModifying, .openingReserved, .openReserved,
            .closingReserved, .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying,
            .rescindedReserved, .released, .releasedWaiting:
            .does([.postFailed], nil, "ours, because nobody waits for an open any more")
        }
    }

    private static func openReservedUnposted(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .openingReserved: .does([.postFailed, .openRefused], .closed, "§1.4 final error; the open fails")
        case .unknown, .closed, .closedModifying, .opening, .open, .openModifying, .openReserved, .closingReserved,
            .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying, .rescindedReserved,
            .released, .releasedWaiting:
            .does([.postFailed], nil, "ours, because nobody waits for an open any more")
        }
    }

    private static func closeReservedUnposted(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .closingReserved: .does([.postFailed], .openReserved, "§1.4 final error; the host never heard of it")
        case .unknown, .closed, .closedModifying, .opening, .open, .openModifying, .openingReserved, .openReserved,
            .rescindedClosed, .rescindedClosedModifying, .rescindedOpen, .rescindedOpenModifying, .rescindedReserved,
            .released, .releasedWaiting:
            .does([.postFailed], nil, "ours, because nobody waits for the close any more")
        }
    }

    private static func modifyUnposted(_ row: GuestChannelRow) -> Cell {
        switch row {
        case .openModifying: .does([.postFailed, .modified], .open, "§1.4 final error; the move fails")
        case .closedModifying: .does([.postFailed, .modified], .closed, "§1.4 final error; the move fails")
        case .rescindedOpenModifying: .does([.postFailed], .rescindedOpen, "§1.4 final error; no answer will come")
        case .rescindedClosedModifying: .does([.postFailed], .rescindedClosed, "§1.4 final error; no answer will come")
        case .releasedWaiting:
            .does([.postFailed, .post(.relidReleased)], .unknown, "B.4: nothing is pending any more")
        case .unknown, .closed, .opening, .open, .openingReserved, .openReserved, .closingReserved, .rescindedClosed,
            .rescindedOpen, .rescindedReserved, .released:
            .does([.postFailed], nil, "ours, because nobody waits for a move")
        }
    }

    private static func closeUnposted(_ row: GuestChannelRow) -> Cell {
        everywhere(row, .does([.postFailed], nil, "§3.8: CLOSE has no reply; the page list's teardown proves the end"))
    }
}
