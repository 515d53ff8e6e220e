import BusModel
import VMBusDevices
import VMBusPartitions
import VMBusRing
public import VMBusWire

/// The host and the kernel behind a device node, as one value without I/O: rings, doorbells, masks, a network adapter, and
/// what becomes of the frames.
///
/// The kernel has agreed on a version and opened the channels; it gave both buffers their page lists. So a client starts with
/// NVSP's INIT. Whatever page list it names for a buffer, it means the one that the map holds: there is no other.
public struct UIOChannelHost: Sendable {
    /// What is to be done outside.
    public enum Effect: Sendable, Hashable {
        /// The count of interrupts has risen.
        case interrupt
        /// Make the rings of sub-channels 1 to this many, then call `subchannelsMade`.
        case makeSubchannels(UInt16)
        /// The client broke a rule.
        case violation(ProtocolViolation)
    }

    /// What is counted, all since the start.
    public struct Counts: Sendable, Hashable {
        /// Doorbells that were rung: bits of the pages and words through the node.
        public var doorbells = 0
        /// Interrupts of the client.
        public var interrupts: UInt32 = 0
        /// Packets of the client.
        public var packets = 0
        /// Rules that the client broke.
        public var violations = 0
        /// Clients that came and went.
        public var clients = 0
    }

    /// Places of the maps (reference §7.6).
    enum Map {
        static let interruptPage = 1
        static let monitorPage = 2
        static let receiveBuffer = 3
        static let sendBuffer = 4
        static func ring(subchannel: UInt16) -> Int { subchannel == 0 ? 0 : 4 + Int(subchannel) }
    }

    /// How it was made.
    public let configuration: UIOHostConfiguration
    /// What was counted.
    public internal(set) var counts = Counts()
    private(set) var traffic: FrameTraffic
    private var device: OpenedDevice<NetworkProvider>
    private var isOpen = false
    private var lostBefore = 0
    /// Channels to be visited, by number: rung for, or with more than one visit takes.
    private var due: Set<UInt16> = []
    private var subchannelsWanted: UInt16 = 0

    /// A host that nobody uses yet.
    public init(_ configuration: UIOHostConfiguration) {
        self.configuration = configuration
        traffic = FrameTraffic(
            echoes: configuration.echoes, injected: configuration.injectedFrames,
            lead: configuration.isPaced ? 64 : nil)
        device = Self.device(configuration)
    }

    /// Frames for the client that the device could not place.
    var lostInDevice: Int {
        let counters = device.endpoint.counters
        return lostBefore + Int(counters.noBuffer) + Int(counters.filtered)
    }

    private static func device(_ configuration: UIOHostConfiguration) -> OpenedDevice<NetworkProvider> {
        var network = configuration.network
        network.maximumChannels = configuration.queues
        var device = OpenedDevice(
            NetworkProvider(configuration: network),
            RingSettings(usesPendingSendSize: configuration.asksForSpace, checksTrailers: false))
        for (gpadl, map) in [
            (UIOHostConfiguration.receiveGPADL, Map.receiveBuffer), (UIOHostConfiguration.sendGPADL, Map.sendBuffer),
        ] {
            device.share(
                gpadl: gpadl, pages: UIOMemory.pages(map: map, byteCount: configuration.maps[map].byteCount))
        }
        return device
    }

    /// Both rings of a channel, guest→host first.
    private func rings(_ subchannel: UInt16) -> (guestToHost: RingPages, hostToGuest: RingPages)? {
        let pages = UIOMemory.pages(map: Map.ring(subchannel: subchannel), byteCount: 2 * configuration.ringBytes)
        guard let first = try? RingPages(pages[..<(pages.count / 2)]),
            let second = try? RingPages(pages[(pages.count / 2)...])
        else { return nil }
        return (first, second)
    }

    /// Writes a channel's rings as they are before anybody uses them; for the primary the doorbells as well.
    public func prepare<Memory: BridgeMemory>(subchannel: UInt16, memory: inout Memory) {
        guard let rings = rings(subchannel) else { return }
        for ring in [rings.guestToHost, rings.hostToGuest] {
            _ = OpenedDevice<NetworkProvider>.prepare(ring, &memory)
        }
        guard subchannel == 0 else { return }
        for map in [Map.interruptPage, Map.monitorPage] {
            try? memory.write([UInt8](repeating: 0, count: 4096), at: UIOMemory.address(map: map))
        }
    }

