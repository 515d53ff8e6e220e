import VMBusWire

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
        /// Frames in guest pages at the same time.
        public var frameSlots = 16
        /// Frames that wait for a section or for pages; further ones are lost.
        public var transmitQueue = 64
        /// What the guest wants to receive.
        public var packetFilter: RNDIS.PacketFilter = [.directed, .allMulticast, .broadcast]

        /// The defaults of the simulator: smaller buffers than Linux has.
        public init() {}

        /// The same with every number inside what the protocol can carry.
        func clamped() -> Configuration {
            var result = self
            result.mtu = min(max(mtu, 68), 65_521)
            result.channels = min(max(channels, 1), 64)
            result.receiveBufferSize = min(max(receiveBufferSize, 4096), 31 << 20)
            result.sendBufferSize = min(max(sendBufferSize, 4096), 15 << 20)
            result.frameSlots = min(max(frameSlots, 1), 1024)
            result.transmitQueue = min(max(transmitQueue, 0), 4096)
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
    var waitingFrames: [[UInt8]] = []
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

    /// Pages of one frame slot: one for the headers, the rest for the frame.
    var pagesPerSlot: Int { 1 + (configuration.mtu + EthernetFrame.headerSize + 4 + 4095) / 4096 }

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
