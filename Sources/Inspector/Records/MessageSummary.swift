import VMBusWire

/// What a channel message says, in one line.
enum MessageSummary {
    static func text(_ message: ChannelMessage) -> String {
        switch message {
        case .initiateContact(let contact):
            return "proposes \(contact.version)"
                + (contact.version >= .copper ? ", features \(contact.features.meaning ?? "none")" : "")
        case .versionResponse(let response):
            guard response.versionSupported != 0 else { return "not supported" }
            let features = response.features.map { ", features \($0.meaning ?? "none")" } ?? ""
            return (response.connectionState.meaning ?? "state \(response.connectionState.rawValue)") + features
        case .offerChannel(let offer):
            let entry = DeviceClass.of(offer.interfaceType)
            return "\(entry.kind.word), relid \(offer.relid)"
                + (offer.subchannelIndex == 0 ? "" : ", sub-channel \(offer.subchannelIndex)")
                + (offer.isMonitored ? ", monitor bit \(offer.monitorID)" : "")
        case .rescindChannelOffer(let channel), .closeChannel(let channel), .relidReleased(let channel),
            .closeReservedResponse(let channel):
            return "relid \(channel.relid)"
        case .openChannel(let open):
            return
                "relid \(open.relid), rings in page list \(Hexadecimal.prefixed(open.ringGPADL)), vp \(vp(open.targetVP))"
        case .openChannelResult(let result): return "relid \(result.relid), \(status(result.status))"
        case .gpadlHeader(let header):
            return "page list \(Hexadecimal.prefixed(header.gpadl)) of relid \(header.relid), "
                + "\(header.rangeBufferLength) bytes of ranges"
        case .gpadlBody(let body):
            return "page list \(Hexadecimal.prefixed(body.gpadl)), \(body.words.count) more pages"
        case .gpadlCreated(let created):
            return "page list \(Hexadecimal.prefixed(created.gpadl)), \(status(created.status))"
        case .gpadlTeardown(let teardown):
            return "page list \(Hexadecimal.prefixed(teardown.gpadl)) of relid \(teardown.relid)"
        case .gpadlTorndown(let torndown): return "page list \(Hexadecimal.prefixed(torndown.gpadl))"
        case .openReservedChannel(let open): return "relid \(open.relid), vp \(vp(open.targetVP))"
        case .closeReservedChannel(let close): return "relid \(close.relid)"
        case .tlConnectRequest(let request): return "endpoint \(request.endpointID), service \(request.serviceID)"
        case .tlConnectResult(let result): return "endpoint \(result.endpointID), \(status(result.status))"
        case .modifyChannel(let modify): return "relid \(modify.relid) to vp \(vp(modify.targetVP))"
        case .modifyChannelResponse(let response): return "relid \(response.relid), \(status(response.status))"
        case .modifyConnection(let modify):
            return modify.parentToChildMonitorPage == 0 ? "monitor pages off" : "other monitor pages"
        case .modifyConnectionResponse(let response):
            return response.connectionState.meaning ?? "state \(response.connectionState.rawValue)"
        case .requestOffers, .allOffersDelivered, .unload, .unloadComplete, .pause, .pauseResponse, .resume: return ""
        }
    }

    private static func vp(_ number: UInt32) -> String {
        number == OpenChannel.interruptsDisabled ? "none" : String(number)
    }

    private static func status(_ status: MessageStatus) -> String {
        status.isSuccess ? "success" : "\(status.meaning ?? "failure") \(Hexadecimal.prefixed(status.rawValue))"
    }
}
