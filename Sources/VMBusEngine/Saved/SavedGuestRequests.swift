import VMBusWire

extension GuestConnection {
    /// The wakes that a restored connection still waits for; those of before the restore mean nothing to it.
    mutating func restoredWakes() -> [GuestEffect] {
        var effects: [GuestEffect] = []
        if refusals.isWaiting {
            wakes.retry = takeWake()
            effects.append(
                .wake(
                    GuestWake(purpose: .retry, number: wakes.retry),
                    afterMicroseconds: profile.retry.delay(after: refusals.count) ?? 0))
        }
        if state == .crashing, case .poll(let interval, _) = profile.crashPath {
            wakes.poll = takeWake()
            effects += [
                .pollMessagePages,
                .wake(GuestWake(purpose: .poll, number: wakes.poll), afterMicroseconds: interval),
            ]
        }
        if state == .connected { effects += awaitOffers() }
        guard let limit = profile.socketLimit else { return effects }
        for endpoint in sockets.keys {
            let number = takeWake()
            sockets[endpoint]?.wake = number
            effects.append(
                .wake(GuestWake(purpose: .socket(endpoint), number: number), afterMicroseconds: limit))
        }
        return effects
    }

    /// The requests that are not answered, as posts, except those that still wait to be posted at all.
    func repeatedRequests() -> [GuestEffect] {
        var messages: [ChannelMessage] = []
        switch state {
        case .connecting(let version), .resuming(let version): messages = [.initiateContact(contact(version))]
        case .disconnecting, .crashing, .suspending: messages = [.unload]
        case .connected: messages = flow == .paused ? [] : connectedRequests()
        case .disconnected, .suspended: break
        }
        messages += reserved.elements.filter(\.isClosing).map {
            Self.closeReserved($0.relid, $0.targetVP, $0.targetSINT)
        }
        let waiting = Set(unposted + held)
        return messages.compactMap { message in
            let post = GuestPost(bytes: message.encoded(context: agreement), connectionID: messageConnection)
            return waiting.contains(post) ? nil : .post(bytes: post.bytes, connectionID: post.connectionID)
        }
    }

    private func connectedRequests() -> [ChannelMessage] {
        var messages: [ChannelMessage] = offers == .requested ? [.requestOffers] : []
        if let modification { messages.append(.modifyConnection(modification.message)) }
        for list in lists.elements {
            switch list.state {
            case .creating: messages += list.list.messages(relid: list.relid, handle: list.handle) ?? []
            case .created: break
            case .tearingDown: messages.append(.gpadlTeardown(GPADLTeardown(relid: list.relid, gpadl: list.handle)))
            }
        }
        for channel in table.elements {
            switch channel.state {
            case .opening, .openingReserved:
                if let open = try? ChannelMessage.decode(channel.request, context: agreement) { messages.append(open) }
            case .closingReserved:
                messages.append(Self.closeReserved(channel.relid, channel.targetVP, channel.targetSINT))
            case .closed, .open, .openReserved: break
            }
            if channel.isModifying, !channel.isRescinded {
                messages.append(.modifyChannel(ModifyChannel(relid: channel.relid, targetVP: channel.targetVP)))
            }
        }
        messages += sockets.elements.map { .tlConnectRequest($0.request) }
        if flow == .pausing { messages.append(.pause) }
        return messages
    }

    private static func closeReserved(_ relid: UInt32, _ targetVP: UInt32, _ targetSINT: UInt32) -> ChannelMessage {
        var message = CloseReservedChannel()
        (message.relid, message.targetVP, message.targetSINT) = (relid, targetVP, targetSINT)
        return .closeReservedChannel(message)
    }
}
