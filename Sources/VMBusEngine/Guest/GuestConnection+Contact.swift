import VMBusWire

extension GuestConnection {
    /// Starts to negotiate, with the newest version.
    public mutating func connect() -> [GuestEffect] {
        guard state == .disconnected else { return [] }
        proposals = configuration.versions.filter { $0 <= configuration.maximumVersion }.flatMap {
            proposalList(for: $0)
        }
        #if Mutations
            if configuration.mutation == .versionsOutOfOrder, proposals.count > 1 { proposals.swapAt(0, 1) }
            if configuration.mutation == .offersRequestedBeforeContact {
                return post(.requestOffers) + tryNextProposal()
            }
        #endif
        return tryNextProposal()
    }

    func proposalList(for version: ProtocolVersion) -> [Proposal] {
        guard version >= .redstone3MultiClient else {
            return [Proposal(version: version, connectionID: ConnectionID.message)]
        }
        let redirected = configuration.targetVTL == 2 ? [ConnectionID.redirectedMessage] : []
        return (redirected + [ConnectionID.multiClientMessage]).map { Proposal(version: version, connectionID: $0) }
    }

    mutating func tryNextProposal() -> [GuestEffect] {
        guard !proposals.isEmpty else { return contactFailed() }
        let proposal = proposals.removeFirst()
        let version = proposal.version
        if case .resuming = state {} else { state = .connecting(version) }
        agreement = WireContext(version: version)
        messageConnection = proposal.connectionID
        return post(.initiateContact(contact(version)))
    }

    func contact(_ version: ProtocolVersion) -> InitiateContact {
        let features = version >= .copper ? configuration.wantedFeatures : []
        return InitiateContact(
            version: version, targetVP: version >= .windows8_1 ? configuration.targetVP : 0,
            interruptPage: configuration.interruptPage, targetSINT: configuration.targetSINT,
            targetVTL: version >= .redstone4 ? configuration.targetVTL : 0, features: features,
            parentToChildMonitorPage: configuration.parentToChildMonitorPage,
            childToParentMonitorPage: configuration.childToParentMonitorPage,
            clientID: features.contains(.clientID) ? configuration.clientID ?? .zero : nil)
    }

    private mutating func contactFailed() -> [GuestEffect] {
        proposals = []
        if case .resuming = state { state = .suspended } else { state = .disconnected }
        return [.connectFailed]
    }

    /// A proposal was not taken at all: a timeout ends the attempt, anything else leads to the next one (reference §2.5).
    mutating func contactRefused(_ result: PostResult) -> [GuestEffect] {
        switch state {
        case .connecting, .resuming: break
        case .disconnected, .connected, .disconnecting, .crashing, .suspending, .suspended: return []
        }
        return result == .timeout ? contactFailed() : tryNextProposal()
    }

    mutating func versionResponse(_ response: VersionResponse) -> [GuestEffect] {
        let version = agreement.version
        let isResuming = if case .resuming = state { true } else { false }
        guard response.versionSupported != 0 else {
            proposals.removeAll { $0.version == version }
            return tryNextProposal()
        }
        if profile.examinesConnectionState, version >= .windows8, response.connectionState != .successful {
            return contactFailed()
        }
        let granted = version >= .copper ? (response.features ?? []) : []
        guard configuration.wantedFeatures.isSuperset(of: granted) else {
            return violation(
                "feature", "VERSION_RESPONSE.supported_features", granted.meaning ?? "",
                "the agreed features are among those that the guest asked for") + contactFailed()
        }
        if configuration.isIsolated, version < .redstone5 { return contactFailed() }
        proposals = []
        if version >= .redstone3MultiClient { messageConnection = response.versionOrConnectionID }
        agreement = WireContext(version: version, features: granted)
        state = .connected
        let effects = takeMonitorPages(response)
        guard configuration.requestsOffers || isResuming else { return effects + [.connected(agreement)] }
        offers = .requested
        var following = post(.requestOffers)
        if isResuming { following += awaitOffers() }
        return effects + [.connected(agreement)] + following
    }

    /// Pages that the host gives replace the guest's own (reference §2.3, §2.6).
    private mutating func takeMonitorPages(_ response: VersionResponse) -> [GuestEffect] {
        monitorPages = MonitorPages(
            parentToChild: configuration.parentToChildMonitorPage,
            childToParent: configuration.childToParentMonitorPage)
        guard let page = response.childToParentMonitorPage, page != 0 else { return [] }
        guard agreement.features.contains(.serverSpecifiedMonitorPages) else {
            return violation(
                "feature", "VERSION_RESPONSE.monitor_page_child_to_parent", Hexadecimal.prefixed(page),
                "the host gives monitor pages only where that was agreed on")
        }
        monitorPages = MonitorPages(
            parentToChild: response.parentToChildMonitorPage ?? 0, childToParent: page, isServerGiven: true)
        return []
    }

