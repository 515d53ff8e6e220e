public import VMBusWire

extension HostConnection {
    /// INITIATE_CONTACT (reference §2.5, §8.4).
    mutating func contact(_ request: ContactRequest) throws(ProtocolViolation) -> [HostEffect] {
        if request.features.contains(.clientID), request.message.clientID == nil {
            throw ProtocolViolation(
                rule: "client-id", place: "INITIATE_CONTACT.client_id", value: "missing",
                explanation: "the feature client_id brings the id")
        }
        if let vtl = request.targetVTL, vtl != configuration.vtl { return [.forward(request)] }
        let target = request.target
        guard target.sint == SynIC.vmbusSINT else {
            let violation = self.violation(
                "contact-sint", "INITIATE_CONTACT.target_sint", String(target.sint),
                "this host's messages go to source \(SynIC.vmbusSINT) only")
            guard target.sint < SynIC.sourceCount else { return violation }
            return reply(.versionResponse(VersionResponse(supported: false)), to: target) + violation
        }
        let action: NextAction = isSupported(request.message.version) ? .contact(request) : .refuse(request)
        switch state {
        case .connected:
            if !configuration.profile.allowsSecondContact {
                return send(.versionResponse(VersionResponse(supported: false)))
                    + violation(
                        "second-contact", "INITIATE_CONTACT", "while connected",
                        "this host wants UNLOAD before it is contacted again")
            }
            return disconnect(then: action)
        case .connecting(let first, _):
            state = .connecting(first, then: action)
            return []
        case .disconnecting:
            state = .disconnecting(then: action)
            return []
        case .disconnected: return answer(request)
        }
    }

    private func isSupported(_ version: ProtocolVersion) -> Bool {
        ProtocolVersion.all.contains(version) && version <= configuration.maximumVersion
    }

    private mutating func answer(_ request: ContactRequest) -> [HostEffect] {
        targetVP = request.target.vp
        guard isSupported(request.message.version) else {
            agreement = WireContext(version: .windows2008)
            return send(.versionResponse(VersionResponse(supported: false)))
        }
        agreement = WireContext(version: request.message.version)
        if request.hasOneMonitorPage {
            return failedContact(.unknownFailure)
                + violation(
                    "monitor-pages", "INITIATE_CONTACT.monitor_page_parent_to_child",
                    Hexadecimal.prefixed(request.message.parentToChildMonitorPage),
                    "both monitor pages are given, or none")
        }
        isTrusted = request.isTrusted
        guard configuration.awaits.contains(.contacts) else { return establish(request) }
        state = .connecting(request, then: .none)
        return [.contact(request)]
    }

    /// Below 2.4 a guest knows yes and no only (reference §2.5).
    private mutating func failedContact(_ reason: ConnectionState) -> [HostEffect] {
        let tells = agreement.version >= .windows8 && configuration.profile.reportsConnectionState
        let response = VersionResponse(supported: tells, connectionState: tells ? reason : .successful)
        return send(.versionResponse(response))
    }

    private mutating func establish(_ request: ContactRequest) -> [HostEffect] {
        let version = request.message.version
        var offered = configuration.features
        if !request.isTrusted { offered.remove(.confidentialChannels) }
        let features = request.features.intersection(offered)
        agreement = WireContext(version: version, features: features)
        clientID = features.contains(.clientID) ? request.message.clientID : nil
        interruptPage = request.interruptPage
        let given = features.contains(.serverSpecifiedMonitorPages) ? configuration.monitorPages : nil
        monitorPages = given ?? request.monitorPages
        monitorPagesAreHosts = given != nil
        state = .connected
        var response = VersionResponse(
            supported: true,
            versionOrConnectionID: version >= .redstone3MultiClient
                ? configuration.messageConnection : version.rawValue,
            features: version >= .copper ? features : nil)
        response.parentToChildMonitorPage = given?.parentToChild
        response.childToParentMonitorPage = given?.childToParent
        let answer = send(.versionResponse(response)) + [.connected(agreement)]
        #if Mutations
            if configuration.mutation == .offersBeforeRequest { return answer + ((try? requestOffers()) ?? []) }
        #endif
        return answer
    }

