import VMBusEngine
import VMBusWire

/// Guest connection: state × input.
enum GuestConnectionTable {
    typealias Cell = GuestCell<GuestConnectionRow>

    static func cell(_ row: GuestConnectionRow, _ input: GuestConnectionInput) -> Cell {
        switch input {
        case .message(let message): self.message(row, message)
        case .versionRefused: versionRefused(row)
        case .hotAdd: hotAdd(row)
        case .connect: connect(row)
        case .requestOffers: requestOffers(row)
        case .pause: pause(row)
        case .resumeMessages: resumeMessages(row)
        case .modifyConnection: modifyConnection(row)
        case .connectSocket: connectSocket(row)
        case .share: share(row)
        case .release: release(row)
        case .unload: unload(row)
        case .crash: crash(row)
        case .reset: reset(row)
        case .suspend: suspend(row)
        case .resume: resume(row)
        case .noSuchConnection: noSuchConnection(row)
        case .contactTimedOut: contactTimedOut(row)
        case .offersRequestBusy: offersRequestBusy(row)
        case .unloadUnposted: unloadUnposted(row)
        case .pauseUnposted: pauseUnposted(row)
        case .modifyUnposted: modifyUnposted(row)
        case .poll: poll(row)
        case .staleWake: staleWake(row)
        }
    }

    /// A message about something that stands: what a connection that stands makes of it, and what the others do.
    private static func standing(_ row: GuestConnectionRow, offersNotRequested: Cell, connected: Cell) -> Cell {
        switch row {
        case .disconnected, .connecting, .suspended, .resuming:
            .flags("contact-first", "§8.4: nothing is sent to a guest that is not connected")
        case .offersNotRequested: offersNotRequested
        case .offersRequested, .connected, .pausing, .modifying: connected
        case .paused: .flags("paused", "§3.14: while paused the server queues its outgoing control messages")
        case .disconnecting, .crashing, .suspending: .ignores("§2.7: UNLOAD releases what the message is about")
        }
    }

    static func message(_ row: GuestConnectionRow, _ input: GuestMessageInput) -> Cell {
        switch input {
        case .requestOffers, .openChannel, .closeChannel, .gpadlHeader, .gpadlBody, .gpadlTeardown, .relidReleased,
            .initiateContact, .unload, .openReservedChannel, .closeReservedChannel, .tlConnectRequest, .modifyChannel,
            .modifyConnection, .pause, .resume:
            return everywhere(row, .flags("direction", "§3.1 direction, B.6 no. 2: only a guest sends it"))
        case .offerChannel:
            return standing(
                row, offersNotRequested: .flags("offers-after-request", "§3.5: offers answer REQUEST_OFFERS"),
                connected: .flags("relid-unique", "B.4 test_reoffer_in_use_rel_id, without its panic"))
        case .rescindChannelOffer:
            return standing(
                row, offersNotRequested: .flags("relid-unique", "ours, because nothing was offered"),
                connected: .does([.rescinded], nil, "§8.2 rescind; B.4 test_hot_add_remove"))
        case .allOffersDelivered:
            switch row {
            case .offersRequested: return .does([.allOffersDelivered], .connected, "§3.5; B.4 test_connect_success")
            case .disconnected, .connecting, .offersNotRequested, .connected, .pausing, .paused, .modifying,
                .disconnecting, .crashing, .suspending, .suspended, .resuming:
                let flagged = Cell.flags("offers-after-request", "§3.5: it answers a request, and once")
                return standing(row, offersNotRequested: flagged, connected: flagged)
            }
        case .openChannelResult:
            return same(row, .flags("open-answered-once", "ours, because no open waits for an answer"))
        case .gpadlCreated, .gpadlTorndown:
            return same(row, .flags("gpadl-lifecycle", "§8.2: no such list waits for an answer"))
        case .modifyChannelResponse:
            return same(row, .flags("modify-needs-version", "§3.13: it answers MODIFY_CHANNEL, once"))
        case .tlConnectResult:
            return same(row, .flags("socket-answered-once", "§3.12: it answers a request"))
        case .closeReservedResponse:
            switch row {
            case .disconnecting, .crashing, .suspending:
                return .flags("reserved-channel", "§3.11: it may come at any time, but answers CLOSE_RESERVED_CHANNEL")
            case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
                .modifying, .suspended, .resuming:
                return same(row, .flags("reserved-channel", "§3.11: it answers CLOSE_RESERVED_CHANNEL"))
            }
        case .modifyConnectionResponse:
            switch row {
            case .modifying: return .does([.connectionModified], .connected, "§3.14; B.4 test_modify_connection")
            case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
                .disconnecting, .crashing, .suspending, .suspended, .resuming:
                return same(row, .flags("modify-answered-once", "§3.14: it answers MODIFY_CONNECTION"))
            }
        case .pauseResponse:
            switch row {
            case .pausing: return .does([.messagesPaused], .paused, "§3.14: the answer to PAUSE")
            case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .paused, .modifying,
                .disconnecting, .crashing, .suspending, .suspended, .resuming:
                return same(row, .flags("pause-answered-once", "§3.14: it answers PAUSE"))
            }
        case .versionResponse:
            switch row {
            case .connecting:
                return .does([.connected, .post(.requestOffers)], .offersRequested, "§8.1 CONNECTING, supported = 1")
            case .resuming:
                return .does(
                    [.connected, .post(.requestOffers), .wake], .offersRequested, "§8.1 resume from hibernation")
            case .disconnected, .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying,
                .disconnecting, .crashing, .suspending, .suspended:
                return .flags("contact-first", "§2.5: a proposal is answered once")
            }
        case .unloadComplete:
            switch row {
            case .disconnecting: return .does([.unloaded], .disconnected, "§2.7 normal path")
            case .crashing: return .does([.clearMessageSlots, .unloaded], .disconnected, "§2.7 crash path")
            case .suspending: return .does([.suspended], .suspended, "§8.1 hibernation suspend")
            case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
                .modifying, .suspended, .resuming:
                return .flags("unload-answered-once", "§2.7: it answers UNLOAD")
            }
        }
    }

