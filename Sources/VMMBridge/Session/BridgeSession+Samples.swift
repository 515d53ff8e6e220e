public import BusModel
import VMBusPartitions
import VMBusRing
public import VMBusWire

extension BridgeSession {
    /// Nanoseconds between two looks at the fills of the rings.
    var sampleInterval: UInt64 { 1_000_000_000 }

    /// Looks at the control words of every open channel's rings, and tells of those that have changed.
    mutating func sample() {
        let memory = memory.lent
        for channel in host.openChannels {
            let readings =
                memory.readings(of: channel.hostToGuest, .hostToGuest)
                + memory.readings(of: channel.guestToHost, .guestToHost)
            log.sample(channel.place, readings)
        }
    }

    /// The bytes of a channel's ring as they are now; nil where there is no such ring, or no memory to look at.
    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        guard channel.partition == partition,
            let open = host.openChannels.first(where: {
                $0.place.device == channel.device && $0.place.subchannel == channel.subchannel
            })
        else { return nil }
        return memory.lent.ringImage(of: direction == .guestToHost ? open.guestToHost : open.hostToGuest)
    }
}
