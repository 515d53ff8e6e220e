import BusModel
import VMBusEngine
import VMBusPartitions
import VMBusRing
import VMBusWire

/// What the hypervisor keeps for one guest, beside the memory and the interrupt controller.
struct GuestHypervisorState: Sendable, Hashable {
    /// When the last message that was posted reaches the host: the host reads them in the order of posting (reference §1.4).
    var lastPost: UInt64 = 0
    /// Messages on their way to the host.
    var postsUnderway = 0
    /// A post of this visit that was refused, and those behind it, which are not tried then.
    var refused: RefusedPosts?
    /// Channels whose signal is on its way to the host: a second one changes nothing.
    var signalled: [UInt32] = []
    /// The same for the signal that all channels without a connection of their own share.
    var isSharedSignalled = false
    /// The page that is polled; 0 for none.
    var monitorPage: UInt64 = 0
    /// Whether the hypervisor is going to look at the monitor page because it must find a bit there.
    var isMonitorPending = false

    /// Posts that go back to the guest.
    struct RefusedPosts: Sendable, Hashable {
        var result: PostResult
        var posts: [GuestPost]
    }
}

/// What the simulated hypervisor can hold.
enum SimulatedLimit {
    /// Messages of one guest that wait in the host's port; a further post fails with HV_STATUS_INSUFFICIENT_BUFFERS.
    static let messagesUnderway = 64
    /// Nanoseconds within which a monitored signal is found, as the host asks for it (reference §1.8: about 100 µs).
    static let monitorLatency: UInt64 = 100_000
}

// MARK: - HvPostMessage and the message slots

extension Simulation {
    /// HvPostMessage (reference §1.4): the message reaches the host after all that was posted before.
    ///
    /// What is refused goes back to the guest with its status when the visit ends, and the posts behind it with it.
    mutating func post(_ guest: Int, _ bytes: [UInt8], _ connectionID: UInt32) {
        guard guests[guest].hypervisor.refused == nil else {
            guests[guest].hypervisor.refused?.posts.append(GuestPost(bytes: bytes, connectionID: connectionID))
            return
        }
        let result = postResult(guest, bytes, connectionID)
        guard result == .success else { return refuse(guest, bytes, connectionID, result) }
        recordMessage(guest, .guestToHost, bytes)
        let due = max(guests[guest].hypervisor.lastPost, later(delay(.postDelay, SimulatedLatency.post)))
        guests[guest].hypervisor.lastPost = due
        guests[guest].hypervisor.postsUnderway += 1
        queue.push(.hostMessage(guest: guest, bytes: bytes, connectionID: connectionID), at: due)
    }

    /// HvPostMessage fails.
    mutating func refuse(_ guest: Int, _ bytes: [UInt8], _ connectionID: UInt32, _ result: PostResult) {
        note("HvPostMessage to connection \(connectionID) fails: \(Self.words(result))", guest)
        guests[guest].hypervisor.refused = GuestHypervisorState.RefusedPosts(
            result: result, posts: [GuestPost(bytes: bytes, connectionID: connectionID)])
    }

    private func postResult(_ guest: Int, _ bytes: [UInt8], _ connectionID: UInt32) -> PostResult {
        if bytes.count > SynIC.maximumPayload { return .invalidParameter }
        // The upper eight bits are reserved.
        if !guests[guest].host.accepts(connectionID: connectionID & 0xFF_FFFF) { return .invalidConnectionID }
        return guests[guest].hypervisor.postsUnderway < SimulatedLimit.messagesUnderway
            ? .success : .insufficientBuffers
    }

    /// The status as the hypervisor's specification has it.
    private static func words(_ result: PostResult) -> String {
        let name =
            switch result {
            case .invalidParameter: "HV_STATUS_INVALID_PARAMETER"
            case .insufficientMemory: "HV_STATUS_INSUFFICIENT_MEMORY"
            case .invalidPortID: "HV_STATUS_INVALID_PORT_ID"
            case .invalidConnectionID: "HV_STATUS_INVALID_CONNECTION_ID"
            case .insufficientBuffers: "HV_STATUS_INSUFFICIENT_BUFFERS"
            default: "status"
            }
        return "\(name) (0x\(Hexadecimal.digits(UInt64(result.rawValue), count: 2)))"
    }

    /// The guest learns what HvPostMessage returned.
    mutating func handBackRefusedPosts(_ guest: Int) {
        guard let refused = guests[guest].hypervisor.refused.take() else { return }
        carry(
            guests[guest].visitGuest(at: time) { $0.postRefused(refused.result, refused.posts, &$1) },
            of: .guest, guest: guest)
    }

