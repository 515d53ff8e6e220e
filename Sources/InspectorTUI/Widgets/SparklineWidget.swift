/// A small graph of the latest values, the newest on the right.
struct SparklineWidget {
    /// Values from old to new; nil where there is none.
    var values: [Double?]
    /// What reaches the top; the greatest visible value if nil.
    var maximum: Double?
    var role = Role.graph1

    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        guard !area.isEmpty else { return }
        let perCell = glyphs.graph == .braille ? 2 : 1
        let visible = Array(values.suffix(area.columns * perCell))
        let known = visible.compactMap { $0 }.filter(\.isFinite)
        let top = maximum ?? known.max() ?? 0
        let padding = area.columns * perCell - visible.count
        let steps = glyphs.graph == .braille ? 4 : glyphs.levels.count - 1
        for column in 0..<area.columns {
            let heights = (0..<perCell).map { part -> Int in
                let index = column * perCell + part - padding
                guard index >= 0, let value = visible[index] else { return 0 }
                return Self.height(value, top: top, steps: steps * area.rows)
            }
            for row in 0..<area.rows {
                let below = (area.rows - 1 - row) * steps
                let levels = heights.map { min(steps, max(0, $0 - below)) }
                guard levels.contains(where: { $0 > 0 }) else { continue }
                let scalar = glyphs.graph == .braille ? Self.braille(levels) : glyphs.levels[levels[0]]
                grid.put(
                    scalar, at: Position(row: area.row + row, column: area.column + column), role: role,
                    shade: UInt8(clamping: heights.max().map { $0 * 100 / (steps * area.rows) } ?? 0))
            }
        }
    }

    /// The graph as the text of one row, for places where only text can be.
    static func text(_ values: [Double], columns: Int, glyphs: GlyphSet) -> String {
        guard columns > 0 else { return "" }
        let size = Size(columns: columns, rows: 1)
        var grid = CellGrid(size)
        SparklineWidget(values: values).draw(on: &grid, in: grid.bounds, glyphs: glyphs)
        return grid.row(0).map(\.text).joined()
    }

    /// The height of a value in steps; what is not nothing has at least one.
    private static func height(_ value: Double, top: Double, steps: Int) -> Int {
        guard value.isFinite, value > 0, top > 0 else { return 0 }
        return max(1, Int((min(1, value / top) * Double(steps)).rounded()))
    }

    /// Two columns of dots, 0 to 4 high, from the bottom.
    private static func braille(_ levels: [Int]) -> Unicode.Scalar {
        let left: [UInt32] = [0, 0x40, 0x44, 0x46, 0x47]
        let right: [UInt32] = [0, 0x80, 0xA0, 0xB0, 0xB8]
        return Unicode.Scalar(0x2800 | left[levels[0]] | right[levels.count > 1 ? levels[1] : 0]) ?? " "
    }
}
