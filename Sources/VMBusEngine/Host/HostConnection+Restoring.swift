import VMBusWire

extension HostConnection {
    /// Takes up a saved connection. The devices of this side have been offered before; those that a saved channel fits (by
    /// kind, instance and index) get its state, the others are new to the guest. A saved channel without a device is rescinded.
    ///
    /// - Returns: what the devices and the surroundings need to know, and every request that was not answered when the state
    ///   was saved, once more.
    /// - Throws: why the state is not taken up; the connection is as before then.
    public mutating func restore(_ bytes: [UInt8]) throws(RestoreError) -> [HostEffect] {
        guard state == .disconnected, !channels.contains(where: { $0.state != .clientReleased }) else {
            throw .inconsistent("a connection that is in use takes up no other")
        }
        let saved = try SavedHost.read(bytes)
        var restored = self
        try restored.takeUp(saved)
        let new = Set(channels.map(\.key)).subtracting(
            saved.channels.compactMap { identities[ChannelIdentity($0.offer)] })
        var missing: Set<HostChannelKey> = []
        for channel in saved.channels {
            if try !restored.takeUp(channel, saved) { missing.insert(HostChannelKey(number: restored.nextKey - 1)) }
        }
        for message in saved.held { restored.held.append(message.message) }
        for socket in saved.sockets { restored.sockets.append(socket.request) }
        if restored.isDisconnecting {
            restored.owing = Set(
                restored.channels.filter { $0.reservation == nil || saved.next == 1 }
                    .filter { $0.isLeaving || !$0.lists.isEmpty }.map(\.key))
        }
        let effects = restored.goOn(missing: missing, new: new)
        self = restored
        return effects
    }

    private var isDisconnecting: Bool { if case .disconnecting = state { true } else { false } }

    /// Everything but the channels.
    private mutating func takeUp(_ saved: SavedHost) throws(RestoreError) {
        try saved.check(configuration)
        let action = saved.action
        state =
            switch saved.state {
            case 1: .connecting(saved.contact.request, then: action)
            case 2: .connected
            case 3: .disconnecting(then: action)
            default: .disconnected
            }
        if state != .disconnected {
            agreement = WireContext(version: saved.version, features: saved.features)
            targetVP = saved.targetVP
        }
        offersSent = saved.flags.contains(.offersSent)
        isPaused = saved.flags.contains(.paused)
        isTrusted = saved.flags.contains(.trusted)
        monitorPagesAreHosts = saved.flags.contains(.hostPages)
        monitorPages = saved.flags.contains(.pages) ? saved.pair(saved.pages) : nil
        if saved.flags.contains(.modifying) {
            pageChange = PageChange(pages: saved.flags.contains(.newPages) ? saved.pair(saved.newPages) : nil)
        }
        interruptPage = saved.flags.contains(.interruptPage) ? saved.interruptPage : nil
        clientID = saved.flags.contains(.clientID) ? saved.clientID : nil
        delayedMaximumVersion = saved.flags.contains(.delayedVersion) ? saved.delayedVersion : nil
        nextListAge = saved.nextAge
    }

    /// One channel. False when no device of this side fits; it has the newest key then.
    private mutating func takeUp(
        _ saved: SavedHostChannel, _ host: SavedHost
    ) throws(RestoreError) -> Bool {
        let identity = ChannelIdentity(saved.offer)
        let fitting = identities[identity].flatMap { position($0) }
        let index: Int
        if let fitting {
            index = fitting
        } else {
            guard channels.count < Self.maximumChannels else {
                throw .inconsistent("more channels than numbers, those of this side included")
            }
            var unnumbered = saved.offer
            unnumbered.relid = 0
            let channel = HostChannel(key: takeKey(), offer: unnumbered, order: nil)
            identities[identity] = channel.key
            channels.append(channel)
            index = channels.count - 1
        }
        let relid = saved.offer.relid
        if relid != 0 {
            guard relids[relid] == nil else {
                throw .inconsistent("relid \(relid) belongs to two channels")
            }
            relids[relid] = channels[index].key
            while relids[lowestFreeRelid] != nil { lowestFreeRelid += 1 }
        }
        channels[index].offer.relid = relid
        channels[index].offer.connectionID = saved.offer.connectionID
        channels[index].offer.monitorID = saved.offer.monitorID
        channels[index].offer.monitorAllocated = saved.offer.monitorAllocated
        channels[index].isMonitorPublished = saved.flags.contains(.monitorPublished)
        channels[index].offerWaits = saved.flags.contains(.offerWaits)
        channels[index].targetVP = saved.targetVP
        channels[index].moving = saved.flags.contains(.moving) ? saved.moving : nil
        channels[index].nextMove = saved.flags.contains(.nextMove) ? saved.nextMove : nil
        channels[index].ringList = saved.flags.contains(.ring) ? saved.ringList : nil
        if fitting == nil { channels[index].order = saved.flags.contains(.order) ? saved.order : nil }
        for list in saved.lists { try takeUp(list, at: index) }
        channels[index].state = try saved.channelState(channels[index].lists)
        try saved.check(channels[index], in: host, configuration)
        // A device that had gone when the state was saved, and is there now.
        if fitting != nil, channels[index].state == .revoked { channels[index].state = .reoffered }
        return fitting != nil
    }