    /// The host's message goes into the slot of a processor, or waits behind the one there.
    mutating func send(_ guest: Int, _ bytes: [UInt8], _ processor: UInt32) {
        recordMessage(guest, .hostToGuest, bytes)
        if bytes.first == UInt8(truncatingIfNeeded: MessageType.offerChannel.rawValue) { publishMonitors(guest) }
        guard bytes.count <= SynIC.maximumPayload else {
            note("a message of \(bytes.count) bytes fits no slot: HV_STATUS_INVALID_PARAMETER (0x05)", guest)
            return
        }
        if guests[guest].controller.post(bytes, processor: processor) {
            queue.push(
                .messageInterrupt(guest: guest, processor: processor),
                at: later(delay(.messageInterruptDelay, SimulatedLatency.messageInterrupt)))
        }
    }
}

// MARK: - HvSignalEvent and the event flags

extension Simulation {
    /// HvSignalEvent (reference §1.5). Without a connection of its own the channel's bit in the interrupt page, which the
    /// guest has set, says which one it was (reference §1.7).
    mutating func signal(
        _ guest: Int, _ place: ChannelPlace, _ connectionID: UInt32, heldUpFor wait: UInt64 = 0
    ) {
        record(
            .signal, partition: Self.partition(guest), place, direction: .guestToHost,
            code: SignalCode.hypercall.rawValue, Self.bytes(connectionID, 0))
        // The upper eight bits are reserved.
        let connection = connectionID & 0xFF_FFFF
        if let relid = signalledChannel(guest, place, connection) {
            guard !guests[guest].hypervisor.signalled.contains(relid) else { return }
            guests[guest].hypervisor.signalled.append(relid)
            queue.push(
                .hostSignal(guest: guest, relid: relid),
                at: later(wait &+ delay(.signalDelay, SimulatedLatency.signal)))
        } else if connection == ConnectionID.event, guests[guest].host.isConnected {
            guard !guests[guest].hypervisor.isSharedSignalled else { return }
            guests[guest].hypervisor.isSharedSignalled = true
            queue.push(
                .hostSharedSignal(guest: guest), at: later(wait &+ delay(.signalDelay, SimulatedLatency.signal)))
        } else {
            note(
                "HvSignalEvent of connection \(connectionID) fails: HV_STATUS_INVALID_CONNECTION_ID (0x12)", guest)
        }
    }

    /// Signals and interrupts are the most frequent records besides packets, so `SignalEventInput` and `EventFlagDelivery`
    /// are written by hand.
    private static func bytes(_ words: UInt32...) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 4)
        for word in words { bytes.append(word32: word) }
        return bytes
    }

    /// The channel that a connection leads to, most often the one that the guest means.
    private mutating func signalledChannel(_ guest: Int, _ place: ChannelPlace, _ connection: UInt32) -> UInt32? {
        guests[guest].inPlace {
            $0.host.signals(relid: place.relid, connectionID: connection)
                ? place.relid : $0.host.channel(connectionID: connection)?.relid
        }
    }

    mutating func interrupt(
        _ guest: Int, _ place: ChannelPlace, _ delivery: EventFlagDelivery, throughInterruptPage isShared: Bool
    ) {
        if isShared {
            let (offset, bit) = InterruptPage.place(of: place.relid)
            guests[guest].memory.setBit(bit, at: GuestPartition.interruptPageAddress + offset)
        }
        record(
            .interrupt, partition: Self.partition(guest), place, direction: .hostToGuest,
            Self.bytes(delivery.vp, UInt32(delivery.sint), delivery.flag))
        if guests[guest].controller.setFlag(delivery.flag, processor: delivery.vp) {
            queue.push(
                .eventInterrupt(guest: guest, processor: delivery.vp),
                at: later(delay(.eventInterruptDelay, SimulatedLatency.eventInterrupt)))
        }
    }

    /// Takes all bits of one half of the interrupt page: the host's begins at 0, the guest's at `InterruptPage.sendHalf`.
    mutating func takeInterruptPage(_ guest: Int, half: UInt64) -> [UInt32] {
        InterruptPage.channels { offset in
            let address = GuestPartition.interruptPageAddress + half + offset
            guard let word = try? guests[guest].memory.load32(address), word != 0 else { return nil }
            try? guests[guest].memory.store32(0, at: address)
            return word
        }
    }
}

// MARK: - The monitor page

