import VMBusWire

extension GuestConnection {
    /// Takes up a saved state under a configuration of this side.
    ///
    /// - Parameters:
    ///   - bytes: What `saved` returned.
    ///   - configuration: What this side allows; it need not be the one that was saved under.
    ///   - repeatsRequests: Whether the host may have missed what was on its way: each request that is not answered is
    ///     posted again. A host that went on meanwhile answers by itself, and must not be asked twice.
    /// - Returns: The connection, and what is to be done: wakes that are still meant, and the repeated requests.
    /// - Throws: what the state needs and this side does not allow, or what is wrong with the bytes.
    public static func restore(
        _ bytes: [UInt8], configuration: Configuration, repeatsRequests: Bool = true
    ) throws(RestoreError) -> (connection: GuestConnection, effects: [GuestEffect]) {
        let saved = try decode(bytes)
        var connection = GuestConnection(configuration)
        try connection.takeAgreement(saved)
        try connection.takeChannels(saved)
        try connection.takePageLists(saved)
        try connection.takeRequests(saved)
        try connection.takePosts(saved)
        var effects = connection.restoredWakes()
        if repeatsRequests { effects += connection.repeatedRequests() }
        return (connection, effects)
    }

    private static func decode(_ bytes: [UInt8]) throws(RestoreError) -> SavedGuestConnection {
        let header: SavedStateHeader
        do throws(WireError) {
            header = try SavedStateHeader.decode(bytes, context: .newest)
        } catch {
            throw .damaged(error)
        }
        try header.check(.guest)
        do throws(WireError) {
            let (saved, byteCount) = try SavedGuestConnection.decodePrefix(bytes[...], context: .newest)
            guard byteCount == bytes.count else {
                throw WireError(
                    structure: "SAVED_GUEST", field: "end", offset: byteCount,
                    problem: .invalid(value: UInt64(bytes.count), rule: "nothing follows the state"))
            }
            return saved
        } catch {
            throw .damaged(error)
        }
    }

    private static func require(_ condition: Bool, _ contradiction: @autoclosure () -> String) throws(RestoreError) {
        if !condition { throw .inconsistent(contradiction()) }
    }

    private mutating func takeAgreement(_ saved: SavedGuestConnection) throws(RestoreError) {
        let state: SavedGuestConnection.State = try SavedGuestCode.value(saved.state, "the connection's state")
        flow = try SavedGuestCode.value(saved.flow, "the flow of messages")
        offers = try SavedGuestCode.value(saved.offers, "the state of the offers")
        let version = saved.version
        self.state = state.state(version)
        let allowed = configuration.versions.filter { $0 <= configuration.maximumVersion }
        if state != .disconnected {
            guard allowed.contains(version) else {
                throw .version(version, allowed: allowed.max() ?? ProtocolVersion(rawValue: 0))
            }
            guard configuration.wantedFeatures.isSuperset(of: saved.features) else {
                throw .features(saved.features, allowed: configuration.wantedFeatures)
            }
            // An older version may be proposed; the guest ends the attempt when it is taken.
            if configuration.isIsolated, version < .redstone5, state != .connecting {
                throw .inconsistent("an isolated guest needs version 5.2, and the state speaks \(version)")
            }
        }
        try Self.require(ProtocolVersion.all.contains(version), "there is no version \(version)")
        try Self.require(
            saved.features.isEmpty || version >= .copper, "version \(version) has no features")
        let agrees = state == .connected || state == .disconnecting || state == .crashing || state == .suspending
        try Self.require(
            agrees || saved.features.isEmpty || state == .disconnected || state == .suspended,
            "features are agreed on before the proposal is answered")
        try Self.require(
            state == .connected || (flow == .flowing && saved.offers == 0 && saved.channels.isEmpty) || agrees,
            "there are channels without a connection")
        try Self.require(agrees || saved.late.isEmpty, "late answers are to come without a connection")
        try Self.require(state == .connected || flow == .flowing, "messages are paused without a connection")
        try Self.require(
            flow == .flowing || saved.features.contains(.pauseResume), "messages are paused without the feature")
        agreement = WireContext(version: version, features: saved.features)
        messageConnection = saved.messageConnection
        monitorPages = MonitorPages(
            parentToChild: saved.parentToChild, childToParent: saved.childToParent,
            isServerGiven: saved.flags & 1 != 0)
        try Self.require(
            !monitorPages.isServerGiven || saved.features.contains(.serverSpecifiedMonitorPages),
            "the host gave monitor pages without the feature")
        if saved.flags & 2 != 0 {
            try Self.require(
                state == .connected && saved.features.contains(.modifyConnection) && !monitorPages.isServerGiven,
                "monitor pages are being changed that cannot be changed")
            modification = MonitorPages(parentToChild: saved.newParentToChild, childToParent: saved.newChildToParent)
        } else {
            try Self.require(
                saved.newParentToChild == 0 && saved.newChildToParent == 0, "monitor pages are asked for by nobody")
        }
        polls = saved.polls
        try takeEnding(state)
    }

