public import VMBusWire

extension GuestConnection {
    /// Asks for an hv_sock connection. An offer answers it, or a refusal (from 4.1), or the profile's time limit.
    ///
    /// - Throws: below 4.0, when the same end waits for another connection, or too many wait.
    public mutating func connectSocket(_ request: TLConnectRequest) throws(GuestRefusal) -> [GuestEffect] {
        guard state == .connected, agreement.version >= .windows10 else {
            throw GuestRefusal("hv_sock needs a connection of version 4.0")
        }
        guard sockets[request.endpointID] == nil else {
            throw GuestRefusal("the end \(request.endpointID) waits for a connection already")
        }
        guard sockets.count < Self.maximumSockets else {
            throw GuestRefusal("\(Self.maximumSockets) hv_sock connections wait already")
        }
        var request = request
        switch profile.socketForm {
        case .asWished: break
        case .short: request.siloID = nil
        case .long: request.siloID = request.siloID ?? .zero
        }
        if agreement.version < .redstone5 { request.siloID = nil }
        var socket = PendingSocket(request: request)
        var effects = post(.tlConnectRequest(request))
        if let limit = profile.socketLimit {
            socket.wake = takeWake()
            effects.append(
                .wake(GuestWake(purpose: .socket(request.endpointID), number: socket.wake), afterMicroseconds: limit))
        }
        sockets[request.endpointID] = socket
        return effects
    }

    /// The offer of an hv_sock channel answers the request of the same end and service (reference §3.12, §6.12).
    mutating func socketOffered(_ offer: OfferChannel) -> [GuestEffect] {
        guard offer.flags.contains(.tlnpiProvider), let request = sockets[offer.interfaceInstance]?.request,
            request.serviceID == offer.interfaceType
        else { return [] }
        sockets[offer.interfaceInstance] = nil
        return [.socketConnected(request, relid: offer.relid)]
    }

    mutating func socketAnswered(_ result: TLConnectResult) -> [GuestEffect] {
        guard profile.hearsSocketRefusal else { return [] }
        guard let request = sockets[result.endpointID]?.request, request.serviceID == result.serviceID else {
            return violation(
                "socket-answered-once", "TL_CONNECT_RESULT.endpoint_id", result.endpointID.description,
                "no such connection waits for an answer")
        }
        sockets[result.endpointID] = nil
        return [.socketRefused(result)]
    }

    mutating func socketTimedOut(_ endpoint: GUID) -> [GuestEffect] {
        guard let request = sockets[endpoint]?.request else { return [] }
        sockets[endpoint] = nil
        return [.socketTimedOut(request)]
    }

    mutating func socketUnposted(_ request: TLConnectRequest) -> [GuestEffect] {
        guard sockets[request.endpointID] != nil else { return [] }
        sockets[request.endpointID] = nil
        return [
            .socketRefused(
                TLConnectResult(
                    endpointID: request.endpointID, serviceID: request.serviceID, status: .unexpected))
        ]
    }
}
