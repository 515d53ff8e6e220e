/// A table: a header, rows, a cursor and a scrollbar. Columns that do not fit are dropped, the least important first.
struct TableWidget {
    /// One column.
    struct Column: Hashable, Sendable {
        enum Width: Hashable, Sendable {
            case fixed(Int)
            /// At least `minimum` columns, and a share of what is left over, up to `maximum`.
            case flexible(minimum: Int, share: Int = 1, maximum: Int = .max)

            var minimum: Int {
                switch self {
                case .fixed(let width): width
                case .flexible(let minimum, _, _): minimum
                }
            }
        }

        enum Sort: Hashable, Sendable { case ascending, descending }

        var title: String
        var width: Width
        var alignment = Alignment.left
        /// Columns with a higher number are dropped first; 0 is never dropped.
        var priority = 0
        var sort: Sort?
    }

    /// Where a column is.
    struct Place: Hashable, Sendable {
        /// The column's number in ``TableWidget/columns``.
        var index: Int
        var start: Int
        var width: Int
    }

    var columns: [Column]
    var rowCount: Int
    /// The row under the cursor, if any.
    var selected: Int?
    /// The row at the top.
    var offset = 0
    var hasFocus = true
    /// Whether a list that is longer than its room has a scrollbar.
    var hasScrollbar = true
    /// What a table without rows says.
    var emptyText = ""
    /// The cells of one row, one line of spans per column. Asked only for rows that are visible.
    var row: (Int) -> [[Span]]

    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        guard !area.isEmpty else { return }
        let (header, body) = area.cutTop(1)
        let needsScrollbar = hasScrollbar && rowCount > body.rows && body.columns > 1
        let content = needsScrollbar ? body.cutRight(1).rest : body
        let places = Self.places(of: columns, in: content.columns)
        drawHeader(places, on: &grid, in: header, glyphs: glyphs)
        if rowCount == 0 {
            let room = body.inset(left: 1, right: 1)
            for (place, text) in DisplayText.lines(of: emptyText, width: room.columns).enumerated() {
                let line = room.line(place)
                grid.write(
                    text, at: Position(row: line.row, column: line.column), role: .textDim, in: line,
                    ellipsis: glyphs.ellipsis)
            }
        }
        for line in 0..<content.rows {
            let index = offset + line
            guard index >= 0, index < rowCount else { break }
            let area = content.line(line)
            if index == selected { grid.fill(area, surface: hasFocus ? .cursor : .cursorUnfocused) }
            let cells = row(index)
            for place in places where place.index < cells.count {
                draw(
                    cells[place.index], alignment: columns[place.index].alignment,
                    on: &grid, in: cell(place, of: area), glyphs: glyphs)
            }
        }
        if needsScrollbar {
            Scrollbar(total: rowCount, visible: body.rows, offset: offset).draw(
                on: &grid, in: body.cutRight(1).right, glyphs: glyphs)
        }
    }

    /// The row at a place of the screen, if there is one.
    func row(at position: Position, in area: Rectangle) -> Int? {
        let body = area.cutTop(1).rest
        guard body.contains(position) else { return nil }
        let index = offset + position.row - body.row
        return index >= 0 && index < rowCount ? index : nil
    }

    /// The column whose title is at a place of the screen, if there is one.
    func title(at position: Position, in area: Rectangle) -> Int? {
        let (header, body) = area.cutTop(1)
        guard header.contains(position) else { return nil }
        let width = rowCount > body.rows && body.columns > 1 ? area.columns - 1 : area.columns
        let column = position.column - area.column
        return Self.places(of: columns, in: width).first { column >= $0.start && column < $0.start + $0.width }?.index
    }

    /// The offset that shows the cursor with the least scrolling, and no empty lines at the end.
    static func offset(showing selected: Int?, from offset: Int, visible: Int, of rowCount: Int) -> Int {
        guard visible > 0 else { return 0 }
        var offset = min(max(0, offset), max(0, rowCount - visible))
        if let selected {
            if selected < offset { offset = selected }
            if selected >= offset + visible { offset = selected - visible + 1 }
        }
        return max(0, offset)
    }

    /// Which columns there are in `width` columns of the screen, and where. There is one blank between two columns.
    static func places(of columns: [Column], in width: Int) -> [Place] {
        var kept = Array(columns.indices)
        func needed() -> Int {
            kept.reduce(0) { $0 + columns[$1].width.minimum } + max(0, kept.count - 1)
        }
        while needed() > width {
            guard
                let victim = kept.enumerated().filter({ columns[$0.element].priority > 0 }).max(by: {
                    (columns[$0.element].priority, $0.offset) < (columns[$1.element].priority, $1.offset)
                })
            else { break }
            kept.remove(at: victim.offset)
        }
        let sizes = sizes(of: kept.map { columns[$0].width }, left: max(0, width - needed()))
        var places: [Place] = []
        var start = 0
        for (index, size) in zip(kept, sizes) {
            let size = min(size, max(0, width - start))
            if size > 0 { places.append(Place(index: index, start: start, width: size)) }
            start += size + 1
        }
        return places
    }

    /// The widths with what is left over given out by shares; what a column cannot take goes to the others.
    private static func sizes(of widths: [Column.Width], left: Int) -> [Int] {
        var sizes = widths.map(\.minimum)
        var left = left
        while left > 0 {
            var open: [(index: Int, share: Int, room: Int)] = []
            for (index, width) in widths.enumerated() {
                guard case .flexible(_, let share, let maximum) = width, share > 0, sizes[index] < maximum else {
                    continue
                }
                open.append((index, share, maximum - sizes[index]))
            }
            guard !open.isEmpty else { break }
            var shares = open.reduce(0) { $0 + $1.share }
            var rest = left
            for (index, share, room) in open {
                let extra = min(room, rest * share / shares)
                sizes[index] += extra
                left -= extra
                rest -= rest * share / shares
                shares -= share
            }
        }
        return sizes
    }

    private func cell(_ place: Place, of line: Rectangle) -> Rectangle {
        Rectangle(row: line.row, column: line.column + place.start, rows: 1, columns: place.width)
            .intersection(line)
    }

    private func drawHeader(_ places: [Place], on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        grid.fill(area, role: .tableHeader)
        for place in places {
            let column = columns[place.index]
            var spans = [Span(column.title, column.sort == nil ? .tableHeader : .tableSort)]
            if let sort = column.sort {
                spans[0].text += String(sort == .ascending ? glyphs.arrowUp : glyphs.arrowDown)
            }
            draw(spans, alignment: column.alignment, on: &grid, in: cell(place, of: area), glyphs: glyphs)
        }
    }

    private func draw(
        _ spans: [Span], alignment: Alignment, on grid: inout CellGrid, in cell: Rectangle, glyphs: GlyphSet
    ) {
        let indent = alignment.indent(of: Span.columns(of: spans), in: cell.columns)
        grid.write(
            spans, at: Position(row: cell.row, column: cell.column + indent), in: cell, ellipsis: glyphs.ellipsis)
    }
}
