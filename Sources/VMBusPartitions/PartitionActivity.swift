public import BusModel
public import VMBusDevices
public import VMBusEngine
public import VMBusRing
public import VMBusWire

/// One visit of a partition: the guest's memory, lent for as long as it takes, the time, and what is to be done afterwards.
public struct PartitionActivity<Memory: PhysicalMemory> {
    /// The guest's memory, which both its own end and the host's end of its channels touch.
    public var memory: Memory
    /// Nanoseconds.
    public let time: UInt64
    /// What the partition wants done, in order.
    public var effects: [PartitionEffect] = []
    /// Whether a host tells what it takes out of rings, which nobody needs who sees the guest's end.
    @usableFromInline let tellsReceived: Bool

    /// Starts a visit.
    ///
    /// - Parameter tellsReceived: whether a host tells what it takes out of rings, with `received`.
    @inlinable
    public init(memory: consuming Memory, time: UInt64, tellsReceived: Bool = true) {
        self.memory = memory
        self.time = time
        self.tellsReceived = tellsReceived
    }
}

/// What a partition wants done by whoever runs it.
public enum PartitionEffect: Sendable, Hashable {
    /// Guest: post a message with HvPostMessage.
    case post(bytes: [UInt8], connectionID: UInt32)
    /// Host: put a message into the guest's slot.
    case send(bytes: [UInt8], targetVP: UInt32)
    /// Guest: signal the host's end of a channel with HvSignalEvent.
    case signal(ChannelPlace, connectionID: UInt32)
    /// Guest: the channel's bit in the monitor page has been set.
    case monitorSignal(ChannelPlace, monitorID: UInt8)
    /// Host: set an event flag on a processor of the guest. Below 2.4 it says no more than that the channel's bit in the
    /// host's half of the interrupt page is to be set first (reference §1.9).
    case interrupt(ChannelPlace, EventFlagDelivery, throughInterruptPage: Bool)
    /// A packet was written to a ring: its bytes, and those that it points to.
    case packet(ChannelPlace, Direction, PacketType, bytes: [UInt8], attachment: [UInt8])
    /// Host: a packet of the guest was taken out of a ring, for whoever does not see the guest's end.
    case received(ChannelPlace, PacketType, bytes: [UInt8], attachment: [UInt8])
    /// Call `wake` after this many nanoseconds.
    case wake(afterNanoseconds: UInt64, WakeToken)
    /// Host: a frame leaves a network device towards the switch.
    case frame(device: GUID, [UInt8])
    /// Host: a disk is to do something; answered by `completed`. The generation tells the device from itself before the guest
    /// went away.
    case disk(device: GUID, generation: UInt32, DiskRequest)
    /// Host: a disk has come.
    case plugged(device: GUID, DiskDescription)
    /// Host: a disk has gone.
    case unplugged(device: GUID, lun: UInt8)
    /// Host: a function of a device interrupts the guest, by writing to a processor's address.
    case interruptMessage(device: GUID, address: UInt64, data: UInt32)
    /// Guest: a driver has taken a device, or has given it a name.
    case deviceChanged(device: GUID)
    /// Guest: it is asked to end, and has answered.
    case ends(restarts: Bool)
    /// Host: the guest has told something of itself, as attributes of its partition.
    case learned([AttributeReading])
    /// Guest: the connection has ended.
    case disconnected
    /// Guest: the connection has ended for hibernation; `resume` begins it again.
    case suspended
    /// Guest: it has crashed and takes no interrupts any more: it looks at every processor's message slot now.
    case pollMessages
    /// Somebody broke a rule.
    case violation(ProtocolViolation)
    /// Worth writing down.
    case note(String)
}

/// Names a channel of one guest, by its lasting name and its number now.
public struct ChannelPlace: Sendable, Hashable {
    /// Instance of the device.
    public let device: GUID
    /// 0 for the primary.
    public let subchannel: UInt16
    /// The channel's number.
    public let relid: UInt32

    init(device: GUID, subchannel: UInt16, relid: UInt32) {
        self.device = device
        self.subchannel = subchannel
        self.relid = relid
    }

    /// The channel that is offered.
    init(_ offer: OfferChannel) {
        self.init(device: offer.interfaceInstance, subchannel: offer.subchannelIndex, relid: offer.relid)
    }
}

/// What a partition asked to be woken for.
public enum WakeToken: Sendable, Hashable {
    /// Something that the guest's end of the bus waits for.
    case connection(GuestWake)
    /// A device machine's own token; the generation tells a device from an earlier one of the same name.
    case device(GUID, token: UInt64, generation: UInt32)
    /// A ring has more packets than one visit takes.
    case drain(relid: UInt32)
    /// The guest's own work on a network interface, for as long as the same device carries it.
    case workload(interface: Int, generation: UInt32)
    /// The guest's own work on the disks of a controller, for as long as the same device carries it.
    case diskWork(GUID, generation: UInt32)
    /// An hv_sock connection of the scenario is due, in the same run of the guest.
    case socket(index: Int, run: UInt32)
    /// Guest: a function's interrupt message has come.
    case interruptMessage(GUID, address: UInt64, data: UInt32)
    /// The guest has not taken the host's hv_sock connection in time.
    case socketLimit(GUID, generation: UInt32)
}