    /// States that the profile of this side never enters would never be left.
    private func takeEnding(_ state: SavedGuestConnection.State) throws(RestoreError) {
        if state == .crashing {
            guard case .poll = profile.crashPath else {
                throw .inconsistent("a guest of the profile \(profile.name) does not poll when it crashes")
            }
        } else {
            try Self.require(polls == 0, "a guest that does not crash has polled \(polls) times")
        }
        if state == .suspending || state == .suspended || state == .resuming {
            try Self.require(profile.canHibernate, "a guest of the profile \(profile.name) cannot hibernate")
        }
    }

    private mutating func takeChannels(_ saved: SavedGuestConnection) throws(RestoreError) {
        try Self.require(
            saved.channels.isEmpty || offers != .notRequested, "there are channels before the request for offers")
        for entry in saved.channels {
            let channel = try entry.channel()
            let relid = channel.relid
            try Self.require(
                relid > 0 && relid <= UInt32(Self.maximumChannels), "channel number \(relid) is not one of 1 to 2047")
            try Self.require(table[relid] == nil, "channel \(relid) is there twice")
            try check(channel)
            if !channel.isRescinded {
                try Self.require(places[channel.place] == nil, "channel \(relid) is another one's equal")
                places[channel.place] = relid
            }
            if let flag = channel.eventFlag {
                try Self.require(
                    UInt32(flag) < SynIC.eventFlagCount && flags[flag] == nil,
                    "event flag \(flag) of channel \(relid) is out of range or in use")
                flags[flag] = relid
            }
            table[relid] = channel
        }
        try Self.require(
            saved.awaited.count <= Self.maximumChannels,
            "\(saved.awaited.count) devices that are to come back are too many")
        for entry in saved.awaited {
            let channel = try entry.channel()
            try Self.require(
                channel.relid == GuestChannel.noRelid && channel.offer.subchannelIndex == 0
                    && channel == GuestChannel(offer: channel.offer) && awaited[channel.place] == nil,
                "a device that is to come back has a number, a state or an equal")
            awaited[channel.place] = channel
        }
        try Self.require(awaited.count == 0 || profile.canHibernate, "devices are to come back without hibernation")
    }

    /// What the fields of one channel must agree on.
    private func check(_ channel: GuestChannel) throws(RestoreError) {
        let relid = channel.relid
        let isOpening = channel.state == .opening || channel.state == .openingReserved
        let isReserved =
            channel.state == .openingReserved || channel.state == .openReserved || channel.state == .closingReserved
        try Self.require(
            !channel.isRescinded || !(isOpening || channel.state == .closingReserved),
            "channel \(relid) was taken back and still waits")
        try Self.require(
            !channel.isReleased || channel.isRescinded || channel.state == .closed,
            "channel \(relid) was let go of while it is in use")
        try Self.require(
            !isReserved || agreement.version >= .windows10, "channel \(relid) is reserved below version 4.0")
        try Self.require(
            !channel.isModifying || agreement.version >= .iron, "channel \(relid) waits for a move below version 5.3")
        try Self.require(
            (channel.eventFlag != nil) == (channel.state == .opening || channel.state == .open),
            "channel \(relid) has an event flag and is not open, or the reverse")
        let request = try? ChannelMessage.decode(channel.request, context: agreement)
        switch (channel.state, request) {
        case (.opening, .openChannel(let open)):
            try Self.require(
                open.relid == relid && open.openID == channel.openID, "channel \(relid) opens another channel")
        case (.openingReserved, .openReservedChannel(let open)):
            try Self.require(open.relid == relid, "channel \(relid) opens another channel")
        case (.opening, _), (.openingReserved, _):
            throw .inconsistent("channel \(relid) opens without its request")
        default:
            try Self.require(channel.request.isEmpty, "channel \(relid) has a request and does not open")
        }
    }

