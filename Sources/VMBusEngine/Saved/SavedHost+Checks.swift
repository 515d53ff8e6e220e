import VMBusWire

extension SavedHost {
    /// Reads a saved state. Every byte belongs to a field.
    ///
    /// - Throws: the field that is short or out of its range.
    static func read(_ bytes: [UInt8]) throws(RestoreError) -> SavedHost {
        let header: SavedStateHeader
        do throws(WireError) { header = try SavedStateHeader.decode(bytes) } catch { throw .damaged(error) }
        try header.check(.host)
        let result: (value: SavedHost, byteCount: Int)
        do throws(WireError) { result = try decodePrefix(bytes[...]) } catch { throw .damaged(error) }
        guard result.byteCount == bytes.count else {
            throw .inconsistent("\(bytes.count - result.byteCount) bytes behind the state")
        }
        return result.value
    }

    /// What follows the answer that the connection waits for.
    var action: HostConnection.NextAction {
        switch next {
        case 1: .reset
        case 2: .unloadComplete
        case 3: .contact(nextContact.request)
        case 4: .refuse(nextContact.request)
        default: .none
        }
    }

    /// Two addresses as a pair of pages.
    func pair(_ pages: [UInt64]) -> MonitorPages { MonitorPages(parentToChild: pages[0], childToParent: pages[1]) }

    /// What the new side must have, and what cannot be true together.
    func check(_ configuration: HostConnection.Configuration) throws(RestoreError) {
        if state != 0 { try Self.check(version, features, isTrusted: flags.contains(.trusted), configuration) }
        let isConnected = state == 2
        let connectedOnly: HostFlags = [
            .offersSent, .paused, .hostPages, .pages, .modifying, .newPages, .interruptPage, .clientID,
        ]
        // While channels close after a disconnect, what the connection had is still in use.
        let kept: HostFlags = state == 3 ? [.offersSent, .hostPages, .pages, .interruptPage, .clientID] : []
        guard isConnected || flags.isDisjoint(with: connectedOnly.subtracting(kept)) else {
            throw .inconsistent("a connection that does not stand has \(flags.meaning ?? "flags")")
        }
        guard state != 0 || !flags.contains(.trusted) else { throw .inconsistent("no connection, and it is trusted") }
        guard state == 1 || state == 3 || next == 0 else {
            throw .inconsistent("an action follows, and nothing is waited for")
        }
        guard state != 3 || next != 0 else { throw .inconsistent("a disconnect without a reason") }
        if state == 1 {
            guard contact.version == version, (contact.flags & 2 != 0) == flags.contains(.trusted) else {
                throw .inconsistent("the contact is not the one that is being answered")
            }
        }
        guard !flags.contains(.paused) || features.contains(.pauseResume) else {
            throw .inconsistent("paused without the feature")
        }
        guard !flags.contains(.modifying) || features.contains(.modifyConnection) else {
            throw .inconsistent("monitor pages are being changed without the feature")
        }
        guard !flags.contains(.newPages) || flags.contains(.modifying) else {
            throw .inconsistent("new monitor pages, and none are being changed")
        }
        guard !flags.contains(.clientID) || features.contains(.clientID) else {
            throw .inconsistent("a client id without the feature")
        }
        if flags.contains(.hostPages) {
            guard features.contains(.serverSpecifiedMonitorPages), flags.contains(.pages),
                pair(pages) == configuration.monitorPages
            else { throw .inconsistent("the guest uses monitor pages that this host does not give") }
        }
        guard !flags.contains(.pages) || pages[1] != 0, !flags.contains(.newPages) || newPages[1] != 0 else {
            throw .inconsistent("monitor pages at address 0")
        }
        guard !flags.contains(.interruptPage) || version < .windows8 && interruptPage != 0 else {
            throw .inconsistent("an interrupt page at version \(version)")
        }
        try checkQueues()
    }

