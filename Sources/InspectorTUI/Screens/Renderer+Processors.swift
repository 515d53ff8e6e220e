import BusModel
import Inspector

extension Renderer {
    /// The processors with their loads at the left, the map of channels at the right, what it says below.
    mutating func drawProcessors(in area: Rectangle) {
        guard !area.isEmpty else { return }
        let (map, move) = state.shownMap(inspector)
        let (upper, footer) = area.cutBottom(ScreenState.processorFooter(rows: area.rows))
        let (facts, right) = upper.cutLeft(ScreenState.processorFacts(columns: area.columns))
        drawFacts(map, in: facts)
        let layout = ProcessorMapLayout(map, state.cpus, room: right.columns)
        drawMap(map, layout, move, in: right)
        drawFooter(map, layout, move, in: footer)
    }

    // MARK: Processors

    private mutating func drawFacts(_ map: ProcessorMap, in area: Rectangle) {
        let table = inspector.processorsTable(map)
        let list = ScreenList(table)
        let position = state[list: .cpus]
        let shown = table.columns.indices.filter {
            table.columns[$0].id != "devices" && list.priority(of: $0, room: area.columns) != nil
        }
        let widths = list.widths(in: area.columns)
        let columns = shown.map { index in
            let column = table.columns[index]
            return TableWidget.Column(
                title: column.title,
                width: column.id == "share"
                    ? .flexible(minimum: 5, share: 1, maximum: column.width.upperBound) : .fixed(widths[index]),
                alignment: column.alignment == .trailing ? .right : .left,
                priority: list.priority(of: index, room: area.columns) ?? 0,
                sort: list.sort.column == column.id ? (list.sort.isDescending ? .descending : .ascending) : nil)
        }
        // The heading has two lines, as that of the map has.
        let (head, body) = area.cutTop(1)
        grid.fill(head, role: .tableHeader)
        let inside = body.inset(right: 1)
        let places = TableWidget.places(of: columns, in: inside.columns)
        let glyphs = glyphs
        for place in places where table.columns[shown[place.index]].isSortable {
            let title = Rectangle(row: inside.row, column: inside.column + place.start, rows: 1, columns: place.width)
            hits.append(Hit(area: title, target: .header(table.columns[shown[place.index]].id)))
        }
        // The map's scrollbar stands for both.
        let visible = max(0, inside.rows - 1)
        TableWidget(
            columns: columns, rowCount: min(table.rows.count, position.offset + visible),
            selected: table.rows.isEmpty ? nil : position.index, offset: position.offset,
            hasFocus: state.details.focus == .list && state.popup == nil, hasScrollbar: false,
            emptyText: table.emptyText
        ) { row in
            shown.enumerated().map { number, index in
                guard let width = places.first(where: { $0.index == number })?.width else { return [] }
                return CellSpans.spans(table.rows[row].cells[index], width: width, glyphs: glyphs)
            }
        }.draw(on: &grid, in: inside, glyphs: glyphs)
        grid.fill(Rectangle(row: body.row, column: inside.endColumn, rows: 1, columns: 1), role: .tableHeader)
        for line in 0..<visible where position.offset + line < table.rows.count {
            hits.append(Hit(area: inside.line(line + 1), target: .row(position.offset + line)))
        }
    }

    // MARK: The map

    private mutating func drawMap(
        _ map: ProcessorMap, _ layout: ProcessorMapLayout, _ move: MoveProposal?, in area: Rectangle
    ) {
        guard !area.isEmpty else { return }
        let (head, body) = area.cutTop(2)
        grid.fill(head, role: .tableHeader)
        let visible = layout.visible(from: state.cpus.offset)
        drawHeads(map, layout, visible, in: head)
        let greatest = map.greatestLoad(byDevice: layout.isByDevice)
        let position = state[list: .cpus]
        let cursor = position.index - position.offset
        if cursor >= 0, cursor < body.rows, !map.processors.isEmpty {
            let hasFocus = state.details.focus == .list && state.popup == nil
            grid.fill(body.line(cursor), surface: hasFocus ? .cursor : .cursorUnfocused)
        }
        let chosen = layout.column(of: state.cpus.channel, in: map)
        for (place, start, width) in visible {
            let column = Rectangle(row: body.row, column: body.column + start, rows: body.rows, columns: width)
            hits.append(
                Hit(
                    area: Rectangle(row: head.row, column: column.column, rows: area.rows, columns: width),
                    target: .mapColumn(place)))
            if place == chosen { grid.lay(.cursorUnfocused, on: column) }
            let index = layout.columns[place].index
            if layout.isByDevice {
                drawDevice(map, index, greatest, move, in: column, offset: position.offset)
            } else {
                drawChannel(map, index, greatest, move, in: column, offset: position.offset)
            }
        }
    }

