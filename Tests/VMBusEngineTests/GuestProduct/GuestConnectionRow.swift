import VMBusEngine
import VMBusWire

/// Where the guest's connection can be. A new state of the type does not compile until it has a row.
enum GuestConnectionRow: CaseIterable {
    case disconnected, connecting
    /// Connected: the offers are not asked for, asked for, all there.
    case offersNotRequested, offersRequested, connected
    case pausing, paused, modifying
    case disconnecting, crashing, suspending, suspended, resuming

    init(_ guest: GuestConnection) {
        switch guest.state {
        case .disconnected: self = .disconnected
        case .connecting: self = .connecting
        case .connected:
            switch (guest.flow, guest.offers) {
            case (.pausing, _): self = .pausing
            case (.paused, _): self = .paused
            case (.flowing, .notRequested): self = .offersNotRequested
            case (.flowing, .requested): self = .offersRequested
            case (.flowing, .delivered): self = guest.isModifying ? .modifying : .connected
            }
        case .disconnecting: self = .disconnecting
        case .crashing: self = .crashing
        case .suspending: self = .suspending
        case .suspended: self = .suspended
        case .resuming: self = .resuming
        }
    }

    /// A guest at 6.0 that is there; where it has offers, channel 1 is on offer.
    func rig() throws -> GuestRig {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        switch self {
        case .disconnected: rig = GuestRig()
        case .connecting:
            rig = GuestRig()
            rig.effects = rig.guest.connect()
        case .offersNotRequested: rig = GuestRig.connected { $0.requestsOffers = false }
        case .offersRequested:
            rig = GuestRig.connected { $0.requestsOffers = false }
            _ = try rig.guest.requestOffers()
            rig.send(.offerChannel(GuestRig.offer(1)))
        case .connected: break
        case .pausing: _ = try rig.guest.pauseMessages()
        case .paused:
            rig = try Self.pausing.rig()
            rig.send(.pauseResponse)
        case .modifying: _ = try rig.guest.modifyConnection(parentToChild: 0x2000, childToParent: 0x3000)
        case .disconnecting: _ = rig.guest.unload()
        case .crashing: rig.effects = rig.guest.crash()
        case .suspending: _ = try rig.guest.suspend()
        case .suspended:
            rig = try Self.suspending.rig()
            rig.send(.unloadComplete)
        case .resuming:
            rig = try Self.suspended.rig()
            rig.effects = try rig.guest.resume()
        }
        return rig
    }
}

/// What can happen to a connection: every message, every wish, what the hypervisor does not take, and times that pass.
enum GuestConnectionInput: CaseIterable {
    case message(GuestMessageInput)
    case versionRefused, hotAdd
    case connect, requestOffers, pause, resumeMessages, modifyConnection, connectSocket, share, release
    case unload, crash, reset, suspend, resume
    case noSuchConnection, contactTimedOut, offersRequestBusy, unloadUnposted, pauseUnposted, modifyUnposted
    case poll, staleWake

    static var allCases: [GuestConnectionInput] {
        GuestMessageInput.allCases.map { .message($0) } + [
            .versionRefused, .hotAdd, .connect, .requestOffers, .pause, .resumeMessages, .modifyConnection,
            .connectSocket, .share, .release, .unload, .crash, .reset, .suspend, .resume, .noSuchConnection,
            .contactTimedOut, .offersRequestBusy, .unloadUnposted, .pauseUnposted, .modifyUnposted, .poll, .staleWake,
        ]
    }

    /// The effects; throws when the wish is refused.
    func apply(_ rig: inout GuestRig) throws(GuestRefusal) -> [GuestEffect] {
        func post(_ input: GuestMessageInput) -> GuestPost {
            let message = input.message(relid: 1, openID: 1, handle: 2)
            return GuestPost(bytes: message.encoded(context: rig.guest.agreement), connectionID: 4)
        }
        switch self {
        case .message(let input): return rig.send(input.message(relid: 1, openID: 1, handle: 2))
        case .versionRefused: return rig.send(.versionResponse(VersionResponse(supported: false)))
        case .hotAdd: return rig.send(.offerChannel(GuestRig.offer(2)))
        case .connect: return rig.guest.connect()
        case .requestOffers: return try rig.guest.requestOffers()
        case .pause: return try rig.guest.pauseMessages()
        case .resumeMessages: return try rig.guest.resumeMessages()
        case .modifyConnection: return try rig.guest.modifyConnection(parentToChild: 0x4000, childToParent: 0x5000)
        case .connectSocket: return try rig.guest.connectSocket(TLConnectRequest())
        case .share:
            let range = GPARange(byteCount: 4096, byteOffset: 0, pages: [8])
            return try rig.guest.createPageList(relid: 1, PageList(ranges: [range])).effects
        case .release: return try rig.guest.release(relid: 1)
        case .unload: return rig.guest.unload()
        case .crash: return rig.guest.crash()
        case .reset: return rig.guest.reset()
        case .suspend: return try rig.guest.suspend()
        case .resume: return try rig.guest.resume()
        case .noSuchConnection: return rig.guest.postRefused()
        case .contactTimedOut: return rig.guest.postRefused(.timeout, [post(.initiateContact)])
        case .offersRequestBusy: return rig.guest.postRefused(.insufficientBuffers, [post(.requestOffers)])
        case .unloadUnposted: return rig.guest.postRefused(.accessDenied, [post(.unload)])
        case .pauseUnposted: return rig.guest.postRefused(.accessDenied, [post(.pause)])
        case .modifyUnposted: return rig.guest.postRefused(.accessDenied, [post(.modifyConnection)])
        case .poll:
            guard let wake = Self.wake(rig.effects) else { return [] }
            return rig.guest.wake(wake)
        case .staleWake:
            var other = GuestRig.connected().guest
            guard let wake = Self.wake(other.crash()) else { return [] }
            _ = rig.guest.reset()
            rig = GuestRig(GuestConnection.Configuration())
            return rig.guest.wake(wake)
        }
    }

    private static func wake(_ effects: [GuestEffect]) -> GuestWake? {
        for case .wake(let wake, _) in effects { return wake }
        return nil
    }
}
