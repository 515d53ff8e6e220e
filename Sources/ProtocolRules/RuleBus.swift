import BusModel
import VMBusWire

/// What the records tell of every guest's bus, as far as rules need it. It believes what is said; the rules do not.
struct RuleBus: Sendable, Hashable {
    /// By number of the partition.
    private(set) var guests: [GuestBus] = []
    /// Whether the log is seen from its first record.
    private var isWhole = false

    /// The place of a guest in `guests`; nil for one that no record has named.
    func index(_ partition: UInt16) -> Int? { guests.firstIndex { $0.partition == partition } }

    /// The bus of a guest.
    func guest(_ partition: UInt16) -> GuestBus? { index(partition).map { guests[$0] } }

    /// Meets the partition of a record, before the rules look at it.
    mutating func meet(_ header: FlowRecordHeader) {
        if header.sequence == 1 { isWhole = true }
        guard header.kind == .message, index(header.partition) == nil else { return }
        let place = guests.firstIndex { $0.partition > header.partition } ?? guests.endIndex
        guests.insert(GuestBus(partition: header.partition, phase: isWhole ? .quiet : .unseen), at: place)
    }

    /// The layouts for a message between a guest and its host.
    func context(_ partition: UInt16) -> WireContext {
        index(partition).map { guests[$0].context } ?? .newest
    }

    /// Takes in a record that the rules have looked at.
    mutating func apply(_ record: RuleRecord) {
        if record.header.kind == .gap {
            isWhole = false
            guests = []
            return
        }
        guard let message = record.message, let index = index(record.header.partition) else { return }
        guests[index].apply(message)
    }

    /// A machine was reset.
    mutating func reset(_ partition: UInt16) {
        guard let index = index(partition) else { return }
        guests[index].reset()
    }
}

/// One guest's bus.
struct GuestBus: Sendable, Hashable {
    /// How far the connection is.
    enum Phase: Sendable, Hashable {
        /// The log begins in the middle: nothing is known.
        case unseen
        /// No contact since the machine's reset, or the last one was refused.
        case quiet
        /// A proposal is on its way.
        case proposed
        /// A version was accepted.
        case connected
        /// UNLOAD was sent.
        case unloading
        /// UNLOAD_COMPLETE was sent.
        case unloaded
    }

    /// The guest's partition.
    let partition: UInt16
    /// How far the connection is.
    private(set) var phase: Phase
    /// What was agreed on, or is proposed.
    private(set) var context = WireContext.newest
    /// Proposals that are not answered, oldest first.
    private(set) var proposals: [ProtocolVersion] = []
    /// The first proposal since the last connection or reset.
    private(set) var firstProposal: ProtocolVersion?
    /// The last one.
    private(set) var lastProposal: ProtocolVersion?
    /// The host may not have heard of the end of the last connection: what it still says is about that one.
    private(set) var hostMayLag = false
    /// UNLOADs that are not answered.
    private(set) var openUnloads = 0
    /// Whether the offers were asked for in this connection.
    private(set) var offersRequested = false
    /// Whether ALL_OFFERS_DELIVERED has come.
    private(set) var offersDelivered = false
    /// The channels whose number the guest holds, by number.
    private(set) var channels: [RuleChannel] = []
    /// The page lists, by handle.
    private(set) var lists: [RulePageList] = []

    init(partition: UInt16, phase: Phase) {
        self.partition = partition
        self.phase = phase
    }

    /// Whether what is said about channels is about the present connection, and its beginning was seen.
    var isConnected: Bool { phase == .connected || phase == .unloading }

    /// The channel with a number.
    func channel(_ relid: UInt32) -> RuleChannel? { place(relid).map { channels[$0] } }

    /// The page list with a handle.
    func list(_ handle: UInt32) -> RulePageList? { listPlace(handle).map { lists[$0] } }

    private func place(_ relid: UInt32) -> Int? {
        let index = insertionPoint(relid)
        return index < channels.count && channels[index].relid == relid ? index : nil
    }

