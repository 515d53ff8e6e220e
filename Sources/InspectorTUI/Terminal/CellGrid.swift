/// The screen as a value: every view draws into one, tests read it, and a terminal shows it.
struct CellGrid: Hashable, Sendable {
    let size: Size
    private(set) var cells: [Cell]
    /// Where the terminal's cursor is to be seen, as in a prompt; nil hides it.
    var cursor: Position?

    init(_ size: Size) {
        self.size = size
        cells = [Cell](repeating: .blank, count: size.columns * size.rows)
    }

    /// The whole grid.
    var bounds: Rectangle { Rectangle(size) }

    /// The cell at a place; blank outside the grid.
    subscript(row: Int, column: Int) -> Cell {
        guard row >= 0, row < size.rows, column >= 0, column < size.columns else { return .blank }
        return cells[row * size.columns + column]
    }

    /// The cells of one row.
    func row(_ row: Int) -> ArraySlice<Cell> {
        guard row >= 0, row < size.rows else { return [] }
        return cells[row * size.columns..<(row + 1) * size.columns]
    }

    /// Writes `text` on the surface that is there and returns the column after it. What lies outside `clip` and the grid
    /// is cut off; with `ellipsis`, text that is cut off on the right ends with that character.
    @discardableResult
    mutating func write(
        _ text: some StringProtocol, at position: Position, role: Role, in clip: Rectangle, shade: UInt8 = 0,
        ellipsis: Unicode.Scalar? = nil
    ) -> Int {
        let clip = clip.intersection(bounds)
        guard position.row >= clip.row, position.row < clip.endRow, position.column < clip.endColumn else {
            return position.column
        }
        let room = clip.endColumn - position.column
        var (glyphs, columns, isAll) = DisplayText.glyphs(of: text, limit: room)
        if !isAll, let ellipsis {
            while columns > room - 1, let last = glyphs.popLast() { columns -= last.width }
            glyphs.append(DisplayText.Glyph(scalar: ellipsis.value, mark: 0, width: 1))
        }
        var column = position.column
        for glyph in glyphs {
            if column >= clip.column {
                put(glyph, row: position.row, column: column, role: role, shade: shade)
            } else if column + glyph.width > clip.column {
                let half = DisplayText.Glyph(scalar: 0x20, mark: 0, width: 1)
                put(half, row: position.row, column: clip.column, role: role, shade: shade)
            }
            column += glyph.width
        }
        return column
    }

    /// Writes one character, if its place is in the grid.
    mutating func put(_ scalar: Unicode.Scalar, at position: Position, role: Role, shade: UInt8 = 0) {
        guard bounds.contains(position) else { return }
        let glyph = DisplayText.Glyph(scalar: DisplayText.safe(scalar), mark: 0, width: 1)
        put(glyph, row: position.row, column: position.column, role: role, shade: shade)
    }

    /// Fills a rectangle with one character, which also gives its cells a surface.
    mutating func fill(
        _ rectangle: Rectangle, with scalar: Unicode.Scalar = " ", role: Role = .text, surface: Role? = nil,
        shade: UInt8 = 0
    ) {
        let area = rectangle.intersection(bounds)
        guard !area.isEmpty else { return }
        if let surface { lay(surface, on: area) }
        let glyph = DisplayText.Glyph(scalar: DisplayText.safe(scalar), mark: 0, width: 1)
        for row in area.row..<area.endRow {
            for column in area.column..<area.endColumn {
                put(glyph, row: row, column: column, role: role, shade: shade)
            }
        }
    }

    /// Gives the cells of a rectangle another surface and leaves what is in them, as for a selected row.
    mutating func lay(_ surface: Role, on rectangle: Rectangle) {
        let area = rectangle.intersection(bounds)
        guard !area.isEmpty else { return }
        for row in area.row..<area.endRow {
            for column in area.column..<area.endColumn { cells[row * size.columns + column].surface = surface }
        }
    }

    /// Gives the cells of a rectangle another role and leaves what is in them, as for a match.
    mutating func mark(_ rectangle: Rectangle, as role: Role) {
        let area = rectangle.intersection(bounds)
        guard !area.isEmpty else { return }
        for row in area.row..<area.endRow {
            for column in area.column..<area.endColumn { cells[row * size.columns + column].role = role }
        }
    }

    /// Puts a glyph into a row of the grid; a double-width character that would be left with one half is blanked.
    private mutating func put(_ glyph: DisplayText.Glyph, row: Int, column: Int, role: Role, shade: UInt8) {
        let start = row * size.columns
        let index = start + column
        let end = start + size.columns
        guard index + glyph.width <= end else { return }
        if cells[index].width == 0, column > 0 { blank(index - 1) }
        let last = index + glyph.width - 1
        if cells[last].width == 2, last + 1 < end { blank(last + 1) }
        cells[index].scalar = glyph.scalar
        cells[index].mark = glyph.mark
        cells[index].role = role
        cells[index].shade = shade
        cells[index].width = UInt8(glyph.width)
        if glyph.width == 2 {
            let surface = cells[index].surface
            cells[index + 1] = Cell(role: role, surface: surface, shade: shade, width: 0)
        }
    }

    private mutating func blank(_ index: Int) {
        cells[index].scalar = 0x20
        cells[index].mark = 0
        cells[index].width = 1
    }
}
