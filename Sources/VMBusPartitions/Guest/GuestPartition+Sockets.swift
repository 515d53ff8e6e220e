import VMBusDevices
import VMBusEngine
import VMBusWire

/// The guest's hv_sock connections: those that it asks for, and the host's that it takes (reference §6.12).
extension GuestPartition {
    private var services: [SocketConfiguration] { configuration.host.sockets }

    /// The connection stands: the guest's own sockets are due when the scenario says so.
    mutating func armSockets<Memory>(_ activity: inout PartitionActivity<Memory>) {
        for (index, service) in services.enumerated() where !service.isFromHost {
            guard let delay = service.delay else { continue }
            activity.effects.append(.wake(afterNanoseconds: delay, .socket(index: index, run: 0)))
        }
    }

    /// Asks the host for a connection.
    mutating func connectSocket<Memory>(_ index: Int, _ activity: inout PartitionActivity<Memory>) {
        guard services.indices.contains(index) else { return }
        let service = services[index]
        socketNumber &+= 1
        let endpoint = GUID(0x736F_636B, UInt16(truncatingIfNeeded: index), socketNumber, 0x8000_0000_0000_0000)
        do {
            let effects = try connection.connectSocket(
                TLConnectRequest(endpointID: endpoint, serviceID: DeviceClass.hvSocketClass(port: service.port)))
            sockets.append((endpoint, index))
            perform(effects, &activity)
        } catch {
            activity.effects.append(.note("no connection to port \(service.port): \(error)"))
        }
        if let interval = service.interval {
            activity.effects.append(.wake(afterNanoseconds: interval, .socket(index: index, run: 0)))
        }
    }

    mutating func socketFailed<Memory>(
        _ endpoint: GUID, _ reason: String, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let place = sockets.firstIndex(where: { $0.endpoint == endpoint }) else { return }
        let port = services[sockets.remove(at: place).index].port
        activity.effects.append(.note("no connection to port \(port) of the host: \(reason)"))
    }

    /// Who takes the connection that an offer stands for; nil when nobody listens.
    mutating func socketConsumer(_ offer: OfferChannel) -> SocketConsumer? {
        if offer.isForGuestAccept != 0 {
            let port = DeviceClass.hvSocketPort(of: offer.interfaceType)
            return services.first { $0.isFromHost && $0.answer == .accept && $0.port == port }
                .map { SocketConsumer($0.guest) }
        }
        guard let place = sockets.firstIndex(where: { $0.endpoint == offer.interfaceInstance }) else { return nil }
        return SocketConsumer(services[sockets.remove(at: place).index].guest)
    }
}