    /// Asks for all offers; once per connection (reference §3.5).
    ///
    /// - Throws: when the connection does not stand, or the offers were asked for.
    public mutating func requestOffers() throws(GuestRefusal) -> [GuestEffect] {
        try requireConnected()
        guard offers == .notRequested else { throw GuestRefusal("the offers were asked for already") }
        offers = .requested
        return post(.requestOffers)
    }
}

extension GuestConnection {
    /// Ends the connection. Where the profile has no message for it, it just ends (reference §2.7).
    public mutating func unload() -> [GuestEffect] {
        guard state == .connected else { return [] }
        let goodbye = postUnload()
        guard !goodbye.isEmpty, profile.awaitsUnloadComplete, agreement.version >= .windows7 else {
            return goodbye + ended()
        }
        state = .disconnecting
        return goodbye
    }

    /// The guest crashes: what other guests would wait for is polled for, up to a limit (reference §2.7).
    public mutating func crash() -> [GuestEffect] {
        guard state != .disconnected, state != .crashing else { return [] }
        let awaitsAnswer = state == .disconnecting || state == .suspending
        guard awaitsAnswer || state == .connected, case .poll(let interval, _) = profile.crashPath else {
            return ended()
        }
        let goodbye = awaitsAnswer ? [] : postUnload()
        guard awaitsAnswer || !goodbye.isEmpty, agreement.version >= .windows7 else { return goodbye + ended() }
        state = .crashing
        polls = 0
        return goodbye + [.pollMessagePages, nextPoll(interval)]
    }

    /// The guest starts over without a word.
    public mutating func reset() -> [GuestEffect] {
        guard state != .disconnected else { return [] }
        let effects = ended()
        reserved.removeAll()
        return effects
    }

    /// Nothing that still waits may come between: UNLOAD ends what it was about.
    mutating func postUnload() -> [GuestEffect] {
        unposted = []
        refusals = Refusals()
        held = []
        flow = .flowing
        modification = nil
        sockets.removeAll()
        guard agreement.version >= profile.unloadSince else { return [] }
        #if Mutations
            if configuration.mutation == .messageAfterUnload {
                return post(.unload) + post(.closeChannel(ChannelReference(relid: table.keys.first ?? 1)))
            }
        #endif
        return post(.unload)
    }

    private mutating func nextPoll(_ interval: UInt64) -> GuestEffect {
        wakes.poll = takeWake()
        return .wake(GuestWake(purpose: .poll, number: wakes.poll), afterMicroseconds: interval)
    }

    mutating func pollAgain() -> [GuestEffect] {
        guard state == .crashing, case .poll(let interval, let limit) = profile.crashPath else { return [] }
        polls += 1
        guard UInt64(polls).multipliedReportingOverflow(by: max(interval, 1)).partialValue < limit else {
            return [.unloadAbandoned, .clearMessageSlots] + ended()
        }
        return [.pollMessagePages, nextPoll(interval)]
    }

    mutating func unloadComplete() -> [GuestEffect] {
        switch state {
        case .crashing: return [.clearMessageSlots] + ended()
        case .suspending: return suspended()
        default: return ended()
        }
    }

    /// The host does not know of the goodbye; the connection ends all the same.
    mutating func unloadUnposted() -> [GuestEffect] {
        switch state {
        case .disconnecting, .crashing, .suspending: unloadComplete()
        case .disconnected, .connecting, .connected, .suspended, .resuming: []
        }
    }

    /// Everything of the connection goes, except the reserved channels (reference §3.11).
    mutating func ended() -> [GuestEffect] {
        state = .disconnected
        awaited.removeAll()
        forget()
        return [.unloaded]
    }

    mutating func forget() {
        for channel in table.elements where channel.state == .openReserved || channel.state == .closingReserved {
            reserved[channel.relid] = GuestReservedChannel(
                relid: channel.relid, targetVP: channel.targetVP, targetSINT: channel.targetSINT,
                pageLists: handles[channel.relid] ?? [], isClosing: channel.state == .closingReserved)
        }
        flow = .flowing
        offers = .notRequested
        table.removeAll()
        places = [:]
        lists.removeAll()
        handles = [:]
        late.removeAll()
        flags = [:]
        sockets.removeAll()
        modification = nil
        proposals = []
        unposted = []
        refusals = Refusals()
        held = []
        polls = 0
        wakes = Wakes(last: wakes.last)
        monitorPages = MonitorPages(
            parentToChild: configuration.parentToChildMonitorPage,
            childToParent: configuration.childToParentMonitorPage)
    }
}
