import VMBusEngine
import VMBusWire

/// A host's end of the bus: messages of a guest that knows the rules, or does not, between what devices answer.
func fuzzHostConnection(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var configuration = HostConnection.Configuration()
    configuration.maximumVersion = feed.choose(ProtocolVersion.all) ?? .copper
    var run = HostRun(host: HostConnection(configuration))
    for _ in 0..<feed.next(below: 8) { run.addOffer(&feed) }
    while !feed.isEmpty { try run.go(&feed) }
}

struct HostRun {
    var host: HostConnection
    /// What devices were asked and have not answered yet.
    private var opening: [HostChannelKey] = []
    private var closing: [HostChannelKey] = []

    init(host: HostConnection) { self.host = host }

    @discardableResult
    mutating func addOffer(_ feed: inout ByteFeed) -> [HostEffect] {
        var offer = OfferChannel()
        offer.interfaceType = GUID(0, 0, 0, UInt64(feed.next(UInt8.self) & 3))
        offer.interfaceInstance = GUID(0, 0, 0, UInt64(feed.next(UInt8.self) & 7))
        offer.subchannelIndex = UInt16(feed.next(UInt8.self) & 3)
        return (try? host.addOffer(offer))?.effects ?? []
    }

    /// One step, with all that must hold behind it.
    mutating func go(_ feed: inout ByteFeed) throws(Finding) {
        let before = host
        try take(step(&feed), before: before)
        try checkState()
    }

    private mutating func step(_ feed: inout ByteFeed) -> [HostEffect] {
        switch feed.next(below: 20) {
        case 0, 1: return receive(feed.piece(), isMultiClient: feed.next(below: 2) == 0)
        case 2, 3: return contact(&feed)
        case 4: return receive(.requestOffers)
        case 5, 6: return pageList(&feed)
        case 7:
            var open = OpenChannel(
                relid: relid(&feed), openID: 7, ringGPADL: UInt32(feed.next(UInt8.self) & 7) + 1, targetVP: 0,
                downstreamPageOffset: UInt32(feed.next(UInt8.self)))
            open.eventFlag = UInt16(open.relid & 0x7FF)
            return receive(.openChannel(open))
        case 8: return receive(.closeChannel(ChannelReference(relid: relid(&feed))))
        case 9:
            return receive(
                .gpadlTeardown(GPADLTeardown(relid: relid(&feed), gpadl: UInt32(feed.next(UInt8.self) & 7) + 1)))
        case 10: return receive(.relidReleased(ChannelReference(relid: relid(&feed))))
        case 11:
            return receive(.modifyChannel(ModifyChannel(relid: relid(&feed), targetVP: UInt32(feed.next(UInt8.self)))))
        case 12: return receive(feed.next(below: 2) == 0 ? .pause : .resume)
        case 13: return receive(.unload)
        case 14: return opening.popLast().map { host.openCompleted($0, success: feed.next(below: 4) > 0) } ?? []
        case 15: return closing.popLast().map { host.closeCompleted($0) } ?? []
        case 16: return host.channels.count < 64 ? addOffer(&feed) : []
        case 17: return feed.choose(host.channels).map { host.revoke($0.key) } ?? []
        case 18: return feed.next(below: 4) == 0 ? host.reset() : []
        default:
            // A device that answers what it was not asked.
            let key = feed.choose(host.channels)?.key
            return key.map {
                feed.next(below: 2) == 0 ? host.openCompleted($0, success: true) : host.closeCompleted($0)
            }
                ?? []
        }
    }

    private mutating func receive(_ message: ChannelMessage) -> [HostEffect] {
        receive(
            message.encoded(context: host.agreement), isMultiClient: host.agreement.version >= .redstone3MultiClient)
    }

    private mutating func receive(_ bytes: [UInt8], isMultiClient: Bool) -> [HostEffect] {
        host.receive(bytes, connectionID: isMultiClient ? ConnectionID.multiClientMessage : ConnectionID.message)
    }

