import VMBusEngine
public import VMBusRing

/// What one end of an open channel keeps for itself about its two rings. Offsets are in bytes of the data area.
public struct RingEnds: Sendable, Hashable {
    /// The ring that it sends through.
    public let outgoing: RingPages
    /// The ring that it receives from.
    public let incoming: RingPages
    /// Where its next packet will start.
    public let sent: UInt32
    /// Whether a packet waits for room until the other end signals.
    public let isBlocked: Bool
    /// Bytes of ring that the packet takes which did not fit.
    public let needed: UInt32
    /// Where the next packet starts that it will take.
    public let received: UInt32
    /// What it last published as the read index.
    public let published: UInt32
}

extension GuestPartition {
    /// The guest's end of a channel's rings; nil while the channel is not open.
    public func ringEnds(relid: UInt32) -> RingEnds? {
        guard let (device, channel) = position(relid: relid) else { return nil }
        return devices[device].channels[channel].port?.ends
    }
}

extension HostPartition {
    /// The host's end of a channel's rings; nil while the channel is not open.
    public func ringEnds(relid: UInt32) -> RingEnds? {
        guard let key = connection.key(relid: relid), let (device, channel) = position(key) else { return nil }
        return devices[device].channels[channel].port?.ends
    }
}
