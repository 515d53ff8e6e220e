public import BusModel
import Query
import VMBusWire

extension InspectorState {
    /// The columns of the channels view.
    public static let channelColumns: [Column] = [
        Column("device", "Device", "What the device is, and below it its channels.", width: 14...34),
        Column("net", "Kernel", "What the guest's kernel calls the device: eth0, sda.", width: 6...14),
        Column("relid", "Relid", "The channel's number.", .trailing, width: 5...6),
        Column(
            "verdict", "Verdict", "How it is in a word, measured by what is normal for its kind; details say why.",
            width: 7...11),
        Column("interrupt_rate", "Int/s", "Host-to-guest interrupts per second.", .trailing, width: 5...6, priority: 1),
        Column(
            "signal_rate", "Sig/s",
            "Guest-to-host signals per second: events, or with a bit in the monitor page intr_out_empty + intr_in_full.",
            .trailing, width: 5...6, priority: 1),
        Column(
            "packet_rate", "Pkt/s", "Ring packets per second, where the log shows them.", .trailing, width: 5...6,
            priority: 3),
        Column(
            "full_recent", "Full", "How often in the last minutes the guest met a full ring, episodes counted.",
            .trailing,
            width: 4...6, priority: 2),
        Column(
            "fill_max", "Fill", "The fullest that one of the rings was seen in the last minutes.", .trailing,
            width: 4...12, priority: 2),
        Column(
            "activity", "Activity", "Packets, or interrupts and signals, over time, the newest on the right.",
            width: 8...40, priority: 4, isSortable: false),
        Column(
            "cpu", "CPU", "The processor that takes the channel's interrupts.", .trailing, width: 3...5, priority: 1),
        Column(
            "age", "Age", "How old the values are, where they are older than three looks.", .trailing, width: 3...4,
            priority: 2),
        Column("state", "State", "How far the channel's life is.", width: 6...9, priority: 5),
        Column("driver", "Driver", "The driver that owns the device.", width: 8...16, priority: 6),
        Column("in_fill", "In", "How full the host-to-guest ring is.", .trailing, width: 4...14, priority: 7),
        Column("out_fill", "Out", "How full the guest-to-host ring is.", .trailing, width: 4...14, priority: 7),
        Column("interrupts", "Interrupts", "Host-to-guest interrupts so far.", .trailing, width: 10...14, priority: 8),
        Column("signals", "Signals", "Guest-to-host signals so far.", .trailing, width: 7...14, priority: 8),
        Column(
            "full", "Full all", "How often the guest met a full ring so far, episodes counted.", .trailing,
            width: 8...9,
            priority: 9),
        Column(
            "event_rate", "Evt/s", "Guest-to-host signals by hypercall per second.", .trailing, width: 5...6,
            priority: 10),
        Column(
            "events", "Events", "Guest-to-host signals by hypercall so far.", .trailing, width: 6...14, priority: 10),
        Column("partition", "Partition", "The guest that the device is offered to.", width: 9...20, priority: 11),
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
        let rates = channels.map { self.rates(Self.key(partition, device, $0)) }
        let now = snapshot.position.time
        var sum = DeviceSum(channels, rates, at: now, every: interval)
        for channel in channels {
            sum.add(interruptCount(channel).value, signalCount(channel).value, eventCount(channel).value)
        }
        sum.age = zip(channels, rates).compactMap { staleness($0, $1) }.max()
        sum.verdict = Verdict.leading(
            zip(channels, rates).map { Verdict($0, of: device, $1, at: now) })
        let primary = channels.first
        let entry = device.deviceClass
        var name = Cell(entry.title, .accent)
        if entry.kind == .unknown {
            // A text may tell no class; then its own name says more than a class of zeroes.
            let what = device.classID == .zero ? PlainText.clean(device.name) : "\(device.classID)"
            name = Cell("Unknown \(what)", .warn)
        }
        if !device.problems.isEmpty { name.tone = .warn }
        let row = Row(
            id: id,
            cells: [
                name, kernelCell(device), relidCell(primary), verdictCell(sum.verdict), Cell(rate: sum.interruptRate),
                Cell(rate: sum.signalRate), Cell(rate: sum.packetRate), fullCell(sum.recentFull),
                Cell(fill: sum.fillMaximum), Cell("", .accent, series: sum.activity), cpuCell(channels),
                ageCell(sum.age), primary.map { Cell($0.phase) } ?? .unknown,
                Cell(text: device.driver), sum.fullestIn, sum.fullestOut,
                sum.interrupts.map { Cell(count: $0) } ?? .unknown, sum.signals.map { Cell(count: $0) } ?? .unknown,
                fullCell(sum.full), Cell(rate: sum.eventRate), sum.events.map { Cell(count: $0) } ?? .unknown,
                Cell(PlainText.clean(partition.name)),
            ],
            depth: 0, isExpandable: !channels.isEmpty, isExpanded: isExpanded)
        let inner = isExpanded ? channels.map { channelRow(partition, device, $0) } : []
        let isOld = !channels.isEmpty && channels.allSatisfy { $0.staleSince.value != nil }
        return SortedRow(
            row: isOld ? Self.dimmed(row) : row, inner: inner,
            key: channelKey(partition, device, primary, sum, channelSort.column))
    }