    private mutating func takeUp(_ saved: SavedHostPageList, at index: Int) throws(RestoreError) {
        let name = "page list \(Hexadecimal.prefixed(saved.handle))"
        let list = try saved.list()
        guard channels[index].lists[saved.handle] == nil,
            !list.isInProgress || assembling[saved.handle] == nil
        else { throw .inconsistent("\(name) is there twice") }
        guard saved.age < nextListAge else { throw .inconsistent("\(name) is newer than the newest") }
        insert(list, at: index)
        guard pageListCount <= Self.maximumPageLists, assembling.count <= Self.maximumAssemblies else {
            throw .inconsistent("more page lists than a host holds")
        }
        if let limit = configuration.profile.maximumSharedPages, sharedPages > limit {
            throw .inconsistent("\(sharedPages) shared pages; this side allows \(limit)")
        }
    }

    /// Repeats what has no answer, takes back what has no device and offers what is new.
    private mutating func goOn(missing: Set<HostChannelKey>, new: Set<HostChannelKey>) -> [HostEffect] {
        var effects: [HostEffect] = state == .connected ? [.connected(agreement)] : []
        if case .connecting(let request, _) = state {
            effects += configuration.awaits.contains(.contacts) ? [.contact(request)] : contactAccepted()
        }
        if let change = pageChange {
            effects +=
                configuration.awaits.contains(.connectionChanges)
                ? [.modifyConnection(change.pages)] : connectionModified(.successful)
        }
        for key in channels.map(\.key) where !missing.contains(key) { effects += repeatRequests(of: key) }
        for key in missing.sorted() {
            effects += revoke(key).filter { if case .close = $0 { false } else { true } }
        }
        for request in sockets {
            effects += configuration.awaits.contains(.sockets) ? [.socket(request)] : socketRefused(request)
        }
        if state == .connected, !offersSent, configuration.profile.offersWhenRestored {
            for index in channels.indices { effects += offer(at: index) }
        }
        if state == .connected, offersSent {
            // One that the guest had let go of waits for the next connection, as it did when it was saved.
            for key in new.sorted() { effects += position(key).map { offer(at: $0) } ?? [] }
        }
        return effects + finishDisconnect()
    }

    private mutating func repeatRequests(of key: HostChannelKey) -> [HostEffect] {
        guard let index = position(key) else { return [] }
        let channel = channels[index]
        var effects: [HostEffect] = []
        let awaitsLists = configuration.awaits.contains(.pageLists)
        for list in channel.pageLists {
            switch list.state {
            case .inProgress: break
            case .accepted: effects.append(.pageListCreated(key, handle: list.handle))
            case .offered, .offeredTearingDown:
                effects +=
                    awaitsLists
                    ? [.pageListOffered(key, handle: list.handle)]
                    : pageListAnswered(key, handle: list.handle, accepted: true)
            case .tearingDown where channel.ringList == list.handle: break
            case .tearingDown:
                effects +=
                    awaitsLists
                    ? [.pageListTeardown(key, handle: list.handle)] : pageListTornDown(key, handle: list.handle)
            }
        }
        switch channel.state {
        case .opening(let request), .openingClientRelease(let request): effects.append(.open(key, request))
        case .open(let request):
            effects.append(.resumed(key, request))
            if let targetVP = channel.moving {
                effects +=
                    configuration.awaits.contains(.moves)
                    ? [.move(key, targetVP: targetVP)] : moveCompleted(key, success: true)
            }
        case .closing, .closingReopen, .closingClientRelease: effects.append(.close(key))
        case .clientReleased, .closed, .revoked, .reoffered: break
        }
        return effects
    }
}
