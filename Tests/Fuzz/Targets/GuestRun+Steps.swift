import VMBusEngine
import VMBusWire

extension GuestRun {
    /// What one number says.
    mutating func step(_ feed: inout ByteFeed) throws(GuestRefusal) -> [GuestEffect] {
        switch feed.next(below: 32) {
        case 0: return guest.receive(feed.piece())
        case 1: return guest.connect()
        case 2: return answer(0, .success)
        case 3: return answer(feed.next(below: 16), .success)
        case 4: return answer(feed.next(below: 4), MessageStatus(rawValue: feed.next()))
        case 5: return guest.receive(offer(&feed))
        case 6: return offers(&feed)
        case 7: return receive(.rescindChannelOffer(ChannelReference(relid: relid(&feed))))
        case 8: return try createPageList(&feed)
        case 9: return try open(&feed)
        case 10: return try guest.close(relid: relid(&feed))
        case 11: return try guest.modify(relid: relid(&feed), targetVP: UInt32(feed.next(UInt8.self)))
        case 12: return try guest.release(relid: relid(&feed))
        case 13: return try guest.tearDownPageList(feed.choose(guest.pageLists)?.handle ?? feed.next())
        case 14: return try connectSocket(UInt16(feed.next(UInt8.self) & 3), &feed)
        case 15: return connectSockets(&feed)
        case 16: return guest.unload()
        case 17: return guest.crash()
        case 18: return feed.next(below: 4) == 0 ? guest.reset() : []
        case 19: return try guest.suspend()
        case 20: return try guest.resume()
        case 21:
            return try guest.openReserved(
                relid: relid(&feed), pageList: handle(&feed), targetVP: UInt32(feed.next(UInt8.self)),
                downstreamPageOffset: UInt32(feed.next(UInt8.self)))
        case 22: return try guest.closeReserved(relid: reservedRelid(&feed))
        case 23: return try guest.pauseMessages()
        case 24: return try guest.resumeMessages()
        case 25:
            let pages = UInt64(feed.next(below: 4))
            return try guest.modifyConnection(
                parentToChild: (pages & 1) * 0x5000, childToParent: (pages >> 1) * 0x6000)
        case 26: return wake(&feed)
        case 27: return pollToTheEnd()
        case 28: return refusePosts(&feed)
        case 29: return guest.postRefused()
        case 30: return saveAndRestore(&feed)
        default: return try guest.requestOffers()
        }
    }

    // MARK: What the host says

    mutating func receive(_ message: ChannelMessage) -> [GuestEffect] {
        guest.receive(message.encoded(context: guest.agreement))
    }

    private func offer(_ feed: inout ByteFeed) -> [UInt8] {
        var offer = OfferChannel()
        offer.relid = UInt32(feed.next(UInt8.self))
        let device = feed.next(UInt8.self)
        offer.interfaceType = GUID(0, 0, 0, UInt64(device >> 6))
        offer.interfaceInstance = GUID(0, 0, 0, UInt64(device & 7))
        offer.subchannelIndex = UInt16(device >> 3 & 3)
        // A number that the low bits do not tell, as some hosts' connection ids are.
        offer.connectionID = offer.relid &+ 0x10000
        let options = feed.next(UInt8.self)
        if options & 1 != 0 { offer.flags.insert(.tlnpiProvider) }
        if options & 2 != 0 { offer.flags.insert(.confidentialRingBuffer) }
        if options & 4 != 0 { offer.flags.insert(.confidentialExternalMemory) }
        offer.monitorAllocated = options >> 3 & 1
        offer.monitorID = options
        offer.isDedicatedInterrupt = UInt16(options >> 4 & 1)
        return ChannelMessage.offerChannel(offer).encoded(context: guest.agreement)
    }

    /// Offers of many devices.
    private mutating func offers(_ feed: inout ByteFeed) -> [GuestEffect] {
        let first = UInt32(feed.next(UInt8.self)) * 8
        let count = UInt32(feed.next(below: 32))
        var effects: [GuestEffect] = []
        for number in 0..<count {
            var offer = OfferChannel()
            offer.relid = first + number
            offer.interfaceInstance = GUID(0, 0, 1, UInt64(first + number))
            effects += receive(.offerChannel(offer))
        }
        mayPost += effects.count
        return effects
    }

    // MARK: What drivers wish

    /// A channel that there is, or any number.
    private func relid(_ feed: inout ByteFeed) -> UInt32 {
        let number = UInt32(feed.next(UInt8.self))
        let channels = guest.channels
        guard number < 0xF0, !channels.isEmpty else { return number }
        return channels[Int(number) % channels.count].relid
    }

    private func reservedRelid(_ feed: inout ByteFeed) -> UInt32 {
        let reserved = guest.reservedChannels
        return feed.next(below: 2) == 0 ? relid(&feed) : feed.choose(reserved)?.relid ?? 1
    }

    private func handle(_ feed: inout ByteFeed) -> UInt32 { feed.choose(guest.pageLists)?.handle ?? feed.next() }

