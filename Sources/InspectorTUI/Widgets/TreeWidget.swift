/// A tree as a list of lines, such as the fields of a message.
struct TreeWidget {
    /// One line.
    struct Item: Hashable, Sendable {
        /// 0 for the top level.
        var depth: Int
        /// Whether what is below it is shown; nil if there is nothing below it.
        var isExpanded: Bool?
        var spans: [Span]
    }

    var itemCount: Int
    var selected: Int?
    var offset = 0
    var hasFocus = true
    /// One line. Asked only for those that are visible.
    var item: (Int) -> Item

    /// Deeper levels are not indented any further, as the text would leave the screen.
    static let deepest = 16

    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        let needsScrollbar = itemCount > area.rows && area.columns > 1
        let content = needsScrollbar ? area.cutRight(1).rest : area
        for line in 0..<content.rows {
            let index = offset + line
            guard index >= 0, index < itemCount else { break }
            let item = item(index)
            let row = content.line(line)
            if index == selected { grid.fill(row, surface: hasFocus ? .cursor : .cursorUnfocused) }
            let marker =
                switch item.isExpanded {
                case true?: glyphs.expanded
                case false?: glyphs.collapsed
                case nil: glyphs.leaf
                }
            let indent = String(repeating: "  ", count: min(Self.deepest, max(0, item.depth)))
            grid.write(
                [Span(indent + String(marker) + " ", .treeLine)] + item.spans,
                at: Position(row: row.row, column: row.column), in: row, ellipsis: glyphs.ellipsis)
        }
        if needsScrollbar {
            Scrollbar(total: itemCount, visible: area.rows, offset: offset).draw(
                on: &grid, in: area.cutRight(1).right, glyphs: glyphs)
        }
    }

    /// The line at a place of the screen, if there is one.
    func item(at position: Position, in area: Rectangle) -> Int? {
        guard area.contains(position) else { return nil }
        let index = offset + position.row - area.row
        return index >= 0 && index < itemCount ? index : nil
    }
}
