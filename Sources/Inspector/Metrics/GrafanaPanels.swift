/// One panel of the dashboard.
struct GrafanaPanel {
    /// The panel's type as Grafana names it.
    enum Kind: String {
        case row
        case stat
        case table
        case timeSeries = "timeseries"
        case heatMap = "heatmap"
    }

    /// Where it stands; the dashboard is 24 units wide.
    struct Place {
        let x: Int
        let y: Int
        let width: Int
        let height: Int
    }

    /// One query with what its values are called.
    struct Target {
        let expression: String
        let legend: String
    }

    let kind: Kind
    let title: String
    var help = ""
    let place: Place
    var unit = "short"
    var targets: [Target] = []
    /// Colours from which value on; below the first it is green.
    var thresholds: [(color: String, value: Double)] = []
    /// Units of a table's columns that differ from the panel's.
    var columnUnits: [(column: String, unit: String)] = []
}

extension GrafanaDashboard {
    private typealias Panel = GrafanaPanel

    private static let fleet = #"job=~"$job""#
    private static let guest = #"job=~"$job",instance=~"$instance""#
    private static let device = #"job=~"$job",instance=~"$instance",device=~"$device""#
    private static let channelName = "{{instance}} {{device}} {{channel}}"
    private static let key = "job, instance, device, channel"

    private static func ratio(_ labels: String) -> String {
        "vmbus_channel_ring_used_bytes{\(labels)} / vmbus_channel_ring_capacity_bytes{\(labels)}"
    }

    private static func rate(_ metric: String, _ labels: String) -> String {
        "rate(\(metric){\(labels)}[$__rate_interval])"
    }

    /// All panels, from the fleet down to the channel.
    static let panels: [GrafanaPanel] = fleetPanels + guestPanels + channelPanels

    private static let fleetPanels: [GrafanaPanel] = [
        Panel(kind: .row, title: "Fleet", place: .init(x: 0, y: 0, width: 24, height: 1)),
        Panel(
            kind: .stat, title: "Guests with a VMBus", help: "Machines whose exporter found a VMBus.",
            place: .init(x: 0, y: 1, width: 4, height: 4),
            targets: [.init(expression: "sum(vmbus_available{\(fleet)})", legend: "Guests")]),
        Panel(
            kind: .stat, title: "Fullest ring", help: "The fill of the fullest ring of all guests.",
            place: .init(x: 4, y: 1, width: 5, height: 4), unit: "percentunit",
            targets: [.init(expression: "max(\(ratio(fleet)))", legend: "Fill")],
            thresholds: [("yellow", 0.5), ("red", 0.9)]),
        Panel(
            kind: .stat, title: "Refused writes", help: "Writes per second that met a full ring.",
            place: .init(x: 9, y: 1, width: 5, height: 4), unit: "ops",
            targets: [
                .init(expression: "sum(\(rate("vmbus_channel_write_full_total", fleet)))", legend: "Refused")
            ], thresholds: [("yellow", 0.1), ("red", 1)]),
        Panel(
            kind: .stat, title: "Devices removed in a day",
            help: "Without PCI functions and sockets, which come and go.",
            place: .init(x: 14, y: 1, width: 5, height: 4),
            targets: [
                .init(
                    expression: #"sum(max_over_time(vmbus_devices{\#(fleet),class!~"pci|hvsock"}[1d])"#
                        + #" - vmbus_devices{\#(fleet),class!~"pci|hvsock"})"#, legend: "Removed")
            ], thresholds: [("red", 1)]),
        Panel(
            kind: .stat, title: "Unreadable files",
            help: "Files of the bus that could not be read, closed rings excepted.",
            place: .init(x: 19, y: 1, width: 5, height: 4),
            targets: [
                .init(
                    expression: #"sum(vmbus_exporter_read_errors_total{\#(fleet),reason!="einval"})"#,
                    legend: "Errors")
            ], thresholds: [("yellow", 1)]),
        Panel(
            kind: .table, title: "Guests, fullest ring first", help: "One line for each guest.",
            place: .init(x: 0, y: 5, width: 24, height: 8),
            targets: [
                .init(expression: "sort_desc(max by (instance) (\(ratio(fleet))))", legend: "Fullest ring"),
                .init(
                    expression: "sum by (instance) (\(rate("vmbus_channel_write_full_total", fleet)))",
                    legend: "Refused writes"),
                .init(
                    expression: "sum by (instance) (\(rate("vmbus_channel_interrupts_total", fleet)))",
                    legend: "Interrupts"),
                .init(expression: "sum by (instance) (vmbus_devices{\(fleet)})", legend: "Devices"),
                .init(expression: "sum by (instance) (vmbus_device_channels{\(fleet)})", legend: "Channels"),
                .init(expression: "count by (instance) (vmbus_device_opened{\(fleet)} == 0)", legend: "Not open"),
            ],
            columnUnits: [("Fullest ring", "percentunit"), ("Refused writes", "ops"), ("Interrupts", "ops")]),
    ]

    private static let guestPanels: [GrafanaPanel] = [
        Panel(kind: .row, title: "Guest $instance", place: .init(x: 0, y: 13, width: 24, height: 1)),
        Panel(
            kind: .table, title: "Devices", help: "What each device is, by the kernel's names.",
            place: .init(x: 0, y: 14, width: 24, height: 8),
            targets: [.init(expression: "vmbus_device_info{\(guest)}", legend: "Present")]),
        Panel(
            kind: .heatMap, title: "Interrupts by processor",
            help: "Interrupts per second of all channels whose target is that processor; one dark row is an imbalance.",
            place: .init(x: 0, y: 22, width: 24, height: 10), unit: "ops",
            targets: [
                .init(
                    expression: "sum by (cpu) (\(rate("vmbus_channel_interrupts_total", guest))"
                        + " * on (\(key)) group_left (cpu)"
                        + " count_values by (\(key)) (\"cpu\", vmbus_channel_target_cpu{\(guest)}))",
                    legend: "CPU {{cpu}}")
            ]),
    ]

    private static let channelPanels: [GrafanaPanel] = [
        Panel(kind: .row, title: "Device $device", place: .init(x: 0, y: 32, width: 24, height: 1)),
        series(
            "Ring fill", "Bytes waiting over bytes that fit.", x: 0, y: 33, "percentunit", ratio(device), rings: true),
        series(
            "Interrupts", "Interrupts that the guest took.", x: 12, y: 33, "ops",
            rate("vmbus_channel_interrupts_total", device)),
        series(
            "Signals to the host", "Because the outbound ring was empty or the inbound one full.", x: 0, y: 41, "ops",
            rate("vmbus_channel_signals_out_empty_total", device) + " + "
                + rate("vmbus_channel_signals_in_full_total", device)),
        series(
            "Refused writes", "Writes that met a full ring.", x: 12, y: 41, "ops",
            rate("vmbus_channel_write_full_total", device)),
        series(
            "Target processor", "Which processor takes the channel's interrupts.", x: 0, y: 49, "short",
            "vmbus_channel_target_cpu{\(device)}"),
        series(
            "Masked", "1 while the reader of the ring wants no signals.", x: 12, y: 49, "short",
            "vmbus_channel_interrupt_masked{\(device)}", rings: true),
    ]

    private static func series(
        _ title: String, _ help: String, x: Int, y: Int, _ unit: String, _ expression: String, rings: Bool = false
    ) -> GrafanaPanel {
        Panel(
            kind: .timeSeries, title: title, help: help, place: .init(x: x, y: y, width: 12, height: 8), unit: unit,
            targets: [.init(expression: expression, legend: channelName + (rings ? " {{direction}}" : ""))])
    }
}
