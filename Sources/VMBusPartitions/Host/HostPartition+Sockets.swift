import VMBusDevices
import VMBusEngine
import VMBusWire

/// The host's end of hv_sock connections: those that the guest asks for, and its own (reference §3.12, §6.12).
extension HostPartition {
    /// The guest has connected: the host's own sockets are due when the scenario says so.
    mutating func armSockets<Memory>(_ activity: inout PartitionActivity<Memory>) {
        for (index, service) in configuration.sockets.enumerated() where service.isFromHost {
            guard let delay = service.delay else { continue }
            activity.effects.append(.wake(afterNanoseconds: delay, .socket(index: index, run: run)))
        }
    }

    /// The guest asks for a connection.
    mutating func connect<Memory>(_ request: TLConnectRequest, _ activity: inout PartitionActivity<Memory>) {
        let port = DeviceClass.hvSocketPort(of: request.serviceID)
        let service = configuration.sockets.first { !$0.isFromHost && $0.port == port }
        if service?.answer == .silence { return }
        // One name means one device, whatever its kind.
        let isTaken = devices.contains { $0.configuration.instance == request.endpointID }
        guard let service, service.answer == .accept, !isTaken,
            let (key, effects) = try? connection.socketAccepted(request)
        else {
            perform(connection.socketRefused(request), &activity)
            return
        }
        append(request.serviceID, request.endpointID, service, key)
        perform(effects, &activity)
    }

    private mutating func append(
        _ classID: GUID, _ instance: GUID, _ service: SocketConfiguration, _ key: HostChannelKey
    ) {
        var device = DeviceConfiguration(
            kind: .socket, classID: classID, instance: instance, channelCount: 1, isMonitored: false)
        device.socket = service.host
        generation += 1
        devices.append(HostDevice(device, generation: generation))
        devices[devices.count - 1].channels = [HostDevice.Channel(key: key, subchannel: 0)]
    }

    /// The host connects to a service of the guest: an offer, which the guest takes by opening it.
    mutating func connectSocket<Memory>(_ index: Int, _ activity: inout PartitionActivity<Memory>) {
        guard configuration.sockets.indices.contains(index), isConnected else { return }
        let service = configuration.sockets[index]
        if let interval = service.interval {
            activity.effects.append(.wake(afterNanoseconds: interval, .socket(index: index, run: run)))
        }
        socketNumber &+= 1
        var offer = OfferChannel()
        offer.interfaceType = DeviceClass.hvSocketClass(port: service.port)
        offer.interfaceInstance = GUID(
            0x736F_636B, 0x8000 | UInt16(truncatingIfNeeded: index), socketNumber, 0x8000_0000_0000_0000)
        offer.flags = [.enumerateDeviceInterface, .tlnpiProvider]
        offer.isForGuestAccept = 1
        offer.socketVersion = agreement.version >= .redstone5 ? 1 : 0
        offer.isDedicatedInterrupt = 1
        guard agreement.version >= .windows10, let (key, effects) = try? connection.addOffer(offer) else {
            activity.effects.append(.note("no connection to port \(service.port) of the guest: no offer can be made"))
            return
        }
        append(offer.interfaceType, offer.interfaceInstance, service, key)
        activity.effects.append(
            .wake(
                afterNanoseconds: SocketConfiguration.limit,
                .socketLimit(offer.interfaceInstance, generation: generation)))
        perform(effects, &activity)
    }

    /// The guest has not opened the channel: nobody listens there.
    mutating func socketLimit<Memory>(
        _ instance: GUID, _ generation: UInt32, _ activity: inout PartitionActivity<Memory>
    ) {
        guard
            let device = devices.first(where: { $0.configuration.instance == instance && $0.generation == generation }),
            let channel = device.channels.first, channel.port == nil
        else { return }
        let port = DeviceClass.hvSocketPort(of: device.configuration.classID) ?? 0
        activity.effects.append(.note("no connection to port \(port) of the guest: no answer in time"))
        _ = rescind(device: instance, &activity)
    }

    /// A connection whose channel was closed has no second life.
    mutating func withdrawSocket<Memory>(_ key: HostChannelKey, _ activity: inout PartitionActivity<Memory>) {
        guard let (index, _) = position(key), devices[index].configuration.kind == .socket else { return }
        devices.remove(at: index)
        let effects = connection.revoke(key)
        if connection.state == .connected { perform(effects, &activity) }
    }
}