    private func channelRow(
        _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ channel: ChannelSnapshot
    ) -> Row {
        let key = Self.key(partition, device, channel)
        let rates = rates(key)
        let now = snapshot.position.time
        let recent = rates.history?.summary(at: now)
        let row = Row(
            id: .channel(key),
            cells: [
                Cell(channel.subchannel == 0 ? "primary" : "sub-channel \(channel.subchannel)"),
                kernelCell(device), relidCell(channel), verdictCell(Verdict(channel, of: device, rates, at: now)),
                Cell(rate: rates.interrupts), Cell(rate: rates.signals), Cell(rate: rates.packets),
                fullCell(channel.outFullFirst.value == nil || recent?.observed == 0 ? nil : recent?[.fullEpisodes]),
                Cell(fill: recent?.fillMaximum),
                Cell("", .accent, series: rates.activity(at: now, every: interval)), Cell(channel.cpu),
                ageCell(staleness(channel, rates)), Cell(channel.phase), Cell(text: device.driver, .dim),
                Cell(fill: channel.inbound), Cell(fill: channel.outbound), Cell(interruptCount(channel)),
                Cell(signalCount(channel)), fullCell(channel.outFullFirst.value), Cell(rate: rates.events),
                Cell(eventCount(channel)), Cell(PlainText.clean(partition.name), .dim),
            ],
            depth: channel.subchannel == 0 ? 1 : 2)
        return channel.staleSince.value == nil ? row : Self.dimmed(row)
    }

    /// A row of old values: what is said of their age stays bright.
    private static func dimmed(_ row: Row) -> Row {
        let bright: Set<String> = ["verdict", "age"]
        var row = row
        for (place, column) in channelColumns.enumerated()
        where row.cells.indices.contains(place) && !bright.contains(column.id) {
            row.cells[place].tone = .dim
        }
        return row
    }

    private func kernelCell(_ device: DeviceSnapshot) -> Cell {
        let names = device.kernel.all
        return names.isEmpty ? .unknown : Cell(names.map(PlainText.clean).joined(separator: " "), .accent)
    }

    private func verdictCell(_ verdict: Verdict?) -> Cell {
        guard let verdict else { return .unknown }
        return Cell(verdict.word.title, verdict.tone, raw: verdict.word.rawValue)
    }

    private func ageCell(_ age: UInt64?) -> Cell {
        age.map { Cell(Quantity.shortSpan($0), .dim, raw: String($0)) } ?? Cell("", .dim)
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
        guard !numbers.isEmpty else { return channels.first.map { Cell($0.cpu) } ?? .unknown }
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
        case "verdict": .number(sum.verdict.map { Double($0.weight.rawValue * 100 + $0.word.rank) })
        case "interrupt_rate": .number(sum.interruptRate)
        case "signal_rate": .number(sum.signalRate)
        case "packet_rate": .number(sum.packetRate)
        case "full_recent": .number(sum.recentFull.map { Double($0) })
        case "fill_max": .number(sum.fillMaximum.map { Double($0) })
        case "cpu": .number(primary?.cpu.value.map { Double($0) })
        case "age": .number(sum.age.map { Double($0) })
        case "state": .number(primary?.phase.value.map { Double($0.rawValue) })
        case "driver": .text(device.driver.value ?? "\u{7F}")
        case "in_fill": .number(sum.fullestIn.gauge)
        case "out_fill": .number(sum.fullestOut.gauge)
        case "interrupts": .number(sum.interrupts.map { Double($0) })
        case "signals": .number(sum.signals.map { Double($0) })
        case "full": .number(sum.full.map { Double($0) })
        case "event_rate": .number(sum.eventRate)
        case "events": .number(sum.events.map { Double($0) })
        case "partition": .text(partition.name)
        default: .number(0)
        }
    }
}

/// The channels of a device taken together.
private struct DeviceSum {
    var interruptRate: Double?
    var signalRate: Double?
    var eventRate: Double?
    var packetRate: Double?
    var recentFull: UInt64?
    var full: UInt64?
    var interrupts: UInt64?
    var signals: UInt64?
    var events: UInt64?
    var fillMaximum: Float?
    var fullestIn = Cell.unknown
    var fullestOut = Cell.unknown
    var activity: [Double] = []
    var age: UInt64?
    var verdict: Verdict?

    init(_ channels: [ChannelSnapshot], _ rates: [FlowRates], at now: UInt64, every interval: UInt64) {
        for (channel, rate) in zip(channels, rates) {
            add(rate.interrupts, to: &interruptRate)
            add(rate.signals, to: &signalRate)
            add(rate.events, to: &eventRate)
            add(rate.packets, to: &packetRate)
            addSeries(rate.activity(at: now, every: interval))
            let recent = rate.history?.summary(at: now)
            if channel.outFullFirst.value != nil, let recent, recent.observed > 0 {
                recentFull = (recentFull ?? 0) &+ recent[.fullEpisodes]
            }
            if let fill = recent?.fillMaximum { fillMaximum = max(fillMaximum ?? 0, fill) }
            if let count = channel.outFullFirst.value { full = (full ?? 0) &+ count }
            keep(channel.inbound, in: &fullestIn)
            keep(channel.outbound, in: &fullestOut)
        }
    }

    mutating func add(_ interrupts: UInt64?, _ signals: UInt64?, _ events: UInt64?) {
        if let interrupts { self.interrupts = (self.interrupts ?? 0) &+ interrupts }
        if let signals { self.signals = (self.signals ?? 0) &+ signals }
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
