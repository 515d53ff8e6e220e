/// A vertical bar that shows which part of something long is visible.
struct Scrollbar {
    var total: Int
    var visible: Int
    var offset: Int

    /// The rows of the thumb in a bar of `rows` rows.
    func thumb(in rows: Int) -> Range<Int> {
        guard rows > 0, total > 0, visible > 0, visible < total else { return 0..<max(0, rows) }
        let size = max(1, Int(Double(rows) * Double(visible) / Double(total)))
        let last = total - visible
        let start = Int((Double(rows - size) * Double(min(max(0, offset), last)) / Double(last)).rounded())
        return start..<start + size
    }

    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        let thumb = thumb(in: area.rows)
        for row in 0..<area.rows {
            let isThumb = thumb.contains(row)
            grid.put(
                isThumb ? glyphs.scrollThumb : glyphs.scrollTrack,
                at: Position(row: area.row + row, column: area.column), role: isThumb ? .scrollbarThumb : .scrollbar)
        }
    }
}
