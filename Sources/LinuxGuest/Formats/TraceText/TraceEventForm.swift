import BusModel
import VMBusWire

/// How a tracepoint prints its fields, so that its text gives the same record as its bytes (reference §7.5).
struct TraceEventForm: Sendable {
    /// The tracepoint's system.
    let system: String
    /// The tracepoint.
    let event: String
    private let form: TextForm
    /// The fields in the kernel's order, where the text has another.
    private let order: [String]
    /// Words that the text has for numbers of the field `msg_type` or `channel_type`.
    private let symbols: [(word: String, number: UInt64)]

    private init(_ system: String, _ event: String, _ form: String) {
        self.system = system
        self.event = event
        self.form = TextForm(form)
        order = Self.order(event)
        symbols = Self.symbols(event)
    }

    /// The form of a tracepoint; nil for one that is not known.
    static func named(_ event: ArraySlice<UInt8>) -> TraceEventForm? {
        byName[String(decoding: event, as: UTF8.self)]
    }

    /// The fields of a text; nil for one of another form.
    func fields(_ text: ArraySlice<UInt8>) -> [TraceField]? {
        guard var fields = form.match(text) else { return nil }
        for index in fields.indices where fields[index].form == .text && !symbols.isEmpty {
            fields[index] = numbered(fields[index])
        }
        guard !order.isEmpty else { return fields }
        return order.compactMap { name in fields.first { $0.name.elementsEqual(name.utf8) } }
    }

    /// A word as the number that it stands for; the kernel prints numbers that have no word in hexadecimal.
    private func numbered(_ field: TraceField) -> TraceField {
        let name = String(decoding: field.name, as: UTF8.self)
        guard name.hasSuffix("type") else { return field }
        if let symbol = symbols.first(where: { field.text.elementsEqual($0.word.utf8) }) {
            return TraceField(name, symbol.number)
        }
        var scanner = TextScanner(field.text[...])
        guard let number = scanner.hexadecimal(), scanner.isAtEnd else { return field }
        return TraceField(name, number)
    }

    // MARK: The tracepoints

