public import BusModel
import VMBusWire

/// One value of a metric with its labels.
struct MetricSample: Sendable, Hashable {
    /// A whole number is written as one, so that a counter loses no digit.
    enum Value: Sendable, Hashable {
        case whole(UInt64)
        case real(Double)
    }

    /// Names and values, in the order of the family's table; a label without a value is absent.
    var labels: [Label]
    var value: Value

    struct Label: Sendable, Hashable {
        var name: String
        var value: String
    }
}

/// Everything that is exported of one look at a guest: a function of the snapshot, in an order that does not depend on chance.
public struct MetricsReport: Sendable {
    /// The partition that a live guest is in its log.
    static let guest: UInt16 = 1

    private var samples: [MetricFamily: [MetricSample]] = [:]

    /// What the snapshot of a live guest tells; `history` has taken it in already.
    public init(
        _ snapshot: BusSnapshot, _ history: MetricsHistory, _ exporter: ExporterFacts,
        options: MetricsOptions = MetricsOptions()
    ) {
        addExporter(snapshot, history, exporter)
        guard snapshot.busAvailable, snapshot.hasDeviceList else { return }
        let devices = (snapshot.partition(Self.guest)?.devices ?? []).sorted { $0.instance < $1.instance }
        addBus(devices, history)
        let shown = devices.filter { $0.metricKind != .socket }
        for device in shown { addDevice(device) }
        switch options.channels {
        case .all: addChannels(shown, limit: options.maximumChannels)
        case .aggregate: for device in shown { addAggregate(device) }
        }
    }

    /// The samples of a metric, in the order in which they are written.
    func samples(of family: MetricFamily) -> [MetricSample] { samples[family] ?? [] }

    /// How many series it has.
    public var seriesCount: Int { samples.values.reduce(0) { $0 + $1.count } }

    // MARK: The exporter and the bus

    private mutating func addExporter(
        _ snapshot: BusSnapshot, _ history: MetricsHistory, _ exporter: ExporterFacts
    ) {
        add(.buildInfo, [exporter.version, exporter.swift], 1)
        add(.available, [], snapshot.busAvailable ? 1 : 0)
        for reason in MetricsHistory.Reason.allCases {
            add(.readErrors, [reason.rawValue], history.errorCount(reason))
        }
        add(.collectorDuration, ["sysfs"], .real(exporter.duration))
        add(.collectorSuccess, ["sysfs"], snapshot.hasDeviceList ? 1 : 0)
    }

    private mutating func addBus(_ devices: [DeviceSnapshot], _ history: MetricsHistory) {
        // Every class of the closed list, so that the last device of one is seen to go.
        for kind in DeviceKind.allCases {
            add(.devices, [kind.metricWord], UInt64(devices.count { $0.metricKind == kind }))
            add(.devicesAdded, [kind.metricWord], history.addedCount(kind))
            add(.devicesRemoved, [kind.metricWord], history.removedCount(kind))
        }
        let sockets = devices.filter { $0.metricKind == .socket }
        add(.socketChannels, [], UInt64(sockets.reduce(0) { $0 + $1.channels.count }))
    }

    private mutating func addDevice(_ device: DeviceSnapshot) {
        let name = device.instance.description
        let primary = device.channels.first { $0.subchannel == 0 }
        add(
            .deviceInfo,
            [
                name, device.metricKind.metricWord, device.classID == .zero ? nil : device.classID.description,
                device.driver.value, primary.map { String($0.relid) },
                device.kernel.net.isEmpty ? nil : device.kernel.net.joined(separator: ","), device.kernel.scsiHost,
                device.numaNode.value.map { String($0) },
            ], 1)
        add(.deviceOpened, [name], device.state.value.map { $0 == 3 ? 1 : 0 })
        let isCounted = !device.problems.contains { $0.path == "channels" }
        add(.deviceChannels, [name], isCounted ? UInt64(device.channels.count) : nil)
    }

    // MARK: Channels