    /// Somebody has opened the node, and nobody had: the channel opens.
    public mutating func opened<Memory: BridgeMemory>(time: UInt64, memory: inout Memory) -> [Effect] {
        guard !isOpen, let rings = rings(0) else { return [] }
        isOpen = true
        counts.clients += 1
        let effects = device.open(
            subchannel: 0, outgoing: rings.hostToGuest, incoming: rings.guestToHost, time: time, memory: &memory)
        return perform(effects)
    }

    /// The last one has closed the node: the channel closes, its sub-channels are taken back, and all is as before.
    public mutating func closed<Memory: BridgeMemory>(memory: inout Memory) {
        lostBefore = lostInDevice
        device = Self.device(configuration)
        traffic.restart()
        isOpen = false
        due = []
        subchannelsWanted = 0
        prepare(subchannel: 0, memory: &memory)
    }

    /// The rings of the sub-channels that were asked for are prepared and shown: the kernel opens them at once.
    public mutating func subchannelsMade<Memory: BridgeMemory>(time: UInt64, memory: inout Memory) -> [Effect] {
        var effects: [Effect] = []
        for subchannel in 1..<(subchannelsWanted + 1) {
            guard let rings = rings(subchannel) else { continue }
            effects += perform(
                device.open(
                    subchannel: subchannel, outgoing: rings.hostToGuest, incoming: rings.guestToHost, time: time,
                    memory: &memory))
        }
        subchannelsWanted = 0
        return effects
    }

    // MARK: What the client does

    /// A word was written to the node: 1 lets interrupts through and signals the channels without a monitor bit, 0 keeps them
    /// back (reference §7.6). The kernel takes any other word for 1.
    public mutating func control<Memory: BridgeMemory>(word: Int32, memory: inout Memory) -> [Effect] {
        for subchannel in device.openChannels {
            guard let page = rings(subchannel)?.hostToGuest.pageFrameNumbers.first else { continue }
            try? memory.store32(word == 0 ? 1 : 0, at: page << 12 + UInt64(RingWord.interruptMask.rawValue))
            if word != 0, configuration.monitorID(subchannel: subchannel) == nil { rung(subchannel) }
        }
        try? memory.fence()
        guard word != 0, word != 1 else { return [] }
        return perform([
            .device(
                .violation(
                    ProtocolViolation(
                        rule: "uio-control", place: "device node", value: "\(word)",
                        explanation: "the word is 0 or 1; it is taken for 1")))
        ])
    }

    /// Something that is no control word was written to the node.
    public mutating func misused(byteCount: Int) -> [Effect] {
        perform([
            .device(
                .violation(
                    ProtocolViolation(
                        rule: "uio-control", place: "device node", value: "\(byteCount) bytes",
                        explanation: "a word of four bytes is written")))
        ])
    }

    private mutating func rung(_ subchannel: UInt16) {
        counts.doorbells += 1
        due.insert(subchannel)
    }

    /// Takes the bits that the client has set in the interrupt page's send half and in the monitor page.
    private mutating func takeDoorbells<Memory: BridgeMemory>(_ memory: inout Memory) -> [Effect] {
        var strays: [String] = []
        let half = UIOMemory.address(map: Map.interruptPage) + InterruptPage.sendHalf
        let relids = InterruptPage.channels { offset in
            guard let word = try? memory.load32(half + offset), word != 0 else { return nil }
            return try? memory.exchange(0, at: half + offset)
        }
        for relid in relids {
            if let subchannel = device.openChannels.first(where: { configuration.relid(subchannel: $0) == relid }) {
                rung(subchannel)
            } else {
                strays.append("bit \(relid) of the interrupt page")
            }
        }
        // Behind the four groups a client without a monitor rings where its 255 leads: DPDK does (group 7).
        for group in [0, 1, 2, 3, 7] as [UInt64] {
            let address = UIOMemory.address(map: Map.monitorPage) + 8 + group * 8
            guard let word = try? memory.load32(address), word != 0,
                let bits = try? memory.exchange(0, at: address)
            else { continue }
            for bit in 0..<32 where bits & 1 << UInt32(bit) != 0 {
                let monitorID = UInt8(group) * 32 + UInt8(bit)
                let channels = device.openChannels.filter {
                    (configuration.monitorID(subchannel: $0) ?? .max) == monitorID
                }
                channels.forEach { rung($0) }
                if channels.isEmpty { strays.append("bit \(monitorID) of the monitor page") }
            }
        }
        guard let first = strays.first else { return [] }
        // Somebody has rung for nobody: a look everywhere costs little.
        device.openChannels.forEach { due.insert($0) }
        return perform([
            .device(
                .violation(
                    ProtocolViolation(
                        rule: "uio-doorbell", place: first, value: "\(strays.count) bits",
                        explanation: "a doorbell is that of an open channel")))
        ])
    }

