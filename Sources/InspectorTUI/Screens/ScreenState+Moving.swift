import BusModel
import Inspector
import VMBusWire

extension ScreenState {
    // MARK: What is chosen

    /// What the details pane is about.
    func subject(_ inspector: InspectorState) -> RowID? {
        if view == .rings { return rings.channel.map { .channel($0) } }
        return self[list: view].selected
    }

    /// The fields of the chosen record, if it is a record that the pane is about.
    func recordFields(_ inspector: InspectorState) -> (fields: RecordFields, byteCount: Int)? {
        guard view == .flow, case .record(let sequence) = subject(inspector), let record = inspector.record(sequence)
        else {
            return nil
        }
        return (RecordFields(record.tree, collapsed: details.collapsed), record.payload.count)
    }

    /// The details of what is chosen, if it is no record.
    func detailLines(_ inspector: InspectorState) -> DetailLines? {
        guard let subject = subject(inspector) else { return nil }
        if view == .flow { return nil }
        return inspector.details(of: subject).map(DetailLines.init)
    }

    /// The channels whose values are on the screen, from top to bottom.
    func visibleChannels(_ inspector: InspectorState, size: Size) -> [ChannelKey] {
        if view == .cpus { return mappedChannels(inspector, size: size) }
        guard view == .channels, let list = ScreenList.of(view, inspector) else {
            return chosenChannel.map { [$0] } ?? []
        }
        let first = self[list: view].offset
        let rows = ScreenLayout(self, size: size).content.rows
        return (first..<max(first, min(list.count, first + rows))).flatMap { index -> [ChannelKey] in
            switch list.row(index)?.id {
            case .channel(let key): [key]
            // A device that is closed on the screen shows its channels summed up.
            case .device(let partition, let instance) where list.row(index)?.isExpanded != true:
                (inspector.snapshot.device(partition, instance)?.channels ?? []).map {
                    ChannelKey(partition: partition, device: instance, subchannel: $0.subchannel)
                }
            default: []
            }
        }
    }

    /// The channel that the view is about; nil where it is about none.
    var chosenChannel: ChannelKey? {
        switch view {
        case .rings: rings.channel
        case .cpus: cpus.channel
        case .channels:
            if case .channel(let key) = self[list: view].selected { key } else { nil }
        default: nil
        }
    }

    /// The pictures of the chosen channel's rings.
    func ringModel(_ inspector: InspectorState) -> RingModel? {
        guard let channel = rings.channel else { return nil }
        let images = rings.images.flatMap { $0.channel == channel ? $0 : nil }
        return inspector.ringModel(channel, inbound: images?.inbound, outbound: images?.outbound)
    }

    private func blocks(_ inspector: InspectorState) -> [RingBlock] {
        guard let model = ringModel(inspector) else { return [] }
        return rings.direction == .hostToGuest ? model.inbound.blocks : model.outbound.blocks
    }

    func copiedText(_ inspector: InspectorState) -> String? {
        if details.isOpen, details.focus != .list {
            if let fields = recordFields(inspector)?.fields {
                guard fields.lines.indices.contains(details.line) else { return nil }
                let node = fields.lines[details.line].node
                return node.name + "\t" + Inspector.Cell(node).text
            }
            guard let lines = detailLines(inspector)?.lines, lines.indices.contains(details.line),
                case .pair(let pair) = lines[details.line]
            else { return nil }
            return pair.label + "\t" + (pair.value.raw ?? pair.value.text)
        }
        if view == .rings { return ringModel(inspector)?.title }
        return ScreenList.of(view, inspector)?.text(self[list: view].index)
    }

    // MARK: Moving

    /// Rows that a page has.
    func pageLength(size: Size) -> Int {
        let layout = ScreenLayout(self, size: size)
        switch details.isOpen ? details.focus : .list {
        case .list where view == .session && chart.hasFocus:
            let rows = self[list: .session].count
            return max(1, SessionLayout(layout.content, rows: rows).chart.rows - 2)
        case .list: return max(1, layout.content.rows - 2)
        case .fields, .bytes: return max(1, layout.detailsBody.rows - 1)
        }
    }

    func bytesPerLine(size: Size) -> Int {
        HexDumpWidget.bytesPerLine(in: ScreenLayout(self, size: size).recordPanes(.bytes).bytes.columns)
    }