    /// Primaries first, so that a limit takes away sub-channels and never a whole device.
    private mutating func addChannels(_ devices: [DeviceSnapshot], limit: Int) {
        let channels = devices.flatMap { device in device.channels.map { (device.instance, $0) } }
        let order = channels.indices.sorted { (channels[$0].1.subchannel, $0) < (channels[$1].1.subchannel, $1) }
        for place in order.prefix(max(0, limit)).sorted() {
            let (device, channel) = channels[place]
            for value in channel.metricValues {
                let labels = [device.description, String(channel.subchannel)] + [value.direction].compactMap(\.self)
                add(value.family, labels, value.value)
            }
        }
        add(.channelsSkipped, [], UInt64(max(0, channels.count - max(0, limit))))
    }

    /// The channels of a device as one: without the label `channel`.
    private mutating func addAggregate(_ device: DeviceSnapshot) {
        var totals: [ChannelMetric] = []
        for value in device.channels.flatMap(\.metricValues) where value.family.aggregation != .leftOut {
            if let place = totals.firstIndex(where: { $0.family == value.family && $0.direction == value.direction }) {
                totals[place].value = value.family.aggregation.combine(totals[place].value, value.value)
            } else {
                totals.append(value)
            }
        }
        for total in totals {
            add(total.family, [device.instance.description, nil] + [total.direction].compactMap(\.self), total.value)
        }
    }

    // MARK: Samples

    private mutating func add(_ family: MetricFamily, _ labels: [String?], _ number: UInt64?) {
        if let number { add(family, labels, .whole(number)) }
    }

    private mutating func add(_ family: MetricFamily, _ values: [String?], _ value: MetricSample.Value) {
        let labels = zip(family.labels, values).compactMap { name, value in
            value.flatMap { $0.isEmpty ? nil : MetricSample.Label(name: name, value: PlainText.clean($0)) }
        }
        samples[family, default: []].append(MetricSample(labels: labels, value: value))
    }
}

/// One value of one channel.
private struct ChannelMetric {
    let family: MetricFamily
    let direction: String?
    var value: MetricSample.Value
}

extension ChannelSnapshot {
    /// What is known of the channel; what is not known is not here.
    fileprivate var metricValues: [ChannelMetric] {
        var values: [ChannelMetric] = []
        func add(_ family: MetricFamily, _ number: UInt64?, direction: String? = nil) {
            guard let number else { return }
            values.append(ChannelMetric(family: family, direction: direction, value: .whole(number)))
        }
        for (direction, ring) in [("in", inbound), ("out", outbound)] {
            add(.ringCapacity, ring.size.value, direction: direction)
            add(.ringUsed, ring.used.value, direction: direction)
            add(.interruptMasked, ring.masked.value.map { $0 == 0 ? 0 : 1 }, direction: direction)
        }
        add(.interrupts, interrupts.value)
        add(.hypercallSignals, events.value)
        add(.signalsOutEmpty, interruptsOutEmpty.value)
        add(.signalsInFull, interruptsInFull.value)
        add(.writeFull, outFullTotal.value)
        add(.writeFullEpisodes, outFullFirst.value)
        if let monitor = monitorID.value, let word = monitorPending.value {
            add(.monitorPending, word >> (monitor % 32) & 1)
        }
        if monitorID.value != nil, let latency = monitorLatency.value {
            // The kernel prints units of 100 ns.
            values.append(
                ChannelMetric(family: .monitorLatency, direction: nil, value: .real(Double(latency) / 1e7)))
        }
        add(.targetCPU, cpu.value)
        return values
    }
}

extension MetricFamily.Aggregation {
    /// Two channels' values as one.
    fileprivate func combine(_ one: MetricSample.Value, _ other: MetricSample.Value) -> MetricSample.Value {
        switch (one, other) {
        case (.whole(let one), .whole(let other)):
            // Counters of two channels can only pass 2^64 in a tree that was made up.
            .whole(self == .sum ? one &+ other : max(one, other))
        case (.real(let one), .real(let other)): .real(self == .sum ? one + other : max(one, other))
        default: one
        }
    }
}
