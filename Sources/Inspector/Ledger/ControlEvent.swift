import BusModel
import VMBusWire

/// What a record tells of the control plane: as a channel message, or as a tracepoint of a guest's kernel (reference §7.10).
enum ControlEvent: Hashable {
    case contactRequested(ProtocolVersion)
    case contactAnswered(isAccepted: Bool)
    case offersRequested
    case offersDelivered
    case offered(relid: UInt32, device: GUID, subchannel: UInt16)
    case rescinded(relid: UInt32)
    case released(relid: UInt32)
    /// A page list begins: how many pages it will hold, and how many of them came with it.
    case pageListBegun(relid: UInt32, handle: UInt32, pages: Int, received: Int)
    case pageListContinued(handle: UInt32, pages: Int)
    case pageListAnswered(relid: UInt32, handle: UInt32, MessageStatus)
    case teardownRequested(relid: UInt32, handle: UInt32)
    case tornDown(handle: UInt32)
    case openRequested(relid: UInt32, openID: UInt32, handle: UInt32)
    case openAnswered(relid: UInt32, openID: UInt32, MessageStatus)
    case closed(relid: UInt32)
    case moveRequested(relid: UInt32, processor: UInt32)
    case moveAnswered(relid: UInt32, MessageStatus)
    case socketRequested(endpoint: GUID, service: GUID)
    case socketAnswered(endpoint: GUID, service: GUID, MessageStatus)
    case monitorPagesRequested
    case monitorPagesAnswered
    case reservedCloseRequested(relid: UInt32)
    case reservedCloseAnswered(relid: UInt32)
    case pauseRequested
    case pauseAnswered
    case unloadRequested
    case unloadAnswered
}

/// A control event with what became of sending it.
struct ToldControlEvent: Hashable {
    var event: ControlEvent
    /// The negative error number of a post that failed, which only tracepoints tell.
    var postError: Int64?
}

extension ToldControlEvent {
    /// What a record tells of the control plane; nil for everything else. `context` is the agreement before it.
    init?(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, context: WireContext) {
        switch header.kind {
        case .message:
            guard let message = try? ChannelMessage.decode(Array(payload), context: context),
                let event = ControlEvent(message)
            else { return nil }
            self.init(event: event)
        case .trace:
            guard let record = try? TraceRecord.decode(payload), let event = ControlEvent(record) else { return nil }
            self.init(event: event, postError: record.signed("ret").flatMap { $0 == 0 ? nil : $0 })
        default: return nil
        }
    }
}

extension ControlEvent {
    /// What a channel message tells.
    init?(_ message: ChannelMessage) {
        switch message {
        case .initiateContact(let contact): self = .contactRequested(contact.version)
        case .versionResponse(let response):
            self = .contactAnswered(
                isAccepted: response.versionSupported != 0 && response.connectionState == .successful)
        case .requestOffers: self = .offersRequested
        case .allOffersDelivered: self = .offersDelivered
        case .offerChannel(let offer):
            self = .offered(relid: offer.relid, device: offer.interfaceInstance, subchannel: offer.subchannelIndex)
        case .rescindChannelOffer(let body): self = .rescinded(relid: body.relid)
        case .relidReleased(let body): self = .released(relid: body.relid)
        case .gpadlHeader(let header):
            self = .pageListBegun(
                relid: header.relid, handle: header.gpadl,
                pages: max(0, Int(header.rangeBufferLength) / 8 - Int(header.rangeCount)),
                received: max(0, header.words.count - Int(header.rangeCount)))
        case .gpadlBody(let body): self = .pageListContinued(handle: body.gpadl, pages: body.words.count)
        case .gpadlCreated(let created):
            self = .pageListAnswered(relid: created.relid, handle: created.gpadl, created.status)
        case .gpadlTeardown(let teardown): self = .teardownRequested(relid: teardown.relid, handle: teardown.gpadl)
        case .gpadlTorndown(let torndown): self = .tornDown(handle: torndown.gpadl)
        case .openChannel(let open):
            self = .openRequested(relid: open.relid, openID: open.openID, handle: open.ringGPADL)
        case .openChannelResult(let result):
            self = .openAnswered(relid: result.relid, openID: result.openID, result.status)
        case .closeChannel(let body): self = .closed(relid: body.relid)
        case .modifyChannel(let modify): self = .moveRequested(relid: modify.relid, processor: modify.targetVP)
        case .modifyChannelResponse(let response): self = .moveAnswered(relid: response.relid, response.status)
        case .tlConnectRequest(let request):
            self = .socketRequested(endpoint: request.endpointID, service: request.serviceID)
        case .tlConnectResult(let result):
            self = .socketAnswered(endpoint: result.endpointID, service: result.serviceID, result.status)
        case .modifyConnection: self = .monitorPagesRequested
        case .modifyConnectionResponse: self = .monitorPagesAnswered
        case .closeReservedChannel(let close): self = .reservedCloseRequested(relid: close.relid)
        case .closeReservedResponse(let body): self = .reservedCloseAnswered(relid: body.relid)
        case .pause: self = .pauseRequested
        case .pauseResponse: self = .pauseAnswered
        case .unload: self = .unloadRequested
        case .unloadComplete: self = .unloadAnswered
        case .openReservedChannel, .resume: return nil
        }
    }