    /// The connection's state does not matter.
    private static func everywhere(_ row: GuestConnectionRow, _ cell: Cell) -> Cell {
        switch row {
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
            .modifying, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            cell
        }
    }

    /// Whether the offers are there does not matter.
    private static func same(_ row: GuestConnectionRow, _ cell: Cell) -> Cell {
        standing(row, offersNotRequested: cell, connected: cell)
    }

    private static func versionRefused(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .connecting: .does([.post(.initiateContact)], nil, "§8.1 CONNECTING, supported = 0: next older version")
        case .resuming: .does([.connectFailed], .suspended, "§8.1: resume with the same version only")
        case .disconnected, .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying,
            .disconnecting, .crashing, .suspending, .suspended:
            .flags("contact-first", "§2.5: a proposal is answered once")
        }
    }

    private static func hotAdd(_ row: GuestConnectionRow) -> Cell {
        standing(
            row, offersNotRequested: .flags("offers-after-request", "§3.5: offers answer REQUEST_OFFERS"),
            connected: .does([.offered], nil, "§3.5: later hot-added devices; B.4 test_hot_add_remove"))
    }

    private static func connect(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .disconnected: .does([.post(.initiateContact)], .connecting, "§8.1 DISCONNECTED, driver init")
        case .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying,
            .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .ignores("B.4 test_connect_fails_on_incorrect_state; suspended guests resume")
        }
    }

    private static func requestOffers(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested: .does([.post(.requestOffers)], .offersRequested, "§8.1 CONNECTED, bus scan")
        case .offersRequested, .connected, .pausing, .paused, .modifying:
            .refuses("§3.5: REQUEST_OFFERS is legal once per connection")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("B.4 test_connect_fails_on_incorrect_state")
        }
    }

    private static func pause(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested, .offersRequested, .connected, .modifying: .does([.post(.pause)], .pausing, "§3.14")
        case .pausing, .paused: .refuses("§3.14: only RESUME, UNLOAD and INITIATE_CONTACT are accepted while paused")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§3.14: PAUSE needs a connection")
        }
    }

    private static func resumeMessages(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .paused: .does([.post(.resume)], .connected, "§3.14: there is no resume response")
        case .pausing: .refuses("ours, because a RESUME before the answer would race with it")
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .modifying,
            .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§3.14: nothing is paused")
        }
    }

    private static func modifyConnection(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested, .offersRequested:
            .does([.post(.modifyConnection)], nil, "§3.14; it does not depend on the offers")
        case .connected: .does([.post(.modifyConnection)], .modifying, "§3.14; B.4 test_modify_connection")
        case .pausing, .paused: .does([], nil, "§3.14: a paused server refuses it, so it waits for RESUME")
        case .modifying: .refuses("§8.7: refused while another runs")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§3.14: MODIFY_CONNECTION needs a connection")
        }
    }

    private static func connectSocket(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested, .offersRequested, .connected, .modifying:
            .does([.post(.tlConnectRequest)], nil, "§3.12; B.4 test_hvsock")
        case .pausing, .paused: .does([], nil, "§3.14: a paused server refuses it, so it waits for RESUME")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§3.12: hv_sock needs a connection")
        }
    }

    private static func share(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersRequested, .connected, .modifying: .does([.post(.gpadlHeader)], nil, "§8.2")
        case .pausing, .paused: .does([], nil, "§3.14: a paused server refuses it, so it waits for RESUME")
        case .offersNotRequested: .refuses("§3.5: nothing is on offer")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§8.2: a page list belongs to a channel of a connection")
        }
    }

    private static func release(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersRequested, .connected, .pausing, .paused, .modifying:
            .does([], nil, "B.4 test_release_revoke_and_reoffer: nothing is posted before the rescind")
        case .offersNotRequested: .refuses("§3.5: nothing is on offer")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§2.7: the end of the connection has released it")
        }
    }

    private static func unload(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested, .offersRequested, .connected, .modifying:
            .does([.post(.unload)], .disconnecting, "§8.1 CONNECTED, unload: UNLOAD when ≥ 3.0")
        case .pausing, .paused: .does([.post(.unload)], .disconnecting, "§3.14: UNLOAD is accepted while paused")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .ignores("§2.7: only if not already disconnected")
        }
    }

    private static func crash(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying:
            .does([.post(.unload), .pollMessagePages, .wake], .crashing, "§2.7 crash path")
        case .disconnecting, .suspending:
            .does([.pollMessagePages, .wake], .crashing, "§2.7 crash path: UNLOAD is on its way already")
        case .connecting, .suspended, .resuming:
            .does([.unloaded], .disconnected, "§2.7: there is nothing to say goodbye to")
        case .disconnected, .crashing: .ignores("§2.7: only if not already disconnected")
        }
    }

    private static func reset(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .disconnected: .ignores("ours, because there is nothing to forget")
        case .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying,
            .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .does([.unloaded], .disconnected, "B.6 no. 9: reset in each state")
        }
    }

    private static func suspend(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .offersNotRequested, .offersRequested, .connected, .modifying, .pausing, .paused:
            .does([.post(.unload)], .suspending, "§8.1 hibernation suspend")
        case .disconnected, .connecting, .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .refuses("§8.1: only a connection can be suspended")
        }
    }

    private static func resume(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .suspended: .does([.post(.initiateContact)], .resuming, "§8.1 resume: the same version only")
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
            .modifying, .disconnecting, .crashing, .suspending, .resuming:
            .refuses("§8.1: only what was suspended is resumed")
        }
    }

    private static func noSuchConnection(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .connecting:
            .does([.post(.initiateContact)], nil, "§1.4, linux-guest-data §7 no. 1: another id or version at once")
        case .resuming: .does([.connectFailed], .suspended, "§8.1: resume with the same version only")
        case .disconnected, .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying,
            .disconnecting, .crashing, .suspending, .suspended:
            .ignores("ours, because no proposal is on its way")
        }
    }

    private static func contactTimedOut(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .connecting: .does([.postFailed, .connectFailed], .disconnected, "§2.5: a timeout code stops the loop")
        case .resuming: .does([.postFailed, .connectFailed], .suspended, "§2.5: a timeout code stops the loop")
        case .disconnected, .offersNotRequested, .offersRequested, .connected, .pausing, .paused, .modifying,
            .disconnecting, .crashing, .suspending, .suspended:
            .does([.postFailed], nil, "ours, because no proposal is on its way")
        }
    }

    private static func offersRequestBusy(_ row: GuestConnectionRow) -> Cell {
        everywhere(row, .does([.wake], nil, "§1.4 insufficient buffers: retry, whatever the state is"))
    }

    private static func unloadUnposted(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .disconnecting: .does([.postFailed, .unloaded], .disconnected, "§1.4 final error; no answer will come")
        case .crashing:
            .does([.postFailed, .clearMessageSlots, .unloaded], .disconnected, "§1.4 final error; no answer will come")
        case .suspending: .does([.postFailed, .suspended], .suspended, "§1.4 final error; no answer will come")
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
            .modifying, .suspended, .resuming:
            .does([.postFailed], nil, "ours, because no UNLOAD is on its way")
        }
    }

    private static func pauseUnposted(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .pausing: .does([.postFailed], .connected, "§1.4 final error; the host was never asked")
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .paused, .modifying,
            .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .does([.postFailed], nil, "ours, because no PAUSE is on its way")
        }
    }

    private static func modifyUnposted(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .modifying: .does([.postFailed, .connectionModified], .connected, "§1.4 final error; the change fails")
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
            .disconnecting, .crashing, .suspending, .suspended, .resuming:
            .does([.postFailed], nil, "ours, because no change is on its way")
        }
    }

    private static func poll(_ row: GuestConnectionRow) -> Cell {
        switch row {
        case .crashing: .does([.pollMessagePages, .wake], nil, "§2.7 crash path: polls each 10 ms")
        case .disconnected, .connecting, .offersNotRequested, .offersRequested, .connected, .pausing, .paused,
            .modifying, .disconnecting, .suspending, .suspended, .resuming:
            .ignores("§2.7: only the crash path polls")
        }
    }

    private static func staleWake(_ row: GuestConnectionRow) -> Cell {
        everywhere(row, .does([], .disconnected, "ours, because a wake of another life means nothing"))
    }
}
