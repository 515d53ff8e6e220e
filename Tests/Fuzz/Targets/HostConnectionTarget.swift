import VMBusEngine
import VMBusWire

/// A host's end of the bus: messages of a guest that knows the rules, or does not, between what devices and surroundings
/// answer, in any order, twice or never.
func fuzzHostConnection(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var run = HostRun(HostRun.configuration(&feed))
    for _ in 0..<feed.next(below: 8) { run.addOffer(&feed) }
    for _ in 0..<mostSteps where !feed.isEmpty { try run.go(&feed) }
}

/// A host with what its surroundings know of it.
struct HostRun {
    var host: HostConnection
    /// What devices and surroundings were asked and have not answered yet, oldest first.
    var asked: [Question] = []
    /// The page lists that the guest was told to stand, and how often.
    var standing: [ListName: Int] = [:]
    var sockets: Set<TLConnectRequest> = []
    /// The messages of the step under way.
    var messages = 1
    /// What the step under way has found.
    var broken: Finding?
    /// Whether the canary is planted here; the targets of saved states have another one.
    var hasCanary = true
    var restores = 0

    /// Something that the host waits for.
    enum Question: Hashable {
        case contact
        case connectionChange
        case open(HostChannelKey)
        case close(HostChannelKey)
        case pageList(HostChannelKey, UInt32)
        case teardown(HostChannelKey, UInt32)
        case move(HostChannelKey)
        case socket(TLConnectRequest)

        var key: HostChannelKey? {
            switch self {
            case .contact, .connectionChange, .socket: nil
            case .open(let key), .close(let key), .pageList(let key, _), .teardown(let key, _), .move(let key): key
            }
        }
    }

    struct ListName: Hashable {
        let key: HostChannelKey
        let handle: UInt32
    }

    init(_ configuration: HostConnection.Configuration) { host = HostConnection(configuration) }

    /// A host of a profile, with what it may have and with what it waits for.
    static func configuration(_ feed: inout ByteFeed) -> HostConnection.Configuration {
        var configuration = HostConnection.Configuration(profile: feed.choose(HostProfile.all) ?? .openvmm)
        configuration.maximumVersion = feed.choose(ProtocolVersion.all) ?? .copper
        configuration.awaits = AwaitedAnswers(rawValue: feed.next())
        let options = feed.next(UInt8.self)
        if options & 1 != 0 {
            configuration.monitorPages = MonitorPages(parentToChild: 0x7000, childToParent: 0x8000)
        }
        if options & 2 != 0 { configuration.features = .all }
        configuration.ordersAcrossKinds = options & 4 != 0
        configuration.vtl = options & 8 != 0 ? 2 : 0
        return configuration
    }

    @discardableResult
    mutating func addOffer(_ feed: inout ByteFeed) -> [HostEffect] {
        var offer = OfferChannel()
        let device = feed.next(UInt8.self)
        offer.interfaceType = GUID(0, 0, 0, UInt64(device & 3))
        offer.interfaceInstance = GUID(0, 0, 0, UInt64(device >> 2 & 7))
        offer.subchannelIndex = UInt16(device >> 5 & 3)
        let options = feed.next(UInt8.self)
        if options & 1 != 0 { offer.flags.insert(.confidentialRingBuffer) }
        if options & 2 != 0 { offer.flags.insert(.confidentialExternalMemory) }
        offer.monitorAllocated = options >> 2 & 1
        offer.monitorID = options
        let order = UInt64(options >> 6)
        return (try? host.addOffer(offer, order: order == 0 ? nil : order))?.effects ?? []
    }

    /// One step, with all that must hold behind it.
    mutating func go(_ feed: inout ByteFeed) throws(Finding) {
        let before = host
        messages = 1
        let effects = step(&feed)
        if let broken { throw broken }
        try take(effects, before)
        try checkState()
    }

    /// Remembers what a step found.
    mutating func note(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition, broken == nil { broken = Finding(what()) }
    }

    /// Looks at what the host wants done.
    mutating func take(_ effects: [HostEffect], _ before: HostConnection) throws(Finding) {
        let lists = before.channels.reduce(0) { $0 + $1.pageLists.count }
        let released = before.isPaused && !host.isPaused ? HostConnection.maximumHeldMessages : 0
        // A restore asks once more for the sockets that were being connected.
        let bound =
            8 * messages + 4 * (host.channels.count + before.channels.count) + 3 * lists + released
            + HostConnection.maximumSockets
        try require(effects.count <= bound, "\(effects.count) effects at once, not \(bound)")
        if host.state != .connected { sockets = [] }
        for effect in effects { try take(effect, before) }
        if asked.count > 4096 { asked.removeFirst(asked.count - 4096) }
    }

