extension PrometheusRuleTests {
    private static let nic = "309d6b79-965e-4a32-9ae4-45508201e2bd"
    private static let place = [
        MetricSample.Label(name: "device", value: nic), MetricSample.Label(name: "channel", value: "0"),
    ]

    private static func label(_ name: String, _ value: String) -> MetricSample.Label {
        MetricSample.Label(name: name, value: value)
    }

    private static func ring(_ metric: String, _ direction: String, _ values: String) -> Series {
        Series(
            metric: "vmbus_channel_\(metric)", labels: #"device="\#(nic)",channel="0",direction="\#(direction)""#,
            values: values)
    }

    private static func channel(_ metric: String, _ values: String) -> Series {
        Series(metric: "vmbus_channel_\(metric)", labels: #"device="\#(nic)",channel="0""#, values: values)
    }

    private static func info(driver: String?) -> Series {
        Series(
            metric: "vmbus_device_info",
            labels: #"device="\#(nic)",class="network""# + (driver.map { #",driver="\#($0)""# } ?? ""), values: "1x60")
    }

    private static func devices(_ kind: String, _ values: String) -> Series {
        Series(metric: "vmbus_devices", labels: #"class="\#(kind)""#, values: values)
    }

    private static func fires(_ alert: String, _ labels: [MetricSample.Label], at time: String = "25m") -> Check {
        Check(time: time, firing: Firing(alert: alert, labels: labels))
    }

    private static let quiet = Check(time: "25m", firing: nil)

    /// A network channel that works: fills come and go, interrupts and signals count up.
    private static let healthy: [Series] = [
        ring("ring_capacity_bytes", "in", "520192x60"), ring("ring_capacity_bytes", "out", "520192x60"),
        ring("ring_used_bytes", "in", "0 0 96 0 0 0 224 0 0 0 0 0 96 0 0x47"), ring("ring_used_bytes", "out", "0x60"),
        ring("interrupt_masked", "in", "0x60"), ring("interrupt_masked", "out", "0x60"),
        channel("interrupts_total", "700+3000x60"), channel("signals_out_empty_total", "300+2000x60"),
        channel("signals_in_full_total", "0x60"), channel("hypercall_signals_total", "0x60"),
        channel("write_full_total", "4x60"), channel("write_full_episodes_total", "2x60"),
        channel("monitor_pending", "0 1 0 1 1 0 1 0 0 1 0x50"), info(driver: "hv_netvsc"),
        Series(metric: "vmbus_device_opened", labels: #"device="\#(nic)""#, values: "1x60"),
        devices("network", "1x60"), devices("pci", "0x60"),
        Series(metric: "vmbus_device_removed_total", labels: #"class="network""#, values: "0x60"),
        Series(metric: "vmbus_device_removed_total", labels: #"class="pci""#, values: "0x60"),
        Series(metric: "vmbus_exporter_channels_skipped", labels: "", values: "0x60"),
        Series(metric: "vmbus_scrape_collector_success", labels: #"collector="sysfs""#, values: "1x60"),
    ]

    /// The healthy channel with some of its series replaced.
    private static func healthy(but changes: [Series]) -> [Series] {
        healthy.filter { old in !changes.contains { $0.metric == old.metric && $0.labels == old.labels } } + changes
    }

    static let scenarios: [Scenario] = [
        Scenario(
            name: "a healthy guest raises nothing", series: healthy,
            checks: [Check(time: "1m", firing: nil), Check(time: "12m", firing: nil), quiet]),
        Scenario(
            name: "a masked channel that polls is not called stalled",
            series: healthy(but: [
                ring("ring_used_bytes", "in", "96 4096 512 8192 0 96 4096 512 8192 96x20 4096 512x30"),
                ring("interrupt_masked", "in", "1x60"), channel("interrupts_total", "700x60"),
            ]), checks: [Check(time: "12m", firing: nil), Check(time: "14m30s", firing: nil)]),
        Scenario(
            name: "bytes that wait at every look are no stall while interrupts come",
            series: healthy(but: [ring("ring_used_bytes", "in", "96x60")]),
            checks: [Check(time: "12m", firing: nil), quiet]
        ),
        Scenario(
            name: "one long episode of refused writes is not many",
            series: healthy(but: [channel("write_full_total", "4+300x60")]),
            checks: [Check(time: "12m", firing: nil), quiet]
        ),
        Scenario(
            name: "counters that start again are no storm and no full ring",
            series: healthy(but: [
                channel("interrupts_total", "90000000+3000x20 5+3000x39"), channel("write_full_total", "9000x20 0x39"),
                channel("write_full_episodes_total", "300x20 0x39"),
            ]), checks: [Check(time: "11m", firing: nil), quiet]),
        Scenario(
            name: "a virtual function that is serviced once is no alarm",
            series: healthy(but: [
                devices("pci", "1x20 0x4 1x35"),
                Series(metric: "vmbus_device_removed_total", labels: #"class="pci""#, values: "0x20 1x39"),
            ]), checks: [Check(time: "12m", firing: nil), quiet]),
        Scenario(
            name: "a ring that stays nearly full",
            series: healthy(but: [ring("ring_used_bytes", "in", "480000 500000 490000 510000 490000 500000x55")]),
            checks: [
                Check(time: "2m", firing: nil),
                fires("VMBusRingNearlyFull", place + [label("direction", "in")], at: "6m"),
            ]),
        Scenario(
            name: "writers are refused",
            series: healthy(but: [
                channel("write_full_total", "4+300x60"), channel("write_full_episodes_total", "2+3x60"),
            ]), checks: [Check(time: "5m", firing: nil), fires("VMBusOutboundRingFull", place)]),
        Scenario(
            name: "bytes wait and no interrupt comes",
            series: healthy(but: [
                ring("ring_used_bytes", "in", "0x10 4096x50"), channel("interrupts_total", "700+3000x10 30700x50"),
            ]),
            checks: [
                Check(time: "9m", firing: nil),
                fires("VMBusInboundChannelStalled", place + [label("direction", "in")], at: "16m"),
            ]),
        Scenario(
            name: "the guest masks and stops reading",
            series: healthy(but: [
                ring("ring_used_bytes", "in", "4096x60"), ring("interrupt_masked", "in", "1x60"),
                channel("interrupts_total", "700x60"),
            ]),
            checks: [
                Check(time: "8m", firing: nil),
                fires("VMBusInboundReaderStuck", place + [label("direction", "in")]),
            ]),
        Scenario(
            name: "the host stops reading", series: healthy(but: [ring("ring_used_bytes", "out", "0x10 640x50")]),
            checks: [
                Check(time: "6m", firing: nil),
                fires("VMBusOutboundChannelStalled", place + [label("direction", "out")], at: "16m"),
            ]),
        Scenario(
            name: "a monitor bit stays", series: healthy(but: [channel("monitor_pending", "0x10 1x50")]),
            checks: [Check(time: "8m", firing: nil), fires("VMBusMonitorPendingStuck", place)]),
        Scenario(
            name: "a network device goes", series: healthy(but: [devices("network", "2x40 1x20")]),
            checks: [
                Check(time: "19m", firing: nil), fires("VMBusDeviceRemoved", [label("class", "network")]),
            ]),
        Scenario(
            name: "a PCI device comes and goes", series: healthy(but: [devices("pci", "0 1 0 1 0 1 0 1 0 1x51")]),
            checks: [Check(time: "1m", firing: nil), fires("VMBusPassthroughFlapping", [label("class", "pci")])]),
        Scenario(
            name: "a network device is not opened",
            series: healthy(but: [
                Series(metric: "vmbus_device_opened", labels: #"device="\#(nic)""#, values: "0x60")
            ]),
            checks: [
                Check(time: "5m", firing: nil),
                fires(
                    "VMBusDeviceNotOpened",
                    [label("device", nic), label("class", "network"), label("driver", "hv_netvsc")]),
            ]),
        Scenario(
            name: "a network device has no driver",
            series: healthy.filter { $0.metric != "vmbus_device_info" } + [info(driver: nil)],
            checks: [
                Check(time: "5m", firing: nil),
                fires("VMBusDeviceWithoutDriver", [label("device", nic), label("class", "network")]),
            ]),
        Scenario(
            name: "an interrupt storm", series: healthy(but: [channel("interrupts_total", "0+9000000x60")]),
            checks: [Check(time: "5m", firing: nil), fires("VMBusInterruptStorm", place)]),
        Scenario(
            name: "the bus cannot be read",
            series: [Series(metric: "vmbus_scrape_collector_success", labels: #"collector="sysfs""#, values: "0x60")],
            checks: [
                Check(time: "2m", firing: nil),
                fires("VMBusExporterCollectorFailed", [label("collector", "sysfs")]),
            ]),
        Scenario(
            name: "more channels than the limit",
            series: healthy(but: [Series(metric: "vmbus_exporter_channels_skipped", labels: "", values: "279x60")]),
            checks: [Check(time: "2m", firing: nil), fires("VMBusExporterTruncated", [])]),
    ]
}
