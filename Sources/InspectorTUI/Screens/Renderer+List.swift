import Inspector

extension Renderer {
    /// The list of the view.
    mutating func drawList(in area: Rectangle) {
        guard !area.isEmpty, let list = ScreenList.of(state.view, inspector) else { return }
        let position = state[list: state.view]
        let hasTree = list.hasTree
        var placed: [TableWidget.Place] = []
        let body = area.cutTop(1).rest
        let room = list.count > body.rows && body.columns > 1 ? area.columns - 1 : area.columns
        let shown = list.columns.indices.filter { list.priority(of: $0, room: room) != nil }
        let columns = tableColumns(list, shown, room: room)
        placed = TableWidget.places(of: columns, in: room)
        let glyphs = glyphs
        let widget = TableWidget(
            columns: columns, rowCount: list.count, selected: list.count > 0 ? position.index : nil,
            offset: position.offset, hasFocus: state.details.focus == .list && state.popup == nil,
            emptyText: list.emptyText
        ) { index in
            guard let row = list.row(index) else { return [] }
            return shown.enumerated().map { number, index in
                guard index < row.cells.count, let width = placed.first(where: { $0.index == number })?.width else {
                    return []
                }
                var spans = CellSpans.spans(row.cells[index], width: width, glyphs: glyphs)
                if number == 0, hasTree { spans.insert(Self.marker(of: row, glyphs), at: 0) }
                return spans
            }
        }
        widget.draw(on: &grid, in: area, glyphs: glyphs)
        addHits(list, shown, placed, position, area, hasTree: hasTree)
    }

    private static func marker(of row: Row, _ glyphs: GlyphSet) -> Span {
        let indent = String(repeating: "  ", count: row.depth)
        let mark = row.isExpandable ? (row.isExpanded ? glyphs.expanded : glyphs.collapsed) : " "
        return Span(indent + String(mark) + " ", .treeLine)
    }

    private mutating func addHits(
        _ list: ScreenList, _ shown: [Int], _ placed: [TableWidget.Place], _ position: ListPosition,
        _ area: Rectangle, hasTree: Bool
    ) {
        let (header, body) = area.cutTop(1)
        for place in placed where list.columns[shown[place.index]].isSortable {
            let columns = area.column + place.start..<area.column + place.start + place.width
            let id = list.columns[shown[place.index]].id
            hits.append(Hit(area: self.columns(columns, of: header), target: .header(id)))
        }
        for line in 0..<body.rows where position.offset + line < list.count {
            let index = position.offset + line
            hits.append(Hit(area: body.line(line), target: .row(index)))
            guard hasTree, let row = list.row(index), row.isExpandable else { continue }
            hits.append(Hit(area: body.line(line).cutLeft(row.depth * 2 + 2).left, target: .branch(index)))
        }
    }

    private func tableColumns(_ list: ScreenList, _ shown: [Int], room: Int) -> [TableWidget.Column] {
        let widths = list.widths(in: room)
        return shown.map { index in
            let column = list.columns[index]
            let isSorted = list.sort.column == column.id
            return TableWidget.Column(
                title: DisplayText.columns(of: column.title) > widths[index] ? column.shortTitle : column.title,
                width: list.growth(of: index, room: room).map {
                    .flexible(
                        minimum: list.least(of: index, widths[index], room: room), share: $0,
                        maximum: column.width.upperBound)
                } ?? .fixed(widths[index]), alignment: column.alignment == .trailing ? .right : .left,
                priority: list.priority(of: index, room: room) ?? 0,
                sort: isSorted ? (list.sort.isDescending ? .descending : .ascending) : nil)
        }
    }
}

extension ScreenList {
    /// The room that a column which grows must have. A sentence takes what it needs from columns that can go, but not from
    /// the name of the guest that it is about, where there are several.
    func least(of index: Int, _ width: Int, room: Int) -> Int {
        guard columns[index].id == "info",
            columns.indices.contains(where: { columns[$0].id == "partition" && priority(of: $0, room: room) == 0 })
        else { return width }
        let others = columns.indices.filter { $0 != index && priority(of: $0, room: room) == 0 }
        let widths = widths(in: room)
        let left = room - others.reduce(0) { $0 + widths[$1] + 1 }
        return min(width, max(columns[index].width.lowerBound, left))
    }

    /// How much of what is left over a column wants; nil for one that has enough with what is in it.
    func growth(of index: Int, room: Int) -> Int? {
        switch columns[index].id {
        // A bar needs more room than is left over on a narrow screen.
        case "in_fill", "out_fill": room < 110 ? nil : 2
        case "activity": 4
        case "info": 6
        default: nil
        }
    }
}

extension Inspector.Column {
    /// The heading where the whole one has no room.
    fileprivate var shortTitle: String { id == "partition" ? "Guest" : title }
}

/// A cell of a table or of the details as pieces of a line.
enum CellSpans {
    /// The pieces for a place that is `width` columns wide.
    static func spans(_ cell: Inspector.Cell, width: Int, glyphs: GlyphSet) -> [Span] {
        if let fill = cell.gauge { return gauge(fill, cell.text, width: width, glyphs: glyphs) }
        if !cell.series.isEmpty {
            return [Span(SparklineWidget.text(cell.series, columns: width, glyphs: glyphs), .graph1)]
        }
        return [Span(cell.text, Role(cell.tone))]
    }

    /// The share in words, with a bar in front of it where there is room for one.
    private static func gauge(_ fill: Double, _ text: String, width: Int, glyphs: GlyphSet) -> [Span] {
        let share = min(1, max(0, fill))
        let label = Span(text, .ringFill, shade: UInt8(share * 100))
        let bar = width - 5
        guard bar >= 4 else { return [label] }
        let steps = glyphs.eighths.count - 1
        var filled = Int((share * Double(bar * steps)).rounded())
        if share > 0 { filled = max(1, filled) }
        var front = String(repeating: String(glyphs.fullBlock), count: filled / steps)
        if filled % steps > 0 { front.unicodeScalars.append(glyphs.eighths[filled % steps]) }
        let rest = bar - front.unicodeScalars.count
        return [
            Span(front, .ringFill, shade: UInt8(share * 100)),
            Span(String(repeating: String(glyphs.emptyGauge), count: max(0, rest)), .gaugeEmpty),
            Span(String(repeating: " ", count: max(1, 5 - DisplayText.columns(of: text))), .text), label,
        ]
    }
}
