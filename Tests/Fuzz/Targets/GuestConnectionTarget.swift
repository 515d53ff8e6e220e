import VMBusEngine
import VMBusWire

/// A guest's end of the bus: messages of a host that knows the rules, or does not, between the wishes of drivers.
func fuzzGuestConnection(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var configuration = GuestConnection.Configuration()
    configuration.versions = Array(configuration.versions.dropFirst(feed.next(below: 11)))
    var run = GuestRun(guest: GuestConnection(configuration))
    try run.take(run.guest.connect())
    while !feed.isEmpty { try run.go(&feed) }
}

struct GuestRun {
    var guest: GuestConnection
    /// What was posted and not answered yet, oldest first.
    private var posted: [ChannelMessage] = []
    var listsMade = 0

    init(guest: GuestConnection) { self.guest = guest }

    /// One step, with all that must hold behind it.
    mutating func go(_ feed: inout ByteFeed) throws(Finding) {
        let before = guest
        let effects: [GuestEffect]
        do throws(GuestRefusal) {
            effects = try step(&feed)
        } catch {
            return try require(guest == before, "a refused wish changed the guest: \(error)")
        }
        try take(effects, before: before)
        try checkState()
    }

    private mutating func step(_ feed: inout ByteFeed) throws(GuestRefusal) -> [GuestEffect] {
        switch feed.next(below: 18) {
        case 0, 1: return guest.receive(feed.piece())
        case 2: return guest.connect()
        case 3, 4: return answer(.success, &feed)
        case 5: return answer(MessageStatus(rawValue: feed.next()), &feed)
        case 6, 7: return guest.receive(offer(&feed))
        case 8: return receive(.rescindChannelOffer(ChannelReference(relid: relid(&feed))))
        case 9, 10:
            let pages = (0..<UInt64(feed.next(UInt8.self)) + 1).map { 0x1000 + $0 }
            guard let list = PageList(pages: pages) else { return [] }
            let (_, effects) = try guest.createPageList(relid: relid(&feed), list)
            listsMade += 1
            return effects
        case 11:
            let handle = feed.choose(guest.pageLists)?.handle ?? feed.next()
            return try guest.open(
                relid: relid(&feed), pageList: handle, targetVP: UInt32(feed.next(UInt8.self)),
                downstreamPageOffset: UInt32(feed.next(UInt8.self)))
        case 12: return try guest.close(relid: relid(&feed))
        case 13: return try guest.modify(relid: relid(&feed), targetVP: UInt32(feed.next(UInt8.self)))
        case 14: return try guest.release(relid: relid(&feed))
        case 15: return try guest.tearDownPageList(feed.choose(guest.pageLists)?.handle ?? feed.next())
        case 16:
            var request = TLConnectRequest()
            request.endpointID = GUID(0, 0, 0, UInt64(feed.next(UInt8.self)))
            return try guest.connectSocket(request)
        default: return feed.next(below: 2) == 0 ? guest.unload() : guest.postRefused()
        }
    }

    /// A channel that there is, or any number.
    private func relid(_ feed: inout ByteFeed) -> UInt32 {
        let number = UInt32(feed.next(UInt8.self))
        guard number < 0xF0, !guest.channels.isEmpty else { return number }
        return guest.channels[Int(number) % guest.channels.count].relid
    }

    private mutating func receive(_ message: ChannelMessage) -> [GuestEffect] {
        guest.receive(message.encoded(context: guest.agreement))
    }

    private func offer(_ feed: inout ByteFeed) -> [UInt8] {
        var offer = OfferChannel()
        offer.relid = UInt32(feed.next(UInt8.self))
        offer.interfaceInstance = GUID(0, 0, 0, UInt64(feed.next(UInt8.self) & 7))
        offer.subchannelIndex = UInt16(feed.next(UInt8.self) & 3)
        offer.connectionID = offer.relid &+ 0x10000
        return ChannelMessage.offerChannel(offer).encoded(context: guest.agreement)
    }

