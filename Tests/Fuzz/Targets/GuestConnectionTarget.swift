import VMBusEngine
import VMBusWire

/// A guest's end of the bus: messages of a host that knows the rules, or does not, between the wishes of drivers, refusals of
/// the hypervisor and times that pass.
func fuzzGuestConnection(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var run = GuestRun(GuestRun.configuration(&feed))
    try run.begin()
    for _ in 0..<mostSteps where !feed.isEmpty { try run.go(&feed) }
}

/// The most steps of one run: longer ones say little more and take long.
let mostSteps = 120

/// The most times that one run is saved and restored, for the same reason.
let mostRestores = 4

/// A guest with what its surroundings know of it.
struct GuestRun {
    let configuration: GuestConnection.Configuration
    var guest: GuestConnection
    /// What was posted and not answered yet, oldest first.
    var posted: [ChannelMessage] = []
    /// What the last step posted.
    var justPosted: [GuestPost] = []
    /// The most messages that the guest may be keeping back.
    var keptBack = 0
    /// The most messages that the step under way may add to those that are posted or kept back.
    var mayPost = 0
    var wakes: [GuestWake] = []
    var listsMade = 0
    var sockets: Set<GUID> = []
    /// What the step under way has found.
    var broken: Finding?
    /// Whether the canary is planted here; the targets of saved states have another one.
    var hasCanary = true
    var restores = 0

    /// The longest time that a guest may ask to be woken after: the limit of the crash path (reference §2.7).
    static let longestWake: UInt64 = 100_000_000

    init(_ configuration: GuestConnection.Configuration) {
        self.configuration = configuration
        guest = GuestConnection(configuration)
    }

    /// A guest of a profile and of what it may bring along.
    static func configuration(_ feed: inout ByteFeed) -> GuestConnection.Configuration {
        var configuration = GuestConnection.Configuration(profile: feed.choose(GuestProfile.all) ?? GuestProfile())
        configuration.maximumVersion = feed.choose(ProtocolVersion.all) ?? .copper
        let options = feed.next(UInt8.self)
        configuration.isIsolated = options & 1 != 0
        configuration.hasConfidentialBus = options & 2 != 0
        configuration.requestsOffers = options & 4 == 0
        configuration.clientID = options & 8 != 0 ? GUID(1, 2, 3, 4) : nil
        configuration.targetVTL = options & 16 != 0 ? 2 : 0
        if options & 32 != 0 {
            (configuration.parentToChildMonitorPage, configuration.childToParentMonitorPage) = (0x1000, 0x2000)
        }
        if options & 64 != 0 { configuration.features = .all }
        configuration.interruptPage = options & 128 != 0 ? 0x3000 : 0
        return configuration
    }

    /// The guest starts.
    mutating func begin() throws(Finding) {
        let before = guest
        mayPost = 1
        try take(guest.connect(), before)
    }

    /// One step, with all that must hold behind it.
    mutating func go(_ feed: inout ByteFeed) throws(Finding) {
        let before = guest
        mayPost = 2
        let effects: [GuestEffect]
        do throws(GuestRefusal) {
            effects = try step(&feed)
        } catch {
            try require(!error.description.isEmpty, "a refusal without words")
            return try require(guest == before, "a refused wish changed the guest: \(error)")
        }
        if let broken { throw broken }
        try take(effects, before)
        try checkState()
    }

    /// Remembers what a step found, as it throws refusals only.
    mutating func note(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition, broken == nil { broken = Finding(what()) }
    }

    /// Looks at what the guest wants done.
    mutating func take(_ effects: [GuestEffect], _ before: GuestConnection) throws(Finding) {
        if effects.count > 8 {
            let held = guest.channels.count + guest.pageLists.count + before.channels.count + before.pageLists.count
            try require(
                effects.count <= 8 + 3 * held + keptBack + mayPost,
                "\(effects.count) effects of \(held) channels and lists, \(keptBack) messages kept back, \(mayPost) new"
            )
        }
        justPosted = []
        if guest.state != .connected { sockets = [] }
        for effect in effects { try take(effect, before, isAlone: effects.count == 1) }
        keptBack = max(0, keptBack + mayPost - justPosted.count)
    }

