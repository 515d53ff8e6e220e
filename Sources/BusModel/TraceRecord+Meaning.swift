public import VMBusWire

extension TraceRecord {
    /// The channel message that the tracepoint tells of (reference §7.10); nil for one that tells of something else.
    ///
    /// Each message has one record at most: an arrival (`vmbus_on_msg_dpc`) counts only for messages that have no tracepoint of
    /// their own.
    public var messageType: MessageType? {
        guard system.elementsEqual("hyperv".utf8) else { return nil }
        switch String(decoding: event, as: UTF8.self) {
        case "vmbus_onoffer": return .offerChannel
        case "vmbus_onoffer_rescind": return .rescindChannelOffer
        case "vmbus_request_offers": return .requestOffers
        case "vmbus_open": return .openChannel
        case "vmbus_onopen_result": return .openChannelResult
        case "vmbus_close_internal": return .closeChannel
        case "vmbus_establish_gpadl_header": return .gpadlHeader
        case "vmbus_establish_gpadl_body": return .gpadlBody
        case "vmbus_ongpadl_created": return .gpadlCreated
        case "vmbus_teardown_gpadl": return .gpadlTeardown
        case "vmbus_ongpadl_torndown": return .gpadlTorndown
        case "vmbus_release_relid": return .relidReleased
        case "vmbus_negotiate_version": return .initiateContact
        case "vmbus_onversion_response": return .versionResponse
        case "vmbus_send_tl_connect_request": return .tlConnectRequest
        case "vmbus_send_modifychannel": return .modifyChannel
        case "vmbus_onmodifychannel_response": return .modifyChannelResponse
        case "vmbus_on_msg_dpc":
            guard let type = number("msgtype").flatMap({ UInt32(exactly: $0) }) else { return nil }
            let own: Set<UInt32> = [1, 2, 6, 10, 12, 15, 24]
            return type == 0 || own.contains(type) ? nil : MessageType(rawValue: type)
        default: return nil
        }
    }

    /// Who sent what it tells of; nil where nobody did.
    public var direction: Direction? {
        switch String(decoding: event, as: UTF8.self) {
        case "vmbus_on_msg_dpc", "vmbus_on_message", "vmbus_onoffer", "vmbus_onoffer_rescind", "vmbus_onopen_result",
            "vmbus_ongpadl_created", "vmbus_ongpadl_torndown", "vmbus_onversion_response",
            "vmbus_onmodifychannel_response", "vmbus_chan_sched", "vmbus_on_event", "nvsp_recv", "rndis_recv",
            "scsi_dispatch_cmd_done", "block_rq_complete":
            .hostToGuest
        case "vmbus_request_offers", "vmbus_open", "vmbus_close_internal", "vmbus_establish_gpadl_header",
            "vmbus_establish_gpadl_body", "vmbus_teardown_gpadl", "vmbus_release_relid", "vmbus_negotiate_version",
            "vmbus_send_tl_connect_request", "vmbus_send_modifychannel", "vmbus_setevent", "nvsp_send",
            "nvsp_send_pkt", "rndis_send", "scsi_dispatch_cmd_start", "block_rq_issue":
            .guestToHost
        default: nil
        }
    }

    /// The channel's number; 0 where it tells none.
    public var relid: UInt32 {
        UInt32(truncatingIfNeeded: number("child_relid") ?? number("relid") ?? 0)
    }

    /// The answer's status (`status` and what else kernels call it), as the 32 bits of the message; nil where it is no answer.
    public var status: MessageStatus? {
        number("status").map { MessageStatus(rawValue: UInt32(truncatingIfNeeded: $0)) }
            ?? number("creation_status").map { MessageStatus(rawValue: UInt32(truncatingIfNeeded: $0)) }
    }

    /// What posting the message gave, 0 or a negative errno; nil where nothing was posted.
    public var postResult: Int64? { signed("ret").map { Int64(Int32(truncatingIfNeeded: $0)) } }

    /// The record's header in the log. Where a device has the channel, the caller fills in device and sub-channel.
    ///
    /// - Parameter time: when it fired, in the log's nanoseconds.
    public func header(time: UInt64, partition: UInt16) -> FlowRecordHeader {
        FlowRecordHeader(
            kind: .trace, time: time, partition: partition,
            device: guid("if_instance") ?? .zero, subchannel: UInt16(truncatingIfNeeded: number("sub_idx") ?? 0),
            relid: relid, direction: direction, code: messageType?.rawValue ?? 0)
    }
}
