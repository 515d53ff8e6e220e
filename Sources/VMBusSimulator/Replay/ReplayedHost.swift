import BusModel
import VMBusEngine
import VMBusWire

/// The host's end of one guest's bus, run again over what a log tells: the guest's messages go in, and what comes out is held
/// against what the host of the log sent. What that host decided by itself (which devices it offers, whether it accepts) is
/// taken from the log.
struct ReplayedHost: Sendable {
    private var connection = Self.fresh
    /// Whether the log tells all since the last contact.
    private(set) var isFollowing = false
    /// What was sent here and is not in the log yet.
    private var awaited: [ChannelMessage] = []
    /// Channels of the connection that the guest has just ended: the log's host may take them back before it hears of that.
    private var withdrawn: [UInt32] = []
    /// Messages of the guest that were taken in.
    private(set) var requests: UInt64 = 0
    /// Messages of the log that were sent here as well.
    private(set) var answers: UInt64 = 0

    /// A host has as many offers, and answers for each.
    private static let mostAwaited = 8192

    private static var fresh: HostConnection {
        var configuration = HostConnection.Configuration()
        configuration.awaits = [.contacts, .connectionChanges, .pageLists, .moves, .sockets]
        return HostConnection(configuration)
    }

    /// Records are missing: the next contact is the next thing that is understood.
    mutating func loseTrack() { self = ReplayedHost(requests: requests, answers: answers) }

    init(requests: UInt64 = 0, answers: UInt64 = 0) { (self.requests, self.answers) = (requests, answers) }

    /// Takes in a message of the log.
    ///
    /// - Parameter context: the layouts in which it is written.
    /// - Returns: how what happened here differs from the log, in words; nil for not at all.
    mutating func follow(_ bytes: [UInt8], from sender: Direction?, _ context: WireContext) -> String? {
        guard let message = try? ChannelMessage.decode(bytes, context: context) else { return nil }
        if sender == .guestToHost { return take(message, bytes) }
        return isFollowing ? hold(message) : nil
    }

    // MARK: The guest

    private mutating func take(_ message: ChannelMessage, _ bytes: [UInt8]) -> String? {
        var missing: String?
        if case .initiateContact = message {
            // Whoever begins anew waits for no answer of before.
            if isFollowing, let left = awaited.first { missing = Self.words(missing: left) }
            (awaited, withdrawn) = ([], [])
            isFollowing = true
        }
        guard isFollowing else { return nil }
        if case .unload = message { withdrawn = connection.channels.map(\.relid) }
        requests += 1
        var number = ConnectionID.multiClientMessage
        if case .initiateContact(let contact) = message, contact.version < .redstone3MultiClient {
            number = ConnectionID.message
        }
        perform(connection.receive(bytes, connectionID: number))
        return missing
    }

    private static func words(missing message: ChannelMessage) -> String {
        "the log has no \(message.type.meaning ?? "message") of the host, which was due"
    }

    /// Does what the host's end wants done, as far as the log need not be asked.
    private mutating func perform(_ effects: [HostEffect]) {
        var effects = effects[...]
        while let effect = effects.popFirst() {
            switch effect {
            case .send(let bytes, _), .reply(let bytes, _):
                guard let message = try? ChannelMessage.decode(bytes, context: connection.agreement) else { continue }
                // A log without a host is not waited for in all its length.
                if awaited.count >= Self.mostAwaited { awaited.removeFirst(Self.mostAwaited / 2) }
                awaited.append(message)
            case .close(let key): effects += connection.closeCompleted(key)
            case .pageListTeardown(let key, let handle): effects += connection.pageListTornDown(key, handle: handle)
            case .move(let key, _) where connection.agreement.version < .iron:
                effects += connection.moveCompleted(key, success: true)
            case .disconnected:
                // The next connection has the offers that the log tells then.
                for channel in connection.channels { effects += connection.revoke(channel.key) }
            case .contact, .modifyConnection, .open, .pageListOffered, .move, .socket, .forward, .connected, .resumed,
                .abandoned, .pageListCreated, .pageListReleased, .moved, .released, .violation:
                break
            }
        }
    }

    // MARK: The host

    /// Lets the log's host decide, and looks for its message among those that were sent here.
    private mutating func hold(_ message: ChannelMessage) -> String? {
        if case .rescindChannelOffer(let reference) = message, let index = withdrawn.firstIndex(of: reference.relid) {
            withdrawn.remove(at: index)
            return nil
        }
        decide(message)
        guard let index = awaited.firstIndex(where: { Self.isAnswer(message, like: $0) }) else {
            return "the host's \(message.type.meaning ?? "message") has no reason here"
        }
        answers += 1
        let own = awaited.remove(at: index)
        return Self.agree(message, own)
            ? nil : "the host's \(message.type.meaning ?? "message") says something else here"
    }

