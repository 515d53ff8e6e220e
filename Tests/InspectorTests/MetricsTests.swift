import BusModel
import FoundationEssentials
import Testing
import VMBusWire

@testable import Inspector

@Suite struct `Metrics` {
    private static let facts = ExporterFacts(version: "1.2.3", swift: "6.3", duration: 0.5)

    /// A guest with one network device of so many channels, each with numbers that follow from its index.
    private static func guest(channels count: UInt16) -> BusSnapshot {
        var snapshot = BusSnapshot()
        var partition = PartitionSnapshot(number: 1, name: "web-1", role: .guest)
        partition.devices = [network(GuestLog.nic, channels: count)]
        snapshot.partitions = [partition]
        return snapshot
    }

    private static func network(_ instance: GUID, channels count: UInt16) -> DeviceSnapshot {
        var device = DeviceSnapshot(instance: instance, classID: GuestLog.network)
        device.state = .known(3)
        device.driver = .known("hv_netvsc")
        device.kernel.net = ["eth0"]
        device.channels = (0..<count).map { index in
            var channel = ChannelSnapshot(subchannel: index, relid: 14 + UInt32(index))
            channel.cpu = .known(UInt64(index) * 2)
            channel.interrupts = .known(700 + UInt64(index))
            channel.inbound.size = .known(4096)
            channel.inbound.used = .known(96 * UInt64(index + 1))
            channel.inbound.masked = .known(index == 1 ? 1 : 0)
            return channel
        }
        return device
    }

    private static func report(_ snapshot: BusSnapshot, _ options: MetricsOptions = MetricsOptions()) -> MetricsReport {
        var history = MetricsHistory()
        history.observe(snapshot)
        return MetricsReport(snapshot, history, facts, options: options)
    }

    /// The samples' lines that begin with a name.
    private static func lines(_ report: MetricsReport, _ name: String) -> [String] {
        report.text(.openmetrics).split(separator: "\n").map(String.init).filter { $0.hasPrefix(name) }
    }

    // MARK: The table

