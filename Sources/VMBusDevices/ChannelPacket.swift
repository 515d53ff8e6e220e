public import VMBusWire

/// A ring packet as a device sees it, without the ring: what it carries and where its bulk lies.
public struct ChannelPacket: Sendable, Hashable {
    /// Where the bulk of a packet's data lies.
    public enum Bulk: Sendable, Hashable {
        /// All of it is in the payload.
        case inBand
        /// In guest pages that the packet lists (reference §4.4).
        case guestPages([GPARange])
        /// In a page list agreed on before (reference §4.5).
        case transferPages(setID: UInt16, ranges: [TransferPageRange])
    }

    /// Data in-band, completion, …
    public var type: PacketType
    /// Whether an answer is wanted.
    public var flags: PacketFlags
    /// Chosen by who asks; the answer repeats it.
    public var transactionID: UInt64
    /// Where the bulk lies.
    public var bulk: Bulk
    /// The bytes behind the packet's header, with their padding to a multiple of eight when received.
    public var payload: [UInt8]

    /// A packet.
    public init(
        type: PacketType = .dataInBand, flags: PacketFlags = [], transactionID: UInt64 = 0, bulk: Bulk = .inBand,
        payload: [UInt8]
    ) {
        self.type = type
        self.flags = flags
        self.transactionID = transactionID
        self.bulk = bulk
        self.payload = payload
    }

    /// The answer to this packet.
    public func completion(_ payload: [UInt8]) -> ChannelPacket {
        ChannelPacket(type: .completion, transactionID: transactionID, payload: payload)
    }
}

/// The memory that a device may touch: what the guest has shared with the host.
public protocol DeviceMemory {
    /// Bytes of a page list. Nil when the list does not exist or ends before.
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]?
    /// Writes into a page list. False when the list does not exist or ends before.
    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool
    /// Bytes of guest pages. Nil when the guest has no such pages.
    func read(_ range: GPARange) -> [UInt8]?
    /// Writes into guest pages. False when the guest has no such pages.
    mutating func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool
}

/// What a device machine wants done.
public enum DeviceEffect: Sendable, Hashable {
    /// Write a packet to the ring of a channel of this device. `attachment` are the bytes that the packet points to and that
    /// lie in shared memory already, for whoever records the flow.
    case send(subchannel: UInt16, ChannelPacket, attachment: [UInt8])
    /// Consumer: allocate this many bytes of guest pages and make a page list of them; answered by `bufferCreated`.
    case createBuffer(purpose: BufferPurpose, byteCount: Int)
    /// Consumer: the buffer is no longer used.
    case destroyBuffer(purpose: BufferPurpose)
    /// Provider: offer this many sub-channels to the guest.
    case offerSubchannels(count: UInt16)
    /// Call `wake` after this many nanoseconds.
    case wake(afterNanoseconds: UInt64, token: UInt64)
    /// A network frame leaves the device: towards the guest's own stack (consumer), or the virtual switch (provider).
    case frame([UInt8])
    /// The device has finished its negotiation and works.
    case ready
    /// The other side broke a rule.
    case violation(ProtocolViolation)
}

/// What a buffer that a consumer shares is for.
public enum BufferPurpose: UInt32, Sendable, Hashable {
    /// The network's receive buffer, which the host writes.
    case receive = 1
    /// The network's send buffer, which the guest writes.
    case send = 2
}

/// One end of a device's protocol, as a value without I/O.
public protocol DeviceEndpoint: Sendable, Hashable {
    /// A channel of the device is open; `time` is in nanoseconds.
    mutating func opened(subchannel: UInt16, time: UInt64) -> [DeviceEffect]
    /// A channel of the device was closed or taken back.
    mutating func closed(subchannel: UInt16) -> [DeviceEffect]
    /// A packet came. `attachment` is what its bulk holds, already read.
    mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]
    /// A buffer that was asked for stands, or could not be had (nil).
    mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, gpadl: UInt32?, byteCount: Int, memory: inout Memory
    ) -> [DeviceEffect]
    /// Time that was asked for has passed.
    mutating func wake<Memory: DeviceMemory>(token: UInt64, time: UInt64, memory: inout Memory) -> [DeviceEffect]
}