    private mutating func take(
        _ effect: GuestEffect, _ before: GuestConnection, isAlone: Bool
    ) throws(Finding) {
        switch effect {
        case .post(let bytes, let connectionID): try post(GuestPost(bytes: bytes, connectionID: connectionID))
        case .violation(let violation):
            try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
            if isAlone { try require(guest == before, "a broken rule changed the guest: \(violation)") }
        case .connected(let context):
            try require(context == guest.agreement && guest.state == .connected, "connected and not connected")
            try require(
                configuration.features.union(.confidentialChannels).isSuperset(of: context.features),
                "features that were not asked for: \(context.features)")
            try require(context.version <= configuration.maximumVersion, "a version that was not proposed")
        case .rescinded(let relid):
            let lists = guest.pageLists(of: relid).filter { $0.state == .created }
            if hasCanary {
                try canary(
                    guest.channel(relid)?.state == .open && lists.count > 1, "an open channel with two lists taken back"
                )
            }
        case .wake(let wake, let time):
            try require(time <= Self.longestWake, "a guest sleeps for \(time) microseconds")
            wakes.append(wake)
            if wakes.count > 64 { wakes.removeFirst() }
        case .socketConnected(let request, _), .socketTimedOut(let request): sockets.remove(request.endpointID)
        case .socketRefused(let result): sockets.remove(result.endpointID)
        case .offersMissing(let offers): try require(!offers.isEmpty, "no device is missing")
        default: break
        }
    }

    private mutating func post(_ post: GuestPost) throws(Finding) {
        try require(post.bytes.count <= ChannelMessage.maximumSize, "a post of \(post.bytes.count) bytes")
        guard let message = try? ChannelMessage.decode(post.bytes, context: guest.agreement),
            let facts = message.type.facts
        else { throw Finding("a post that is not readable: \(post.bytes)") }
        try require(facts.direction == .guestToHost, "a guest posts \(facts.name)")
        // A reserved channel of an earlier connection is closed in every state but that of a version without them.
        if message.type != .closeReservedChannel || guest.state == .connected {
            try require(facts.version <= guest.agreement.version, "\(facts.name) at \(guest.agreement.version)")
            try require(guest.agreement.features.isSuperset(of: facts.feature), "\(facts.name) without its feature")
        }
        justPosted.append(post)
        posted.append(message)
        if posted.count > 4096 { posted.removeFirst() }
    }

    func checkState() throws(Finding) {
        let channels = guest.channels
        let relids = Set(channels.map(\.relid))
        try require(channels.count <= GuestConnection.maximumChannels, "\(channels.count) channels")
        try require(relids.count == channels.count, "a relid twice in \(relids)")
        try require(relids.allSatisfy { (1..<SynIC.eventFlagCount).contains($0) }, "a relid out of bounds in \(relids)")
        for channel in channels {
            if let flag = channel.eventFlag {
                try require(guest.relid(eventFlag: flag) == channel.relid, "event flag \(flag) is another channel's")
            }
            try require(guest.signalPath(relid: channel.relid) != nil, "channel \(channel.relid) cannot signal")
        }
        let lists = guest.pageLists
        try require(Set(lists.map(\.handle)).count == lists.count, "a handle twice in \(lists.map(\.handle))")
        try require(lists.count <= listsMade, "\(lists.count) page lists of \(listsMade)")
        for list in lists { try require(relids.contains(list.relid), "a list of channel \(list.relid)") }
        try checkConnection(channels, lists)
    }

    private func checkConnection(_ channels: [GuestChannel], _ lists: [GuestPageList]) throws(Finding) {
        let reserved = guest.reservedChannels
        try require(Set(reserved.map(\.relid)).count == reserved.count, "a reserved channel twice")
        let awaited = guest.awaitedOffers
        try require(awaited.count <= GuestConnection.maximumChannels, "\(awaited.count) devices are to come back")
        try require(awaited.allSatisfy { $0.relid == GuestChannel.noRelid }, "a device is awaited and has a number")
        try require(guest.flow == .flowing || guest.state == .connected, "\(guest.flow) while \(guest.state)")
        try require(!guest.isModifying || guest.state == .connected, "monitor pages change while \(guest.state)")
        try require(sockets.count <= GuestConnection.maximumSockets, "\(sockets.count) hv_sock connections wait")
        switch guest.state {
        case .disconnected:
            try require(awaited.isEmpty, "a disconnected guest awaits devices")
            fallthrough
        case .connecting, .suspended, .resuming:
            try require(channels.isEmpty && lists.isEmpty, "channels or page lists while \(guest.state)")
        case .connected, .disconnecting, .crashing, .suspending: break
        }
    }
}