    @Test func `have names and units as Prometheus wants them`() {
        var names: Set<String> = []
        for family in MetricFamily.all {
            #expect(names.insert(family.name).inserted, "\(family.name) is there twice")
            let isPlain = family.name.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "_") }
            #expect(family.name.hasPrefix("vmbus_") && isPlain && !family.name.hasSuffix("_total"))
            if let unit = family.unit { #expect(family.name.hasSuffix("_" + unit)) }
            #expect(!family.help.isEmpty && family.help.allSatisfy { $0 != "\\" && $0 != "\"" && $0 != "\n" })
            #expect(family.labels.contains("channel") == (family.aggregation != .notPerChannel), "\(family.name)")
            // A channel's number is used again and again, so it would be a new series each time.
            #expect(family == .deviceInfo || !family.labels.contains("relid"))
        }
    }

    // MARK: The text

    @Test func `are written to the last byte`() {
        var snapshot = Self.guest(channels: 1)
        snapshot.partitions[0].devices[0].channels[0].monitorID = .known(37)
        snapshot.partitions[0].devices[0].channels[0].monitorLatency = .known(500)
        snapshot.partitions[0].devices[0].channels[0].monitorPending = .known(0b10_0000)
        let text = Self.report(snapshot).text(.openmetrics)
        let expected = """
            # HELP vmbus_channel_ring_used_bytes Bytes that wait in the ring for its reader.
            # TYPE vmbus_channel_ring_used_bytes gauge
            # UNIT vmbus_channel_ring_used_bytes bytes
            vmbus_channel_ring_used_bytes{device="\(GuestLog.nic)",channel="0",direction="in"} 96
            # HELP vmbus_channel_interrupts Interrupts from the host that the guest took for the channel.
            # TYPE vmbus_channel_interrupts counter
            vmbus_channel_interrupts_total{device="\(GuestLog.nic)",channel="0"} 700

            """
        #expect(text.contains(expected), "\(text)")
        #expect(text.contains(#"vmbus_channel_monitor_pending{device="\#(GuestLog.nic)",channel="0"} 1"# + "\n"))
        #expect(text.contains(#"vmbus_channel_monitor_latency_seconds{device="\#(GuestLog.nic)",channel="0"} 5e-05"#))
        #expect(text.contains(#"driver="hv_netvsc",relid="14",netdev="eth0"} 1"#))
        #expect(text.contains(#"vmbus_exporter_build_info{version="1.2.3",swift="6.3"} 1"#))
        #expect(text.hasSuffix("\n# EOF\n"))
    }

    @Test func `name a counter by its sample in the older form`() {
        let report = Self.report(Self.guest(channels: 2))
        let text = report.text(.prometheus)
        #expect(text.contains("# TYPE vmbus_channel_interrupts_total counter\n"))
        #expect(!text.contains("# UNIT") && !text.contains("# EOF"))
        func samples(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("#") } }
        #expect(samples(text) == samples(report.text(.openmetrics)))
        #expect(samples(text).count == report.seriesCount)
    }

    @Test func `have nothing in place of what cannot be read`() {
        var snapshot = Self.guest(channels: 1)
        snapshot.partitions[0].devices[0].channels[0].inbound = RingSnapshot()
        snapshot.partitions[0].devices[0].channels[0].interrupts = Reading(.failed("EINVAL"))
        snapshot.partitions[0].devices[0].channels[0].cpu = Reading(.denied)
        snapshot.partitions[0].devices[0].state = Reading(.failed("EIO"))
        snapshot.partitions[0].devices[0].problems = ["EINVAL", "EINVAL", "ENOENT", "EACCES", "EIO"].map {
            SnapshotProblem(path: "channels/14/in_mask", error: $0)
        }
        let report = Self.report(snapshot)
        #expect(Self.lines(report, "vmbus_channel_").isEmpty && Self.lines(report, "vmbus_device_opened").isEmpty)
        #expect(
            Self.lines(report, "vmbus_exporter_read_errors_total") == [
                #"vmbus_exporter_read_errors_total{reason="einval"} 2"#,
                #"vmbus_exporter_read_errors_total{reason="enodev"} 1"#,
                #"vmbus_exporter_read_errors_total{reason="eacces"} 1"#,
                #"vmbus_exporter_read_errors_total{reason="other"} 1"#,
            ])
        #expect(!report.text(.openmetrics).contains("numa_node"))
    }

    @Test func `escape what would end a label and show nothing that steers a terminal`() {
        var snapshot = Self.guest(channels: 1)
        snapshot.partitions[0].devices[0].driver = .known("a\"b\\c\n\u{1B}[31m\u{202E}é")
        let line = Self.lines(Self.report(snapshot), "vmbus_device_info").first ?? ""
        #expect(line.contains(#"driver="a\"b\\c\#u{FFFD}\#u{FFFD}[31m\#u{FFFD}é""#), "\(line)")
    }

    @Test func `say that there is no bus and nothing of one`() {
        var snapshot = BusSnapshot()
        snapshot.busAvailable = false
        let report = Self.report(snapshot)
        #expect(Self.lines(report, "vmbus_available") == ["vmbus_available 0"])
        #expect(Self.lines(report, "vmbus_devices").isEmpty && Self.lines(report, "vmbus_channel").isEmpty)
    }

    @Test func `say that the bus could not be listed`() {
        var snapshot = BusSnapshot()
        snapshot.problems = [SnapshotProblem(path: "devices", error: "EACCES")]
        let report = Self.report(snapshot)
        let success = #"vmbus_scrape_collector_success{collector="sysfs"}"#
        #expect(Self.lines(report, success) == [success + " 0"])
        #expect(Self.lines(report, "vmbus_available") == ["vmbus_available 1"])
        #expect(Self.lines(report, "vmbus_devices").isEmpty)
    }

    // MARK: How many

    @Test func `sum the channels of sockets and give them no series`() {
        var snapshot = Self.guest(channels: 1)
        let instances = (1...50).map { GUID(low: UInt64($0), high: 7) }
        snapshot.partitions[0].devices += instances.map { instance in
            var device = Self.network(instance, channels: 1)
            device.classID = DeviceClass.hvSocketClass(port: 5000)
            device.driver = .known("hv_sock")
            return device
        }
        let report = Self.report(snapshot)
        #expect(Self.lines(report, "vmbus_hvsock_channels") == ["vmbus_hvsock_channels 50"])
        #expect(Self.lines(report, #"vmbus_devices{class="hvsock"}"#) == [#"vmbus_devices{class="hvsock"} 50"#])
        #expect(Self.lines(report, "vmbus_device_info").count == 1)
    }

    @Test func `leave out sub-channels before primaries, and count them`() {
        var snapshot = Self.guest(channels: 4)
        snapshot.partitions[0].devices.append(Self.network(GuestLog.pulse, channels: 3))
        let report = Self.report(snapshot, MetricsOptions(maximumChannels: 3))
        let shown = Self.lines(report, "vmbus_channel_interrupts_total").map { $0.dropFirst(30).prefix { $0 != " " } }
        #expect(
            shown.map(String.init) == [
                #"{device="\#(GuestLog.nic)",channel="0"}"#, #"{device="\#(GuestLog.nic)",channel="1"}"#,
                #"{device="\#(GuestLog.pulse)",channel="0"}"#,
            ])
        #expect(Self.lines(report, "vmbus_exporter_channels_skipped") == ["vmbus_exporter_channels_skipped 4"])
    }

    @Test func `show the channels of a device as one by sums and maxima`() {
        let report = Self.report(Self.guest(channels: 4), MetricsOptions(channels: .aggregate))
        let device = #"{device="\#(GuestLog.nic)""#
        #expect(
            Self.lines(report, "vmbus_channel_") == [
                #"vmbus_channel_ring_capacity_bytes\#(device),direction="in"} 4096"#,
                #"vmbus_channel_ring_used_bytes\#(device),direction="in"} 384"#,
                #"vmbus_channel_interrupts_total\#(device)} 2806"#,
                #"vmbus_channel_interrupt_masked\#(device),direction="in"} 1"#,
            ])
    }

    @Test func `count devices that come and go between looks, and say nothing after one`() {
        var history = MetricsHistory()
        let (one, none) = (Self.guest(channels: 1), Self.guest(channels: 0))
        var two = one
        two.partitions[0].devices.append(Self.network(GuestLog.pulse, channels: 1))
        var empty = none
        empty.partitions[0].devices = []
        history.observe(one)
        #expect(history.addedCount(.network) == nil)
        var unreadable = empty
        unreadable.problems = [SnapshotProblem(path: "devices", error: "EACCES")]
        for snapshot in [two, one, unreadable, empty, two] { history.observe(snapshot) }
        #expect(history.addedCount(.network) == 3 && history.removedCount(.network) == 2)
        #expect(history.addedCount(.pci) == 0)
    }

    // MARK: What is shipped with them

    /// The names of metrics and recorded series in an expression.
    private static func names(in expression: String) -> [String] {
        expression.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":")) }.map(String.init)
            .filter { $0.hasPrefix("vmbus_") || $0.hasPrefix("vmbus:") }
    }

    private static let knownNames = Set(MetricFamily.all.map(\.sampleName) + PrometheusRules.recordings.map(\.name))

    @Test func `are all that the rules speak of`() {
        #expect(PrometheusRules.recordings.count == 5 && PrometheusRules.alerts.count == 13)
        let expressions =
            PrometheusRules.recordings.map(\.expression) + PrometheusRules.alerts.map(\.expression)
        for expression in expressions.map({ $0.joined(separator: " ") }) {
            let names = Self.names(in: expression)
            #expect(!names.isEmpty)
            for name in names { #expect(Self.knownNames.contains(name), "\(name) in \(expression)") }
        }
    }

    @Test func `are in the rules' tests, each alert in a guest that raises it`() {
        let scenarios = PrometheusRuleTests.scenarios
        for name in scenarios.flatMap(\.series).map(\.metric) { #expect(Self.knownNames.contains(name), "\(name)") }
        let raised = Set(scenarios.flatMap(\.checks).compactMap { $0.firing?.alert })
        #expect(raised == Set(PrometheusRules.alerts.map(\.name)))
        #expect(scenarios.count { $0.checks.allSatisfy { $0.firing == nil } } >= 4)
        #expect(PrometheusRuleTests.document.contains("summary: 'No driver owns network 309d6b79-"))
    }

    @Test func `are all that the dashboard asks for`() throws {
        struct Dashboard: Decodable {
            struct Panel: Decodable {
                struct Target: Decodable { let expr: String }
                let id: Int
                let type: String
                let targets: [Target]?
            }
            let schemaVersion: Int
            let panels: [Panel]
        }
        let dashboard = try JSONDecoder().decode(Dashboard.self, from: Data(GrafanaDashboard.document))
        #expect(dashboard.schemaVersion == 39)
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
        #expect(Set(dashboard.panels.map(\.type)) == ["row", "stat", "table", "timeseries", "heatmap"])
        let expressions = dashboard.panels.flatMap { $0.targets ?? [] }.map(\.expr)
        #expect(expressions.count > 15)
        for name in expressions.flatMap(Self.names) { #expect(Self.knownNames.contains(name), "\(name)") }
    }
}
