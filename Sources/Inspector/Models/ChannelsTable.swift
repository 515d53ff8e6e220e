public import BusModel
import Query
import VMBusWire

extension InspectorState {
    /// The columns of the channels view.
    public static let channelColumns: [Column] = [
        Column("device", "Device", "What the device is, and below it its channels.", width: 14...34),
        Column("net", "Kernel", "What the guest's kernel calls the device: eth0, sda.", width: 6...14),
        Column("relid", "Relid", "The channel's number.", .trailing, width: 5...6),
        Column("state", "State", "How far the channel's life is.", width: 6...9),
        Column("driver", "Driver", "The driver that owns the device.", width: 8...16, priority: 4),
        Column("cpu", "CPU", "The processor that takes the channel's interrupts.", .trailing, width: 3...5),
        Column("in_fill", "In", "How full the host-to-guest ring is.", .trailing, width: 4...14, priority: 1),
        Column("out_fill", "Out", "How full the guest-to-host ring is.", .trailing, width: 4...14, priority: 1),
        Column("interrupt_rate", "Int/s", "Host-to-guest interrupts per second.", .trailing, width: 5...6, priority: 2),
        Column("event_rate", "Evt/s", "Guest-to-host signals per second.", .trailing, width: 5...6, priority: 2),
        Column(
            "packet_rate", "Pkt/s", "Ring packets per second, where the log shows them.", .trailing, width: 5...6,
            priority: 3),
        Column(
            "full", "Full", "How often the guest met a full ring for the first time.", .trailing, width: 4...7,
            priority: 5),
        Column(
            "activity", "Activity", "Packets, or interrupts and signals, over time, the newest on the right.",
            width: 8...32, priority: 6, isSortable: false),
        Column("interrupts", "Interrupts", "Host-to-guest interrupts so far.", .trailing, width: 10...14, priority: 7),
        Column("events", "Events", "Guest-to-host signals so far.", .trailing, width: 6...14, priority: 7),
        Column("partition", "Partition", "The guest that the device is offered to.", width: 9...20, priority: 8),
    ]

    /// Every offer as a tree device → primary → sub-channels, at the moment that is shown.
    ///
    /// - Parameter isWhole: all branches open, for listings; otherwise those that were opened by hand, and those of devices
    ///   with sub-channels until they are closed by hand.
    public func channelsTable(isWhole: Bool = false) -> TableModel {
        var entries: [SortedRow] = []
        var hidden = 0
        for partition in snapshot.partitions {
            for device in partition.devices {
                let channels = device.channels.filter { channel in
                    guard let query = query(.channels) else { return true }
                    return query.matches(ChannelSubject(self, partition, device, channel))
                }
                hidden += device.channels.count - channels.count
                if channels.isEmpty && !(device.channels.isEmpty && query(.channels) == nil) { continue }
                entries.append(deviceRow(partition, device, channels, isWhole: isWhole))
            }
        }
        return TableModel(
            columns: Self.channelColumns, rows: SortedRow.ordered(entries, channelSort), sort: channelSort,
            hiddenCount: hidden, emptyText: emptyText(hidden, "channel"))
    }

    /// All channels in the order of the bus, for going from one to the next.
    public var channelKeys: [ChannelKey] {
        snapshot.partitions.flatMap { partition in
            partition.devices.flatMap { device in device.channels.map { Self.key(partition, device, $0) } }
        }
    }

    static func key(_ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ channel: ChannelSnapshot) -> ChannelKey
    {
        ChannelKey(partition: partition.number, device: device.instance, subchannel: channel.subchannel)
    }

    private func deviceRow(
        _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ channels: [ChannelSnapshot], isWhole: Bool
    ) -> SortedRow {
        let id = RowID.device(partition: partition.number, instance: device.instance)
        let isExpanded = isWhole || isExpanded(id, byDefault: channels.contains { $0.subchannel > 0 })
        var sum = DeviceSum(channels, channels.map { rates(Self.key(partition, device, $0)) })
        for channel in channels { sum.add(interruptCount(channel).value, signalCount(channel).value) }
        let primary = channels.first
        let entry = device.deviceClass
        var name = Cell(entry.title, .accent)
        if entry.kind == .unknown { name = Cell("Unknown \(device.classID)", .warn) }
        if !device.problems.isEmpty { name.tone = .warn }
        let row = Row(
            id: id,
            cells: [
                name, kernelCell(device), relidCell(primary), primary.map { Cell($0.phase) } ?? .unknown,
                Cell(text: device.driver), cpuCell(channels), sum.fullestIn, sum.fullestOut,
                Cell(rate: sum.interruptRate),
                Cell(rate: sum.eventRate), Cell(rate: sum.packetRate), fullCell(sum.full),
                Cell("", .accent, series: sum.activity), sum.interrupts.map { Cell(count: $0) } ?? .unknown,
                sum.events.map { Cell(count: $0) } ?? .unknown,
                Cell(PlainText.clean(partition.name)),
            ],
            depth: 0, isExpandable: !channels.isEmpty, isExpanded: isExpanded)
        let inner = isExpanded ? channels.map { channelRow(partition, device, $0) } : []
        return SortedRow(
            row: row, inner: inner, key: channelKey(partition, device, primary, sum, channelSort.column))
    }

