public import BusModel
import VMBusWire

/// What a tracepoint of the guest's kernel says, in one line.
public enum TraceSummary {
    /// `TRACE.` and the control message that it tells of (reference §7.10), or the tracepoint's own name.
    static func name(_ record: TraceRecord) -> String {
        if let type = record.messageType { return "TRACE." + (type.facts?.name ?? "UNKNOWN_\(type.rawValue)") }
        return "TRACE." + PlainText.clean(String(decoding: record.event, as: UTF8.self))
    }

    /// What it tells, with numbers in words.
    static func text(_ record: TraceRecord) -> String {
        var parts: [String] = []
        switch String(decoding: record.event, as: UTF8.self) {
        case "vmbus_onoffer":
            let kind = record.guid("if_type").map { DeviceClass.of($0).kind.word }
            parts = [kind, relid(record)].compactMap(\.self)
            if let index = record.number("sub_idx"), index != 0 { parts.append("sub-channel \(index)") }
        case "vmbus_on_msg_dpc", "vmbus_on_message":
            let type = MessageType(rawValue: UInt32(truncatingIfNeeded: record.number("msgtype") ?? 0))
            let isArrival = record.event.elementsEqual("vmbus_on_msg_dpc".utf8)
            parts = [(type.facts?.name ?? "type \(type.rawValue)") + (isArrival ? " arrived" : " is taken up")]
        case "vmbus_open":
            parts = [relid(record), list("gpadlhandle", record).map { "rings in \($0)" }, vp(record)]
                .compactMap(\.self)
        case "vmbus_negotiate_version":
            let version = record.number("ver").map { ProtocolVersion(rawValue: UInt32(truncatingIfNeeded: $0)) }
            parts = [version.map { "proposes \($0)" }, record.number("target_vcpu").map { "messages to vp \($0)" }]
                .compactMap(\.self)
        case "vmbus_onversion_response": parts = [record.number("ver") == 0 ? "not supported" : "agreed"]
        case "vmbus_establish_gpadl_header":
            let bytes = record.number("range_buflen").map { "\($0) bytes of ranges" }
            parts = [list("gpadl", record), relid(record), bytes].compactMap(\.self)
        case "vmbus_establish_gpadl_body":
            parts = [list("gpadl", record), record.number("msgnumber").map { "part \($0)" }].compactMap(\.self)
        case "vmbus_ongpadl_created", "vmbus_ongpadl_torndown", "vmbus_teardown_gpadl":
            parts = [list("gpadl", record), relid(record)].compactMap(\.self)
        case "vmbus_send_modifychannel": parts = [relid(record), vp(record).map { "to \($0)" }].compactMap(\.self)
        case "vmbus_request_offers", "vmbus_close_internal", "vmbus_release_relid", "vmbus_onoffer_rescind",
            "vmbus_onopen_result", "vmbus_onmodifychannel_response", "vmbus_chan_sched", "vmbus_on_event",
            "vmbus_setevent":
            parts = [relid(record)].compactMap(\.self)
        default: return fields(record)
        }
        if let status = record.status { parts.append(text(status)) }
        if let result = record.postResult { parts.append(result == 0 ? "posted" : "not posted, error \(result)") }
        if record.cpu != 0 || record.messageType == nil { parts.append("on cpu \(record.cpu)") }
        return parts.joined(separator: ", ")
    }

    private static func relid(_ record: TraceRecord) -> String? {
        record.relid == 0 ? nil : "relid \(record.relid)"
    }

    private static func vp(_ record: TraceRecord) -> String? {
        record.number("target_vp").map { number in
            number == UInt64(OpenChannel.interruptsDisabled) ? "no vp" : "vp \(number)"
        }
    }

    private static func list(_ field: String, _ record: TraceRecord) -> String? {
        record.number(field).map { "page list \(Hexadecimal.prefixed($0))" }
    }

    /// A status in words, with its number as NTSTATUS are written.
    static func text(_ status: MessageStatus) -> String {
        status.isSuccess ? "success" : "\(status.meaning ?? "failure") \(Hexadecimal.prefixed(status.rawValue))"
    }

    /// All fields by their names, fit for a terminal: `name=value name=value`.
    public static func fields(_ record: TraceRecord) -> String {
        record.fields.map { field in
            let name = PlainText.clean(String(decoding: field.name, as: UTF8.self))
            let value =
                switch field.form {
                case .guid: field.guid.description
                case .text: PlainText.clean(String(decoding: field.text, as: UTF8.self))
                default: String(Int64(bitPattern: field.number))
                }
            return "\(name)=\(value)"
        }.joined(separator: " ")
    }
}
