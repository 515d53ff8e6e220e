public import VMBusWire

extension HostConnection {
    /// TL_CONNECT_REQUEST (reference §3.12).
    mutating func connectSocket(_ request: TLConnectRequest) -> [HostEffect] {
        guard configuration.awaits.contains(.sockets) else { return refusal(of: request, .connectionRefused) }
        let place = "TL_CONNECT_REQUEST.endpoint_id"
        guard position(of: request) == nil else {
            return violation(
                "socket-unique", place, request.endpointID.description, "the same connection is being made already")
        }
        guard sockets.count < Self.maximumSockets else {
            return refusal(of: request, .connectionRefused)
                + violation(
                    "socket-limit", place, request.endpointID.description,
                    "at most \(Self.maximumSockets) sockets are connected at the same time")
        }
        sockets.append(request)
        return [.socket(request)]
    }

    private func position(of request: TLConnectRequest) -> Int? {
        sockets.firstIndex { $0.endpointID == request.endpointID && $0.serviceID == request.serviceID }
    }

    private mutating func refusal(of request: TLConnectRequest, _ status: MessageStatus) -> [HostEffect] {
        guard configuration.profile.answersRefusedSockets else { return [] }
        let result = TLConnectResult(endpointID: request.endpointID, serviceID: request.serviceID, status: status)
        return send(.tlConnectResult(result), since: .redstone3)
    }

    /// The socket is connected: its channel is offered. Nil for a request of a connection that has ended.
    ///
    /// - Throws: why the channel cannot be offered; the request is answered with a refusal by `socketRefused` then.
    public mutating func socketAccepted(
        _ request: TLConnectRequest
    ) throws(OfferRefusal) -> (key: HostChannelKey, effects: [HostEffect])? {
        guard let index = position(of: request) else { return nil }
        var offer = OfferChannel()
        offer.interfaceType = request.serviceID
        offer.interfaceInstance = request.endpointID
        offer.flags = [.enumerateDeviceInterface, .tlnpiProvider]
        offer.socketVersion = agreement.version >= .redstone5 ? 1 : 0
        offer.siloID = request.siloID ?? .zero
        offer.isDedicatedInterrupt = 1
        let result = try addOffer(offer)
        sockets.remove(at: index)
        return result
    }

    /// The socket is not connected.
    public mutating func socketRefused(
        _ request: TLConnectRequest, status: MessageStatus = .connectionRefused
    ) -> [HostEffect] {
        guard let index = position(of: request) else { return [] }
        sockets.remove(at: index)
        return refusal(of: request, status)
    }
}
