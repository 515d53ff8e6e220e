import VMBusEngine
import VMBusWire

/// Where a page list of the guest can be. A new state of the type does not compile until it has a row.
enum GuestPageListRow: CaseIterable {
    case unknown, creating, created, tearingDown
    /// Its channel was taken back: nobody waits, and the answer may still come.
    case lateCreation, lateTeardown
    case rescindedCreated

    /// Nil for one that only its late answer knows.
    init?(_ list: GuestPageList?, _ channel: GuestChannel?) {
        guard let list else { return nil }
        switch list.state {
        case .creating: self = .creating
        case .created: self = channel?.isRescinded == true ? .rescindedCreated : .created
        case .tearingDown: self = .tearingDown
        }
    }

    /// A guest with channels 1 and 2, and the list in question on channel 1.
    func rig() throws -> GuestRig {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1), GuestRig.offer(2)])
        switch self {
        case .unknown: break
        case .creating: _ = try rig.guest.createPageList(relid: 1, PageList(ranges: [Self.range]))
        case .created: _ = try rig.share(1)
        case .tearingDown: _ = try rig.guest.tearDownPageList(try rig.share(1))
        case .lateCreation:
            rig = try Self.creating.rig()
            rig.rescind(1)
        case .lateTeardown:
            rig = try Self.tearingDown.rig()
            rig.rescind(1)
        case .rescindedCreated:
            rig = try Self.created.rig()
            rig.rescind(1)
        }
        return rig
    }

    private static let range = GPARange(byteCount: 4096, byteOffset: 0, pages: [7])
}

/// What can happen to a page list: every message with its handle, every wish of its driver, and what is not posted.
enum GuestPageListInput: CaseIterable {
    case message(GuestMessageInput)
    case createFailed, answeredForOtherChannel
    case share, takeBack, open, release
    case headerUnposted, bodyUnposted, teardownUnposted

    static var allCases: [GuestPageListInput] {
        GuestMessageInput.allCases.map { .message($0) } + [
            .createFailed, .answeredForOtherChannel, .share, .takeBack, .open, .release, .headerUnposted,
            .bodyUnposted, .teardownUnposted,
        ]
    }

    /// The first handle that a guest gives.
    static let handle = GuestConnection.firstPageListHandle

    /// The effects; throws when the wish is refused.
    func apply(_ rig: inout GuestRig) throws(GuestRefusal) -> [GuestEffect] {
        let handle = Self.handle
        func unposted(_ rig: inout GuestRig, _ input: GuestMessageInput) -> [GuestEffect] {
            let message = input.message(relid: 1, openID: 1, handle: handle)
            let post = GuestPost(bytes: message.encoded(context: rig.guest.agreement), connectionID: 4)
            return rig.guest.postRefused(.accessDenied, [post])
        }
        switch self {
        case .message(let input): return rig.send(input.message(relid: 1, openID: 1, handle: handle))
        case .createFailed:
            return rig.send(.gpadlCreated(GPADLCreated(relid: 1, gpadl: handle, status: .unexpected)))
        case .answeredForOtherChannel:
            return rig.send(.gpadlCreated(GPADLCreated(relid: 2, gpadl: handle, status: .success)))
        case .share:
            let range = GPARange(byteCount: 4096, byteOffset: 0, pages: [8])
            return try rig.guest.createPageList(relid: 1, PageList(ranges: [range])).effects
        case .takeBack: return try rig.guest.tearDownPageList(handle)
        case .open: return try rig.guest.open(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        case .release: return try rig.guest.release(relid: 1)
        case .headerUnposted: return unposted(&rig, .gpadlHeader)
        case .bodyUnposted: return unposted(&rig, .gpadlBody)
        case .teardownUnposted: return unposted(&rig, .gpadlTeardown)
        }
    }
}

/// Guest page list: state × input. A list that is gone and one that only a late answer knows look alike from outside, so
/// that their next row is `unknown` in both cases.
enum GuestPageListTable {
    typealias Cell = GuestCell<GuestPageListRow>

    static func cell(_ row: GuestPageListRow, _ input: GuestPageListInput) -> Cell {
        switch input {
        case .message(let message): self.message(row, message)
        case .createFailed: createFailed(row)
        case .answeredForOtherChannel: otherChannel(row)
        case .share: share(row)
        case .takeBack: takeBack(row)
        case .open: open(row)
        case .release: release(row)
        case .headerUnposted, .bodyUnposted: headerUnposted(row)
        case .teardownUnposted: teardownUnposted(row)
        }
    }

