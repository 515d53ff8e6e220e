#if Mutations
    public import VMBusWire
#else
    import VMBusWire
#endif

/// The guest's end of a network adapter (netvsc): the start-up order of Linux, then frames both ways over several channels
/// (reference §6.1).
///
/// Frames of the guest's stack go in through `transmit`; received ones leave as `frame` effects.
public struct NetworkConsumer: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Bytes of a frame behind its Ethernet header.
        public var mtu = 1500
        /// The newest NVSP version that the guest tries.
        public var maximumVersion = NVSP.Version.version61
        /// Channels wanted, the primary among them; 1 to 64.
        public var channels = 4
        /// Bytes of the receive buffer.
        public var receiveBufferSize = 256 << 10
        /// Bytes of the send buffer.
        public var sendBufferSize = 64 << 10
        /// RNDIS messages up to this many bytes are copied into a send section; longer ones stay in guest pages.
        public var copyLimit = 512
        /// Bytes of a page in front of the headers of a frame in guest pages: close to 4096 they go on in the next page, as
        /// Linux's sometimes do (anchors D.3, 30).
        public var headerOffset = 0
        /// Frames in guest pages at the same time.
        public var frameSlots = 16
        /// Frames that wait for a section or for pages; further ones are lost.
        public var transmitQueue = 64
        /// Whether the host makes the checksums of TCP and UDP, and looks at those of received frames.
        public var usesChecksumOffload = true
        /// Bytes of the largest TCP segment that the host is to cut; 0 for none.
        public var largestSegment = 0
        /// Whether short frames that wait together share a send section, as far as the host allows.
        public var aggregates = true
        /// What the guest wants to receive.
        public var packetFilter: RNDIS.PacketFilter = [.directed, .allMulticast, .broadcast]
        #if Mutations
            /// The planted bug; nil for none.
            public var mutation: Mutation?
        #endif

        /// The defaults of the simulator: smaller buffers than Linux has.
        public init() {}

        /// The same with every number inside what the protocol can carry.
        func clamped() -> Configuration {
            var result = self
            result.mtu = min(max(mtu, 68), 65_521)
            result.channels = min(max(channels, 1), 64)
            result.receiveBufferSize = min(max(receiveBufferSize, 4096), 31 << 20)
            result.sendBufferSize = min(max(sendBufferSize, 4096), 15 << 20)
            result.headerOffset = min(max(headerOffset, 0), 4088)
            result.frameSlots = min(max(frameSlots, 1), 1024)
            result.transmitQueue = min(max(transmitQueue, 0), 4096)
            result.largestSegment = min(max(largestSegment, 0), 65_535)
            return result
        }
    }

    /// What the adapter counts.
    public struct Counters: Sendable, Hashable {
        /// Frames that went to the host.
        public var framesSent: UInt64 = 0
        /// Frames that came from the host.
        public var framesReceived: UInt64 = 0
        /// Frames of the guest that were lost: no link, too long, or too many waiting.
        public var framesDropped: UInt64 = 0
        /// Packets whose completion was not a success.
        public var failures: UInt64 = 0
        /// Received frames of which the host says that a checksum is wrong.
        public var badChecksums: UInt64 = 0
        /// Times that the host said that the adapter hangs on another network.
        public var networkChanges: UInt64 = 0
    }

    /// What the guest's stack says of a frame that it sends.
    public struct FrameOptions: Sendable, Hashable {
        /// The 802.1Q tag that the host is to put in, as it stands in a frame: priority, CFI, VLAN.
        public var tag: UInt16?
        /// Bytes of TCP payload in each frame that the host is to cut; nil for a frame that goes as it is.
        public var segmentSize: Int?
        /// A frame that goes as it is.
        public init() {}
    }

    /// A frame that waits for a place.
    struct WaitingFrame: Sendable, Hashable {
        var bytes: [UInt8]
        var options: FrameOptions
    }

    /// A received frame of which not all parts have come.
    struct PartialFrame: Sendable, Hashable {
        var id: UInt16
        var frame: [UInt8]
        var info: FrameInfo
    }

    /// Where the adapter is on its way up.
    public enum Phase: Sendable, Hashable {
        /// Its primary channel is not open.
        case closed
        /// INIT was sent; which version of `NVSP.Version.newestFirst`.
        case negotiating(Int)
        /// Waits for guest pages.
        case waitingForBuffer(BufferPurpose)
        /// The host has not taken a buffer yet.
        case sharing(BufferPurpose)
        /// RNDIS INITIALIZE was sent.
        case initializing
        /// A step of `NetworkSetup` is under way.
        case settingUp(Int)
        /// Sub-channels were granted and are not all open.
        case waitingForSubchannels(Int)
        /// Frames go both ways.
        case running
        /// The guest stopped the adapter; its channel is to be closed.
        case stopped
        /// The host and this guest cannot work together.
        case failed
    }

    /// What waits for a completion.
    enum Outstanding: Sendable, Hashable {
        case initialize
        case receiveBuffer
        case sendBuffer
        case subchannels
        case dataPath(NVSP.DataPath)
        case rndis(section: Int?, slot: Int?, subchannel: UInt16)
    }

    /// The control request that waits for its answer.
    struct ControlRequest: Sendable, Hashable {
        var id: UInt32
        var object: RNDIS.ObjectIdentifier
        /// The packet that carried it; 0 before it was sent.
        var transaction: UInt64 = 0
    }

    /// The most completions that may still come for requests that were answered without.
    static let maximumLateCompletions = 16

    /// What was chosen.
    public let configuration: Configuration
    /// Where the adapter is on its way up.
    public internal(set) var phase = Phase.closed
    /// The agreed version.
    public internal(set) var version: NVSP.Version?
    /// The address that the host gave.
    public internal(set) var address: [UInt8]?
    /// The name that the host gave.
    public internal(set) var friendlyName: String?
    /// The largest frame behind its header, as the host says.
    public internal(set) var hostMTU: Int?
    /// In units of 100 bit/s.
    public internal(set) var linkSpeed: UInt32?
    /// Whether there is a link.
    public internal(set) var isConnected = false
    /// Channels that can receive, as the host says.
    public internal(set) var hostQueues: UInt32 = 1
    /// Sub-channels that were granted.
    public internal(set) var grantedSubchannels = 0
    /// The host's wish which frame goes through which channel.
    public internal(set) var sendTable: [UInt32] = []
    /// Number of the virtual function that the host gave, if it did.
    public internal(set) var virtualFunction: UInt32?
    /// The way that frames take.
    public internal(set) var dataPath = NVSP.DataPath.synthetic
    /// What the host can do to frames in the guest's place.
    public internal(set) var hostOffloads: RNDIS.OffloadCapabilities?
    /// What the host answered last to a query or a setting of the running adapter.
    public internal(set) var lastAnswer: RNDIS.Answer?
    /// What was counted.
    public internal(set) var counters = Counters()

    var openChannels: [Bool]
    var receiveBuffer: GuestBuffer?
    var receiveSection: NVSP.ReceiveSection?
    var sendBuffer: GuestBuffer?
    var sendSectionSize = 0
    var sections = SlotPool(count: 0)
    var frameBuffer: GuestBuffer?
    var frameSlots = SlotPool(count: 0)
    var nextTransaction: UInt64 = 1
    var nextRequest: UInt32 = 1
    /// Only looked up by id; sorted where order could show.
    var outstanding: [UInt64: Outstanding] = [:]
    var request: ControlRequest?
    /// Packets whose request was answered before they were completed, which some hosts never do.
    var lateCompletions: [UInt64] = []
    var waitingFrames: [WaitingFrame] = []
    /// By sub-channel.
    var partialFrames: [UInt16: PartialFrame] = [:]
    /// Most RNDIS messages and most bytes in one packet, and the alignment of messages, as the host says.
    var batchLimit = 1
    var batchSize = 0
    var batchAlignment = 1
    var outbound = OutboundQueues(capacity: 16_384)

    /// An adapter that waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration.clamped()
        openChannels = Array(repeating: false, count: self.configuration.channels)
    }

    /// Whether frames go both ways.
    public var isRunning: Bool { phase == .running }

    /// Packets that the host has not completed yet.
    public var outstandingCount: Int { outstanding.count }

    /// Pages of one frame slot: one for the headers, or two, the rest for the frame.
    var pagesPerSlot: Int {
        (configuration.headerOffset > 0 ? 2 : 1) + (longestFrame(cut: true) + 4095) / 4096
    }

    /// Bytes of the longest frame, and of the longest that the host cuts.
    func longestFrame(cut: Bool) -> Int {
        // IP and TCP headers with all options take at most 120 bytes over IPv4, and few more are usual over IPv6.
        let segment = cut && configuration.largestSegment > 0 ? configuration.largestSegment + 128 : 0
        return max(configuration.mtu, segment) + EthernetFrame.headerSize + 4
    }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)) else { return [] }
        openChannels[Int(subchannel)] = true
        if subchannel == 0 {
            guard phase == .closed else { return [] }
            return tryVersion(from: 0)
        }
        return subchannelsOpened(memory: &memory)
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)) else { return [] }
        guard subchannel == 0 else {
            openChannels[Int(subchannel)] = false
            partialFrames[subchannel] = nil
            outbound.closed(subchannel: subchannel)
            // The host answers no more for what went through this channel.
            for id in outstanding.keys.sorted() {
                guard case .rndis(let section, let slot, subchannel) = outstanding[id] else { continue }
                outstanding[id] = nil
                release(section: section, slot: slot)
            }
            return []
        }
        let shared: [BufferPurpose] =
            (receiveBuffer != nil ? [.receive] : []) + (sendBuffer != nil ? [.send] : [])
            + (frameBuffer != nil ? [.frame] : [])
        let counters = counters
        self = NetworkConsumer(configuration: configuration)
        self.counters = counters
        return shared.map { .destroyBuffer(purpose: $0) }
    }

    mutating func release(section: Int?, slot: Int?) {
        if let section { sections.release(section) }
        if let slot { frameSlots.release(slot) }
    }

    public func attachment<Memory: DeviceMemory>(of packet: ChannelPacket, memory: Memory) -> [UInt8] {
        guard case .transferPages(let setID, let ranges) = packet.bulk, let receiveBuffer,
            rangeViolation(setID: setID, ranges) == nil
        else { return [] }
        return memory.read(gpadl: receiveBuffer.gpadl, ranges, limit: receiveBuffer.byteCount) ?? []
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        outbound.writable(subchannel: subchannel)
    }

    func broken(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))
    }

    mutating func fail(_ reason: String) -> [DeviceEffect] {
        phase = .failed
        return [.failed(reason: reason)]
    }

    /// Sends an NVSP message on the primary; with `waiting`, an answer is asked for and remembered.
    mutating func send(
        _ type: NVSP.MessageType, _ body: NVSP.Message.Body, waiting: Outstanding? = nil
    ) -> [DeviceEffect] {
        let message = NVSP.Message(type, body)
        // Linux sends the long form whatever the version (reference §6.1).
        let payload = message.encoded(version: .version61, sender: .guestToHost)
        guard let waiting else { return outbound.send(ChannelPacket(payload: payload), subchannel: 0) }
        let id = nextTransaction
        nextTransaction += 1
        outstanding[id] = waiting
        return outbound.send(
            ChannelPacket(flags: .completionRequested, transactionID: id, payload: payload), subchannel: 0)
    }
}