    private func channelRow(
        _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ channel: ChannelSnapshot
    ) -> Row {
        let key = Self.key(partition, device, channel)
        let rates = rates(key)
        return Row(
            id: .channel(key),
            cells: [
                Cell(channel.subchannel == 0 ? "primary" : "sub-channel \(channel.subchannel)"),
                kernelCell(device), relidCell(channel), Cell(channel.phase), Cell(text: device.driver, .dim),
                Cell(channel.cpu), Cell(fill: channel.inbound), Cell(fill: channel.outbound),
                Cell(rate: rates.interrupts), Cell(rate: rates.events), Cell(rate: rates.packets),
                fullCell(channel.outFullFirst.value), Cell("", .accent, series: rates.activity),
                Cell(interruptCount(channel)),
                Cell(signalCount(channel)),
                Cell(PlainText.clean(partition.name), .dim),
            ],
            depth: channel.subchannel == 0 ? 1 : 2)
    }

    private func kernelCell(_ device: DeviceSnapshot) -> Cell {
        let names = device.kernel.all
        return names.isEmpty ? .unknown : Cell(names.map(PlainText.clean).joined(separator: " "), .accent)
    }

    private func relidCell(_ channel: ChannelSnapshot?) -> Cell {
        guard let channel, channel.relid != 0 else { return .unknown }
        return Cell(String(channel.relid), .identifier)
    }

    /// The one processor of all channels, or how many there are.
    private func cpuCell(_ channels: [ChannelSnapshot]) -> Cell {
        var numbers: [UInt64] = []
        for channel in channels {
            if let number = channel.cpu.value, !numbers.contains(number) { numbers.append(number) }
        }
        if let only = numbers.first, numbers.count == 1 { return Cell(String(only), .number) }
        if let first = channels.first, numbers.isEmpty { return Cell(first.cpu) }
        return Cell("\(numbers.count)x", .number)
    }

    private func fullCell(_ count: UInt64?) -> Cell {
        guard let count else { return .unknown }
        return Cell(count: count, count == 0 ? .dim : .warn)
    }

    private func channelKey(
        _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ primary: ChannelSnapshot?, _ sum: DeviceSum,
        _ column: String?
    ) -> SortKey {
        switch column {
        case "device": .text(device.deviceClass.title)
        case "net": .text(device.kernel.all.first ?? "\u{7F}")
        case "relid": .number(primary.map { Double($0.relid) })
        case "state": .number(primary?.phase.value.map { Double($0.rawValue) })
        case "driver": .text(device.driver.value ?? "\u{7F}")
        case "cpu": .number(primary?.cpu.value.map { Double($0) })
        case "in_fill": .number(sum.fullestIn.gauge)
        case "out_fill": .number(sum.fullestOut.gauge)
        case "interrupt_rate": .number(sum.interruptRate)
        case "event_rate": .number(sum.eventRate)
        case "packet_rate": .number(sum.packetRate)
        case "full": .number(sum.full.map { Double($0) })
        case "interrupts": .number(sum.interrupts.map { Double($0) })
        case "events": .number(sum.events.map { Double($0) })
        case "partition": .text(partition.name)
        default: .number(0)
        }
    }
}

/// The channels of a device taken together.
private struct DeviceSum {
    var interruptRate: Double?
    var eventRate: Double?
    var packetRate: Double?
    var full: UInt64?
    var interrupts: UInt64?
    var events: UInt64?
    var fullestIn = Cell.unknown
    var fullestOut = Cell.unknown
    var activity: [Double] = []

    init(_ channels: [ChannelSnapshot], _ rates: [FlowRates]) {
        for rate in rates {
            add(rate.interrupts, to: &interruptRate)
            add(rate.events, to: &eventRate)
            add(rate.packets, to: &packetRate)
            addSeries(rate.activity)
        }
        for channel in channels {
            if let count = channel.outFullFirst.value { full = (full ?? 0) &+ count }
            keep(channel.inbound, in: &fullestIn)
            keep(channel.outbound, in: &fullestOut)
        }
    }

    mutating func add(_ interrupts: UInt64?, _ events: UInt64?) {
        if let interrupts { self.interrupts = (self.interrupts ?? 0) &+ interrupts }
        if let events { self.events = (self.events ?? 0) &+ events }
    }

    private func add(_ rate: Double?, to sum: inout Double?) {
        if let rate { sum = (sum ?? 0) + rate }
    }

    private func keep(_ ring: RingSnapshot, in cell: inout Cell) {
        let candidate = Cell(fill: ring)
        if (candidate.gauge ?? -1) > (cell.gauge ?? -1) || cell == .unknown { cell = candidate }
    }

    /// The newest values stand at the end, so series of different length are added from there.
    private mutating func addSeries(_ series: [Double]) {
        if series.count > activity.count {
            activity = Array(repeating: 0, count: series.count - activity.count) + activity
        }
        let shift = activity.count - series.count
        for (place, value) in series.enumerated() { activity[shift + place] += value }
    }
}