    private mutating func takePageLists(_ saved: SavedGuestConnection) throws(RestoreError) {
        for entry in saved.lists {
            let list = try entry.pageList()
            let name = Hexadecimal.prefixed(list.handle)
            try Self.require(lists[list.handle] == nil, "page list \(name) is there twice")
            try Self.require(table[list.relid] != nil, "page list \(name) belongs to no channel")
            lists[list.handle] = list
            handles[list.relid, default: []].append(list.handle)
        }
        try Self.require(saved.late.count <= Self.maximumLateAnswers, "\(saved.late.count) late answers are too many")
        for entry in saved.late {
            let name = Hexadecimal.prefixed(entry.handle)
            try Self.require(
                entry.handle != 0 && lists[entry.handle] == nil && late[entry.handle] == nil,
                "page list \(name) is there twice")
            late[entry.handle] = LateAnswer(relid: entry.relid, isTeardown: entry.isTeardown == 1)
            table[entry.relid]?.lateAnswers += 1
        }
        nextHandle = saved.nextHandle
    }

    private mutating func takeRequests(_ saved: SavedGuestConnection) throws(RestoreError) {
        for entry in saved.reserved {
            try Self.require(
                reserved[entry.relid] == nil && entry.relid > 0 && entry.relid <= UInt32(Self.maximumChannels),
                "reserved channel \(entry.relid) is there twice or out of range")
            reserved[entry.relid] = entry.channel
        }
        try Self.require(
            saved.sockets.count <= Self.maximumSockets, "\(saved.sockets.count) hv_sock connections are too many")
        for entry in saved.sockets {
            let request = entry.request
            try Self.require(
                sockets[request.endpointID] == nil, "the end \(request.endpointID) waits for two connections")
            sockets[request.endpointID] = PendingSocket(request: request)
        }
        try Self.require(
            saved.sockets.isEmpty || (state == .connected && agreement.version >= .windows10),
            "hv_sock connections wait without a connection of version 4.0")
        for entry in saved.proposals {
            guard configuration.versions.contains(entry.version), entry.version <= configuration.maximumVersion else {
                throw .version(entry.version, allowed: configuration.maximumVersion)
            }
            proposals.append(Proposal(version: entry.version, connectionID: entry.connectionID))
        }
        let proposes =
            switch state {
            case .connecting, .resuming: true
            case .disconnected, .connected, .disconnecting, .crashing, .suspending, .suspended: false
            }
        try Self.require(proposals.isEmpty || proposes, "versions are to be tried though one was agreed on")
        try Self.require(
            proposals.count <= 2 * ProtocolVersion.all.count, "\(proposals.count) proposals are too many")
    }

    private mutating func takePosts(_ saved: SavedGuestConnection) throws(RestoreError) {
        unposted = try posts(saved.unposted)
        held = try posts(saved.held)
        refusals.count = Int(saved.refusalCount)
        refusals.isWaiting = saved.flags & 4 != 0
        if saved.flags & 8 != 0 { refusals.post = try posts([saved.refused]).first }
        try Self.require(
            (refusals.post == nil) == (refusals.count == 0), "a message was refused \(refusals.count) times")
        try Self.require(saved.flags & 8 != 0 || saved.refused == SavedGuestPost(), "a message was refused by nobody")
        try Self.require(refusals.isWaiting == !unposted.isEmpty, "messages wait for nothing")
        try Self.require(
            !refusals.isWaiting || unposted.first == refusals.post, "the message that was refused does not wait")
        try Self.require(held.isEmpty || flow != .flowing, "messages wait for RESUME while messages flow")
    }

    private func posts(_ saved: [SavedGuestPost]) throws(RestoreError) -> [GuestPost] {
        var posts: [GuestPost] = []
        for entry in saved {
            let post = GuestPost(bytes: entry.bytes, connectionID: entry.connectionID)
            guard Self.type(of: post)?.facts?.direction == .guestToHost,
                (try? ChannelMessage.decode(post.bytes, context: agreement)) != nil
            else { throw .inconsistent("a message waits that no guest sends") }
            posts.append(post)
        }
        return posts
    }
}
