/// How full something is, as a bar of one row with a text at its right end.
struct GaugeWidget {
    /// 0 to 1; nil if nobody knows.
    var fraction: Double?
    var text = ""
    var role = Role.ringFill

    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        guard !area.isEmpty else { return }
        let label = text.isEmpty || DisplayText.columns(of: text) + 4 > area.columns ? "" : " \(text)"
        let (bar, end) = area.line(0).cutRight(DisplayText.columns(of: label))
        grid.write(label, at: Position(row: end.row, column: end.column), role: .gaugeText, in: end)
        guard let fraction, fraction.isFinite else {
            grid.fill(bar, with: "?", role: .textUnknown)
            return
        }
        let clamped = min(1, max(0, fraction))
        let steps = glyphs.eighths.count - 1
        let filled = Int((clamped * Double(bar.columns * steps)).rounded())
        let shade = UInt8(clamped * 100)
        for column in 0..<bar.columns {
            let level = min(steps, max(0, filled - column * steps))
            let position = Position(row: bar.row, column: bar.column + column)
            if level == 0 {
                // A little is not nothing.
                let isTrace = column == 0 && clamped > 0
                grid.put(
                    isTrace ? glyphs.eighths[1] : glyphs.emptyGauge, at: position, role: isTrace ? role : .gaugeEmpty,
                    shade: isTrace ? shade : 0)
            } else {
                grid.put(glyphs.eighths[level], at: position, role: role, shade: shade)
            }
        }
    }
}
