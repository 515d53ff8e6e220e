import BusModel
import VMBusWire

/// The rules of requests and of the network device: 27, 28, 31 to 34.
///
/// A channel is followed from its OPEN_CHANNEL on: of one that was open before the log began nobody knows what is outstanding.
struct DeviceRules: RuleFold {
    private var channels = ChannelStates<ChannelRequests>()
    private var adapters: [AdapterRules] = []

    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        switch record.header.kind {
        case .packet: packet(record, &report)
        case .message:
            if let message = record.message { take(message, record.header.partition) }
        case .gap:
            channels.removeAll()
            adapters = []
        default: break
        }
    }

    mutating func observe(_ evidence: RuleEvidence, _ bus: RuleBus, _ report: inout RuleReport) {
        guard case .machineReset(let partition) = evidence else { return }
        channels.forEach(of: partition) { $0 = ChannelRequests() }
    }

    private mutating func take(_ message: ChannelMessage, _ partition: UInt16) {
        switch message {
        case .offerChannel(let offer):
            guard let place = channels.meet(partition, offer.relid, ChannelRequests()) else { return }
            channels[place] = ChannelRequests()
            channels[place].subchannel = offer.subchannelIndex
            guard DeviceClass.of(offer.interfaceType).kind == .network else { return }
            channels[place].adapter = adapter(partition, offer.interfaceInstance)
        case .openChannel(let open):
            guard let place = channels.meet(partition, open.relid, ChannelRequests()) else { return }
            channels[place].open()
            let (adapter, subchannel) = (channels[place].adapter, channels[place].subchannel)
            guard let adapter else { return }
            if subchannel == 0 { adapters[adapter].begin() } else { adapters[adapter].forget(subchannel) }
        case .openChannelResult(let result) where result.status.isSuccess:
            guard let place = channels.place(partition, result.relid), let adapter = channels[place].adapter else {
                return
            }
            adapters[adapter].opened(channels[place].subchannel)
        case .closeChannel(let reference):
            guard let place = channels.place(partition, reference.relid) else { return }
            channels[place].isClosing = true
            if let adapter = channels[place].adapter { adapters[adapter].closed(channels[place].subchannel) }
        case .gpadlTeardown(let teardown):
            if let place = channels.place(partition, teardown.relid) { channels[place].tearsDown(teardown.gpadl) }
        case .gpadlTorndown(let torndown): channels.forEach(of: partition) { $0.tornDown(torndown.gpadl) }
        default: break
        }
    }

    private mutating func adapter(_ partition: UInt16, _ instance: GUID) -> Int {
        if let place = adapters.firstIndex(where: { $0.partition == partition && $0.instance == instance }) {
            return place
        }
        adapters.append(AdapterRules(partition: partition, instance: instance))
        return adapters.count - 1
    }

    private mutating func packet(_ record: RuleRecord, _ report: inout RuleReport) {
        guard let direction = record.header.direction,
            let place = channels.place(record.header.partition, record.header.relid), channels[place].isFollowed,
            let descriptor = DescriptorWords(record.payload)
        else { return }
        let (adapter, subchannel) = (channels[place].adapter, channels[place].subchannel)
        guard descriptor.type == PacketType.completion.rawValue else {
            let request = AdapterRequest(subchannel: subchannel, id: descriptor.id)
            if descriptor.asksForCompletion, descriptor.id != 0 {
                channels[place].ask(descriptor.id, direction, record, &report)
            }
            // What a host still gives through a channel that is being closed it takes back by itself.
            if let adapter, direction == .guestToHost || !channels[place].isClosing {
                adapters[adapter].take(NetworkPacket(record, descriptor, request, direction), &report)
            }
            return
        }
        // What a guest gives back of the receive buffer has a rule of its own.
        let rule: ProtocolRule =
            adapter != nil && direction == .guestToHost ? .receiveSectionReturnedOnce : .completionMatches
        let isKnown = channels[place].complete(descriptor.id, direction, rule, record, &report)
        if let adapter, isKnown {
            let request = AdapterRequest(subchannel: subchannel, id: descriptor.id)
            adapters[adapter].completed(NetworkPacket(record, descriptor, request, direction))
        }
    }
}

/// What waits for a completion in a channel.
private struct ChannelRequests: Sendable {
    /// Requests that are remembered in one direction; beyond them nothing is known of any.
    private static let maximumRequests = 65_536

    /// The network adapter that it belongs to.
    var adapter: Int?
    /// 0 for the primary.
    var subchannel: UInt16 = 0
    /// Its OPEN_CHANNEL was seen, so that all its requests were.
    private(set) var isFollowed = false
    /// CLOSE_CHANNEL was sent.
    var isClosing = false
    /// The first page list that was torn down after that: its answer says that the host has heard of the close.
    private var closingList: UInt32?
    private var isClosed = false
    // Only looked up, so that their order reaches nobody.
    private var guestRequests = Set<UInt64>()
    private var hostRequests = Set<UInt64>()

    mutating func open() {
        (isFollowed, isClosing, isClosed, closingList) = (true, false, false, nil)
        guestRequests.removeAll(keepingCapacity: true)
        hostRequests.removeAll(keepingCapacity: true)
    }

    mutating func tearsDown(_ handle: UInt32) {
        if isClosing, closingList == nil { closingList = handle }
    }

    mutating func tornDown(_ handle: UInt32) {
        if closingList == handle { isClosed = true }
    }

    /// A packet asks for a completion.
    mutating func ask(_ id: UInt64, _ direction: Direction, _ record: RuleRecord, _ report: inout RuleReport) {
        let isNew = direction == .guestToHost ? guestRequests.insert(id).inserted : hostRequests.insert(id).inserted
        report.check(
            .idsUnique, isNew, by: RuleParty(sending: direction), record, place: "transaction id",
            value: Hexadecimal.prefixed(id), "an id that no outstanding request of the channel has")
        if guestRequests.count > Self.maximumRequests || hostRequests.count > Self.maximumRequests {
            isFollowed = false
        }
    }

    /// A packet completes one; false when none waits for it.
    mutating func complete(
        _ id: UInt64, _ direction: Direction, _ rule: ProtocolRule, _ record: RuleRecord, _ report: inout RuleReport
    ) -> Bool {
        report.checked(rule)
        let isKnown = direction == .guestToHost ? hostRequests.remove(id) != nil : guestRequests.remove(id) != nil
        let isAfterClose = direction == .guestToHost ? isClosing : isClosed
        guard !isKnown || isAfterClose else { return true }
        report.broken(
            rule, by: RuleParty(sending: direction), record, place: "completion",
            value: "id \(Hexadecimal.prefixed(id))",
            isAfterClose
                ? "no completions after the channel's close" : "the id of an outstanding request that asked for it")
        return isKnown
    }
}
