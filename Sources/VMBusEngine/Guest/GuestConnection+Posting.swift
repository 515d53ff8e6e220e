import VMBusWire

extension GuestConnection {
    /// Posts a message, behind those that wait: for RESUME, or for one that the hypervisor refused.
    mutating func post(_ message: ChannelMessage) -> [GuestEffect] {
        post(GuestPost(bytes: message.encoded(context: agreement), connectionID: messageConnection))
    }

    mutating func post(_ post: GuestPost) -> [GuestEffect] {
        if flow != .flowing {
            held.append(post)
            return []
        }
        if refusals.isWaiting {
            unposted.append(post)
            return []
        }
        return [.post(bytes: post.bytes, connectionID: post.connectionID)]
    }

    /// The hypervisor knows no connection of the id that a proposal went to: another id or version is tried at once.
    public mutating func postRefused() -> [GuestEffect] {
        contactRefused(.invalidConnectionID)
    }

    /// The hypervisor did not take a message. The messages that were to follow it are not posted but handed over with it,
    /// so that their order stays; until the first is taken, further ones wait behind them.
    ///
    /// - Parameters:
    ///   - result: What HvPostMessage returned for the first.
    ///   - posts: The refused message, then the untried ones in their order.
    public mutating func postRefused(_ result: PostResult, _ posts: [GuestPost]) -> [GuestEffect] {
        guard let first = posts.first else { return [] }
        if refusals.isWaiting {
            unposted += posts
            return []
        }
        if Self.type(of: first) == .initiateContact {
            if result == .invalidConnectionID { return postRefused() }
            if !result.isPassing { return givenUp(first, result) }
        }
        refusals = Refusals(post: first, count: refusals.post == first ? refusals.count + 1 : 1)
        guard result.isPassing, let delay = profile.retry.delay(after: refusals.count) else {
            refusals = Refusals()
            let handle = Self.handle(of: first)
            let following = posts.dropFirst().filter { handle == nil || Self.handle(of: $0) != handle }
            return givenUp(first, result)
                + following.map { .post(bytes: $0.bytes, connectionID: $0.connectionID) }
        }
        refusals.isWaiting = true
        unposted = posts
        wakes.retry = takeWake()
        return [.wake(GuestWake(purpose: .retry, number: wakes.retry), afterMicroseconds: delay)]
    }

    mutating func postAgain() -> [GuestEffect] {
        guard refusals.isWaiting else { return [] }
        refusals.isWaiting = false
        let posts = unposted
        unposted = []
        return posts.map { .post(bytes: $0.bytes, connectionID: $0.connectionID) }
    }

    static func type(of post: GuestPost) -> MessageType? {
        post.bytes.first.map { MessageType(rawValue: UInt32($0)) }
    }

    /// The page list that a message is a part of.
    private static func handle(of post: GuestPost) -> UInt32? {
        switch try? ChannelMessage.decode(post.bytes) {
        case .gpadlHeader(let header): header.gpadl
        case .gpadlBody(let body): body.gpadl
        default: nil
        }
    }

    /// A message is not tried again: whoever waits for its answer is told.
    private mutating func givenUp(_ post: GuestPost, _ result: PostResult) -> [GuestEffect] {
        guard let type = Self.type(of: post) else { return [] }
        let failure: [GuestEffect] = [.postFailed(type, result)]
        guard let message = try? ChannelMessage.decode(post.bytes, context: agreement) else { return failure }
        switch message {
        case .initiateContact: return failure + contactRefused(result)
        // A host that has sent offers has the request, whatever the hypervisor says.
        case .requestOffers: if offers == .requested, table.count == 0 { offers = .notRequested }
        case .gpadlHeader(let header): return failure + pageListUnposted(header.gpadl)
        case .gpadlBody(let body): return failure + pageListUnposted(body.gpadl)
        case .gpadlTeardown(let teardown): return failure + teardownUnposted(teardown.gpadl)
        case .openChannel(let open): return failure + openUnposted(open.relid, .opening)
        case .openReservedChannel(let open): return failure + openUnposted(open.relid, .openingReserved)
        case .closeReservedChannel(let close): closeReservedUnposted(close.relid)
        case .modifyChannel(let modify):
            guard table[modify.relid]?.isModifying == true else { return failure }
            return failure + modified(ModifyChannelResponse(relid: modify.relid, status: .unexpected))
        case .modifyConnection: return failure + (modification == nil ? [] : connectionModified(.unknownFailure))
        case .tlConnectRequest(let request): return failure + socketUnposted(request)
        case .pause:
            guard flow == .pausing else { return failure }
            flow = .flowing
            return failure + postHeld()
        case .unload: return failure + unloadUnposted()
        default: break
        }
        return failure
    }
}