    mutating func move(by delta: Int, _ inspector: inout InspectorState, size: Size) {
        switch details.isOpen ? details.focus : .list {
        case .fields: moveDetails(to: details.line + delta, inspector, size: size)
        case .bytes: moveByte(to: details.byte + delta * bytesPerLine(size: size), inspector)
        case .list:
            if view == .rings {
                selectBlock(rings.index + delta, inspector)
            } else if view == .session, chart.hasFocus {
                moveChart(by: delta, inspector)
            } else if let list = ScreenList.of(view, inspector), list.count > 0 {
                let index = min(max(0, self[list: view].index + delta), list.count - 1)
                if view == .flow { isFollowing = delta > 0 && index == list.count - 1 }
                self[list: view].index = index
                self[list: view].selected = list.row(index)?.id
                if view == .cpus, cpus.target != nil { aimAtCursor() }
            }
        }
    }

    mutating func select(_ index: Int, _ inspector: InspectorState) {
        guard let id = ScreenList.of(view, inspector)?.row(index)?.id else { return }
        if view == .flow { isFollowing = false }
        self[list: view].index = index
        self[list: view].selected = id
        if view == .cpus, cpus.target != nil { aimAtCursor() }
    }

    mutating func selectBlock(_ index: Int, _ inspector: InspectorState) {
        let blocks = blocks(inspector)
        guard !blocks.isEmpty else { return }
        rings.index = min(max(0, index), blocks.count - 1)
        rings.block = blocks[rings.index].offset
    }

    mutating func moveDetails(to line: Int, _ inspector: InspectorState, size: Size) {
        if let fields = recordFields(inspector)?.fields {
            details.line = min(max(0, line), max(0, fields.lines.count - 1))
            if fields.lines.indices.contains(details.line) {
                details.byte = fields.lines[details.line].range.lowerBound
            }
        } else if let lines = detailLines(inspector)?.lines {
            details.line = min(max(0, line), max(0, lines.count - 1))
        }
    }

    mutating func moveByte(to byte: Int, _ inspector: InspectorState) {
        guard let (fields, count) = recordFields(inspector), count > 0 else { return }
        details.byte = min(max(0, byte), count - 1)
        if let line = fields.line(holding: details.byte) { details.line = line }
    }

    /// Left and right: branches of trees, the two rings, bytes.
    mutating func moveSideways(_ delta: Int, _ inspector: inout InspectorState, size: Size) {
        switch details.isOpen ? details.focus : .list {
        case .bytes: moveByte(to: details.byte + delta, inspector)
        case .fields: setBranch(delta > 0, &inspector)
        case .list:
            switch view {
            case .channels: setBranch(delta > 0, &inspector)
            case .rings:
                rings.direction = delta < 0 ? .hostToGuest : .guestToHost
                (rings.block, rings.index, rings.offset) = (nil, 0, 0)
            case .cpus: moveMapColumn(delta, inspector, size: size)
            case .partitions, .flow, .ledger, .doctor, .session: break
            }
        }
    }

    // MARK: Branches

    /// Opens or closes the branch under the cursor; closing something that is no open branch goes to what it lies in.
    mutating func setBranch(_ isExpanded: Bool, _ inspector: inout InspectorState) {
        if details.isOpen, details.focus != .list {
            setFieldBranch(isExpanded, inspector)
            return
        }
        guard view == .channels, let list = ScreenList.of(view, inspector),
            let row = list.row(self[list: view].index)
        else { return }
        if row.isExpandable, row.isExpanded != isExpanded {
            inspector.setExpanded(row.id, isExpanded)
        } else if !isExpanded, case .channel(let key) = row.id {
            self[list: view].selected = .device(partition: key.partition, instance: key.device)
        }
    }

    mutating func toggleBranch(_ inspector: inout InspectorState) {
        guard let row = ScreenList.of(view, inspector)?.row(self[list: view].index), row.isExpandable else { return }
        inspector.setExpanded(row.id, !row.isExpanded)
    }

    private mutating func setFieldBranch(_ isExpanded: Bool, _ inspector: InspectorState) {
        guard let fields = recordFields(inspector)?.fields, fields.lines.indices.contains(details.line) else { return }
        let line = fields.lines[details.line]
        if let now = line.isExpanded, now != isExpanded {
            if isExpanded { details.collapsed.remove(line.path) } else { details.collapsed.insert(line.path) }
        } else if !isExpanded, let parent = fields.parent(of: details.line) {
            details.line = parent
            details.byte = fields.lines[parent].range.lowerBound
        }
    }

