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

    private static func device(_ metric: String, _ kind: String, _ values: String) -> Series {
        Series(metric: "vmbus_device_\(metric)", labels: #"class="\#(kind)""#, values: values)
    }

    private static func exporter(_ metric: String, _ labels: String, _ values: String) -> Series {
        Series(metric: "vmbus_\(metric)", labels: labels, values: values)
    }

    /// The healthy channel with some of its series replaced, at which nothing fires.
    private static func quiet(_ name: String, at times: String..., but changes: Series...) -> Scenario {
        Scenario(name: name, series: healthy(but: changes), checks: times.map { Check(time: $0, firing: nil) })
    }

    /// The healthy channel with some of its series replaced, or other series, at which one alert fires later on.
    private static func firing(
        _ name: String, notYet early: String, _ alert: String, _ labels: [MetricSample.Label], at time: String = "25m",
        series: [Series]? = nil, but changes: Series...
    ) -> Scenario {
        Scenario(
            name: name, series: series ?? healthy(but: changes),
            checks: [
                Check(time: early, firing: nil), Check(time: time, firing: Firing(alert: alert, labels: labels)),
            ])
    }

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
        device("removed_total", "network", "0x60"), device("removed_total", "pci", "0x60"),
        exporter("exporter_channels_skipped", "", "0x60"),
        exporter("scrape_collector_success", #"collector="sysfs""#, "1x60"),
    ]

    /// The healthy channel with some of its series replaced.
    private static func healthy(but changes: [Series]) -> [Series] {
        healthy.filter { old in !changes.contains { $0.metric == old.metric && $0.labels == old.labels } } + changes
    }

    static let scenarios: [Scenario] = [
        quiet("a healthy guest raises nothing", at: "1m", "12m", "25m"),
        quiet(
            "a masked channel that polls is not called stalled", at: "12m", "14m30s",
            but: ring("ring_used_bytes", "in", "96 4096 512 8192 0 96 4096 512 8192 96x20 4096 512x30"),
            ring("interrupt_masked", "in", "1x60"), channel("interrupts_total", "700x60")),
        quiet(
            "bytes that wait at every look are no stall while interrupts come", at: "12m", "25m",
            but: ring("ring_used_bytes", "in", "96x60")),
        quiet(
            "one long episode of refused writes is not many", at: "12m", "25m",
            but: channel("write_full_total", "4+300x60")),
        quiet(
            "counters that start again are no storm and no full ring", at: "11m", "25m",
            but: channel("interrupts_total", "90000000+3000x20 5+3000x39"), channel("write_full_total", "9000x20 0x39"),
            channel("write_full_episodes_total", "300x20 0x39")),
        quiet(
            "a virtual function that is serviced once is no alarm", at: "12m", "25m",
            but: devices("pci", "1x20 0x4 1x35"),
            device("removed_total", "pci", "0x20 1x39")),
        firing(
            "a ring that stays nearly full", notYet: "2m", "VMBusRingNearlyFull", place + [label("direction", "in")],
            at: "6m", but: ring("ring_used_bytes", "in", "480000 500000 490000 510000 490000 500000x55")),
        firing(
            "writers are refused", notYet: "5m", "VMBusOutboundRingFull", place,
            but: channel("write_full_total", "4+300x60"), channel("write_full_episodes_total", "2+3x60")),
        firing(
            "bytes wait and no interrupt comes", notYet: "9m", "VMBusInboundChannelStalled",
            place + [label("direction", "in")], at: "16m", but: ring("ring_used_bytes", "in", "0x10 4096x50"),
            channel("interrupts_total", "700+3000x10 30700x50")),
        firing(
            "the guest masks and stops reading", notYet: "8m", "VMBusInboundReaderStuck",
            place + [label("direction", "in")], but: ring("ring_used_bytes", "in", "4096x60"),
            ring("interrupt_masked", "in", "1x60"), channel("interrupts_total", "700x60")),
        firing(
            "the host stops reading", notYet: "6m", "VMBusOutboundChannelStalled", place + [label("direction", "out")],
            at: "16m", but: ring("ring_used_bytes", "out", "0x10 640x50")),
        firing(
            "a monitor bit stays", notYet: "8m", "VMBusMonitorPendingStuck", place,
            but: channel("monitor_pending", "0x10 1x50")),
        firing(
            "a network device goes", notYet: "19m", "VMBusDeviceRemoved", [label("class", "network")],
            but: devices("network", "2x40 1x20")),
        firing(
            "a PCI device comes and goes", notYet: "1m", "VMBusPassthroughFlapping", [label("class", "pci")],
            but: devices("pci", "0 1 0 1 0 1 0 1 0 1x51")),
        firing(
            "a network device is not opened", notYet: "5m", "VMBusDeviceNotOpened",
            [label("device", nic), label("class", "network"), label("driver", "hv_netvsc")],
            but: Series(metric: "vmbus_device_opened", labels: #"device="\#(nic)""#, values: "0x60")),
        firing(
            "a network device has no driver", notYet: "5m", "VMBusDeviceWithoutDriver",
            [label("device", nic), label("class", "network")],
            series: healthy.filter { $0.metric != "vmbus_device_info" } + [info(driver: nil)]),
        firing(
            "an interrupt storm", notYet: "5m", "VMBusInterruptStorm", place,
            but: channel("interrupts_total", "0+9000000x60")),
        firing(
            "the bus cannot be read", notYet: "2m", "VMBusExporterCollectorFailed", [label("collector", "sysfs")],
            series: [exporter("scrape_collector_success", #"collector="sysfs""#, "0x60")]),
        firing(
            "more channels than the limit", notYet: "2m", "VMBusExporterTruncated", [],
            but: exporter("exporter_channels_skipped", "", "279x60")),
    ]
}