    private mutating func drawHeads(
        _ map: ProcessorMap, _ layout: ProcessorMapLayout, _ visible: [(place: Int, start: Int, width: Int)],
        in head: Rectangle
    ) {
        guard head.rows == 2 else { return }
        let (upper, lower) = (head.line(0), head.line(1))
        let chosen = layout.column(of: state.cpus.channel, in: map)
        var device = -1
        for (place, start, width) in visible {
            let column = layout.columns[place]
            let isChosen = place == chosen
            let below = Rectangle(row: lower.row, column: lower.column + start, rows: 1, columns: width - 1)
            grid.write(
                column.title, at: Position(row: below.row, column: below.column),
                role: isChosen ? .tableSort : .tableHeader, in: below, ellipsis: glyphs.ellipsis)
            let own = layout.isByDevice ? column.index : map.channels[column.index].device
            if own == device { continue }
            device = own
            if layout.isByDevice {
                let count = map.channels[map.devices[own].channels].count(where: \.isOpen)
                let place = Rectangle(row: upper.row, column: upper.column + start, rows: 1, columns: width - 1)
                grid.write(
                    count > 1 ? "\(count) chan" : "", at: Position(row: upper.row, column: place.column),
                    role: .tableHeader, in: place)
            } else {
                // As long as its channels are, and one more blank.
                let own = visible.filter { map.channels[layout.columns[$0.place].index].device == device }
                let room = own.reduce(0) { $0 + $1.width } - 1
                let place = Rectangle(row: upper.row, column: upper.column + start, rows: 1, columns: room)
                grid.write(
                    map.devices[device].label, at: Position(row: upper.row, column: place.column), role: .tableHeader,
                    in: place, ellipsis: glyphs.ellipsis)
            }
        }
        // More lies at the sides.
        if state.cpus.offset > 0 {
            grid.put(glyphs.arrowLeft, at: Position(row: upper.row, column: max(0, upper.column - 1)), role: .tableSort)
        }
        if let last = visible.last?.place, last + 1 < layout.columns.count {
            grid.put(glyphs.arrowRight, at: Position(row: upper.row, column: upper.endColumn - 1), role: .tableSort)
        }
    }

    /// One channel: where it is, and where it would come from.
    private mutating func drawChannel(
        _ map: ProcessorMap, _ index: Int, _ greatest: Double, _ move: MoveProposal?, in column: Rectangle,
        offset: Int
    ) {
        let channel = map.channels[index]
        if let place = map.place(of: channel), place >= offset, place - offset < column.rows {
            let processor = map.processors[place]
            let at = Position(row: column.row + place - offset, column: column.column)
            let isMoved = move?.channel == channel.key
            let heat = HeatGlyph(channel.rate, of: greatest, glyphs)
            grid.put(
                heat.scalar, at: at, role: isMoved ? .diffChanged : heat.role, shade: heat.shade)
            let mark = mark(processor, isOffNode: map.isOffNode(channel))
            if let mark { grid.put(mark.scalar, at: Position(row: at.row, column: at.column + 1), role: mark.role) }
        }
        if let move, move.channel == channel.key, let from = move.from, from != move.target {
            drawFormerPlace(map, from, channel.key.partition, in: column, offset: offset)
        }
    }

    private mutating func drawFormerPlace(
        _ map: ProcessorMap, _ number: Int, _ partition: UInt16, in column: Rectangle, offset: Int
    ) {
        guard
            let place = map.processors.firstIndex(where: { $0.partition == partition && $0.number == number }),
            place >= offset, place - offset < column.rows
        else { return }
        let at = Position(row: column.row + place - offset, column: column.column)
        grid.put(glyphs.cross, at: at, role: .textDim)
    }

