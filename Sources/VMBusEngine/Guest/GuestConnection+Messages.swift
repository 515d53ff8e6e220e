import VMBusWire

extension GuestConnection {
    /// Takes in one message of the host: the valid bytes of a slot.
    public mutating func receive(_ bytes: [UInt8]) -> [GuestEffect] {
        guard bytes.count <= SynIC.maximumPayload else {
            return violation("well-formed", "SYNIC_MESSAGE.payload_size", String(bytes.count), "at most 240")
        }
        let message: ChannelMessage
        do throws(WireError) {
            message = try ChannelMessage.decode(bytes, context: agreement)
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        if let violation = refusal(of: message) { return [.violation(violation)] }
        switch message {
        case .versionResponse(let response): return versionResponse(response)
        case .unloadComplete: return unloadComplete()
        case .closeReservedResponse(let reference): return reservedClosed(reference.relid)
        default: break
        }
        // Whatever else comes while the connection ends is about things that the end takes away.
        guard state == .connected else { return [] }
        switch message {
        case .offerChannel(let offer): return offered(offer)
        case .allOffersDelivered: return offersDelivered()
        case .rescindChannelOffer(let reference): return rescinded(reference.relid)
        case .openChannelResult(let result): return openResult(result)
        case .gpadlCreated(let created): return pageListCreated(created)
        case .gpadlTorndown(let torndown): return pageListTorndown(torndown.gpadl)
        case .modifyChannelResponse(let response): return modified(response)
        case .tlConnectResult(let result): return socketAnswered(result)
        case .modifyConnectionResponse(let response): return connectionModified(response.connectionState)
        case .pauseResponse: return paused()
        default: return []
        }
    }

    /// The direction, version and state that every message of the host must fit.
    private func refusal(of message: ChannelMessage) -> ProtocolViolation? {
        guard let facts = message.type.facts else { return nil }
        func violation(_ rule: String, _ value: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(rule: rule, place: facts.name, value: value, explanation: explanation)
        }
        if facts.direction != .hostToGuest {
            return violation("direction", "from the host", "only a guest sends this message")
        }
        switch (state, message) {
        case (.connecting, .versionResponse), (.resuming, .versionResponse): return nil
        case (_, .versionResponse):
            return violation("contact-first", "while \(stateWord)", "a proposal is answered once")
        case (.disconnecting, .unloadComplete), (.crashing, .unloadComplete), (.suspending, .unloadComplete): return nil
        case (_, .unloadComplete):
            return violation("unload-answered-once", "while \(stateWord)", "a goodbye is answered once")
        case (_, .closeReservedResponse) where !reserved.elements.isEmpty: return nil
        case (.connected, _), (.disconnecting, _), (.crashing, _), (.suspending, _): break
        case (.disconnected, _), (.connecting, _), (.suspended, _), (.resuming, _):
            return violation("contact-first", "while \(stateWord)", "the connection does not stand")
        }
        if facts.version > agreement.version {
            return violation(
                "version", agreement.version.description, "the message came with version \(facts.version)")
        }
        if !agreement.features.isSuperset(of: facts.feature) {
            return violation("feature", agreement.features.meaning ?? "none", "the feature was not agreed on")
        }
        if flow == .paused {
            return violation("paused", facts.name, "a paused host sends nothing until it is resumed")
        }
        return nil
    }

    private var stateWord: String {
        switch state {
        case .disconnected: "disconnected"
        case .connecting(let version): "connecting(\(version))"
        case .connected: "connected"
        case .disconnecting: "disconnecting"
        case .crashing: "crashing"
        case .suspending: "suspending"
        case .suspended: "suspended"
        case .resuming(let version): "resuming(\(version))"
        }
    }

    /// A time that was asked for has passed.
    public mutating func wake(_ wake: GuestWake) -> [GuestEffect] {
        switch wake.purpose {
        case .retry: wake.number == wakes.retry ? postAgain() : []
        case .poll: wake.number == wakes.poll ? pollAgain() : []
        case .missingOffers: wake.number == wakes.missingOffers ? nameMissingOffers() : []
        case .socket(let endpoint): sockets[endpoint]?.wake == wake.number ? socketTimedOut(endpoint) : []
        }
    }

    mutating func takeWake() -> UInt32 {
        wakes.last = wakes.last == .max ? 1 : wakes.last + 1
        return wakes.last
    }
}

extension GuestConnection {
    /// Asks the host to hold its messages (feature 0x20). The guest's own messages wait too, until `resumeMessages`.
    ///
    /// - Throws: when the connection does not stand, the feature was not agreed on, or messages do not flow.
    public mutating func pauseMessages() throws(GuestRefusal) -> [GuestEffect] {
        try requireConnected()
        try requireFeature(.pauseResume)
        guard flow == .flowing else { throw GuestRefusal("the host has been asked to pause already") }
        let effects = post(.pause)
        flow = .pausing
        return effects
    }

    /// Lets messages flow again, in both directions. There is no answer.
    ///
    /// - Throws: when the host does not hold its messages.
    public mutating func resumeMessages() throws(GuestRefusal) -> [GuestEffect] {
        try requireConnected()
        guard flow == .paused else { throw GuestRefusal("the host holds no messages") }
        flow = .flowing
        return post(.resume) + postHeld()
    }

    mutating func postHeld() -> [GuestEffect] {
        let posts = held
        held = []
        return posts.flatMap { post($0) }
    }

    private mutating func paused() -> [GuestEffect] {
        guard flow == .pausing else {
            return violation("pause-answered-once", "PAUSE_RESPONSE", "\(flow)", "the host was not asked to pause")
        }
        flow = .paused
        return [.messagesPaused]
    }

    /// Gives the host other monitor pages (feature 0x04); both addresses 0 for none. In guest-physical bytes.
    ///
    /// - Throws: when the feature was not agreed on, the host gave the pages, exactly one address is 0, or the last change
    ///   is not answered.
    public mutating func modifyConnection(
        parentToChild: UInt64, childToParent: UInt64
    ) throws(GuestRefusal) -> [GuestEffect] {
        try requireConnected()
        try requireFeature(.modifyConnection)
        guard !monitorPages.isServerGiven else { throw GuestRefusal("the host gave the monitor pages itself") }
        guard (parentToChild == 0) == (childToParent == 0) else {
            throw GuestRefusal("both monitor pages are given, or none")
        }
        guard modification == nil else { throw GuestRefusal("the last change of the monitor pages is not answered") }
        let pages = MonitorPages(parentToChild: parentToChild, childToParent: childToParent)
        modification = pages
        return post(.modifyConnection(pages.message))
    }

    mutating func connectionModified(_ result: ConnectionState) -> [GuestEffect] {
        guard let pages = modification else {
            return violation(
                "modify-answered-once", "MODIFY_CONNECTION_RESPONSE.connection_state", String(result.rawValue),
                "no such change waits for an answer")
        }
        modification = nil
        if result == .successful { monitorPages = pages }
        return [.connectionModified(result)]
    }

    func requireConnected() throws(GuestRefusal) {
        guard state == .connected else { throw GuestRefusal("the connection does not stand") }
    }

    func requireFeature(_ feature: FeatureFlags) throws(GuestRefusal) {
        guard agreement.features.isSuperset(of: feature) else {
            throw GuestRefusal("the feature \(feature.meaning ?? "") was not agreed on")
        }
    }
}