    private func insertionPoint(_ relid: UInt32) -> Int {
        var (low, high) = (0, channels.count)
        while low < high {
            let middle = (low + high) / 2
            if channels[middle].relid < relid { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func listPlace(_ handle: UInt32) -> Int? { lists.firstIndex { $0.handle == handle } }

    mutating func reset() {
        forget()
        hostMayLag = phase != .quiet
        if phase != .unseen { phase = .quiet }
        (firstProposal, lastProposal, proposals) = (nil, nil, [])
    }

    private mutating func forget() {
        offersRequested = false
        offersDelivered = false
        channels = []
        lists = []
    }

    mutating func apply(_ message: ChannelMessage) {
        switch message {
        case .initiateContact(let contact): propose(contact.version)
        case .versionResponse(let response): answer(response)
        case .unload:
            openUnloads += 1
            if phase != .unseen { phase = .unloading }
            (firstProposal, lastProposal) = (nil, nil)
        case .unloadComplete:
            openUnloads = max(0, openUnloads - 1)
            guard phase == .unloading else { return }
            phase = .unloaded
            forget()
        case .requestOffers: offersRequested = true
        case .allOffersDelivered: offersDelivered = true
        case .offerChannel(let offer):
            let index = insertionPoint(offer.relid)
            if place(offer.relid) != nil {
                channels[index] = RuleChannel(offer)
            } else if channels.count <= Int(SynIC.eventFlagCount) {
                channels.insert(RuleChannel(offer), at: index)
            }
        case .rescindChannelOffer(let reference): change(reference.relid) { $0.isRescinded = true }
        case .relidReleased(let reference):
            if let index = place(reference.relid) { channels.remove(at: index) }
            lists.removeAll { $0.relid == reference.relid && !$0.awaitsAnswer }
            for index in lists.indices where lists[index].relid == reference.relid { lists[index].isOrphan = true }
        case .openChannel(let open):
            let vp = context.version >= .windows8 ? open.targetVP : 0
            // Redirected interrupts reach another trust level, which the log does not show.
            let targets = open.flags.contains(.redirectInterrupt) ? [] : [vp]
            change(open.relid) { $0.open(open.openID, ring: open.ringGPADL, targets: targets) }
        case .openReservedChannel(let open):
            change(open.relid) { $0.open(0, ring: open.ringGPADL, targets: [OpenChannel.interruptsDisabled]) }
        case .openChannelResult(let result):
            change(result.relid) { channel in
                guard case .opening = channel.state else { return }
                channel.state = result.status.isSuccess ? .open : .closed
            }
        case .closeChannel(let reference): change(reference.relid) { $0.close() }
        case .closeReservedChannel(let reference): change(reference.relid) { $0.close() }
        case .modifyChannel(let modify):
            let version = context.version
            change(modify.relid) { $0.move(to: modify.targetVP, in: version) }
        case .modifyChannelResponse(let response): change(response.relid) { $0.moved(response.status) }
        case .gpadlHeader(let header):
            let list = RulePageList(header)
            if let index = listPlace(header.gpadl) { lists[index] = list } else { lists.append(list) }
        case .gpadlBody(let body):
            if let index = listPlace(body.gpadl) { lists[index].parts.append(body.words) }
        case .gpadlCreated(let created):
            guard let index = listPlace(created.gpadl) else { return }
            if lists[index].isOrphan {
                lists.remove(at: index)
            } else {
                lists[index].state = created.status.isSuccess ? .created : .refused
            }
        case .gpadlTeardown(let teardown):
            if let index = listPlace(teardown.gpadl) { lists[index].state = .tearingDown }
        case .gpadlTorndown(let torndown): lists.removeAll { $0.handle == torndown.gpadl }
        case .closeReservedResponse, .tlConnectRequest, .tlConnectResult, .modifyConnection, .modifyConnectionResponse,
            .pause, .pauseResponse, .resume:
            break
        }
    }

    private mutating func change(_ relid: UInt32, _ body: (inout RuleChannel) -> Void) {
        guard let index = place(relid) else { return }
        body(&channels[index])
    }

    private mutating func propose(_ version: ProtocolVersion) {
        if phase == .connected || phase == .unloading || phase == .unseen { hostMayLag = true }
        if firstProposal == nil || lastProposal.map({ version > $0 }) == true { firstProposal = version }
        lastProposal = version
        phase = .proposed
        // Nobody has so many on their way; a log may.
        if proposals.count == 8 { proposals.removeFirst() }
        proposals.append(version)
    }

    private mutating func answer(_ response: VersionResponse) {
        hostMayLag = false
        guard response.versionSupported != 0 else {
            if !proposals.isEmpty { proposals.removeFirst() }
            if proposals.isEmpty, phase == .proposed { phase = .quiet }
            forget()
            return
        }
        let version = proposals.last(where: { $0.rawValue == response.versionOrConnectionID }) ?? proposals.last
        context = WireContext(version: version ?? context.version, features: response.features ?? [])
        forget()
        proposals = []
        (firstProposal, lastProposal) = (nil, nil)
        if phase != .unloading { phase = .connected }
    }
}
