/// One metric as monitoring systems know it: the only place where its name, unit, meaning and labels are written down.
///
/// Units are base units (bytes, seconds). Nothing is exported under a number that stands for "unknown": what could not be read
/// is absent.
public struct MetricFamily: Sendable, Hashable {
    /// How its values behave.
    public enum Kind: String, Sendable, Hashable {
        /// Goes up and down.
        case gauge
        /// Goes up, and starts again at zero with what it counts.
        case counter
    }

    /// What becomes of the channels of a device when they are shown as one.
    public enum Aggregation: Sendable, Hashable {
        /// It is not about channels.
        case notPerChannel
        /// The values are added up.
        case sum
        /// The largest value stands for all.
        case maximum
        /// It means nothing for several channels together and is left out.
        case leftOut
    }

    /// The name without a counter's `_total`.
    public let name: String
    /// How its values behave.
    public let kind: Kind
    /// The base unit, which is then the name's last part; nil for counts and flags.
    public let unit: String?
    /// What it says, in one sentence without quotes, backslashes and line feeds.
    public let help: String
    /// The names of its labels, in the order in which they are written. One whose value is not known is absent.
    public let labels: [String]
    /// What becomes of it when the channels of a device are shown as one.
    public let aggregation: Aggregation

    init(
        _ name: String, _ help: String, _ kind: Kind = .gauge, unit: String? = nil, labels: [String] = [],
        combined aggregation: Aggregation = .notPerChannel
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.aggregation = aggregation
        self.help = help
    }

    /// The name of its samples.
    public var sampleName: String { kind == .counter ? name + "_total" : name }
}

extension MetricFamily {
    private static let perChannel = ["device", "channel"]
    private static let perRing = ["device", "channel", "direction"]

    static let buildInfo = MetricFamily(
        "vmbus_exporter_build_info", "Always 1; the labels say what collected.", labels: ["version", "swift"])
    static let available = MetricFamily(
        "vmbus_available", "Whether the machine has a VMBus.")
    static let devices = MetricFamily(
        "vmbus_devices", "Devices on the bus, by class.", labels: ["class"])
    static let socketChannels = MetricFamily(
        "vmbus_hvsock_channels", "Channels of all hv_sock connections, which have no series of their own.")
    static let deviceInfo = MetricFamily(
        "vmbus_device_info", "Always 1; the labels say what the device is and what the kernel calls it.",
        labels: ["device", "class", "class_id", "driver", "relid", "netdev", "scsi_host", "numa_node"])
    static let deviceOpened = MetricFamily(
        "vmbus_device_opened", "Whether the primary channel of the device is open.", labels: ["device"])
    static let deviceChannels = MetricFamily(
        "vmbus_device_channels", "Channels of the device, primary and sub-channels.", labels: ["device"])
    static let devicesAdded = MetricFamily(
        "vmbus_device_added", "Devices that appeared since the exporter started.", .counter, labels: ["class"])
    static let devicesRemoved = MetricFamily(
        "vmbus_device_removed", "Devices that vanished since the exporter started.", .counter, labels: ["class"])

    static let ringCapacity = MetricFamily(
        "vmbus_channel_ring_capacity_bytes", "Data bytes that the ring holds, its header page excluded.", unit: "bytes",
        labels: perRing, combined: .maximum)
    static let ringUsed = MetricFamily(
        "vmbus_channel_ring_used_bytes", "Bytes that wait in the ring for its reader.", unit: "bytes", labels: perRing,
        combined: .maximum)
    static let interrupts = MetricFamily(
        "vmbus_channel_interrupts", "Interrupts from the host that the guest took for the channel.", .counter,
        labels: perChannel, combined: .sum)
    static let hypercallSignals = MetricFamily(
        "vmbus_channel_hypercall_signals",
        "Signals to the host by hypercall; signals by monitor page are not among them.", .counter, labels: perChannel,
        combined: .sum)
    static let signalsOutEmpty = MetricFamily(
        "vmbus_channel_signals_out_empty", "Signals to the host because the outbound ring was empty before a write.",
        .counter, labels: perChannel, combined: .sum)
    static let signalsInFull = MetricFamily(
        "vmbus_channel_signals_in_full", "Signals to the host because the inbound ring was full before a read.",
        .counter, labels: perChannel, combined: .sum)
    static let writeFull = MetricFamily(
        "vmbus_channel_write_full", "Writes that were refused because the outbound ring was full.", .counter,
        labels: perChannel, combined: .sum)
    static let writeFullEpisodes = MetricFamily(
        "vmbus_channel_write_full_episodes", "Times that the outbound ring became full for writers.", .counter,
        labels: perChannel, combined: .sum)
    static let interruptMasked = MetricFamily(
        "vmbus_channel_interrupt_masked",
        "Whether the reader of the ring wants no signals; in is the guest, out is the host.", labels: perRing,
        combined: .maximum)
    static let monitorPending = MetricFamily(
        "vmbus_channel_monitor_pending", "Whether the bit of the channel in its monitor group waits for the host.",
        labels: perChannel, combined: .maximum)
    static let monitorLatency = MetricFamily(
        "vmbus_channel_monitor_latency_seconds",
        "How long the host may wait before it looks at the monitor bit of the channel.", unit: "seconds",
        labels: perChannel, combined: .maximum)
    static let targetCPU = MetricFamily(
        "vmbus_channel_target_cpu", "Processor that takes the interrupts of the channel.", labels: perChannel,
        combined: .leftOut)

    static let channelsSkipped = MetricFamily(
        "vmbus_exporter_channels_skipped", "Channels left out because there are more than the limit.")
    static let readErrors = MetricFamily(
        "vmbus_exporter_read_errors", "Files of the bus that could not be read; a closed ring counts as einval.",
        .counter, labels: ["reason"])
    static let collectorDuration = MetricFamily(
        "vmbus_scrape_collector_duration_seconds", "How long it took to collect.", unit: "seconds",
        labels: ["collector"])
    static let collectorSuccess = MetricFamily(
        "vmbus_scrape_collector_success", "Whether the collector could do its work.", labels: ["collector"])

    /// Every metric, in the order in which they are written.
    public static let all: [MetricFamily] = [
        buildInfo, available, devices, socketChannels, deviceInfo, deviceOpened, deviceChannels, devicesAdded,
        devicesRemoved, ringCapacity, ringUsed, interrupts, hypercallSignals, signalsOutEmpty, signalsInFull, writeFull,
        writeFullEpisodes, interruptMasked, monitorPending, monitorLatency, targetCPU, channelsSkipped, readErrors,
        collectorDuration, collectorSuccess,
    ]
}
