#if Mutations
    public import VMBusWire
#else
    import VMBusWire
#endif

/// The host's end of a network adapter (netvsp): NVSP and RNDIS, several channels, frames both ways (reference §6.1).
///
/// Frames for the guest come in through `deliver`; frames of the guest leave as `frame` effects.
public struct NetworkProvider: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The adapter's address: six bytes.
        public var address: [UInt8]
        /// Bytes of a frame behind its Ethernet header.
        public var mtu = 1500
        /// The newest NVSP version that the host takes, 1 to 6.1.
        public var maximumVersion = NVSP.Version.version61
        /// Channels of the adapter, the primary among them; 1 to 64.
        public var maximumChannels = 64
        /// Bytes of one place in the receive buffer.
        public var subAllocationSize = 1728
        /// Bytes of one section of the send buffer.
        public var sendSectionSize = 6144
        /// Most RNDIS messages that the guest may put into one packet; 1 to 64.
        public var maximumPacketsPerMessage = 8
        /// Most frames that the host puts into one packet, each in a place of its own; 1 to 375 (reference §6.1.4).
        public var messagesPerSection = 1
        /// Whether the guest's RNDIS control messages are completed; without it their answer has to do.
        public var completesControlMessages = true
        /// Whether frames that the guest has not asked for are kept from it.
        public var filtersFrames = true
        /// Logarithm of the alignment of RNDIS messages in one packet.
        public var alignmentFactor = 3
        /// In units of 100 bit/s; 10 Gbit/s.
        public var linkSpeed: UInt32 = 100_000_000
        /// Whether the host makes and looks at checksums, cuts large segments and takes tags off.
        public var offersOffloads = true
        /// Whether a frame whose RNDIS header goes on in another page ends the adapter, as it did OpenVMM's.
        public var stopsAtSplitHeaders = false
        /// What the guest may call the adapter.
        public var friendlyName = "Network Adapter"
        #if Mutations
            /// The planted bug; nil for none.
            public var mutation: Mutation?
        #endif

        /// An adapter with an address and the host's defaults.
        public init(address: [UInt8]) { self.address = address }

        /// The same with every number inside what the protocol can carry.
        func clamped() -> Configuration {
            var result = self
            result.address = Array((address + [0, 0, 0, 0, 0, 0]).prefix(6))
            result.mtu = min(max(mtu, 68), 65_521)
            result.maximumChannels = min(max(maximumChannels, 1), 64)
            result.subAllocationSize = min(max(subAllocationSize, 68), 1 << 20)
            result.sendSectionSize = min(max(sendSectionSize, 128), 1 << 20)
            result.maximumPacketsPerMessage = min(max(maximumPacketsPerMessage, 1), 64)
            result.messagesPerSection = min(max(messagesPerSection, 1), 375)
            result.alignmentFactor = min(max(alignmentFactor, 0), 8)
            return result
        }
    }

    /// What the adapter counts.
    public struct Counters: Sendable, Hashable {
        /// Frames that the guest sent.
        public var framesFromGuest: UInt64 = 0
        /// Frames that went to the guest.
        public var framesToGuest: UInt64 = 0
        /// Frames for the guest that its filter does not want, or that came before it wanted any.
        public var filtered: UInt64 = 0
        /// Frames for the guest that were lost because the receive buffer had no place, or is too small for them.
        public var noBuffer: UInt64 = 0
        /// Frames of the guest whose checksums the host made.
        public var checksumsMade: UInt64 = 0
        /// Frames that large segments of the guest were cut into.
        public var segmentsCut: UInt64 = 0
        /// 802.1Q tags that the host put into frames of the guest.
        public var tagsInserted: UInt64 = 0
    }

    /// A place of the receive buffer that waits for the guest's completion: the channel that it was sent through, whether
    /// the packet bears its number, whether it still waits for room in the ring, and the next place of the same packet.
    struct PendingReceive: Sendable, Hashable {
        var subchannel: UInt16
        var isFirst: Bool
        var isQueued = false
        var next: Int?
    }

    /// The most RNDIS control messages that wait for a place in the receive buffer.
    static let maximumWaitingControls = 64

    /// What was chosen.
    public let configuration: Configuration
    /// The agreed version.
    public internal(set) var version: NVSP.Version?
    /// What the guest said of its frames and abilities.
    public internal(set) var guestConfiguration: NVSP.NDISConfig?
    /// What the guest said that it speaks.
    public internal(set) var ndisVersion: NVSP.NDISVersion?
    /// The address that the guest uses; the host's until the guest sets another.
    public internal(set) var currentAddress: [UInt8]
    /// Groups that the guest joined.
    public internal(set) var multicastList: [[UInt8]] = []
    /// The way that the guest chose for its frames.
    public internal(set) var dataPath = NVSP.DataPath.synthetic
    /// Number of the virtual function that the guest has beside the adapter, if it has one.
    public internal(set) var virtualFunction: UInt32?
    /// In units of 100 bit/s.
    public internal(set) var linkSpeed: UInt32
    /// What the guest wants to receive.
    public internal(set) var packetFilter: RNDIS.PacketFilter = []
    /// Whether the guest started RNDIS.
    public internal(set) var isInitialized = false
    /// How received frames are spread, if they are.
    public internal(set) var receiveScale: RNDIS.ReceiveScaleParameters?
    /// Sub-channels that were granted.
    public internal(set) var grantedSubchannels: UInt16 = 0
    /// Whether there is a link.
    public internal(set) var isConnected = true
    /// What was counted.
    public internal(set) var counters = Counters()
    /// Whether the adapter has ended, and takes no more packets until its channel is opened anew.
    var hasStopped = false
    /// The page list of the receive buffer.
    var receiveBuffer: UInt32?
    /// Bytes of one place in it.
    var subAllocation = 0
    /// The page list of the send buffer and its sections.
    var sendBuffer: (UInt32, Int)? {
        guard let sendGPADL else { return nil }
        return (sendGPADL, sendSections)
    }
    var offloads = OffloadSwitches()
    var sendGPADL: UInt32?
    var sendSections = 0
    var slots = SlotPool(count: 0)
    /// By slot number, as far as slots have been used.
    var pending: [PendingReceive?] = []
    var waitingControls: [RNDIS.Message] = []
    var openChannels: [Bool]
    var sentTable = false
    var outbound = OutboundQueues(capacity: 16_384)

    /// An adapter that waits for its channel.
    public init(configuration: Configuration) {
        self.configuration = configuration.clamped()
        currentAddress = self.configuration.address
        linkSpeed = self.configuration.linkSpeed
        openChannels = Array(repeating: false, count: self.configuration.maximumChannels)
    }

    /// One that has stopped masks the signals of its rings and never looks again.
    public var appetite: RingAppetite { hasStopped ? RingAppetite(packets: 0, pause: .max) : RingAppetite() }

    /// Places of the receive buffer that the guest holds.
    public var outstandingReceives: Int { slots.count - slots.available }

    /// Whether a frame for the guest finds a place in the receive buffer now.
    public var hasReceiveRoom: Bool { slots.available > 0 }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)) else { return [] }
        openChannels[Int(subchannel)] = true
        return sendTableWhenComplete()
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        if subchannel == 0 {
            var new = NetworkProvider(configuration: configuration)
            new.counters = counters
            new.isConnected = isConnected
            new.linkSpeed = linkSpeed
            new.virtualFunction = virtualFunction
            self = new
            return []
        }
        if openChannels.indices.contains(Int(subchannel)) { openChannels[Int(subchannel)] = false }
        outbound.closed(subchannel: subchannel)
        // The guest answers no more for what went through this channel.
        for slot in pending.indices where pending[slot]?.subchannel == subchannel {
            pending[slot] = nil
            slots.release(slot)
        }
        return []
    }

    /// The guest's wish for a full table needs all its channels.
    private mutating func sendTableWhenComplete() -> [DeviceEffect] {
        let channels = Int(grantedSubchannels) + 1
        guard !sentTable, let version, version >= .version5, grantedSubchannels > 0, channels <= openChannels.count,
            openChannels[0..<channels].allSatisfy({ $0 })
        else { return [] }
        sentTable = true
        let table = (0..<NVSP.sendTableEntries).map { UInt32($0 % channels) }
        let message = NVSP.Message(.sendIndirectionTable, .sendIndirectionTable(NVSP.IndirectionTable(table)))
        return outbound.send(
            ChannelPacket(payload: message.encoded(version: version, sender: .hostToGuest)), subchannel: 0)
    }

    /// Linux puts the headers of a batch's last frame into the batch's section and leaves its data in guest pages, so that
    /// a message may begin in one and go on in the others (hv_netvsc, partial copy).
    public func attachment<Memory: DeviceMemory>(of packet: ChannelPacket, memory: Memory) -> [UInt8] {
        guard packet.type == .dataInBand || packet.type == .dataUsingGPADirect,
            let place = NVSP.RNDISPacket(packet: packet.payload)
        else { return [] }
        var bytes: [UInt8] = []
        if place.sectionIndex != NVSP.noSection {
            guard let (gpadl, sections) = sendBuffer, place.sectionIndex < sections,
                place.sectionSize <= configuration.sendSectionSize,
                let section = memory.read(
                    gpadl: gpadl, offset: Int(place.sectionIndex) * configuration.sendSectionSize,
                    count: Int(place.sectionSize))
            else { return [] }
            bytes = section
        }
        guard case .guestPages(let ranges) = packet.bulk else { return bytes }
        let limit = max(1 << 17, configuration.mtu + 4096)
        guard let pages = memory.read(ranges, limit: limit) else { return [] }
        bytes.add(pages)
        return bytes
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
        note(packet, isQueued: true)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        let effects = outbound.writable(subchannel: subchannel)
        for case .send(_, let packet, _) in effects { note(packet, isQueued: false) }
        return effects
    }

    /// The guest cannot complete what waits for room in the ring: its place would be used again while the packet waits.
    mutating func note(_ packet: ChannelPacket, isQueued: Bool) {
        guard case .transferPages = packet.bulk, packet.transactionID > 0,
            packet.transactionID <= UInt64(pending.count)
        else { return }
        pending[Int(packet.transactionID) - 1]?.isQueued = isQueued
    }

    func broken(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))
    }

    /// The answer to a packet that asked for one. Nobody can be told apart by the id 0 (reference §4.3).
    mutating func complete(
        _ packet: ChannelPacket, _ type: NVSP.MessageType, _ body: NVSP.Message.Body, subchannel: UInt16
    ) -> [DeviceEffect] {
        guard packet.flags.contains(.completionRequested), packet.transactionID != 0 else { return [] }
        let message = NVSP.Message(type, body)
        let payload = message.encoded(version: version ?? .version1, sender: .hostToGuest)
        #if Mutations
            if configuration.mutation == .completionTwice {
                return outbound.send(packet.completion(payload), subchannel: subchannel)
                    + outbound.send(packet.completion(payload), subchannel: subchannel)
            }
        #endif
        return outbound.send(packet.completion(payload), subchannel: subchannel)
    }
}