    /// The surroundings are ready for the guest.
    public mutating func contactAccepted() -> [HostEffect] {
        guard case .connecting(let request, var action) = state else { return [] }
        // The newest version may have been lowered since they were asked.
        if action == .none, !isSupported(request.message.version) { action = .refuse(request) }
        guard action == .none else {
            state = .disconnected
            return [.disconnected] + follow(action)
        }
        return establish(request)
    }

    /// The surroundings do not want the guest.
    public mutating func contactRefused(_ reason: ConnectionState = .unknownFailure) -> [HostEffect] {
        guard case .connecting(_, let action) = state else { return [] }
        state = .disconnected
        isTrusted = false
        return action == .none ? failedContact(reason) : follow(action)
    }

    /// What comes when nothing of the connection is left.
    private mutating func follow(_ action: NextAction) -> [HostEffect] {
        isTrusted = false
        if let version = delayedMaximumVersion {
            configuration.maximumVersion = version
            delayedMaximumVersion = nil
        }
        switch action {
        case .none: return []
        case .reset: return channels.contains { $0.reservation != nil } ? disconnect(then: .reset) : []
        case .unloadComplete:
            return configuration.profile.answersUnload ? send(.unloadComplete, since: .windows7) : []
        case .contact(let request), .refuse(let request): return answer(request)
        }
    }

    /// Accepts no version above this one: from now on, or, where a running loader is to keep its newer one, from the end of
    /// the next connection on. A connection that stands keeps its version.
    public mutating func limitVersion(to version: ProtocolVersion, afterNextConnection: Bool = false) {
        if afterNextConnection { delayedMaximumVersion = version } else { configuration.maximumVersion = version }
    }
}

// MARK: - The end of a connection

extension HostConnection {
    /// UNLOAD (reference §2.7). A guest that crashes sends it in every state in which it has begun a contact.
    mutating func unload() -> [HostEffect] {
        switch state {
        case .connecting(let request, _):
            state = .connecting(request, then: .unloadComplete)
            return []
        case .disconnecting:
            state = .disconnecting(then: .unloadComplete)
            return []
        case .connected, .disconnected: return disconnect(then: .unloadComplete)
        }
    }

    /// The guest is gone without a word: reset, crash, switched off.
    ///
    /// - Parameter abandoning: whether not to wait for devices and surroundings that owe an answer. The effect `abandoned`
    ///   names the devices; they must not answer any more.
    public mutating func reset(abandoning: Bool = false) -> [HostEffect] {
        var effects: [HostEffect] = []
        switch state {
        case .disconnected:
            if channels.contains(where: { $0.reservation != nil || $0.isLeaving }) {
                effects = disconnect(then: .reset)
            }
        case .connected: effects = disconnect(then: .reset)
        case .connecting(let request, _):
            state = .connecting(request, then: .reset)
            if abandoning { effects = contactRefused() }
        case .disconnecting: effects = disconnect(then: .reset)
        }
        if abandoning { effects += abandon() }
        return effects
    }

    private mutating func abandon() -> [HostEffect] {
        guard case .disconnecting = state else { return [] }
        var effects: [HostEffect] = []
        for key in owing.sorted() {
            guard let index = position(key) else { continue }
            effects.append(.abandoned(key))
            effects += removeLists(at: index)
            channels[index].ringList = nil
            channels[index].state = .clientReleased
        }
        owing = []
        return effects + finishDisconnect()
    }

    /// Everything is closed and let go of; the action follows when the devices have answered. Reserved channels stay, unless
    /// the guest is gone (reference §3.11).
    mutating func disconnect(then action: NextAction) -> [HostEffect] {
        isPaused = false
        held = []
        sockets = []
        pageChange = nil
        state = .disconnecting(then: action)
        var effects: [HostEffect] = []
        for index in channels.indices {
            guard action == .reset || channels[index].reservation == nil else {
                dropUnfinishedLists(at: index)
                continue
            }
            effects += letGo(at: index)
            if owes(index) { owing.insert(channels[index].key) }
        }
        for channel in channels where channel.state == .revoked { forget(channel) }
        channels.removeAll { $0.state == .revoked }
        return effects + finishDisconnect()
    }

