import BusModel

extension InspectorState {
    /// The columns of the view of processors; in the place of the last one screens draw the map.
    public static let processorColumns: [Column] = [
        Column("cpu", "CPU", "The processor's number.", .trailing, width: 3...5),
        Column("node", "Node", "Its NUMA node.", .trailing, width: 4...5, priority: 3),
        Column(
            "state", "State", "Whether it is online, and whether the scheduler leaves it alone.", width: 6...8,
            priority: 2),
        Column("channels", "Chan", "How many open channels it serves.", .trailing, width: 4...5, priority: 4),
        Column(
            "interrupt_rate", "Int/s", "Host-to-guest interrupts per second of these channels.", .trailing,
            width: 5...6),
        Column("share", "Share", "Its share of the guest's interrupts.", .trailing, width: 5...12, priority: 1),
        Column(
            "kernel_rate", "VMBus/s",
            "VMBus interrupts per second as /proc/interrupts counts them: of channels and of messages.", .trailing,
            width: 7...8, priority: 6),
        Column(
            "interrupts", "Since boot", "VMBus interrupts since boot, as /proc/interrupts counts them in 32 bits.",
            .trailing, width: 10...13, priority: 7),
        Column("partition", "Partition", "The guest that it belongs to.", width: 5...20, priority: 5),
        Column(
            "devices", "Channels here", "What it serves, with interrupts per second.", width: 10...400,
            isSortable: false),
    ]

    func sortKey(_ processor: ProcessorMap.Processor, _ column: String, _ map: ProcessorMap) -> SortKey {
        switch column {
        case "cpu": .number(Double(processor.number))
        case "node": .number(processor.node.map { Double($0) })
        case "state": .number(!processor.isOnline ? 0 : processor.isIsolated ? 1 : 2)
        case "channels": .number(Double(processor.channelCount))
        case "interrupt_rate": .number(processor.rate)
        case "share": .number(processor.share)
        case "kernel_rate": .number(processor.kernelRate)
        case "interrupts": .number(processor.kernelCount.map { Double($0) })
        case "partition": .text(map.partition(processor.partition)?.name ?? "")
        default: .number(0)
        }
    }

    /// The processors, by partition and NUMA node or as they are ordered.
    public func processorsTable() -> TableModel { processorsTable(processorMap) }

    /// The processors of a map, which may be one as it would be.
    public func processorsTable(_ map: ProcessorMap) -> TableModel {
        var here: [Int: [ProcessorMap.Channel]] = [:]
        for channel in map.channels where channel.isOpen {
            if let place = map.place(of: channel) { here[place, default: []].append(channel) }
        }
        var lastNode: (UInt16, Int?)?
        let rows = map.processors.enumerated().map { place, processor in
            let isFirst = lastNode.map { $0 != (processor.partition, processor.node) } ?? true
            lastNode = (processor.partition, processor.node)
            return Row(
                id: .processor(partition: processor.partition, number: processor.number),
                cells: [
                    Cell(String(processor.number), .accent),
                    processor.node.map { Cell(String($0), isFirst ? .accent : .dim) } ?? .unknown,
                    stateCell(processor, map),
                    Cell(String(processor.channelCount), processor.channelCount > 0 ? .number : .dim),
                    Cell(rate: processor.rate),
                    Cell(
                        Quantity.share(processor.share), processor.share > 0 ? .number : .dim, gauge: processor.share,
                        raw: processor.share.description),
                    Cell(rate: processor.kernelRate), processor.kernelCount.map { Cell(count: $0) } ?? .unknown,
                    Cell(map.partition(processor.partition)?.name ?? "", .dim),
                    Cell(
                        (here[place] ?? []).sorted { $0.rate > $1.rate }
                            .map { "\($0.label) \(Quantity.rate($0.rate))" }.joined(separator: ", ")),
                ])
        }
        return TableModel(
            columns: Self.processorColumns, rows: rows, sort: processorSort,
            emptyText: snapshot.busAvailable ? "No processor is known yet." : "There is no VMBus here.")
    }

    private func stateCell(_ processor: ProcessorMap.Processor, _ map: ProcessorMap) -> Cell {
        if !processor.isOnline { return Cell("offline", processor.channelCount > 0 ? .bad : .dim) }
        if processor.isIsolated { return Cell("isolated", processor.channelCount > 0 ? .warn : .plain) }
        return map.partition(processor.partition)?.topology.online == nil ? .unknown : Cell("online", .dim)
    }

    // MARK: Details

    func processorDetails(_ partition: UInt16, _ number: Int) -> DetailsModel? {
        let map = processorMap
        guard let place = map.processors.firstIndex(where: { $0.partition == partition && $0.number == number }) else {
            return nil
        }
        let processor = map.processors[place]
        let own = map.channels.filter { $0.isOpen && map.place(of: $0) == place }.sorted { $0.rate > $1.rate }
        var identity = [
            DetailPair(
                "NUMA node", processor.node.map { Cell(String($0), .number) } ?? .unknown,
                "memory of the same node is near"),
            DetailPair("State", stateCell(processor, map), "an interrupt for a processor that is offline is lost"),
            DetailPair("Interrupts/s", Cell(rate: processor.rate), "of all channels that it serves"),
            DetailPair(
                "Share", Cell(Quantity.share(processor.share), .number, gauge: processor.share),
                "of the guest's interrupts"),
        ]
        if let rate = processor.kernelRate {
            identity.append(
                DetailPair("VMBus/s", Cell(rate: rate), "as /proc/interrupts counts them: of channels and of messages"))
        }
        if let count = processor.kernelCount {
            identity.append(
                DetailPair(
                    "Since boot", Cell(count: count), "VMBus interrupts as /proc/interrupts counts them, in 32 bits"))
        }
        let channels = own.map { channel in
            DetailPair(
                channel.label,
                Cell(
                    "\(Quantity.rate(channel.rate)) int/s, relid \(channel.relid)"
                        + (map.isOffNode(channel) ? ", device on node \(channel.deviceNode ?? 0)" : ""),
                    map.isOffNode(channel) ? .warn : .number), "a channel whose interrupts come here")
        }
        return DetailsModel(
            title: "CPU \(number) of \(map.partition(partition)?.name ?? "")",
            sections: [
                DetailSection("Processor", identity), DetailSection("Channels here", channels),
                DetailSection("Imbalance", imbalancePairs(map, partition)),
            ])
    }

    private func imbalancePairs(_ map: ProcessorMap, _ partition: UInt16) -> [DetailPair] {
        func pair(_ label: String, _ imbalance: Imbalance?) -> DetailPair? {
            imbalance.map { imbalance in
                DetailPair(
                    label,
                    Cell(
                        imbalance.summary, imbalance.peakToMean >= RateNorm.uneven ? .warn : .number,
                        raw: imbalance.peakToMean.description), Imbalance.explanation)
            }
        }
        return [pair("All", map.partition(partition)?.imbalance)].compactMap { $0 }
            + map.devices.filter { $0.partition == partition && $0.channels.count > 1 }
            .compactMap { pair($0.label, $0.imbalance) }
    }
}

extension Imbalance {
    /// In a few words: `1.80x the mean, Gini 0.32`.
    public var summary: String { "\(Quantity.ratio(peakToMean))x the mean, Gini \(Quantity.ratio(gini))" }

    /// What the numbers mean.
    static let explanation =
        "the busiest CPU over the mean of those that could share the load (the fewer of channels and online CPUs): 1 is "
        + "even; Gini: 0 is even, 1 is all on one"
}
