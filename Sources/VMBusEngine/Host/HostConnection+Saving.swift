import VMBusWire

extension HostConnection {
    /// The connection as bytes, from which `restore` makes the same again: on another host, or after a restart. The same state
    /// gives the same bytes.
    public func saved() -> [UInt8] {
        var saved = SavedHost()
        switch state {
        case .disconnected: saved.state = 0
        case .connecting(let request, let action):
            saved.state = 1
            saved.contact = SavedContact(request)
            saved.keep(action)
        case .connected: saved.state = 2
        case .disconnecting(let action):
            saved.state = 3
            saved.keep(action)
        }
        func keep<Value>(
            _ value: Value?, _ flag: SavedHost.HostFlags, _ place: WritableKeyPath<SavedHost, Value>
        ) {
            guard let value else { return }
            saved.flags.insert(flag)
            saved[keyPath: place] = value
        }
        if offersSent { saved.flags.insert(.offersSent) }
        if isPaused { saved.flags.insert(.paused) }
        if isTrusted { saved.flags.insert(.trusted) }
        if monitorPagesAreHosts { saved.flags.insert(.hostPages) }
        if pageChange != nil { saved.flags.insert(.modifying) }
        keep(monitorPages.map { [$0.parentToChild, $0.childToParent] }, .pages, \.pages)
        keep(pageChange?.pages.map { [$0.parentToChild, $0.childToParent] }, .newPages, \.newPages)
        keep(interruptPage, .interruptPage, \.interruptPage)
        keep(clientID, .clientID, \.clientID)
        keep(delayedMaximumVersion, .delayedVersion, \.delayedVersion)
        if state != .disconnected {
            saved.version = agreement.version
            saved.features = agreement.features
            saved.targetVP = targetVP
        }
        saved.nextAge = nextListAge
        saved.channels = channels.sorted { $0.identity < $1.identity }.map { SavedHostChannel($0) }
        saved.held = held.map { SavedMessage($0) }
        saved.sockets = sockets.map { SavedSocket($0) }
        return saved.encoded()
    }
}

extension SavedHost {
    fileprivate mutating func keep(_ action: HostConnection.NextAction) {
        switch action {
        case .none: next = 0
        case .reset: next = 1
        case .unloadComplete: next = 2
        case .contact(let request):
            next = 3
            nextContact = SavedContact(request)
        case .refuse(let request):
            next = 4
            nextContact = SavedContact(request)
        }
    }
}
