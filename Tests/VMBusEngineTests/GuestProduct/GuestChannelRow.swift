import VMBusEngine
import VMBusWire

/// Where a channel of the guest can be. A new state of the type does not compile until it has a row.
enum GuestChannelRow: CaseIterable {
    case unknown, closed, closedModifying, opening, open, openModifying
    case openingReserved, openReserved, closingReserved
    case rescindedClosed, rescindedClosedModifying, rescindedOpen, rescindedOpenModifying, rescindedReserved
    case released, releasedWaiting

    init(_ channel: GuestChannel?) {
        guard let channel else {
            self = .unknown
            return
        }
        guard !channel.isReleased else {
            self = channel.isRescinded ? .releasedWaiting : .released
            return
        }
        switch (channel.state, channel.isRescinded, channel.isModifying) {
        case (.closed, false, false): self = .closed
        case (.closed, false, true): self = .closedModifying
        case (.closed, true, false): self = .rescindedClosed
        case (.closed, true, true): self = .rescindedClosedModifying
        case (.open, false, false): self = .open
        case (.open, false, true): self = .openModifying
        case (.open, true, false): self = .rescindedOpen
        case (.open, true, true): self = .rescindedOpenModifying
        case (.opening, _, _): self = .opening
        case (.openingReserved, _, _): self = .openingReserved
        case (.openReserved, false, _): self = .openReserved
        case (.openReserved, true, _): self = .rescindedReserved
        case (.closingReserved, _, _): self = .closingReserved
        }
    }

    /// A guest whose channel 1 is there.
    func rig() throws -> GuestRig {
        var rig = GuestRig.connected(offers: self == .unknown ? [] : [GuestRig.offer(1)])
        switch self {
        case .unknown, .closed: break
        case .closedModifying:
            rig = try Self.openModifying.rig()
            _ = try rig.guest.close(relid: 1)
        case .opening: try rig.startOpen(1)
        case .open: try rig.open(1)
        case .openModifying:
            try rig.open(1)
            _ = try rig.guest.modify(relid: 1, targetVP: 1)
        case .openingReserved:
            let handle = try rig.share(1)
            _ = try rig.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        case .openReserved:
            rig = try Self.openingReserved.rig()
            rig.send(.openChannelResult(OpenChannelResult(relid: 1, openID: 0, status: .success)))
        case .closingReserved:
            rig = try Self.openReserved.rig()
            _ = try rig.guest.closeReserved(relid: 1)
        case .rescindedClosed: rig.rescind(1)
        case .rescindedClosedModifying:
            rig = try Self.closedModifying.rig()
            rig.rescind(1)
        case .rescindedOpen:
            try rig.open(1)
            rig.rescind(1)
        case .rescindedOpenModifying:
            rig = try Self.openModifying.rig()
            rig.rescind(1)
        case .rescindedReserved:
            rig = try Self.openReserved.rig()
            rig.rescind(1)
        case .released: _ = try rig.guest.release(relid: 1)
        case .releasedWaiting:
            rig = try Self.rescindedOpenModifying.rig()
            _ = try rig.guest.release(relid: 1)
        }
        return rig
    }
}

/// What can happen to a channel: every message, every wish of its driver, and what the hypervisor does not take.
enum GuestChannelInput: CaseIterable {
    case message(GuestMessageInput)
    case openFailed
    case share, takeBackRings, open, openReserved, close, closeReserved, modify, release
    case openUnposted, openReservedUnposted, closeReservedUnposted, modifyUnposted, closeUnposted

    static var allCases: [GuestChannelInput] {
        GuestMessageInput.allCases.map { .message($0) } + [
            .openFailed, .share, .takeBackRings, .open, .openReserved, .close, .closeReserved, .modify, .release,
            .openUnposted, .openReservedUnposted, .closeReservedUnposted, .modifyUnposted, .closeUnposted,
        ]
    }

    /// The effects on channel 1; throws when the wish is refused.
    func apply(_ rig: inout GuestRig) throws(GuestRefusal) -> [GuestEffect] {
        let openID: UInt32 = rig.guest.channel(1)?.state == .openingReserved ? 0 : 1
        let ring = rig.guest.pageLists(of: 1).first?.handle ?? 0
        func unposted(_ rig: inout GuestRig, _ input: GuestMessageInput) -> [GuestEffect] {
            let message = input.message(relid: 1, openID: openID, handle: ring)
            let post = GuestPost(bytes: message.encoded(context: rig.guest.agreement), connectionID: 4)
            return rig.guest.postRefused(.accessDenied, [post])
        }
        switch self {
        case .message(let input): return rig.send(input.message(relid: 1, openID: openID, handle: 0x77))
        case .openFailed:
            return rig.send(
                .openChannelResult(OpenChannelResult(relid: 1, openID: openID, status: .unexpected)))
        case .share: return try rig.guest.createPageList(relid: 1, Self.pages).effects
        case .takeBackRings: return try rig.guest.tearDownPageList(ring)
        case .open:
            let handle = (try? rig.share(1)) ?? 0
            return try rig.guest.open(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        case .openReserved:
            let handle = (try? rig.share(1)) ?? 0
            return try rig.guest.openReserved(relid: 1, pageList: handle, targetVP: 0, downstreamPageOffset: 4)
        case .close: return try rig.guest.close(relid: 1)
        case .closeReserved: return try rig.guest.closeReserved(relid: 1)
        case .modify: return try rig.guest.modify(relid: 1, targetVP: 2)
        case .release: return try rig.guest.release(relid: 1)
        case .openUnposted: return unposted(&rig, .openChannel)
        case .openReservedUnposted: return unposted(&rig, .openReservedChannel)
        case .closeReservedUnposted: return unposted(&rig, .closeReservedChannel)
        case .modifyUnposted: return unposted(&rig, .modifyChannel)
        case .closeUnposted: return unposted(&rig, .closeChannel)
        }
    }

    private static let pages = PageList(ranges: [GPARange(byteCount: 4096, byteOffset: 0, pages: [7])])
}
