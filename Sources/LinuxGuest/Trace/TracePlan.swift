/// Which tracepoints there are to watch (ecosystem §3.1, §3.3).
public enum TracePlan {
    /// The whole control plane of the bus, both directions; these are rare.
    public static let control = [
        "vmbus_on_msg_dpc", "vmbus_on_message", "vmbus_onoffer", "vmbus_onoffer_rescind", "vmbus_onopen_result",
        "vmbus_ongpadl_created", "vmbus_ongpadl_torndown", "vmbus_onversion_response",
        "vmbus_onmodifychannel_response", "vmbus_request_offers", "vmbus_open", "vmbus_close_internal",
        "vmbus_establish_gpadl_header", "vmbus_establish_gpadl_body", "vmbus_teardown_gpadl",
        "vmbus_negotiate_version", "vmbus_release_relid", "vmbus_send_tl_connect_request", "vmbus_send_modifychannel",
    ]
    /// One for every signal of every channel: only for a tracefs instance with a budget.
    public static let signals = ["vmbus_chan_sched", "vmbus_on_event", "vmbus_setevent"]
    /// What a network interface's driver says and hears, without payload.
    public static let network = ["nvsp_send", "nvsp_recv", "nvsp_send_pkt", "rndis_send", "rndis_recv"]
    /// Requests of a SCSI host.
    public static let storage = [
        "scsi_dispatch_cmd_start", "scsi_dispatch_cmd_done", "scsi_dispatch_cmd_error", "scsi_dispatch_cmd_timeout",
    ]
    /// Requests of disks.
    public static let disks = ["block_rq_issue", "block_rq_complete"]

    /// The system of one of these tracepoints.
    public static func system(of event: String) -> String {
        if network.contains(event) { return "netvsc" }
        if event.hasPrefix("scsi_") { return "scsi" }
        return event.hasPrefix("block_") ? "block" : "hyperv"
    }

    /// A filter that the kernel understands: one of some numbers in a field; nil for none.
    public static func filter(_ field: String, anyOf numbers: [UInt32]) -> String? {
        numbers.isEmpty ? nil : numbers.map { "\(field) == \($0)" }.joined(separator: " || ")
    }
}