    private mutating func take(_ effect: HostEffect, _ before: HostConnection) throws(Finding) {
        switch effect {
        case .send(let bytes, _):
            let facts = try sent(bytes, before)
            let newest = max(host.agreement.version, before.agreement.version)
            try require(facts.version <= newest, "\(facts.name) at \(newest)")
        case .reply(let bytes, let target):
            _ = try sent(bytes, before)
            try require(target.sint < SynIC.sourceCount, "a reply to source \(target.sint)")
        case .contact: asked.append(.contact)
        case .connected(let context):
            let configuration = host.configuration
            try require(configuration.features.isSuperset(of: context.features), "features that the host does not have")
            let newest = max(configuration.maximumVersion, before.configuration.maximumVersion)
            try require(
                context.version <= newest || before.state == .connected && before.agreement == context,
                "version \(context.version) beyond the newest")
        case .modifyConnection: asked.append(.connectionChange)
        case .open(let key, let request):
            asked.append(.open(key))
            try check(request)
        case .resumed(_, let request): try check(request)
        case .close(let key):
            asked.append(.close(key))
            if hasCanary {
                try canary(
                    host.channel(key)?.state == .revoked && host.pageLists.count > 1,
                    "an open channel is taken back while there are two page lists")
            }
        case .abandoned(let key): asked.removeAll { $0.key == key }
        case .pageListOffered(let key, let handle): asked.append(.pageList(key, handle))
        case .pageListTeardown(let key, let handle): asked.append(.teardown(key, handle))
        case .pageListCreated(let key, let handle): standing[ListName(key: key, handle: handle), default: 0] += 1
        case .pageListReleased(let key, let handle):
            let name = ListName(key: key, handle: handle)
            standing[name] = standing[name].flatMap { $0 > 1 ? $0 - 1 : nil }
        case .move(let key, _): asked.append(.move(key))
        case .socket(let request):
            asked.append(.socket(request))
            sockets.insert(request)
        case .violation(let violation):
            try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
        case .forward, .disconnected, .moved, .released: break
        }
    }

    private func check(_ request: OpenRequest) throws(Finding) {
        let (pages, offset) = (request.ringPages.pages.count, Int(request.message.downstreamPageOffset))
        try require(request.ringPages.isWholePages, "a channel opens with rings in parts of pages")
        try require(offset >= 2 && offset + 2 <= pages, "rings divided at \(offset) of \(pages) pages")
        try require(request.eventFlag < SynIC.eventFlagCount, "event flag \(request.eventFlag)")
    }

    private func sent(_ bytes: [UInt8], _ before: HostConnection) throws(Finding) -> MessageFacts {
        try require(bytes.count <= ChannelMessage.maximumSize, "a message of \(bytes.count) bytes")
        let message =
            (try? ChannelMessage.decode(bytes, context: host.agreement))
            ?? (try? ChannelMessage.decode(bytes, context: before.agreement))
        guard let facts = message?.type.facts else { throw Finding("a message that is not readable: \(bytes)") }
        try require(facts.direction == .hostToGuest, "a host sends \(facts.name)")
        return facts
    }

    func checkState() throws(Finding) {
        let channels = host.channels
        try require(channels.count <= HostConnection.maximumChannels, "\(channels.count) channels")
        let relids = channels.map(\.relid).filter { $0 != 0 }
        try require(Set(relids).count == relids.count, "a relid twice in \(relids)")
        try require(relids.allSatisfy { $0 < SynIC.eventFlagCount }, "a relid out of bounds in \(relids)")
        for channel in channels {
            try require(host.channel(channel.key)?.key == channel.key, "channel \(channel.key) is not found")
            if channel.relid != 0 {
                try require(host.channel(relid: channel.relid)?.key == channel.key, "relid \(channel.relid) is lost")
            }
        }
        try checkLists(channels)
        try require(sockets.count <= HostConnection.maximumSockets, "\(sockets.count) sockets are being connected")
        try require(
            !host.isPaused || host.state == .connected && host.agreement.features.contains(.pauseResume),
            "paused while \(host.state)")
        try require(!host.isModifying || host.state == .connected, "monitor pages change while \(host.state)")
        if host.state == .disconnected { try checkDisconnected(channels) }
    }

    private func checkLists(_ channels: [HostChannel]) throws(Finding) {
        let lists = channels.flatMap { channel in channel.pageLists.map { (channel, $0) } }
        var (assemblies, pages) = (0, 0)
        var there: [ListName: Int] = [:]
        for (channel, list) in lists {
            let name = ListName(key: channel.key, handle: list.handle)
            if case .inProgress = list.state {
                assemblies += 1
                continue
            }
            there[name, default: 0] += 1
            pages += list.list.pages.count
            try require(!list.list.pages.isEmpty, "a page list without pages")
            // Where a channel was taken up without its device, there was nobody to tell.
            if list.state == .accepted, channel.state != .revoked, channel.state != .reoffered {
                try require(
                    standing[name] != nil, "a page list that nobody was told of: \(list.handle) of \(channel.state)")
            }
        }
        try require(lists.count <= HostConnection.maximumPageLists, "\(lists.count) page lists")
        try require(assemblies <= HostConnection.maximumAssemblies, "\(assemblies) page lists are under way")
        if let limit = host.configuration.profile.maximumSharedPages {
            try require(pages <= limit, "\(pages) shared pages")
        }
        for (name, count) in standing {
            try require(count <= there[name] ?? 0, "a page list is gone and was not released: \(name)")
        }
    }

    /// What is left then belongs to reserved channels, or to devices that have not let go yet.
    private func checkDisconnected(_ channels: [HostChannel]) throws(Finding) {
        for channel in channels {
            switch channel.state {
            case .opening(let request), .open(let request):
                try require(request.reservation != nil, "a channel is open without a connection")
            case .closing(let reservation):
                try require(reservation != nil, "a channel closes without a connection")
            case .clientReleased:
                try require(
                    channel.pageLists.allSatisfy { $0.state == .tearingDown || $0.state == .offeredTearingDown },
                    "a channel that nobody holds has page lists")
            default: throw Finding("\(channel.state) without a connection")
            }
        }
        try require(
            host.monitorPages == nil && host.interruptPage == nil && host.clientID == nil && !host.isTrusted,
            "a disconnected host keeps what was its guest's")
    }
}