    /// Whether the channel's device has something left to answer for a guest that is gone.
    private func owes(_ index: Int) -> Bool { channels[index].isLeaving || !channels[index].lists.isEmpty }

    /// The guest holds the channel no more: what its device has of it is taken back.
    mutating func letGo(at index: Int) -> [HostEffect] {
        var effects: [HostEffect] = []
        let key = channels[index].key
        switch channels[index].state {
        case .open:
            effects.append(.close(key))
            channels[index].state = .closingClientRelease
        case .closing, .closingReopen: channels[index].state = .closingClientRelease
        case .opening(let request): channels[index].state = .openingClientRelease(request)
        case .closed: channels[index].state = .clientReleased
        case .clientReleased, .closingClientRelease, .openingClientRelease: break
        case .revoked: return removeLists(at: index)
        case .reoffered:
            // The device that had the lists is gone, and the new one knows none.
            channels[index].state = .clientReleased
            return removeLists(at: index)
        }
        channels[index].moving = nil
        channels[index].nextMove = nil
        channels[index].offerWaits = false
        return effects + takeBackLists(at: index)
    }

    /// A device has answered: goes on with the disconnect once no device has anything left to do, or with a late offer.
    mutating func settled(_ key: HostChannelKey) -> [HostEffect] {
        let index = position(key)
        if let index, owes(index) { return [] }
        owing.remove(key)
        if let index, channels[index].offerWaits { return offer(at: index) }
        return finishDisconnect()
    }

    mutating func finishDisconnect() -> [HostEffect] {
        guard case .disconnecting(let action) = state, owing.isEmpty else { return [] }
        for index in channels.indices where channels[index].reservation == nil { releaseNumber(at: index) }
        state = .disconnected
        monitorPages = nil
        monitorPagesAreHosts = false
        interruptPage = nil
        clientID = nil
        offersSent = false
        return [.disconnected] + follow(action)
    }
}

// MARK: - Monitor pages

extension HostConnection {
    /// MODIFY_CONNECTION (reference §3.14, §8.7).
    mutating func modifyConnection(_ message: ModifyConnection) -> [HostEffect] {
        func refused(_ value: String, _ explanation: String) -> [HostEffect] {
            violation("modify-connection", "MODIFY_CONNECTION", value, explanation)
        }
        if pageChange != nil {
            return answerPageChange(.unknownFailure)
                + refused("a second change", "one change of the connection runs at a time")
        }
        if monitorPagesAreHosts {
            return answerPageChange(.unknownFailure) + refused("the host's pages", "the guest cannot move them")
        }
        let (first, second) = (message.parentToChildMonitorPage, message.childToParentMonitorPage)
        guard (first == 0) == (second == 0) else {
            return answerPageChange(.unknownFailure) + refused("one page", "both monitor pages are given, or none")
        }
        let pages = second == 0 ? nil : MonitorPages(parentToChild: first, childToParent: second)
        pageChange = PageChange(pages: pages)
        return configuration.awaits.contains(.connectionChanges)
            ? [.modifyConnection(pages)] : connectionModified(.successful)
    }

    private mutating func answerPageChange(_ state: ConnectionState) -> [HostEffect] {
        var response = ModifyConnectionResponse()
        response.connectionState = state
        return send(.modifyConnectionResponse(response))
    }

    /// The surroundings have changed the monitor pages, or have not.
    public mutating func connectionModified(_ result: ConnectionState) -> [HostEffect] {
        guard state == .connected, let change = pageChange else { return [] }
        pageChange = nil
        if result == .successful { monitorPages = change.pages }
        return answerPageChange(result)
    }
}