    private func checkQueues() throws(RestoreError) {
        guard held.isEmpty || flags.contains(.paused) else {
            throw .inconsistent("messages held for a guest that is not paused")
        }
        guard held.count <= HostConnection.maximumHeldMessages else {
            throw .inconsistent("\(held.count) held messages")
        }
        guard sockets.isEmpty || state == 2 && version >= .windows10 else {
            throw .inconsistent("sockets without a connection that has them")
        }
        guard sockets.count <= HostConnection.maximumSockets else { throw .inconsistent("\(sockets.count) sockets") }
        let ends = Set(sockets.map { [$0.endpointID, $0.serviceID] })
        guard ends.count == sockets.count else { throw .inconsistent("a socket is there twice") }
        guard channels.count <= HostConnection.maximumChannels else {
            throw .inconsistent("\(channels.count) channels")
        }
        let identities = Set(channels.map { ChannelIdentity($0.offer) })
        guard identities.count == channels.count else { throw .inconsistent("a channel is there twice") }
    }

    /// A version and features that this side allows, and that go together.
    static func check(
        _ version: ProtocolVersion, _ features: FeatureFlags, isTrusted: Bool,
        _ configuration: HostConnection.Configuration
    ) throws(RestoreError) {
        guard ProtocolVersion.all.contains(version) else { throw .inconsistent("version \(version) does not exist") }
        guard version <= configuration.maximumVersion else {
            throw .version(version, allowed: configuration.maximumVersion)
        }
        guard version >= .copper || features.isEmpty else {
            throw .inconsistent("features \(features.meaning ?? "") at version \(version), which has none")
        }
        var allowed = configuration.features
        if !isTrusted { allowed.remove(.confidentialChannels) }
        guard allowed.isSuperset(of: features) else { throw .features(features, allowed: allowed) }
    }
}

extension SavedHostPageList {
    /// The list, with the rules of §3.9 checked again.
    func list() throws(RestoreError) -> HostPageList {
        let name = "page list \(Hexadecimal.prefixed(handle))"
        guard let length = UInt16(exactly: UInt64(announcedWords) * 8), words.count <= Int(announcedWords) else {
            throw .inconsistent("\(name) has \(words.count) of \(announcedWords) words")
        }
        let header = GPADLHeader(
            relid: relid, gpadl: handle, rangeBufferLength: length, rangeCount: rangeCount, words: words)
        do throws(ProtocolViolation) {
            let assembly = try PageListAssembly(header)
            guard state != 0 else {
                guard !assembly.isComplete else { throw Self.broken(name, "all its parts, and waits for more") }
                return HostPageList(
                    handle: handle, relid: relid, list: PageList(ranges: []), state: .inProgress(assembly), age: age)
            }
            guard assembly.isComplete else { throw Self.broken(name, "too few parts") }
            let states: [HostPageList.State] = [.offered, .offeredTearingDown, .accepted, .tearingDown]
            let list = try assembly.pageList()
            guard list.words.count == words.count else { throw Self.broken(name, "words behind its ranges") }
            return HostPageList(handle: handle, relid: relid, list: list, state: states[Int(state) - 1], age: age)
        } catch {
            throw .inconsistent(error.description)
        }
    }

    private static func broken(_ name: String, _ what: String) -> ProtocolViolation {
        ProtocolViolation(rule: "saved-state", place: name, value: what, explanation: "a list is whole or under way")
    }
}

extension SavedHostChannel {
    /// The state, with the pages of its list.
    func channelState(_ lists: [UInt32: HostPageList]) throws(RestoreError) -> HostChannel.State {
        let terms = flags.contains(.reserved) ? reservation.reservation : nil
        guard hasOpen else {
            return switch state {
            case 1: .closed
            case 4: .closing(terms)
            case 6: .closingClientRelease
            case 8: .revoked
            case 9: .reoffered
            default: .clientReleased
            }
        }
        guard let list = lists[open.ringGPADL], list.isShared, list.list.isWholePages,
            open.downstreamPageOffset > 1, Int(open.downstreamPageOffset) + 1 < list.list.pages.count
        else {
            throw .inconsistent(
                "channel \(offer.relid) has its rings in list \(Hexadecimal.prefixed(open.ringGPADL)), which has no room"
            )
        }
        let request = open.request(relid: offer.relid, pages: list.list, reservation: terms)
        return switch state {
        case 2: .opening(request)
        case 3: .open(request)
        case 5: .closingReopen(request)
        default: .openingClientRelease(request)
        }
    }

