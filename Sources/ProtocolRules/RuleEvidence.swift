public import BusModel
public import VMBusWire

/// What no record tells and a rule needs: the state of a part of the machine after a step, in plain numbers.
public enum RuleEvidence: Sendable, Hashable {
    /// A guest's machine was reset: nothing of it is left, and it may begin anew with any version.
    case machineReset(partition: UInt16)
    /// A ring.
    case ring(RingEvidence)
    /// The message slot of a processor.
    case slot(SlotEvidence)
    /// A guest's monitor page.
    case monitor(MonitorEvidence)
}

/// A ring of an open channel after a step that touched the channel: what both ends and the memory say of it.
///
/// `direction` names the sender: the guest's for `guestToHost`. Positions and indices are byte offsets in the data area.
public struct RingEvidence: Sendable, Hashable {
    /// The guest's partition.
    public var partition: UInt16
    /// The channel's number.
    public var relid: UInt32
    /// The channel's lasting name.
    public var channel: ChannelKey
    /// Who sends through the ring.
    public var direction: Direction
    /// Bytes of the data area.
    public var dataSize: UInt32
    /// The shared write index, as it stands in the control page.
    public var writeIndex: UInt32 = 0
    /// The shared read index.
    public var readIndex: UInt32 = 0
    /// Not zero: the receiver asks for no signals.
    public var interruptMask: UInt32 = 0
    /// Bytes that the sender says it waits for; 0 for none.
    public var pendingSendSize: UInt32 = 0
    /// Bit 0: the sender uses the pending-send size.
    public var featureBits: UInt32 = 0
    /// What the sender keeps for itself; nil while it has no end here.
    public var sender: Sender?
    /// What the receiver keeps for itself; nil while it has no end here.
    public var receiver: Receiver?
    /// The bytes of the data area from the sender's last known position to its present one: what it wrote in this step.
    /// Nil where that is not known.
    public var written: [UInt8]?
    /// The bytes of the data area from the receiver's last known position to its present one: what it took in this step.
    /// Nil where that is not known.
    public var taken: [UInt8]?

    /// The sending end.
    public struct Sender: Sendable, Hashable {
        /// Where its next packet will start.
        public var position: UInt32
        /// A packet did not fit, and the sender sleeps until it is signalled.
        public var isBlocked: Bool
        /// Bytes of ring that the packet takes which did not fit; 0 when none waits.
        public var needed: UInt32
        /// A signal, a wake or a visit of its own is on its way to it.
        public var willLook: Bool

        /// A sending end.
        public init(position: UInt32, isBlocked: Bool = false, needed: UInt32 = 0, willLook: Bool = false) {
            (self.position, self.isBlocked, self.needed, self.willLook) = (position, isBlocked, needed, willLook)
        }
    }

    /// The receiving end.
    public struct Receiver: Sendable, Hashable {
        /// Where the next packet starts that it will take.
        public var position: UInt32
        /// What it last published as the read index.
        public var published: UInt32
        /// A signal, a wake or a visit of its own is on its way to it; otherwise it sleeps.
        public var willLook: Bool

        /// A receiving end.
        public init(position: UInt32, published: UInt32, willLook: Bool = false) {
            (self.position, self.published, self.willLook) = (position, published, willLook)
        }
    }

    /// A ring with both indices at 0, and no ends.
    public init(
        partition: UInt16, relid: UInt32, channel: ChannelKey, direction: Direction, dataSize: UInt32
    ) {
        self.partition = partition
        self.relid = relid
        self.channel = channel
        self.direction = direction
        self.dataSize = dataSize
    }

    /// Bytes waiting to be read; nil when an index is impossible.
    public var usedBytes: UInt32? {
        guard writeIndex < dataSize, readIndex < dataSize else { return nil }
        return writeIndex >= readIndex ? writeIndex - readIndex : dataSize - readIndex + writeIndex
    }

    /// Bytes that are free, of which 8 are never filled; nil when an index is impossible.
    public var freeBytes: UInt32? { usedBytes.map { dataSize - $0 } }

    /// Who sends.
    public var sendingParty: RuleParty { RuleParty(sending: direction) }
    /// Who receives.
    public var receivingParty: RuleParty { sendingParty.other }
}

/// VMBus's message slot of one processor after a step (reference §1.2), with counts since the machine's reset.
public struct SlotEvidence: Sendable, Hashable {
    /// The guest's partition.
    public var partition: UInt16
    /// The virtual processor.
    public var processor: UInt32
    /// The type in the slot; 0 for an empty one.
    public var messageType: UInt32
    /// Bytes of the payload in the slot.
    public var payloadSize: UInt32
    /// Whether the slot says that another message is pending.
    public var isPending: Bool
    /// Messages that wait behind the slot.
    public var waiting: UInt64
    /// Messages that were written over before the guest had read them.
    public var overwritten: UInt64
    /// How often the guest emptied a slot that said that another message was pending, and wrote no end-of-message.
    public var missedEnds: UInt64

    /// A slot.
    public init(
        partition: UInt16, processor: UInt32, messageType: UInt32 = 0, payloadSize: UInt32 = 0, isPending: Bool = false,
        waiting: UInt64 = 0, overwritten: UInt64 = 0, missedEnds: UInt64 = 0
    ) {
        self.partition = partition
        self.processor = processor
        self.messageType = messageType
        self.payloadSize = payloadSize
        self.isPending = isPending
        self.waiting = waiting
        self.overwritten = overwritten
        self.missedEnds = missedEnds
    }
}

/// The bits of a guest's monitor page after a step (reference §1.8).
public struct MonitorEvidence: Sendable, Hashable {
    /// The guest's partition.
    public var partition: UInt16
    /// The pending bits of the four groups: monitor id 32·g + b is bit b of group g.
    public var pending: [UInt32]

    /// A page.
    public init(partition: UInt16, pending: [UInt32]) {
        self.partition = partition
        self.pending = pending
    }
}