    /// One device: what its channels bring to each processor.
    private mutating func drawDevice(
        _ map: ProcessorMap, _ index: Int, _ greatest: Double, _ move: MoveProposal?, in column: Rectangle,
        offset: Int
    ) {
        let loads = map.loads(ofDevice: index)
        for row in 0..<column.rows {
            let place = offset + row
            guard let load = loads[place] else { continue }
            let processor = map.processors[place]
            let line = column.line(row)
            let at = Position(row: line.row, column: line.column)
            let isTarget =
                move.map {
                    $0.target == processor.number && map.place(of: $0.channel).map { map.channels[$0].device } == index
                }
                ?? false
            let heat = HeatGlyph(load.rate, of: greatest, glyphs)
            grid.put(heat.scalar, at: at, role: isTarget ? .diffChanged : heat.role, shade: heat.shade)
            let text = Quantity.rate(load.rate) + (load.channels > 1 ? "/\(load.channels)" : "")
            let end = grid.write(
                text, at: Position(row: at.row, column: at.column + 2),
                role: isTarget ? .diffChanged : load.rate > 0 ? .text : .textDim, in: line.inset(right: 1))
            let isOffNode = map.channels[map.devices[index].channels].contains {
                $0.isOpen && map.place(of: $0) == place && map.isOffNode($0)
            }
            if let mark = mark(processor, isOffNode: isOffNode), end < line.endColumn {
                grid.put(mark.scalar, at: Position(row: at.row, column: end), role: mark.role)
            }
        }
    }

    /// What is not right about a channel's place, in one letter.
    private func mark(
        _ processor: ProcessorMap.Processor, isOffNode: Bool
    ) -> (scalar: Unicode.Scalar, role: Role)? {
        if !processor.isOnline { return ("!", .statusError) }
        if processor.isIsolated { return ("i", .statusWarn) }
        return isOffNode ? ("n", .statusWarn) : nil
    }

    // MARK: What the map says

    private mutating func drawFooter(
        _ map: ProcessorMap, _ layout: ProcessorMapLayout, _ move: MoveProposal?, in area: Rectangle
    ) {
        guard !area.isEmpty else { return }
        var lines = factLines(map)
        if let move {
            let device = map.place(of: move.channel).map { map.devices[map.channels[$0].device].label }
            lines = moveLines(move, device ?? "device", columns: area.columns, rows: area.rows)
        }
        if area.rows > lines.count { lines.append(legend(layout, isTrying: move != nil)) }
        for (row, line) in lines.prefix(area.rows).enumerated() {
            let place = area.line(row)
            grid.write(
                line, at: Position(row: place.row, column: place.column), in: place.inset(left: 1),
                ellipsis: glyphs.ellipsis)
        }
    }

    private func factLines(_ map: ProcessorMap) -> [[Span]] {
        var lines: [[Span]] = []
        let number = state.cpus.channel?.partition ?? map.partitions.first?.number ?? 0
        var spans = [Span(" Imbalance ", .borderTitle)]
        if let whole = map.partition(number)?.imbalance {
            spans.append(Span("all \(shortText(whole)), \(whole.population) CPUs", role(whole)))
        } else {
            spans.append(Span("no interrupts yet", .textUnknown))
        }
        if let channel = state.cpus.channel.flatMap({ map.place(of: $0) }).map({ map.channels[$0] }) {
            let device = map.devices[channel.device]
            if let imbalance = device.imbalance, device.channels.count > 1 {
                spans += [Span("  \(device.label) ", .text), Span(shortText(imbalance), role(imbalance))]
            }
            lines.append(spans)
            lines.append(channelLine(channel, map))
        } else {
            lines.append(spans)
        }
        return lines
    }

    private func shortText(_ imbalance: Imbalance) -> String {
        "\(Quantity.ratio(imbalance.peakToMean))x mean, Gini \(Quantity.ratio(imbalance.gini))"
    }

    private func role(_ imbalance: Imbalance) -> Role {
        imbalance.peakToMean >= RateNorm.uneven ? .statusWarn : .text
    }

    private func channelLine(_ channel: ProcessorMap.Channel, _ map: ProcessorMap) -> [Span] {
        var spans = [
            Span(" Channel   ", .borderTitle), Span(channel.label, .textStrong),
            Span(" relid \(channel.relid), \(Quantity.rate(channel.rate)) int/s", .text),
        ]
        guard let place = map.place(of: channel) else { return spans + [Span(", on no CPU that is known", .textDim)] }
        let processor = map.processors[place]
        spans.append(Span(" on CPU \(processor.number)", .text))
        if !processor.isOnline { spans.append(Span(", which is offline: its interrupts are lost", .statusError)) }
        if processor.isIsolated { spans.append(Span(", which is isolated", .statusWarn)) }
        if map.isOffNode(channel), let node = processor.node, let own = channel.deviceNode {
            spans.append(Span(", node \(node); its device is on node \(own)", .statusWarn))
        }
        return spans
    }

