import BusModel
import VMBusDevices
import VMBusEngine
import VMBusRing
import VMBusWire

/// What faults need to know of a host's end, and do to it.
extension HostPartition {
    /// The first open channel that fits.
    public func rings(_ place: FaultPlace) -> OpenRings? { openChannels.first { place.fits($0.place) } }

    /// The interrupt of an open channel.
    public func interrupt(_ place: FaultPlace) -> PartitionEffect? {
        for channel in connection.channels {
            guard case .open(let request) = channel.state, let name = self.channel(relid: channel.relid),
                place.fits(name)
            else { continue }
            let isOld = agreement.version < .windows8
            return .interrupt(
                name,
                isOld
                    ? EventFlagDelivery(vp: 0, flag: 0)
                    : EventFlagDelivery(vp: channel.targetVP, flag: request.eventFlag), throughInterruptPage: isOld)
        }
        return nil
    }

    /// The pages that a channel's device shares, list by list.
    public func sharedPages(_ place: ChannelPlace) -> [[UInt64]] {
        let relids = connection.channels.filter { $0.offer.interfaceInstance == place.device }.map(\.relid)
        return connection.pageLists.filter { relids.contains($0.relid) }.map(\.list.pages)
    }

    /// Writes a packet that no device has asked for. Nothing happens where the ring is full or gone.
    public mutating func write<Memory>(
        packet bytes: [UInt8], _ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let device = devices.firstIndex(where: { $0.configuration.instance == place.device }),
            let channel = devices[device].channels.firstIndex(where: { $0.subchannel == place.subchannel }),
            case .written(let type) = devices[device].channels[channel].port.repeats(bytes, &activity)
        else { return }
        activity.effects.append(.packet(place, .hostToGuest, type, bytes: bytes, attachment: []))
    }
}

extension GuestPartition {
    /// Writes a packet that no driver has asked for. Nothing happens where the ring is full or gone.
    public mutating func write<Memory>(
        packet bytes: [UInt8], _ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let (device, channel) = position(relid: place.relid),
            case .written(let type) = devices[device].channels[channel].port.repeats(bytes, &activity)
        else { return }
        activity.effects.append(.packet(place, .guestToHost, type, bytes: bytes, attachment: []))
    }
}

private enum Repeated {
    case written(PacketType)
    case nothing
}

extension ChannelPort? {
    fileprivate mutating func repeats<Memory>(
        _ bytes: [UInt8], _ activity: inout PartitionActivity<Memory>
    ) -> Repeated {
        guard var port = self, let packet = try? ChannelPacket.decode(bytes[...]),
            let sent = try? port.send(packet, &activity.memory), case .written = sent
        else { return .nothing }
        self = port
        return .written(packet.type)
    }
}