    private mutating func createPageList(_ feed: inout ByteFeed) throws(GuestRefusal) -> [GuestEffect] {
        let count = UInt64(feed.next(UInt8.self))
        let relid = relid(&feed)
        var list = PageList(pages: (0...count).map { 0x1000 + $0 }) ?? PageList(ranges: [])
        // A list of two ranges holds no rings.
        if count == 255 { list.ranges.append(GPARange(byteCount: 100, byteOffset: 50, pages: [7])) }
        mayPost += list.messages(relid: relid, handle: 1)?.count ?? 0
        let (handle, effects) = try guest.createPageList(relid: relid, list)
        listsMade += 1
        note(guest.pageList(handle)?.list == list, "a page list is another one than was asked for")
        return effects
    }

    private mutating func open(_ feed: inout ByteFeed) throws(GuestRefusal) -> [GuestEffect] {
        let (relid, handle) = (relid(&feed), handle(&feed))
        let (target, offset, choices) = (feed.next(UInt8.self), feed.next(UInt8.self), feed.next(UInt8.self))
        var options = OpenOptions()
        if choices & 1 != 0 { options.eventFlag = UInt16(choices) << 4 }
        if choices & 2 != 0 { options.connectionID = 0x20000 }
        options.redirectsInterrupt = choices & 4 != 0
        if choices & 8 != 0 { options.userData = [UInt8](repeating: choices, count: 120) }
        return try guest.open(
            relid: relid, pageList: handle,
            targetVP: target == 255 ? OpenChannel.interruptsDisabled : UInt32(target),
            downstreamPageOffset: UInt32(offset), options: options)
    }

    private mutating func connectSocket(
        _ number: UInt16, _ feed: inout ByteFeed
    ) throws(GuestRefusal) -> [GuestEffect] {
        let request = TLConnectRequest(
            endpointID: GUID(0, 0, 2, UInt64(number)), serviceID: GUID(0, 0, 0, UInt64(feed.next(below: 4))),
            siloID: feed.next(below: 2) == 0 ? nil : GUID(9, 9, 9, 9))
        let effects = try guest.connectSocket(request)
        sockets.insert(request.endpointID)
        return effects
    }

    /// Wishes for many connections; those that are refused change nothing.
    private mutating func connectSockets(_ feed: inout ByteFeed) -> [GuestEffect] {
        let first = UInt16(feed.next(UInt8.self)) * 2
        var effects: [GuestEffect] = []
        for number in 0..<UInt16(feed.next(below: 160)) {
            var same = ByteFeed([])
            mayPost += 2
            effects += (try? connectSocket(first + number, &same)) ?? []
        }
        return effects
    }

    // MARK: What the hypervisor and the clock do

    /// A time has passed, or one that is not meant any more; the second time it means nothing.
    private mutating func wake(_ feed: inout ByteFeed) -> [GuestEffect] {
        guard let wake = feed.choose(wakes) else { return [] }
        let effects = guest.wake(wake)
        let once = guest
        note(guest.wake(wake).isEmpty && guest == once, "a wake counted twice: \(wake)")
        return effects
    }

    /// A crashing guest that gets no answer goes on without it.
    private mutating func pollToTheEnd() -> [GuestEffect] {
        var polls = 0
        var effects: [GuestEffect] = []
        while guest.state == .crashing, polls <= 10_001 {
            guard let wake = wakes.last(where: { $0.purpose == .poll }) else { break }
            effects = guest.wake(wake)
            for case .wake(let wake, _) in effects { wakes = [wake] }
            polls += 1
            if effects.isEmpty { break }
        }
        note(polls <= 10_000, "a crashing guest polled \(polls) times")
        return effects
    }

    /// The hypervisor did not take one of the last messages, and those behind it were not tried.
    private mutating func refusePosts(_ feed: inout ByteFeed) -> [GuestEffect] {
        let results: [PostResult] = [
            .insufficientBuffers, .insufficientMemory, .timeout, .invalidConnectionID, .invalidParameter, .accessDenied,
        ]
        let result = feed.choose(results) ?? .timeout
        let refused = Array(justPosted.suffix(feed.next(below: 4) + 1))
        posted.removeLast(min(refused.count, posted.count))
        // A proposal that is given up makes room for the next one.
        mayPost += refused.count
        return guest.postRefused(result, refused)
    }

    // MARK: What is saved

    /// The guest goes on from its saved state. A host that may have missed something is asked once more.
    private mutating func saveAndRestore(_ feed: inout ByteFeed) -> [GuestEffect] {
        guard restores < mostRestores else { return [] }
        restores += 1
        let state = guest.saved()
        let repeats = feed.next(below: 2) == 0
        do throws(RestoreError) {
            let restored = try GuestConnection.restore(state, configuration: configuration, repeatsRequests: repeats)
            note(restored.connection.saved() == state, "a guest that was taken up is saved in another way")
            guest = restored.connection
            mayPost += restored.effects.count
            return restored.effects
        } catch {
            note(false, "a guest does not take up what it saved: \(error)")
            return []
        }
    }
}