    private mutating func decide(_ message: ChannelMessage) {
        switch message {
        case .versionResponse(let response):
            let reason: ConnectionState =
                response.connectionState == .successful ? .unknownFailure : response.connectionState
            perform(response.isAcceptance ? connection.contactAccepted() : connection.contactRefused(reason))
        case .offerChannel(let offer):
            let isSent = awaited.contains { Self.isAnswer(message, like: $0) }
            // What carries a socket is offered as any other device.
            if !isSent, let (_, effects) = try? connection.addOffer(offer, keepsNumbers: true) { perform(effects) }
        case .rescindChannelOffer(let reference):
            if let key = connection.key(relid: reference.relid) { perform(connection.revoke(key)) }
        case .openChannelResult(let result):
            guard let key = connection.key(relid: result.relid) else { return }
            perform(connection.openCompleted(key, status: result.status))
        case .gpadlCreated(let created):
            guard let key = connection.key(relid: created.relid) else { return }
            perform(
                connection.pageListAnswered(key, handle: created.gpadl, accepted: created.status.isSuccess))
        case .modifyChannelResponse(let response):
            guard let key = connection.key(relid: response.relid) else { return }
            perform(connection.moveCompleted(key, success: response.status.isSuccess))
        case .modifyConnectionResponse(let response): perform(connection.connectionModified(response.connectionState))
        case .tlConnectResult(let result):
            var request = TLConnectRequest()
            (request.endpointID, request.serviceID) = (result.endpointID, result.serviceID)
            perform(connection.socketRefused(request, status: result.status))
        default: break
        }
    }

    /// Whether two messages answer the same.
    private static func isAnswer(_ message: ChannelMessage, like own: ChannelMessage) -> Bool {
        switch (message, own) {
        case (.offerChannel(let left), .offerChannel(let right)):
            left.interfaceInstance == right.interfaceInstance && left.subchannelIndex == right.subchannelIndex
        case (.rescindChannelOffer(let left), .rescindChannelOffer(let right)): left == right
        case (.openChannelResult(let left), .openChannelResult(let right)): left.relid == right.relid
        case (.gpadlCreated(let left), .gpadlCreated(let right)): left.gpadl == right.gpadl
        case (.gpadlTorndown(let left), .gpadlTorndown(let right)): left.gpadl == right.gpadl
        case (.modifyChannelResponse(let left), .modifyChannelResponse(let right)): left.relid == right.relid
        case (.closeReservedResponse(let left), .closeReservedResponse(let right)): left == right
        case (.tlConnectResult(let left), .tlConnectResult(let right)): left.endpointID == right.endpointID
        default: message.type == own.type
        }
    }

    /// Whether the log's answer means the same as the one here. Hosts differ in what else they put into it.
    private static func agree(_ message: ChannelMessage, _ own: ChannelMessage) -> Bool {
        switch (message, own) {
        case (.versionResponse(let left), .versionResponse(let right)):
            left.isAcceptance == right.isAcceptance && (left.features ?? []).isSubset(of: right.features ?? [])
        case (.offerChannel(let left), .offerChannel(let right)):
            left.relid == right.relid && left.interfaceType == right.interfaceType
        case (.openChannelResult(let left), .openChannelResult(let right)):
            left.openID == right.openID && left.status.isSuccess == right.status.isSuccess
        case (.gpadlCreated(let left), .gpadlCreated(let right)):
            left.relid == right.relid && left.status.isSuccess == right.status.isSuccess
        case (.modifyChannelResponse(let left), .modifyChannelResponse(let right)):
            left.status.isSuccess == right.status.isSuccess
        default: true
        }
    }

    // MARK: The state

    /// How the state here differs from what the log's records say of the guest; empty where both are the same.
    func differences(from partition: PartitionSnapshot) -> [String] {
        guard isFollowing else { return [] }
        var found: [String] = []
        func compare<Value: Equatable>(_ what: String, _ log: Value, _ here: Value) {
            if log != here { found.append("\(what): \(log) in the log, \(here) here") }
        }
        let isConnected = partition.connection.value == .connected
        compare("connected", isConnected, connection.state == .connected)
        guard isConnected, connection.state == .connected else { return found }
        compare("version", partition.version.value, connection.agreement.version)
        let offered = connection.channels.filter { $0.isKnownToGuest }
        let told = partition.devices.flatMap { device in
            device.channels.map { channel in
                "\(channel.relid) \(device.instance)/\(channel.subchannel) "
                    + (channel.phase.value.map(\.word) ?? "unknown")
            }
        }
        let here = offered.map {
            "\($0.relid) \($0.identity.interfaceInstance)/\($0.identity.subchannelIndex) \($0.word)"
        }
        let (missing, surplus) = (told.filter { !here.contains($0) }, here.filter { !told.contains($0) })
        if let first = missing.first { found.append("\(missing.count) channels of the log, such as \(first)") }
        if let first = surplus.first { found.append("\(surplus.count) channels here alone, such as \(first)") }
        // A list that was let go of here is there in the log until that says so.
        let leaving = awaited.compactMap { message -> UInt32? in
            if case .gpadlTorndown(let torndown) = message { torndown.gpadl } else { nil }
        }
        compare(
            "page lists", partition.pageLists.filter(\.isCreated).map(\.handle).sorted(),
            (connection.pageLists.filter { $0.state == .accepted }.map(\.handle) + leaving).sorted())
        return found
    }
}

extension VersionResponse {
    /// Whether the connection stands then.
    fileprivate var isAcceptance: Bool { versionSupported != 0 && connectionState == .successful }
}

extension HostChannel {
    /// How far its life is, as a snapshot says it.
    fileprivate var word: String {
        switch state {
        case .open: ChannelPhase.open.word
        case .opening: ChannelPhase.opening.word
        case .revoked, .reoffered: ChannelPhase.rescinded.word
        case .clientReleased, .closed, .closing, .closingReopen, .closingClientRelease, .openingClientRelease:
            ChannelPhase.closed.word
        }
    }
}