    static func message(_ row: GuestPageListRow, _ input: GuestMessageInput) -> Cell {
        switch input {
        case .requestOffers, .openChannel, .closeChannel, .gpadlHeader, .gpadlBody, .gpadlTeardown, .relidReleased,
            .initiateContact, .unload, .openReservedChannel, .closeReservedChannel, .tlConnectRequest, .modifyChannel,
            .modifyConnection, .pause, .resume:
            everywhere(row, .flags("direction", "§3.1 direction, B.6 no. 2: only a guest sends it"))
        case .gpadlCreated:
            switch row {
            case .creating: .does([.pageListCreated], .created, "§8.2 state 1, created OK; B.4 test_gpadl_success")
            case .lateCreation: .ignores("B.4 test_gpadl_with_revoke: late answers accepted")
            case .unknown, .created, .tearingDown, .lateTeardown, .rescindedCreated:
                .flags("gpadl-lifecycle", "§8.2: matched by relid and handle; nobody waits for it")
            }
        case .gpadlTorndown:
            switch row {
            case .tearingDown: .does([.pageListTorndown], .unknown, "§3.8: only TORNDOWN proves that the host stopped")
            case .lateTeardown: .ignores("B.4 test_gpadl_with_revoke: late answers accepted")
            case .unknown, .creating, .created, .lateCreation, .rescindedCreated:
                .flags("gpadl-lifecycle", "§8.2: matched by handle; it was not taken back")
            }
        case .rescindChannelOffer:
            switch row {
            case .unknown, .created: .does([.rescinded], row == .created ? .rescindedCreated : nil, "§8.2 rescind")
            case .creating: .does([.pageListRefused, .rescinded], .unknown, "§8.2 rescind: blocked requester released")
            case .tearingDown:
                .does([.pageListTorndown, .rescinded], .unknown, "§8.2 rescind: blocked requester released")
            case .lateCreation, .lateTeardown, .rescindedCreated:
                .ignores("§8.2 second rescind for the same relid ignored")
            }
        case .offerChannel: everywhere(row, .flags("relid-unique", "B.4 test_reoffer_in_use_rel_id, without its panic"))
        case .openChannelResult:
            switch row {
            case .unknown, .creating, .created, .tearingDown:
                .flags("open-answered-once", "ours, because no open waits for an answer")
            case .lateCreation, .lateTeardown, .rescindedCreated:
                .ignores("§8.2: a reply with no match is dropped after a rescind")
            }
        case .closeReservedResponse:
            switch row {
            case .unknown, .creating, .created, .tearingDown:
                .flags("reserved-channel", "§3.11: it answers CLOSE_RESERVED_CHANNEL")
            case .lateCreation, .lateTeardown, .rescindedCreated:
                .ignores("ours, because a late answer after a rescind blames nobody")
            }
        case .modifyChannelResponse:
            everywhere(row, .flags("modify-needs-version", "§3.13: it answers MODIFY_CHANNEL, once"))
        case .allOffersDelivered:
            everywhere(row, .flags("offers-after-request", "§3.5: the request is answered once"))
        case .versionResponse: everywhere(row, .flags("contact-first", "§2.5: a proposal is answered once"))
        case .unloadComplete: everywhere(row, .flags("unload-answered-once", "§2.7: it answers UNLOAD"))
        case .tlConnectResult: everywhere(row, .flags("socket-answered-once", "§3.12: it answers a request"))
        case .modifyConnectionResponse:
            everywhere(row, .flags("modify-answered-once", "§3.14: it answers MODIFY_CONNECTION"))
        case .pauseResponse: everywhere(row, .flags("pause-answered-once", "§3.14: it answers PAUSE"))
        }
    }

    /// The list does not matter.
    private static func everywhere(_ row: GuestPageListRow, _ cell: Cell) -> Cell {
        switch row {
        case .unknown, .creating, .created, .tearingDown, .lateCreation, .lateTeardown, .rescindedCreated: cell
        }
    }

    private static func createFailed(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .creating: .does([.pageListRefused], .unknown, "§8.2 state 1, GPADL status ≠ 0; B.4 test_gpadl_fail")
        case .lateCreation: .ignores("§8.5 device removed: pending creations answered with failure")
        case .unknown, .created, .tearingDown, .lateTeardown, .rescindedCreated:
            .flags("gpadl-lifecycle", "§8.2: matched by relid and handle; nobody waits for it")
        }
    }

    private static func otherChannel(_ row: GuestPageListRow) -> Cell {
        everywhere(row, .flags("gpadl-lifecycle", "§8.2 reply keys: relid and handle must both match"))
    }

    private static func share(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .unknown, .creating, .created, .tearingDown:
            .does([.post(.gpadlHeader)], row == .unknown ? .creating : nil, "§8.2: more GPADLs any time")
        case .lateCreation, .lateTeardown, .rescindedCreated: .refuses("§8.3: revoked channels refuse new I/O")
        }
    }

    private static func takeBack(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .created: .does([.post(.gpadlTeardown)], .tearingDown, "§8.2 state 3, driver closes")
        case .rescindedCreated: .does([.pageListTorndown], .unknown, "§8.2: GPADL_TEARDOWN is skipped after a rescind")
        case .unknown, .creating, .tearingDown, .lateCreation, .lateTeardown:
            .refuses("§8.6: TEARDOWN is allowed for accepted lists only")
        }
    }

    private static func open(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .created: .does([.post(.openChannel)], nil, "§3.6: the list is already created")
        case .unknown, .creating, .tearingDown: .refuses("§3.6: the list must be already created")
        case .lateCreation, .lateTeardown, .rescindedCreated: .refuses("§9 no. 20: the host would never answer")
        }
    }

    private static func release(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .unknown: .does([], nil, "B.4 test_release_revoke_and_reoffer")
        case .creating, .created, .tearingDown: .refuses("ours, because its pages are still shared")
        case .lateCreation, .lateTeardown: .does([], nil, "B.4 test_gpadl_with_revoke: release last")
        case .rescindedCreated:
            .does([.post(.relidReleased)], .unknown, "§8.5: accepted lists stay until the guest releases")
        }
    }

    private static func headerUnposted(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .creating: .does([.postFailed, .pageListRefused], .unknown, "§1.4 final error; no answer will come")
        case .unknown, .created, .tearingDown, .lateCreation, .lateTeardown, .rescindedCreated:
            .does([.postFailed], nil, "ours, because nobody waits for it any more")
        }
    }

    private static func teardownUnposted(_ row: GuestPageListRow) -> Cell {
        switch row {
        case .tearingDown: .does([.postFailed, .pageListLeaked], .unknown, "§9 no. 29, C.3: leak the memory instead")
        case .unknown, .creating, .created, .lateCreation, .lateTeardown, .rescindedCreated:
            .does([.postFailed], nil, "ours, because nobody waits for it any more")
        }
    }
}
