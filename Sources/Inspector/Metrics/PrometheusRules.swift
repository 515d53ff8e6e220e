/// The rules for Prometheus that are shipped: what is worth recording of the metrics and what is worth waking somebody for.
///
/// They are made for a fleet that is scraped every 15 to 60 seconds. Every expression speaks of `MetricFamily` names only.
public enum PrometheusRules {
    /// A series that Prometheus computes and keeps.
    struct Recording {
        let name: String
        let expression: [String]
    }

    /// A condition that must hold for a while before somebody hears of it.
    struct Alert {
        let name: String
        let expression: [String]
        let duration: String
        let severity: String
        /// One line; `{{ $labels.x }}` stands for a label's value.
        let summary: String
        /// What it means and what to do next.
        let description: String
    }

    /// The name under which the tests look for the rules.
    static let fileName = "vmbus.rules.yml"

    /// The rules as the YAML file that Prometheus reads.
    public static var document: String {
        var lines = ["groups:", "  - name: vmbus-recording", "    rules:"]
        for rule in recordings {
            lines.append("      - record: \(rule.name)")
            lines += block("expr", rule.expression)
        }
        lines += ["  - name: vmbus-alerts", "    rules:"]
        for rule in alerts {
            lines.append("      - alert: \(rule.name)")
            lines += block("expr", rule.expression)
            lines += [
                "        for: \(rule.duration)", "        labels:", "          severity: \(rule.severity)",
                "        annotations:", "          summary: \(quoted(rule.summary))",
                "          description: \(quoted(rule.description))",
            ]
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func block(_ key: String, _ lines: [String]) -> [String] {
        ["        \(key): |"] + lines.map { "          " + $0 }
    }

    /// A YAML string in which nothing but the quote has a meaning.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}

extension PrometheusRules {
    static let recordings: [Recording] = [
        Recording(
            name: "vmbus:channel_ring_fill:ratio",
            expression: ["vmbus_channel_ring_used_bytes / (vmbus_channel_ring_capacity_bytes > 0)"]),
        Recording(
            name: "vmbus:device_ring_fill:max",
            expression: ["max without (channel) (vmbus:channel_ring_fill:ratio)"]),
        Recording(
            name: "vmbus:channel_interrupts:rate5m", expression: ["rate(vmbus_channel_interrupts_total[5m])"]),
        Recording(
            name: "vmbus:channel_signals:rate5m",
            expression: [
                "(rate(vmbus_channel_signals_out_empty_total[5m]) + rate(vmbus_channel_signals_in_full_total[5m]))",
                "or rate(vmbus_channel_hypercall_signals_total[5m])",
            ]),
        Recording(
            name: "vmbus:channel_write_full:rate5m", expression: ["rate(vmbus_channel_write_full_total[5m])"]),
    ]

    private static let channel = "channel {{ $labels.channel }} of {{ $labels.device }} on {{ $labels.instance }}"
    private static let device = "{{ $labels.class }} {{ $labels.device }} on {{ $labels.instance }}"
    private static let needed = #"class=~"network|scsi|ide|fibre_channel|pci""#

    static let alerts: [Alert] = [
        Alert(
            name: "VMBusRingNearlyFull", expression: ["vmbus:channel_ring_fill:ratio > 0.9"], duration: "5m",
            severity: "warning", summary: "The {{ $labels.direction }} ring of \(channel) stays nearly full",
            description: "Its reader does not keep up: the guest for in, the host for out. "
                + "Spread the load over more channels or look at what holds the reader."),
        Alert(
            name: "VMBusOutboundRingFull",
            expression: [
                "vmbus:channel_write_full:rate5m > 1", "and increase(vmbus_channel_write_full_episodes_total[5m]) > 0",
            ],
            duration: "10m", severity: "warning", summary: "Writers are refused again and again at \(channel)",
            description:
                "The ring to the host is full for more than moments. The host reads too slowly, or the ring is "
                + "too small for the load."),
        Alert(
            name: "VMBusInboundChannelStalled",
            expression: [
                #"(vmbus_channel_ring_used_bytes{direction="in"} > 0)"#,
                #"and (changes(vmbus_channel_ring_used_bytes{direction="in"}[5m]) == 0)"#,
                "and on (job, instance, device, channel) (changes(vmbus_channel_interrupts_total[5m]) == 0)",
                "unless on (job, instance, device, channel)",
                #"  (max_over_time(vmbus_channel_interrupt_masked{direction="in"}[5m]) == 1)"#,
            ],
            duration: "5m", severity: "critical", summary: "Bytes wait without an interrupt at \(channel)",
            description: "The guest wants signals, bytes wait, and none has come: the host owes a signal, or the guest "
                + "lost one."),
        Alert(
            name: "VMBusInboundReaderStuck",
            expression: [
                #"(vmbus_channel_ring_used_bytes{direction="in"} > 0)"#,
                #"and (changes(vmbus_channel_ring_used_bytes{direction="in"}[10m]) == 0)"#,
                #"and ignoring (direction) (min_over_time(vmbus_channel_interrupt_masked{direction="in"}[10m]) == 1)"#,
            ],
            duration: "10m", severity: "warning", summary: "The guest holds signals off and does not read \(channel)",
            description: "The driver has masked the channel, as it does while it polls, and has stopped reading: look "
                + "for a stuck softirq or tasklet on the target processor."),
        Alert(
            name: "VMBusOutboundChannelStalled",
            expression: [
                #"(vmbus_channel_ring_used_bytes{direction="out"} > 0)"#,
                #"and (changes(vmbus_channel_ring_used_bytes{direction="out"}[5m]) == 0)"#,
            ],
            duration: "5m", severity: "critical", summary: "The host does not read \(channel)",
            description: "Bytes for the host wait and none has been taken: the host owes the next act."),
        Alert(
            name: "VMBusMonitorPendingStuck", expression: ["min_over_time(vmbus_channel_monitor_pending[5m]) == 1"],
            duration: "5m", severity: "warning", summary: "The monitor bit of \(channel) is never cleared",
            description: "The host does not look at the monitor page of this guest, or takes far longer than the "
                + "latency it was given."),
        Alert(
            name: "VMBusDeviceRemoved",
            expression: [
                #"(increase(vmbus_device_removed_total{class!~"pci|hvsock"}[15m]) > 0)"#,
                #"or (max_over_time(vmbus_devices{class!~"pci|hvsock"}[15m]) > vmbus_devices{class!~"pci|hvsock"})"#,
            ],
            duration: "0m", severity: "warning", summary: "A {{ $labels.class }} device left {{ $labels.instance }}",
            description: "The host took back an offer that is not expected to go. Virtual functions and sockets come "
                + "and go and are not meant."),
        Alert(
            name: "VMBusPassthroughFlapping",
            expression: [
                #"(increase(vmbus_device_removed_total{class="pci"}[1h]) > 3)"#,
                #"or (changes(vmbus_devices{class="pci"}[1h]) > 6)"#,
            ],
            duration: "0m", severity: "info", summary: "PCI devices come and go on {{ $labels.instance }}",
            description: "More than three removals within an hour: servicing of the host, or a device that fails."),
        Alert(
            name: "VMBusDeviceNotOpened",
            expression: [
                "(vmbus_device_opened == 0)",
                "* on (job, instance, device) group_left (class, driver) vmbus_device_info{\(needed)}",
            ],
            duration: "10m", severity: "warning", summary: "The channel of \(device) is not open",
            description: "Offered and not in use: its driver failed to probe it or was taken away."),
        Alert(
            name: "VMBusDeviceWithoutDriver", expression: [#"vmbus_device_info{driver="",\#(needed)}"#],
            duration: "10m", severity: "warning", summary: "No driver owns \(device)",
            description: "Load the driver of that class, or see why it refused the device in the kernel log."),
        Alert(
            name: "VMBusInterruptStorm", expression: ["vmbus:channel_interrupts:rate5m > 150000"], duration: "10m",
            severity: "info", summary: "Very many interrupts at \(channel)",
            description: "One processor takes them all: more channels or another target processor would spread them."),
        Alert(
            name: "VMBusExporterCollectorFailed", expression: ["vmbus_scrape_collector_success == 0"], duration: "5m",
            severity: "warning",
            summary: "The {{ $labels.collector }} collector cannot read the bus on {{ $labels.instance }}",
            description: "Run the exporter where /sys/bus/vmbus can be read; vmbus_exporter_read_errors_total has the "
                + "reasons."),
        Alert(
            name: "VMBusExporterTruncated", expression: ["vmbus_exporter_channels_skipped > 0"], duration: "5m",
            severity: "info", summary: "Channels of {{ $labels.instance }} are left out of the metrics",
            description: "There are more than the limit: raise --max-channels, or choose --channels aggregate."),
    ]
}