    private mutating func contact(_ feed: inout ByteFeed) -> [HostEffect] {
        let version = feed.choose(ProtocolVersion.all) ?? .copper
        let features = FeatureFlags(rawValue: UInt32(feed.next(UInt8.self)))
        let pages: UInt64 = feed.next(below: 4) == 0 ? 0x1000 : 0
        let message = ChannelMessage.initiateContact(
            InitiateContact(
                version: version, targetVP: UInt32(feed.next(UInt8.self)), interruptPage: 0, targetVTL: 0,
                features: version >= .copper ? features : [], parentToChildMonitorPage: pages,
                childToParentMonitorPage: pages * 2,
                clientID: version >= .copper && features.contains(.clientID) ? .zero : nil))
        return receive(
            message.encoded(context: WireContext(version: version, features: features)),
            isMultiClient: version >= .redstone3MultiClient)
    }

    /// A page list of one range, all of its messages or only the first ones.
    private mutating func pageList(_ feed: inout ByteFeed) -> [HostEffect] {
        let handle = UInt32(feed.next(UInt8.self) & 7) + 1
        let count = UInt64(feed.next(UInt8.self)) + 1
        guard let messages = PageList(pages: (0..<count).map { $0 + 1 })?.messages(relid: relid(&feed), handle: handle)
        else { return [] }
        let sent = feed.next(below: 4) == 0 ? feed.next(below: messages.count) : messages.count
        var effects: [HostEffect] = []
        for message in messages.prefix(sent) { effects += receive(message) }
        return effects
    }

    /// A channel that there is, or any number.
    private func relid(_ feed: inout ByteFeed) -> UInt32 {
        let number = UInt32(feed.next(UInt8.self))
        guard number < 0xF0, !host.channels.isEmpty else { return number }
        return host.channels[Int(number) % host.channels.count].relid
    }

    /// Looks at what the host wants done.
    mutating func take(_ effects: [HostEffect], before: HostConnection) throws(Finding) {
        let bound = 64 + 4 * (host.channels.count + before.channels.count) + before.pageLists.count
        try require(effects.count <= bound, "\(effects.count) effects at once")
        for effect in effects {
            switch effect {
            case .send(let bytes, _): try sent(bytes)
            case .open(let key, let request):
                opening.append(key)
                try require(!request.ringPages.pages.isEmpty, "a channel opens without pages")
            case .close(let key):
                closing.append(key)
                try canary(
                    host.channel(key)?.state == .revoked && host.pageLists.count > 1,
                    "an open channel is taken back while there are two page lists")
            case .violation(let violation):
                try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
                if effects.count == 1 {
                    try require(host.channels == before.channels, "a broken rule changed the channels: \(violation)")
                    try require(host.pageLists == before.pageLists, "a broken rule changed the lists: \(violation)")
                }
            default: break
            }
        }
    }

    private func sent(_ bytes: [UInt8]) throws(Finding) {
        try require(bytes.count <= ChannelMessage.maximumSize, "a message of \(bytes.count) bytes")
        guard let message = try? ChannelMessage.decode(bytes, context: host.agreement),
            let facts = message.type.facts
        else { throw Finding("a message that is not readable: \(bytes)") }
        try require(facts.direction == .hostToGuest, "a host sends \(facts.name)")
    }

    func checkState() throws(Finding) {
        let relids = host.channels.map(\.relid).filter { $0 != 0 }
        try require(host.channels.count <= HostConnection.maximumChannels, "\(host.channels.count) channels")
        try require(Set(relids).count == relids.count, "a relid twice in \(relids)")
        try require(relids.allSatisfy { $0 < SynIC.eventFlagCount }, "a relid out of bounds in \(relids)")
        let lists = host.pageLists
        try require(lists.count <= HostConnection.maximumPageLists, "\(lists.count) page lists")
        try require(lists.allSatisfy { !$0.list.pages.isEmpty }, "a page list without pages")
        if case .disconnected = host.state {
            try require(
                lists.isEmpty && !host.channels.contains(where: \.isOpen), "a disconnected host holds something")
        }
    }
}