    /// What cannot be true together.
    func check(
        _ channel: HostChannel, in host: SavedHost, _ configuration: HostConnection.Configuration
    ) throws(RestoreError) {
        let name = "channel \(channel.relid) of device \(channel.identity.interfaceInstance)"
        func require(_ condition: Bool, _ what: String) throws(RestoreError) {
            if !condition { throw .inconsistent("\(name) \(what)") }
        }
        try require(channel.relid < SynIC.eventFlagCount, "has a number beyond the event flags")
        if flags.contains(.reserved) {
            try SavedHost.check(reservation.version, reservation.features, isTrusted: true, configuration)
            try require(reservation.version >= .windows10, "is reserved at a version that has no such channels")
            try require([2, 3, 4, 7].contains(state), "is reserved and not in use")
        }
        let isReserved = channel.reservation != nil
        switch channel.state {
        case .clientReleased: try require(channel.relid == 0 || host.state == 3, "has a number that nobody holds")
        case .closed, .opening, .open, .closing, .closingReopen, .revoked, .reoffered:
            try require(channel.relid != 0, "is known to the guest and has no number")
            try require(host.state == 2 || isReserved, "is in use without a connection")
        case .closingClientRelease, .openingClientRelease:
            try require(channel.relid != 0, "is in use and has no number")
            try require(host.state >= 2, "waits for a disconnect that nobody wants")
        }
        try checkRing(channel, require)
        try checkLists(channel, require)
        try require(channel.moving == nil || channel.isOpen && !isReserved, "moves and is not open")
        try require(channel.nextMove == nil || channel.moving != nil && host.version < .iron, "waits for no move")
        try require(
            !channel.offerWaits || channel.state == .clientReleased && host.state == 2 && !channel.lists.isEmpty,
            "waits for an offer that nothing keeps back")
        try require(!channel.isMonitorPublished || channel.relid != 0, "is monitored and has no number")
    }

    private func checkRing(
        _ channel: HostChannel, _ require: (Bool, String) throws(RestoreError) -> Void
    ) throws(RestoreError) {
        let ring = channel.ringList.flatMap { channel.lists[$0] }
        switch channel.state {
        case .opening(let request), .open(let request):
            try require(ring?.handle == request.message.ringGPADL && ring?.state == .accepted, "has no rings")
        case .openingClientRelease(let request):
            try require(ring?.handle == request.message.ringGPADL && ring?.state == .tearingDown, "has no rings")
        case .closingReopen(let request):
            let next = channel.lists[request.message.ringGPADL]
            try require(ring != nil && next?.state == .accepted, "has no rings")
        case .closing: try require(ring?.state == .accepted || ring?.state == .tearingDown, "has no rings")
        case .closingClientRelease: try require(ring?.state == .tearingDown, "has no rings")
        case .clientReleased, .closed, .revoked, .reoffered:
            try require(channel.ringList == nil, "has rings and is not in use")
        }
    }

    private func checkLists(
        _ channel: HostChannel, _ require: (Bool, String) throws(RestoreError) -> Void
    ) throws(RestoreError) {
        let isGone = !channel.isKnownToGuest
        let isRevoked = channel.state == .revoked || channel.state == .reoffered
        for list in channel.lists.values {
            let what = "has list \(Hexadecimal.prefixed(list.handle)) in a state that its own does not allow"
            switch list.state {
            case .inProgress, .accepted: try require(!isGone, what)
            case .offered: try require(!isGone && !isRevoked, what)
            case .offeredTearingDown, .tearingDown: try require(!isRevoked, what)
            }
        }
    }
}
