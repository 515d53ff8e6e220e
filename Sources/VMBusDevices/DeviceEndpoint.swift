public import VMBusWire

/// What a device machine wants done, in order.
public enum DeviceEffect: Sendable, Hashable {
    /// Write a packet to the ring of a channel of this device. `attachment` are the bytes that the packet points to and that
    /// lie in shared memory already, for whoever records the flow.
    ///
    /// When the ring has no room, the packet goes back through `sendRefused`, and so does every later packet for that
    /// channel, in order, until `channelWritable` was called.
    case send(subchannel: UInt16, ChannelPacket, attachment: [UInt8])
    /// Consumer: allocate this many bytes of guest pages and, where the purpose needs one, make a page list of them;
    /// answered by `bufferCreated`.
    case createBuffer(purpose: BufferPurpose, byteCount: Int)
    /// Consumer: the buffer is no longer used.
    case destroyBuffer(purpose: BufferPurpose)
    /// Provider: offer this many sub-channels to the guest.
    case offerSubchannels(count: UInt16)
    /// Call `wake` after this many nanoseconds.
    case wake(afterNanoseconds: UInt64, token: UInt64)
    /// A network frame leaves the device: towards the guest's own stack (consumer), or the virtual switch (provider).
    case frame([UInt8])
    /// Provider: a disk is to do something; answered by `completed`.
    case disk(DiskRequest)
    /// Provider: a disk has come.
    case plugged(DiskDescription)
    /// Provider: a disk has gone.
    case unplugged(lun: UInt8)
    /// Consumer: a request that `submit` took has ended.
    case submitted(StorageResult)
    /// Consumer: the host says that disks have come or gone.
    case disksChanged
    /// Provider: a function interrupts its guest, by writing `data` to a processor's `address`.
    case interruptMessage(address: UInt64, data: UInt32)
    /// The device has finished its negotiation and works.
    case ready
    /// The device has done what it was there for: a guest closes its channel, a host takes it back.
    case finished
    /// The device cannot work with this other side and stays silent; why, in one sentence.
    case failed(reason: String)
    /// An integration component wants something of its machine, or has learned something.
    case utility(UtilityEvent)
    /// Worth writing down: what came of something that was asked, in one sentence.
    case note(String)
    /// The other side broke a rule.
    case violation(ProtocolViolation)
}

/// How much of a ring one visit reads before others get their turn.
public struct RingAppetite: Sendable, Hashable {
    /// The most packets; 0 for none now.
    public var packets = 64
    /// Nanoseconds until the next visit while more waits, with signals masked; `.max` for never.
    public var pause: UInt64 = 1000

    /// As much as most devices read.
    public init() {}
    /// Another amount.
    public init(packets: Int, pause: UInt64) { (self.packets, self.pause) = (packets, pause) }
}

/// One end of a device's protocol, as a value without I/O.
///
/// Everything that the other side says is checked; what breaks a rule is an effect. What an endpoint keeps is bounded by
/// its own configuration, whatever the other side does.
public protocol DeviceEndpoint: Sendable, Hashable {
    /// A channel of the device is open; `time` is in nanoseconds.
    mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]
    /// A channel of the device was closed or taken back. Without its primary a device is as new.
    mutating func closed(subchannel: UInt16) -> [DeviceEffect]
    /// The bytes that a packet from the other side points to, read once: for `receive`, and for whoever records the flow.
    /// Empty when it points to none, or to some that are not there.
    func attachment<Memory: DeviceMemory>(of packet: ChannelPacket, memory: Memory) -> [UInt8]
    /// A packet came. `attachment` is what `attachment(of:memory:)` gave for it.
    mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]
    /// A buffer that was asked for stands, or could not be had (nil).
    mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [DeviceEffect]
    /// Time that was asked for has passed.
    mutating func wake<Memory: DeviceMemory>(token: UInt64, time: UInt64, memory: inout Memory) -> [DeviceEffect]
    /// A frame comes from outside: from the virtual switch (provider), or from the guest's own stack (consumer).
    mutating func transmit<Memory: DeviceMemory>(frame: [UInt8], memory: inout Memory) -> [DeviceEffect]
    /// Frames that come together, so that the device may hand several on in one packet.
    mutating func transmit<Memory: DeviceMemory>(frames: [[UInt8]], memory: inout Memory) -> [DeviceEffect]
    /// Provider: a disk has done what a `disk` effect asked for.
    mutating func completed<Memory: DeviceMemory>(
        _ completion: DiskCompletion, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]
    /// Consumer: a request of the guest's own for a disk; answered by a `submitted` effect.
    mutating func submit<Memory: DeviceMemory>(_ request: StorageRequest, memory: inout Memory) -> [DeviceEffect]
    /// Consumer: whether sub-channels were asked for and are not all open.
    var awaitsSubchannels: Bool { get }
    /// The most bytes of an attachment that whoever records the flow keeps.
    static var recordedAttachmentLimit: Int { get }
    /// How much of a ring one visit reads.
    var appetite: RingAppetite { get }
    /// Bytes of ring that must stay free behind a packet, for one that may never have to wait.
    func spareRingBytes(behind packet: ChannelPacket) -> UInt32
    /// Something is asked of the device from outside the bus. Nil when it does not know such a command.
    mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]?
    /// The ring had no room for a packet that this endpoint sent: it is kept and sent again later.
    mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16)
    /// The ring of a channel has room again: what was kept comes back as `send` effects, in order.
    mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect]
}

extension DeviceEndpoint {
    /// Most packets point to nothing.
    public func attachment<Memory: DeviceMemory>(of packet: ChannelPacket, memory: Memory) -> [UInt8] { [] }

    /// Most devices share no buffers.
    public mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [DeviceEffect] { [] }

    /// Most devices carry no frames.
    public mutating func transmit<Memory: DeviceMemory>(frame: [UInt8], memory: inout Memory) -> [DeviceEffect] { [] }

    /// Most devices take one frame after the other.
    public mutating func transmit<Memory: DeviceMemory>(
        frames: [[UInt8]], memory: inout Memory
    ) -> [DeviceEffect] {
        frames.flatMap { transmit(frame: $0, memory: &memory) }
    }

    /// Most devices have no disks.
    public mutating func completed<Memory: DeviceMemory>(
        _ completion: DiskCompletion, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] { [] }

    /// Most devices have no disks.
    public mutating func submit<Memory: DeviceMemory>(
        _ request: StorageRequest, memory: inout Memory
    ) -> [DeviceEffect] { [] }

    /// Most devices have one channel.
    public var awaitsSubchannels: Bool { false }

    /// Most attachments are short, and kept whole.
    public static var recordedAttachmentLimit: Int { .max }

    /// Most devices read as packets come.
    public var appetite: RingAppetite { RingAppetite() }

    /// Most devices use all of a ring.
    public func spareRingBytes(behind packet: ChannelPacket) -> UInt32 { 0 }

    /// Most devices are asked nothing.
    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? { nil }

    /// Most devices need no timer.
    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] { [] }
}
