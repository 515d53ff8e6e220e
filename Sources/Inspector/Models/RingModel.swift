public import BusModel
public import VMBusWire

/// One packet in a ring.
public struct RingBlock: Sendable, Hashable {
    /// Where it starts in the data area, in bytes.
    public var offset: Int
    /// Its bytes in the ring, trailer included; a block that goes beyond the ring's end goes on at its start.
    public var length: Int
    /// What kind of packet it is.
    public var type: PacketType
    /// LAYER.NAME of its message, as far as the packet alone tells.
    public var name: String
    /// Chosen by who asks.
    public var transactionID: UInt64

    /// A packet.
    public init(offset: Int, length: Int, type: PacketType, name: String, transactionID: UInt64) {
        self.offset = offset
        self.length = length
        self.type = type
        self.name = name
        self.transactionID = transactionID
    }
}

/// One ring, drawn from its bytes, or from what the log tells where the bytes cannot be had.
public struct RingPicture: Sendable, Hashable {
    /// Whose packets it holds.
    public var direction: Direction
    /// Data bytes.
    public var size: UInt64?
    /// Bytes waiting to be read.
    public var used: UInt64?
    /// Where the next packet will be written.
    public var writeIndex: UInt64?
    /// Where the next packet will be read.
    public var readIndex: UInt64?
    /// Whether the reader wants no signals.
    public var isMasked: Bool?
    /// Bytes that a blocked sender needs free; 0 when it is not blocked.
    public var pendingSize: UInt32?
    /// The control page's feature bits.
    public var featureBits: UInt32?
    /// The packets between read and write index, oldest first; empty where the bytes cannot be had.
    public var blocks: [RingBlock]
    /// Packets that are there and not in `blocks`, since the list is bounded.
    public var hasMoreBlocks: Bool
    /// What is wrong with the bytes, in one sentence.
    public var damage: String?
    /// Whether the bytes themselves were looked at.
    public var isFromImage: Bool
    /// Whether the indices moved while the bytes were copied, so that the packets may not belong together.
    public var isTorn: Bool
    /// The most bytes that waited while the ring was looked at many times in a moment.
    public var usedMaximum: UInt64?
    /// How many times that was.
    public var usedLooks: UInt64?

    /// A ring of which nothing is known.
    public init(direction: Direction) {
        self.direction = direction
        blocks = []
        hasMoreBlocks = false
        isFromImage = false
        isTorn = false
    }

    /// Bytes that can be written; 8 of them always stay free (reference §4.2).
    public var free: UInt64? {
        guard let size, let used, used <= size else { return nil }
        return size - used
    }

    /// Share of the ring that is waiting to be read, 0 to 1.
    public var fill: Double? {
        guard let size, let used, size > 0 else { return nil }
        return min(1, Double(used) / Double(size))
    }
}

/// The two rings of a channel.
public struct RingModel: Sendable, Hashable {
    /// Which channel.
    public var channel: ChannelKey
    /// The channel in words: what people call it, its number and state.
    public var title: String
    /// Host→guest.
    public var inbound: RingPicture
    /// Guest→host.
    public var outbound: RingPicture
    /// How full the host→guest ring was, 0 to 1, oldest first.
    public var inboundFills: [Double]
    /// How full the guest→host ring was, 0 to 1, oldest first.
    public var outboundFills: [Double]
    /// Counters and signals, as pairs.
    public var pairs: [DetailPair]
    /// What cannot be seen of the rings and why, in one sentence; nil where their bytes can be seen.
    public var absence: String?

    /// Two rings.
    public init(
        channel: ChannelKey, title: String, inbound: RingPicture, outbound: RingPicture, inboundFills: [Double] = [],
        outboundFills: [Double] = [], pairs: [DetailPair] = [], absence: String? = nil
    ) {
        self.channel = channel
        self.title = title
        self.inbound = inbound
        self.outbound = outbound
        self.inboundFills = inboundFills
        self.outboundFills = outboundFills
        self.pairs = pairs
        self.absence = absence
    }
}