    // MARK: Settling

    /// Brings cursors and scrolling in line with what there is now and with the size of the screen.
    mutating func settle(_ inspector: InspectorState, size: Size) {
        if case .help(let offset) = popup {
            let inside = HelpPage.frame(on: Rectangle(size)).inset(top: 1, left: 1, bottom: 1, right: 1)
            let page = HelpPage(view, inspector.capabilities, columns: inside.columns)
            popup = .help(offset: HelpPage.offset(offset, lines: page.lines.count, rows: inside.rows))
        }
        details.recall(view, size: size)
        if view == .rings {
            settleRings(inspector)
        } else if view == .cpus {
            settleProcessors(inspector, size: size)
        } else if let list = ScreenList.of(view, inspector) {
            self[list: view].count = list.count
            let content = ScreenLayout(self, size: size).content
            let area = view == .session ? SessionLayout(content, rows: list.count).list : content
            settleList(list, visible: area.rows - 1)
        }
        settleChart(inspector)
        let layout = ScreenLayout(self, size: size)
        if details.isOpen { settleDetails(inspector, layout) } else { details.focus = .list }
    }

    mutating func settleList(_ list: ScreenList, visible: Int) {
        var position = self[list: view]
        if view == .flow, isFollowing {
            position.index = max(0, list.count - 1)
        } else if let selected = position.selected, let index = list.index(of: selected) {
            position.index = index
        } else {
            position.index = min(max(0, position.index), max(0, list.count - 1))
        }
        position.selected = list.row(position.index)?.id
        position.offset = TableWidget.offset(
            showing: list.count > 0 ? position.index : nil, from: position.offset, visible: visible, of: list.count)
        self[list: view] = position
    }

    private mutating func settleRings(_ inspector: InspectorState) {
        if rings.channel.flatMap({ inspector.snapshot.channel($0) }) == nil {
            rings.channel = Self.busiestChannel(inspector)
        }
        let blocks = blocks(inspector)
        if let block = rings.block, let index = blocks.firstIndex(where: { $0.offset == block }) {
            rings.index = index
        } else {
            rings.index = min(max(0, rings.index), max(0, blocks.count - 1))
        }
        rings.block = blocks.indices.contains(rings.index) ? blocks[rings.index].offset : nil
    }

    /// The open channel with most packets so far, else the first of all.
    static func busiestChannel(_ inspector: InspectorState) -> ChannelKey? {
        let keys = inspector.channelKeys
        var best: (key: ChannelKey, packets: UInt64)?
        for key in keys {
            guard let channel = inspector.snapshot.channel(key), channel.phase.value == .open else { continue }
            let packets = channel.traffic.packetsIn &+ channel.traffic.packetsOut
            if best.map({ packets > $0.packets }) ?? true { best = (key, packets) }
        }
        return best?.key ?? keys.first
    }

    private mutating func settleDetails(_ inspector: InspectorState, _ layout: ScreenLayout) {
        let subject = subject(inspector)
        if subject != details.subject {
            (details.line, details.offset, details.byte, details.byteOffset) = (0, 0, 0, 0)
            details.subject = subject
        }
        if let (fields, count) = recordFields(inspector) {
            details.line = min(max(0, details.line), max(0, fields.lines.count - 1))
            details.byte = min(max(0, details.byte), max(0, count - 1))
            let panes = layout.recordPanes(details.focus)
            details.offset = TableWidget.offset(
                showing: details.line, from: details.offset, visible: panes.fields.rows, of: fields.lines.count)
            let lines = HexDumpWidget.bytesPerLine(in: panes.bytes.columns)
            details.byteOffset = TableWidget.offset(
                showing: details.byte / lines, from: details.byteOffset, visible: panes.bytes.rows,
                of: (count + lines - 1) / lines)
        } else {
            if details.focus == .bytes { details.focus = .fields }
            let count = detailLines(inspector)?.lines.count ?? 0
            details.line = min(max(0, details.line), max(0, count - 1))
            details.offset = TableWidget.offset(
                showing: count > 0 ? details.line : nil, from: details.offset, visible: layout.detailsBody.rows,
                of: count)
        }
    }
}
