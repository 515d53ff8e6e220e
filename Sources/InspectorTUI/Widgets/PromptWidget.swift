/// One line of input, as for a filter or a command.
struct PromptWidget {
    enum Validity: Hashable, Sendable {
        case neutral, valid
        /// With what is wrong.
        case invalid(String)
    }

    var label: String
    var text: String
    /// The number of characters before the cursor.
    var cursor: Int
    var validity = Validity.neutral
    /// What Tab would add.
    var completion = ""
    /// What can be typed here, shown while there is nothing.
    var hint = ""

    /// Draws the line and puts the terminal's cursor into it. A long text is shifted so that the cursor can be seen.
    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        guard !area.isEmpty else { return }
        let line = area.line(0)
        grid.fill(line, role: .prompt, surface: .prompt)
        let start = grid.write(
            "\(label) ", at: Position(row: line.row, column: line.column), role: .promptLabel, in: line)
        var field = line.cutLeft(min(start - line.column, line.columns)).rest
        if case .invalid(let reason) = validity {
            let width = min(DisplayText.columns(of: reason) + 2, field.columns / 2)
            let (rest, right) = field.cutRight(width)
            field = rest
            grid.write(
                " \(reason)", at: Position(row: right.row, column: right.column), role: .promptInvalid, in: right,
                ellipsis: glyphs.ellipsis)
        }
        guard !field.isEmpty else { return }
        let before = String(text.prefix(max(0, cursor)))
        let beforeColumns = DisplayText.columns(of: before)
        let shift = max(0, beforeColumns - field.columns + 1)
        let role: Role =
            switch validity {
            case .neutral: .prompt
            case .valid: .promptValid
            case .invalid: .promptInvalid
            }
        let end = grid.write(
            text, at: Position(row: field.row, column: field.column - shift), role: role, in: field)
        let ghost = text.isEmpty ? hint : completion
        if end < field.endColumn {
            grid.write(
                ghost, at: Position(row: field.row, column: max(field.column, end)), role: .promptHint, in: field,
                ellipsis: glyphs.ellipsis)
        }
        grid.cursor = Position(row: field.row, column: field.column + beforeColumns - shift)
    }
}