    private func moveLines(_ move: MoveProposal, _ device: String, columns: Int, rows: Int) -> [[Span]] {
        let arrow = String(glyphs.arrowRight)
        func change(_ change: MoveProposal.Change) -> [Span] {
            guard let before = change.before, let after = change.after else { return [Span("no interrupts", .textDim)] }
            let role: Role =
                after.peakToMean < before.peakToMean - 0.005
                ? .statusOk : after.peakToMean > before.peakToMean + 0.005 ? .statusWarn : .text
            return [
                Span("\(Quantity.ratio(before.peakToMean)) \(arrow) ", .text),
                Span(Quantity.ratio(after.peakToMean), role),
                Span(
                    columns < 100
                        ? "" : " (Gini \(Quantity.ratio(before.gini)) \(arrow) \(Quantity.ratio(after.gini)))",
                    .text),
            ]
        }
        let from = move.from.map { "CPU \($0)" } ?? "no CPU"
        let problems = move.obstacles.isEmpty ? move.notes : move.obstacles
        let (label, text, role): (String, String, Role) =
            !move.obstacles.isEmpty
            ? ("Not so", problems.joined(separator: "; "), .statusError)
            : move.notes.isEmpty
                ? ("Needs", "an open channel, protocol 4.1 or newer, an online CPU: all given", .textDim)
                : ("Note", problems.joined(separator: "; "), .statusWarn)
        var lines: [[Span]] = [
            [
                Span(" What if   ", .badge), Span(" \(move.label)", .textStrong),
                Span(" were on CPU \(move.target) instead of \(from)? Nothing is written.", .text),
            ],
            [Span(" Imbalance ", .borderTitle), Span("all ", .text)] + change(move.whole)
                + [Span(", \(device) ", .text)] + change(move.device),
            [Span(" Command   ", .borderTitle), Span(move.command + " \\", .textStrong)],
            [Span(" " + Self.ending(move.path, columns: columns - 2, glyphs), .textStrong)],
        ]
        let margin = 11
        let room = max(1, rows - lines.count)
        var parts = DisplayText.lines(of: text, width: max(1, columns - margin - 1))
        // What has no room is cut where everybody sees it.
        if parts.count > room { parts = parts.prefix(room - 1) + [parts[(room - 1)...].joined(separator: " ")] }
        for (place, part) in parts.enumerated() {
            let head = " " + (place == 0 ? label : "")
            lines.append([
                Span(head + String(repeating: " ", count: margin - head.count), .borderTitle), Span(part, role),
            ])
        }
        return lines
    }

    /// The end of a path, which says more than its beginning.
    private static func ending(_ path: String, columns: Int, _ glyphs: GlyphSet) -> String {
        path.count <= columns ? path : String(glyphs.ellipsis) + path.suffix(max(0, columns - 1))
    }

    private func legend(_ layout: ProcessorMapLayout, isTrying: Bool) -> [Span] {
        let keys = isTrying ? "Up Down CPU, [ ] channel, Esc end" : "x: what if"
        return [
            Span(" \(keys)", .text),
            Span("  \(HeatGlyph.scale(glyphs)) int/s  ! offline  i isolated  n off node", .textDim),
            Span(layout.isByDevice ? "  /2 channels" : "", .textDim),
        ]
    }
}

/// A load as one character: height in Unicode, a digit in ASCII, so that it says as much without colours.
struct HeatGlyph {
    let scalar: Unicode.Scalar
    let role: Role
    let shade: UInt8

    init(_ rate: Double, of greatest: Double, _ glyphs: GlyphSet) {
        guard rate > 0, greatest > 0 else {
            (scalar, role, shade) = (glyphs.leaf, .textDim, 0)
            return
        }
        let share = min(1, rate / greatest)
        let steps = Self.steps(glyphs)
        scalar = steps[min(steps.count - 1, Int(share * Double(steps.count)))]
        (role, shade) = (.ringFill, UInt8(share * 100))
    }

    private static func steps(_ glyphs: GlyphSet) -> [Unicode.Scalar] {
        glyphs.graph == .ascii ? ["1", "2", "3", "4", "5", "6", "7", "8", "9"] : Array(glyphs.levels.dropFirst())
    }

    /// From the least to the greatest.
    static func scale(_ glyphs: GlyphSet) -> String { steps(glyphs).map { String($0) }.joined() }
}
