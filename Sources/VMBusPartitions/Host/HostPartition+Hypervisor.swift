import VMBusEngine
public import VMBusRing
import VMBusWire

/// What a hypervisor, or whoever stands for it, must know of a host's end to bring the guest's signals to it.
extension HostPartition {
    /// Whether a version is agreed on, so that the guest's pages may be touched.
    public var isConnected: Bool { connection.state == .connected }

    /// The channel that is signalled through a connection: the offer's, or one that the guest chose (reference §1.6, §3.6).
    public func channel(connectionID: UInt32) -> ChannelPlace? {
        connection.channels.first { channel in
            guard channel.relid != 0, connectionID != 0 else { return false }
            if case .open(let request) = channel.state, request.message.connectionID == connectionID { return true }
            return channel.offer.connectionID == connectionID
        }
        .flatMap { channel(relid: $0.relid) }
    }

    /// Whether a connection is the one of a channel's offer, which is what a guest signals unless it has chosen its own.
    public func signals(relid: UInt32, connectionID: UInt32) -> Bool {
        connectionID != 0 && connection.connectionID(relid: relid) == connectionID
    }

    /// The numbers of the open channels that signal through the monitor page, with their bits there.
    public var monitoredChannels: [(relid: UInt32, monitorID: UInt8)] {
        connection.channels.filter { $0.isOpen && $0.offer.isMonitored }.map { ($0.relid, $0.offer.monitorID) }
    }

    /// Both rings of an open channel.
    public struct OpenRings: Sendable, Hashable {
        /// Which channel.
        public let place: ChannelPlace
        /// The pages of the guest→host ring.
        public let guestToHost: RingPages
        /// The pages of the host→guest ring.
        public let hostToGuest: RingPages
    }

    /// The open channels with their rings, device by device.
    public var openChannels: [OpenRings] {
        devices.flatMap { device in
            device.channels.compactMap { entry in
                guard let port = entry.port, let relid = connection.channel(entry.key)?.relid else { return nil }
                let place = ChannelPlace(
                    device: device.configuration.instance, subchannel: entry.subchannel, relid: relid)
                return OpenRings(place: place, guestToHost: port.incoming, hostToGuest: port.outgoing)
            }
        }
    }
}
