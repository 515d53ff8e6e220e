/// A frame with a title, in the view or above it.
struct BoxWidget {
    var title = ""
    var hasFocus = false
    /// A popup hides what is below it and has its own ground.
    var isPopup = false

    /// Draws the frame and returns the room inside it.
    @discardableResult
    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) -> Rectangle {
        guard area.rows >= 2, area.columns >= 2 else {
            return Rectangle(row: area.row, column: area.column, rows: 0, columns: 0)
        }
        let ground: Role = isPopup ? .popup : .text
        grid.fill(area, role: ground, surface: ground)
        let role: Role = hasFocus || isPopup ? .borderFocus : .border
        let (bottom, right) = (area.endRow - 1, area.endColumn - 1)
        for column in area.column + 1..<max(area.column + 1, right) {
            grid.put(glyphs.horizontal, at: Position(row: area.row, column: column), role: role)
            grid.put(glyphs.horizontal, at: Position(row: bottom, column: column), role: role)
        }
        for row in area.row + 1..<max(area.row + 1, bottom) {
            grid.put(glyphs.vertical, at: Position(row: row, column: area.column), role: role)
            grid.put(glyphs.vertical, at: Position(row: row, column: right), role: role)
        }
        grid.put(glyphs.topLeft, at: Position(row: area.row, column: area.column), role: role)
        grid.put(glyphs.topRight, at: Position(row: area.row, column: right), role: role)
        grid.put(glyphs.bottomLeft, at: Position(row: bottom, column: area.column), role: role)
        grid.put(glyphs.bottomRight, at: Position(row: bottom, column: right), role: role)
        if !title.isEmpty {
            grid.write(
                " \(title) ", at: Position(row: area.row, column: area.column + 1),
                role: isPopup ? .popupTitle : .borderTitle, in: area.inset(left: 1, right: 1), ellipsis: glyphs.ellipsis
            )
        }
        return area.inset(top: 1, left: 1, bottom: 1, right: 1)
    }
}