    /// What a host says to the oldest message that it owes an answer.
    private mutating func answer(_ status: MessageStatus, _ feed: inout ByteFeed) -> [GuestEffect] {
        while !posted.isEmpty {
            switch posted.removeFirst() {
            case .initiateContact(let contact):
                let isNew = contact.version >= .copper
                return receive(
                    .versionResponse(
                        VersionResponse(
                            supported: status == .success,
                            versionOrConnectionID: contact.version >= .redstone3MultiClient
                                ? ConnectionID.multiClientMessage : contact.version.rawValue,
                            features: isNew ? contact.features : nil)))
            case .requestOffers: return receive(.allOffersDelivered)
            case .gpadlHeader(let header):
                return receive(.gpadlCreated(GPADLCreated(relid: header.relid, gpadl: header.gpadl, status: status)))
            case .gpadlTeardown(let teardown):
                return receive(.gpadlTorndown(GPADLTorndown(gpadl: teardown.gpadl)))
            case .openChannel(let open):
                return receive(
                    .openChannelResult(OpenChannelResult(relid: open.relid, openID: open.openID, status: status)))
            case .modifyChannel(let modify):
                return receive(.modifyChannelResponse(ModifyChannelResponse(relid: modify.relid, status: status)))
            case .unload: return receive(.unloadComplete)
            case .tlConnectRequest(let request):
                return receive(
                    .tlConnectResult(
                        TLConnectResult(
                            endpointID: request.endpointID, serviceID: request.serviceID, status: status)))
            default: break
            }
        }
        return []
    }

    /// Looks at what the guest wants done.
    mutating func take(_ effects: [GuestEffect], before: GuestConnection? = nil) throws(Finding) {
        let bound = 64 + 4 * (guest.channels.count + guest.pageLists.count + (before?.channels.count ?? 0))
        try require(effects.count <= bound + (before?.pageLists.count ?? 0), "\(effects.count) effects at once")
        for effect in effects {
            switch effect {
            case .post(let bytes, _): try post(bytes)
            case .violation(let violation):
                try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
                if effects.count == 1, let before {
                    try require(guest == before, "a broken rule changed the guest: \(violation)")
                }
            case .rescinded(let relid):
                let lists = guest.pageLists.filter { $0.relid == relid && $0.state == .created }
                try canary(
                    guest.channel(relid)?.state == .open && lists.count > 1, "an open channel with two lists taken back"
                )
            default: break
            }
        }
    }

    private mutating func post(_ bytes: [UInt8]) throws(Finding) {
        try require(bytes.count <= ChannelMessage.maximumSize, "a post of \(bytes.count) bytes")
        guard let message = try? ChannelMessage.decode(bytes, context: guest.agreement),
            let facts = message.type.facts
        else { throw Finding("a post that is not readable: \(bytes)") }
        try require(facts.direction == .guestToHost, "a guest posts \(facts.name)")
        // A contact proposes its own version, and an unload may end a connection that never stood.
        try require(facts.version <= guest.agreement.version, "\(facts.name) at \(guest.agreement.version)")
        posted.append(message)
        if posted.count > 4096 { posted.removeFirst() }
    }

    func checkState() throws(Finding) {
        let relids = guest.channels.map(\.relid)
        try require(relids.count < Int(SynIC.eventFlagCount), "\(relids.count) channels")
        try require(Set(relids).count == relids.count, "a relid twice in \(relids)")
        try require(relids.allSatisfy { (1..<SynIC.eventFlagCount).contains($0) }, "a relid out of bounds in \(relids)")
        let handles = guest.pageLists.map(\.handle)
        try require(Set(handles).count == handles.count, "a handle twice in \(handles)")
        try require(handles.count <= listsMade, "\(handles.count) page lists of \(listsMade)")
        if guest.state == .disconnected {
            try require(relids.isEmpty && handles.isEmpty, "a disconnected guest keeps channels or page lists")
        }
    }
}