/// The guest sets a bit and calls nobody; the hypervisor looks at the page within the latency that the host has written
/// there, takes the bits of the groups that are enabled, and signals what the parameters say (reference §1.8).
///
/// A look that finds nothing changes nothing. So the simulated hypervisor only looks when there is a bit to find, at a moment
/// within the latency.
extension Simulation {
    /// The host's part of the page: which groups are polled, how often, and what a bit signals.
    private mutating func publishMonitors(_ guest: Int) {
        let page = guests[guest].host.monitorPage
        guard page != 0 else { return }
        for channel in guests[guest].host.connection.channels where channel.offer.isMonitored {
            guard let place = MonitorPage.place(of: channel.offer.monitorID) else { continue }
            let group = UInt32(channel.offer.monitorID) / 32
            guests[guest].memory.setBit(group, at: page)
            guests[guest].memory.setBit(UInt32(place.bit), at: page + UInt64(place.pendingOffset) + 4)
            var (latency, parameter) = (MonitorPage.Latency(), MonitorPage.Parameter())
            latency.hundredNanoseconds = UInt16(clamping: SimulatedLimit.monitorLatency / 100)
            parameter.connectionID = channel.offer.connectionID
            try? guests[guest].memory.write(latency.encoded(), at: page + UInt64(place.latencyOffset))
            try? guests[guest].memory.write(parameter.encoded(), at: page + UInt64(place.parameterOffset))
        }
    }

    /// The guest may have given another page, or none.
    mutating func followMonitorPage(_ guest: Int) {
        let page = guests[guest].host.monitorPage
        guard page != guests[guest].hypervisor.monitorPage else { return }
        guests[guest].hypervisor.monitorPage = page
        publishMonitors(guest)
    }

    /// A bit that is set will be found.
    mutating func watchMonitorPage(_ guest: Int) {
        let page = guests[guest].hypervisor.monitorPage
        guard page != 0, !guests[guest].hypervisor.isMonitorPending,
            let latency = guests[guest].memory.monitorLatency(page)
        else { return }
        guests[guest].hypervisor.isMonitorPending = true
        let shortest = max(1, latency / 5)
        queue.push(
            .monitorPoll(guest: guest), at: later(delay(.monitorDelay, shortest...max(shortest, latency))))
    }

    /// Takes the pending bits of the groups that are enabled and signals what their parameters say.
    mutating func monitorPoll(_ guest: Int) {
        guests[guest].hypervisor.isMonitorPending = false
        let page = guests[guest].host.monitorPage
        guard page != 0, let enabled = try? guests[guest].memory.load32(page) else { return }
        for group in 0..<4 as Range<UInt64> where enabled & 1 << group != 0 {
            let address = page + 8 + group * 8
            guard var word = try? guests[guest].memory.load32(address), word != 0,
                (try? guests[guest].memory.store32(0, at: address)) != nil
            else { continue }
            while word != 0 {
                let monitorID = UInt8(truncatingIfNeeded: group * 32) + UInt8(word.trailingZeroBitCount)
                word &= word - 1
                guard let place = MonitorPage.place(of: monitorID),
                    let connection = try? guests[guest].memory.load32(page + UInt64(place.parameterOffset)),
                    let channel = guests[guest].host.channel(connectionID: connection)
                else { continue }
                carry(
                    guests[guest].visitHost(at: time) { $0.signalled(relid: channel.relid, &$1) }, of: .host,
                    guest: guest)
            }
        }
    }
}

extension SimulatedMemory {
    /// The shortest latency of the bits that are set in a monitor page, in nanoseconds; nil when none is set in a group that
    /// is enabled.
    fileprivate func monitorLatency(_ page: UInt64) -> UInt64? {
        guard let enabled = try? load32(page), enabled & 0xF != 0 else { return nil }
        var latency: UInt64?
        for group in 0..<4 as Range<UInt64> where enabled & 1 << group != 0 {
            guard var word = try? load32(page + 8 + group * 8) else { continue }
            while word != 0 {
                let monitorID = group * 32 + UInt64(word.trailingZeroBitCount)
                word &= word - 1
                guard let place = MonitorPage.place(of: UInt8(monitorID)),
                    let units = try? load16(page + UInt64(place.latencyOffset))
                else { continue }
                latency = min(latency ?? .max, UInt64(units) * 100)
            }
        }
        return latency
    }

    /// A little-endian half word at a multiple of 2.
    fileprivate func load16(_ address: UInt64) throws(SimulatedMemoryFailure) -> UInt16 {
        UInt16(truncatingIfNeeded: try load32(address & ~3) >> UInt32(address % 4 * 8))
    }
}