    // Looked up only, never walked.
    private static let byName: [String: TraceEventForm] = {
        var forms: [String: TraceEventForm] = [:]
        for (system, table) in [("hyperv", bus), ("netvsc", network)] {
            for line in table.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                let event = String(line[..<colon])
                forms[event] = TraceEventForm(system, event, String(line[colon...].dropFirst(2)))
            }
        }
        return forms
    }()

    /// A tracepoint and its form a line, in the words of the kernel.
    private static let bus = """
        vmbus_on_msg_dpc: msgtype={msgtype:u}
        vmbus_on_message: msgtype={msgtype:u}
        vmbus_onoffer: child_relid {child_relid:x}, monitorid {monitorid:x}, is_dedicated {is_ddc_int:u}, \
        connection_id {connection_id:x}, if_type {if_type:g}, if_instance {if_instance:g}, chn_flags \
        {chn_flags:x}, mmio_megabytes {mmio_mb:u}, sub_channel_index {sub_idx:u}
        vmbus_onoffer_rescind: child_relid {child_relid:x}
        vmbus_onopen_result: child_relid {child_relid:x}, openid {openid:u}, status {status:u}
        vmbus_ongpadl_created: child_relid {child_relid:x}, gpadl {gpadl:x}, creation_status {status:u}
        vmbus_ongpadl_torndown: gpadl {gpadl:x}
        vmbus_onmodifychannel_response: child_relid {child_relid:x}, status {status:u}
        vmbus_onversion_response: version_supported {ver:u}
        vmbus_request_offers: sending ret {ret:d}
        vmbus_open: sending child_relid {child_relid:x}, openid {openid:u}, gpadlhandle {gpadlhandle:x}, target_vp \
        {target_vp:x}, offset {offset:x}, ret {ret:d}
        vmbus_close_internal: sending child_relid {child_relid:x}, ret {ret:d}
        vmbus_establish_gpadl_header: sending child_relid {child_relid:x}, gpadl {gpadl:x}, range_buflen \
        {range_buflen:u} rangecount {rangecount:u}, ret {ret:d}
        vmbus_establish_gpadl_body: sending msgnumber {msgnumber:u}, gpadl {gpadl:x}, ret {ret:d}
        vmbus_teardown_gpadl: sending child_relid {child_relid:x}, gpadl {gpadl:x}, ret {ret:d}
        vmbus_negotiate_version: sending vmbus_version_requested {ver:u}, target_vcpu {target_vcpu:x}, pages \
        {int_page:x}:{mon_page1:x}:{mon_page2:x}, ret {ret:d}
        vmbus_release_relid: sending child_relid {child_relid:x}, ret {ret:d}
        vmbus_send_tl_connect_request: sending guest_endpoint_id {guest_id:g}, host_service_id {host_id:g}, ret \
        {ret:d}
        vmbus_send_modifychannel: binding child_relid {child_relid:x} to target_vp {target_vp:x}, ret {ret:d}
        vmbus_chan_sched: relid {relid:x}
        vmbus_setevent: relid {relid:x}
        vmbus_on_event: relid {relid:x}
        balloon_status: available {available:d}, committed {committed:d}; vm_memory_committed \
        {vm_memory_committed:d}; pages_ballooned {pages_ballooned:d}, pages_added {pages_added:d}, pages_onlined \
        {pages_onlined:d}
        """

    private static let network = """
        rndis_send: dev={name:w} q={queue:u} req={req_id:x} type={msg_type:w} msg_len={msg_len:u}
        rndis_recv: dev={name:w} q={queue:u} req={req_id:x} type={msg_type:w} msg_len={msg_len:u}
        nvsp_send: dev={name:w} type={msg_type:w}
        nvsp_recv: dev={name:w} qid={qid:u} type={msg_type:w}
        nvsp_send_pkt: dev={name:w} qid={qid:u} type={channel_type:w} section={section_index:u} \
        size={section_size:u}
        """

    /// The order of the fields of an event whose text has another.
    private static func order(_ event: String) -> [String] {
        event == "vmbus_negotiate_version"
            ? ["ver", "target_vcpu", "ret", "int_page", "mon_page1", "mon_page2"] : []
    }

    /// The words of an event's types.
    private static func symbols(_ event: String) -> [(word: String, number: UInt64)] {
        switch event {
        case "rndis_send", "rndis_recv": rndisTypes
        case "nvsp_send", "nvsp_recv": nvspTypes
        case "nvsp_send_pkt": [("DATA", 0), ("CONTROL", 1)]
        default: []
        }
    }

    private static let rndisTypes: [(word: String, number: UInt64)] = [
        ("PACKET", 1), ("INDICATE", 7), ("INIT", 2), ("INIT_C", 0x8000_0002), ("HALT", 3), ("QUERY", 4),
        ("QUERY_C", 0x8000_0004), ("SET", 5), ("SET_C", 0x8000_0005), ("RESET", 6), ("RESET_C", 0x8000_0006),
        ("KEEPALIVE", 8), ("KEEPALIVE_C", 0x8000_0008),
    ]

    private static let nvspTypes: [(word: String, number: UInt64)] = [
        ("INIT", 1), ("INIT_COMPLETE", 2), ("SEND_NDIS_VER", 100), ("SEND_RECV_BUF", 101),
        ("SEND_RECV_BUF_COMPLETE", 102), ("REVOKE_RECV_BUF", 103), ("SEND_SEND_BUF", 104),
        ("SEND_SEND_BUF_COMPLETE", 105), ("REVOKE_SEND_BUF", 106), ("SEND_RNDIS_PKT", 107),
        ("SEND_RNDIS_PKT_COMPLETE", 108), ("SEND_NDIS_CONFIG", 125), ("SEND_VF_ASSOCIATION", 128),
        ("SWITCH_DATA_PATH", 129), ("SUBCHANNEL", 133), ("SEND_INDIRECTION_TABLE", 134),
    ]
}
