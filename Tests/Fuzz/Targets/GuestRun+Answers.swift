import VMBusEngine
import VMBusWire

extension GuestRun {
    /// What a host says to one of the oldest messages that it owes an answer: the one behind as many others.
    mutating func answer(_ behind: Int, _ status: MessageStatus) -> [GuestEffect] {
        var skipped = 0
        var index = 0
        while index < posted.count {
            guard let answer = answer(to: posted[index], status) else {
                posted.remove(at: index)
                continue
            }
            guard skipped < behind, index + 1 < posted.count else {
                posted.remove(at: index)
                return receive(answer)
            }
            skipped += 1
            index += 1
        }
        return []
    }

    /// Nil for a message that has no answer.
    private func answer(to message: ChannelMessage, _ status: MessageStatus) -> ChannelMessage? {
        switch message {
        case .initiateContact(let contact): return .versionResponse(response(contact, status))
        case .requestOffers: return .allOffersDelivered
        case .gpadlHeader(let header):
            return .gpadlCreated(GPADLCreated(relid: header.relid, gpadl: header.gpadl, status: status))
        case .gpadlTeardown(let teardown): return .gpadlTorndown(GPADLTorndown(gpadl: teardown.gpadl))
        case .openChannel(let open):
            return .openChannelResult(OpenChannelResult(relid: open.relid, openID: open.openID, status: status))
        case .openReservedChannel(let open):
            return .openChannelResult(OpenChannelResult(relid: open.relid, openID: 0, status: status))
        case .closeReservedChannel(let close): return .closeReservedResponse(ChannelReference(relid: close.relid))
        case .modifyChannel(let modify):
            return .modifyChannelResponse(ModifyChannelResponse(relid: modify.relid, status: status))
        case .modifyConnection:
            var response = ModifyConnectionResponse()
            response.connectionState = ConnectionState(rawValue: UInt8(truncatingIfNeeded: status.rawValue))
            return .modifyConnectionResponse(response)
        case .pause: return .pauseResponse
        case .unload: return .unloadComplete
        case .tlConnectRequest(let request): return answer(to: request, status)
        default: return nil
        }
    }

    private func response(_ contact: InitiateContact, _ status: MessageStatus) -> VersionResponse {
        let isNew = contact.version >= .copper
        var response = VersionResponse(
            supported: status.isSuccess || status.rawValue & 1 != 0,
            connectionState: ConnectionState(rawValue: UInt8(truncatingIfNeeded: status.rawValue >> 8)),
            versionOrConnectionID: contact.version >= .redstone3MultiClient
                ? ConnectionID.multiClientMessage : contact.version.rawValue,
            features: isNew ? contact.features : nil)
        if isNew, contact.features.contains(.serverSpecifiedMonitorPages), status.isSuccess {
            (response.parentToChildMonitorPage, response.childToParentMonitorPage) = (0x8000, 0x9000)
        }
        return response
    }

    /// An hv_sock connection that stands is an offer.
    private func answer(to request: TLConnectRequest, _ status: MessageStatus) -> ChannelMessage {
        guard status.isSuccess else {
            return .tlConnectResult(
                TLConnectResult(endpointID: request.endpointID, serviceID: request.serviceID, status: status))
        }
        var offer = OfferChannel()
        offer.relid = 0x700 + UInt32(guest.channels.count & 0x7F)
        offer.interfaceType = request.serviceID
        offer.interfaceInstance = request.endpointID
        offer.flags = [.enumerateDeviceInterface, .tlnpiProvider]
        offer.isDedicatedInterrupt = 1
        return .offerChannel(offer)
    }
}
