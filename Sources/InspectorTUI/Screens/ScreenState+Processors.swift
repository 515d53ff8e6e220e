import BusModel
import Inspector

extension ScreenState {
    /// Rows of the view of processors that are not rows of its list: the heading and what stands below the map.
    static func processorFooter(rows: Int) -> Int {
        rows >= 20 ? 6 : rows >= 16 ? 5 : rows >= 10 ? 3 : rows >= 6 ? 1 : 0
    }

    /// How many columns of the screen stand left of the map.
    static func processorFacts(columns: Int) -> Int {
        min(columns, columns >= 160 ? 64 : columns >= 120 ? 48 : columns >= 60 ? 30 : 16)
    }

    /// The map that is shown: as things are, or as they would be.
    func shownMap(_ inspector: InspectorState) -> (map: ProcessorMap, move: MoveProposal?) {
        let map = inspector.processorMap
        guard let channel = cpus.channel, let target = cpus.target,
            let move = inspector.moveProposal(channel, to: target, on: map)
        else { return (map, nil) }
        return (map.moving(channel, to: target), move)
    }

    private func mapLayout(_ map: ProcessorMap, size: Size) -> ProcessorMapLayout {
        let columns = ScreenLayout(self, size: size).content.columns
        return ProcessorMapLayout(map, cpus, room: max(0, columns - Self.processorFacts(columns: columns)))
    }

    /// The channels whose columns are on the screen; where a column stands for a device, those of the chosen one.
    func mappedChannels(_ inspector: InspectorState, size: Size) -> [ChannelKey] {
        let map = inspector.processorMap
        let layout = mapLayout(map, size: size)
        if layout.isByDevice {
            guard let place = cpus.channel.flatMap({ map.place(of: $0) }) else { return [] }
            return map.channels[map.devices[map.channels[place].device].channels].map(\.key)
        }
        return layout.visible(from: cpus.offset).map { map.channels[layout.columns[$0.place].index].key }
    }

    // MARK: Settling

    mutating func settleProcessors(_ inspector: InspectorState, size: Size) {
        let map = inspector.processorMap
        let list = ScreenList(inspector.processorsTable(map))
        self[list: .cpus].count = list.count
        let rows = ScreenLayout(self, size: size).content.rows
        settleList(list, visible: max(0, rows - 2 - Self.processorFooter(rows: rows)))
        if cpus.channel.flatMap({ map.place(of: $0) }).map({ map.channels[$0].isOpen }) != true {
            cpus.channel = Self.busiestChannel(map)
            cpus.target = nil
        }
        let layout = mapLayout(map, size: size)
        cpus.offset = layout.offset(showing: layout.column(of: cpus.channel, in: map), from: cpus.offset)
    }

    /// The open channel with most interrupts, else the first that is open.
    private static func busiestChannel(_ map: ProcessorMap) -> ChannelKey? {
        var best: ProcessorMap.Channel?
        for channel in map.channels where channel.isOpen && channel.rate > best?.rate ?? -1 { best = channel }
        return best?.key
    }

    // MARK: Choosing

    /// The next open channel.
    mutating func chooseMapChannel(_ delta: Int, _ inspector: InspectorState) {
        let open = inspector.processorMap.channels.filter(\.isOpen).map(\.key)
        guard !open.isEmpty else { return }
        let place = cpus.channel.flatMap { open.firstIndex(of: $0) } ?? 0
        cpus.channel = open[(place + delta + open.count) % open.count]
    }

    mutating func moveMapColumn(_ delta: Int, _ inspector: InspectorState, size: Size) {
        let map = inspector.processorMap
        let layout = mapLayout(map, size: size)
        guard !layout.columns.isEmpty else { return }
        let place = layout.column(of: cpus.channel, in: map) ?? 0
        chooseMapColumn(min(max(0, place + delta), layout.columns.count - 1), inspector, size: size)
    }

    mutating func chooseMapColumn(_ column: Int, _ inspector: InspectorState, size: Size) {
        let map = inspector.processorMap
        if let channel = mapLayout(map, size: size).channel(of: column, in: map) { cpus.channel = channel }
    }

    mutating func changeMapColumns(_ inspector: InspectorState, size: Size) {
        let now = mapLayout(inspector.processorMap, size: size).isByDevice
        cpus.isByDevice = !now
        message = Message(now ? "A column for each channel." : "A column for each device.")
    }

    // MARK: What if

    mutating func tryMove(_ inspector: InspectorState) {
        guard cpus.target == nil else {
            cpus.target = nil
            message = Message("Nothing was moved. The map shows what is.")
            return
        }
        guard let channel = cpus.channel else {
            message = Message("No channel is open here.")
            return
        }
        let map = inspector.processorMap
        if case .processor(let partition, _) = self[list: .cpus].selected, partition != channel.partition {
            // Only the processors of the channel's own guest can be tried.
            guard let first = map.processors.first(where: { $0.partition == channel.partition }) else { return }
            self[list: .cpus].selected = .processor(partition: first.partition, number: first.number)
        }
        aimAtCursor()
    }

    /// Tries the chosen channel on the processor under the cursor.
    mutating func aimAtCursor() {
        guard case .processor(let partition, let number) = self[list: .cpus].selected, let channel = cpus.channel else {
            return
        }
        if partition == channel.partition { cpus.target = number }
    }
}