    /// What a tracepoint tells (reference §7.5). Offers and answers have tracepoints of their own; those that have none show
    /// as a message type only.
    init?(_ record: TraceRecord) {
        guard record.system.elementsEqual("hyperv".utf8) else { return nil }
        func word(_ name: String) -> UInt32 { UInt32(truncatingIfNeeded: record.number(name) ?? 0) }
        let relid = word("child_relid")
        let status = MessageStatus(rawValue: word("status"))
        switch String(decoding: record.event, as: UTF8.self) {
        case "vmbus_negotiate_version": self = .contactRequested(ProtocolVersion(rawValue: word("ver")))
        case "vmbus_onversion_response": self = .contactAnswered(isAccepted: word("ver") != 0)
        case "vmbus_request_offers": self = .offersRequested
        case "vmbus_onoffer":
            guard let device = record.guid("if_instance") else { return nil }
            self = .offered(
                relid: relid, device: device, subchannel: UInt16(truncatingIfNeeded: record.number("sub_idx") ?? 0))
        case "vmbus_onoffer_rescind": self = .rescinded(relid: relid)
        case "vmbus_release_relid": self = .released(relid: relid)
        case "vmbus_establish_gpadl_header":
            let pages = max(0, Int(word("range_buflen") & 0xFFFF) / 8 - Int(word("rangecount") & 0xFFFF))
            // The header's own pages are not told: what fits, up to all of them.
            let room = max(0, GPADLHeader.capacity / 8 - Int(word("rangecount") & 0xFFFF))
            self = .pageListBegun(relid: relid, handle: word("gpadl"), pages: pages, received: min(pages, room))
        case "vmbus_establish_gpadl_body":
            self = .pageListContinued(handle: word("gpadl"), pages: GPADLBody.capacity / 8)
        case "vmbus_ongpadl_created": self = .pageListAnswered(relid: relid, handle: word("gpadl"), status)
        case "vmbus_teardown_gpadl": self = .teardownRequested(relid: relid, handle: word("gpadl"))
        case "vmbus_ongpadl_torndown": self = .tornDown(handle: word("gpadl"))
        case "vmbus_open":
            self = .openRequested(relid: relid, openID: word("openid"), handle: word("gpadlhandle"))
        case "vmbus_onopen_result": self = .openAnswered(relid: relid, openID: word("openid"), status)
        case "vmbus_close_internal": self = .closed(relid: relid)
        case "vmbus_send_modifychannel": self = .moveRequested(relid: relid, processor: word("target_vp"))
        case "vmbus_onmodifychannel_response": self = .moveAnswered(relid: relid, status)
        case "vmbus_send_tl_connect_request":
            guard let endpoint = record.guid("guest_id"), let service = record.guid("host_id") else { return nil }
            self = .socketRequested(endpoint: endpoint, service: service)
        case "vmbus_on_msg_dpc":
            switch MessageType(rawValue: word("msgtype")) {
            case .allOffersDelivered: self = .offersDelivered
            case .unloadComplete: self = .unloadAnswered
            case .modifyConnectionResponse: self = .monitorPagesAnswered
            default: return nil
            }
        default: return nil
        }
    }
}
