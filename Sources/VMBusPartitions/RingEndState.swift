public import VMBusRing
public import VMBusWire

/// What one end of an open channel keeps of its rings for itself, which the control pages do not tell.
public struct RingEndState: Sendable, Hashable {
    /// The pages of the ring in which the end writes.
    public let outgoing: RingPages
    /// The pages of the ring that it reads.
    public let incoming: RingPages
    /// Where its next packet will start.
    public let sendPosition: UInt32
    /// Where the next packet starts that it will take.
    public let receivePosition: UInt32
    /// What it last published as the read index.
    public let published: UInt32
    /// A packet did not fit, and the end waits for space.
    public let isBlocked: Bool
    /// Bytes of ring that the last packet takes which did not fit.
    public let needed: UInt32
}

extension GuestDevice.Channel {
    /// The guest's end of the channel; nil while it is not open.
    public var ringEnd: RingEndState? { port?.state }
}

extension HostPartition {
    /// The host's end of a channel; nil while it is not open.
    public func ringEnd(device instance: GUID, subchannel: UInt16) -> RingEndState? {
        devices.first { $0.configuration.instance == instance }?
            .channels.first { $0.subchannel == subchannel }?.port?.state
    }
}