    /// What one look at everything came to.
    public struct Look {
        /// What is to be done outside.
        public var effects: [Effect] = []
        /// Something came or went: the next look should come soon.
        public var isBusy = false
        /// Something waits already: the next look must come at once.
        public var hasMore = false
    }

    /// Looks at the doorbells, at the rings that they lead to or at all of them, and sends what there is to send.
    public mutating func look<Memory: BridgeMemory>(time: UInt64, memory: inout Memory) -> Look {
        var look = Look()
        guard isOpen else { return look }
        look.effects += takeDoorbells(&memory)
        look.isBusy = !look.effects.isEmpty
        for subchannel in device.openChannels {
            let isRung = due.remove(subchannel) != nil
            let mayPoll = !configuration.waitsForDoorbells
            if isRung || mayPoll && device.hasPackets(subchannel: subchannel, memory: &memory) {
                visit(subchannel, time, &memory, &look)
            } else if !configuration.asksForSpace {
                look.effects += perform(device.tryAgainIfRoom(subchannel: subchannel, memory: &memory))
            }
        }
        let before = look.isBusy
        for _ in 0..<64 {
            guard traffic.hasNext, device.endpoint.hasReceiveRoom, !device.isBlocked, let frame = traffic.next() else {
                break
            }
            look.effects += perform(device.transmit(frame: frame, memory: &memory))
            look.isBusy = true
        }
        look.hasMore = look.hasMore || !due.isEmpty || look.isBusy && !before
        return look
    }

    private mutating func visit<Memory: BridgeMemory>(
        _ subchannel: UInt16, _ time: UInt64, _ memory: inout Memory, _ look: inout Look
    ) {
        let visit = device.visit(subchannel: subchannel, time: time, memory: &memory, look: Self.nameBuffer)
        counts.packets += visit.packetCount
        look.isBusy = look.isBusy || visit.packetCount > 0
        if visit.hasMore {
            due.insert(subchannel)
            look.hasMore = true
        }
        look.effects += perform(visit.effects)
    }

    /// A kernel has told the client which page list a buffer is; here the message itself says which buffer it means.
    private static func nameBuffer(_ packet: inout ChannelPacket) {
        guard packet.type == .dataInBand, packet.payload.count >= 8 else { return }
        let type = packet.payload[0..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let handle: UInt32
        switch NVSP.MessageType(rawValue: type) {
        case .sendReceiveBuffer: handle = UIOHostConfiguration.receiveGPADL
        case .sendSendBuffer: handle = UIOHostConfiguration.sendGPADL
        default: return
        }
        for index in 0..<4 { packet.payload[4 + index] = UInt8(truncatingIfNeeded: handle >> UInt32(8 * index)) }
    }

    // MARK: What the device wants

    private mutating func perform(_ effects: [OpenedDevice<NetworkProvider>.Effect]) -> [Effect] {
        var results: [Effect] = []
        for effect in effects {
            switch effect {
            case .signal:
                counts.interrupts &+= 1
                results.append(.interrupt)
            case .device(.frame(let frame)): traffic.take(frame)
            case .device(.offerSubchannels(let count)):
                subchannelsWanted = min(count, UInt16(configuration.queues - 1))
                results.append(.makeSubchannels(subchannelsWanted))
            case .device(.violation(let violation)):
                counts.violations += 1
                results.append(.violation(violation))
            case .device(.failed(let reason)):
                counts.violations += 1
                results.append(
                    .violation(
                        ProtocolViolation(
                            rule: "device-works", place: "network", value: "failed", explanation: reason)))
            case .device: break
            }
        }
        return results
    }

    /// Violations that came of a client that was gone are none.
    public mutating func forgive(_ effects: inout [Effect]) {
        effects.removeAll { effect in
            guard case .violation = effect else { return false }
            counts.violations -= 1
            return true
        }
    }
}
