import BusModel
import Inspector

/// The help of a view as lines of a certain width.
struct HelpPage {
    struct Line: Hashable {
        var keys: String
        var text: String
        var isHeading: Bool
    }

    let lines: [Line]
    let keyWidth: Int

    init(_ view: InspectorView, _ capabilities: Capabilities, columns: Int) {
        let help = ActionTable.help(for: view, capabilities)
        let widest = help.map { DisplayText.columns(of: $0.keys) }.max() ?? 0
        keyWidth = min(widest, max(8, columns / 3))
        var lines: [Line] = []
        for line in help {
            if line.isHeading {
                if !lines.isEmpty { lines.append(Line(keys: "", text: "", isHeading: false)) }
                lines.append(Line(keys: "", text: line.text, isHeading: true))
                continue
            }
            let pieces = Self.wrapped(line.text, in: max(10, columns - keyWidth - 4))
            for (index, piece) in pieces.enumerated() {
                lines.append(Line(keys: index == 0 ? line.keys : "", text: piece, isHeading: false))
            }
        }
        self.lines = lines
    }

    /// A text in lines of at most `columns` columns, broken between words.
    static func wrapped(_ text: String, in columns: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if DisplayText.columns(of: line) + 1 + DisplayText.columns(of: word) <= columns {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
    }

    /// The frame of the help on a screen.
    static func frame(on whole: Rectangle) -> Rectangle {
        let room = whole.rows > 8 ? whole.inset(top: 1, bottom: 1) : whole
        return room.centered(columns: whole.columns < 100 ? whole.columns : 96, rows: room.rows)
    }

    /// The line at the top, no further down than there is text for.
    static func offset(_ offset: Int, lines: Int, rows: Int) -> Int { min(max(0, offset), max(0, lines - rows)) }
}

extension Renderer {
    /// What lies above the view.
    mutating func drawPopup() {
        switch state.popup {
        case .help(let offset): drawHelp(offset)
        case .palette(let line, let selected): drawPalette(line, selected)
        case nil: break
        }
    }

    private mutating func drawHelp(_ offset: Int) {
        let area = HelpPage.frame(on: layout.whole)
        hits.append(Hit(area: area, target: .popup))
        let inside = BoxWidget(title: "Keys of \(state.view.title)", isPopup: true)
            .draw(on: &grid, in: area, glyphs: glyphs)
        let page = HelpPage(state.view, inspector.capabilities, columns: inside.columns)
        let first = HelpPage.offset(offset, lines: page.lines.count, rows: inside.rows)
        for row in 0..<inside.rows where page.lines.indices.contains(first + row) {
            let line = page.lines[first + row]
            let place = inside.line(row)
            if line.isHeading {
                grid.write(
                    line.text, at: Position(row: place.row, column: place.column + 1), role: .helpHeading, in: place)
                continue
            }
            let keys = place.inset(left: 2)
            grid.write(
                line.keys, at: Position(row: place.row, column: keys.column), role: .helpKey,
                in: keys.cutLeft(page.keyWidth).left, ellipsis: glyphs.ellipsis)
            grid.write(
                line.text, at: Position(row: place.row, column: keys.column + page.keyWidth + 2), role: .help, in: keys,
                ellipsis: glyphs.ellipsis)
        }
        drawScrollbar(total: page.lines.count, visible: inside.rows, offset: first, beside: area)
    }

    private mutating func drawPalette(_ line: InputLine, _ selected: Int) {
        let found = ActionTable.search(line.text)
        let room = layout.whole.rows > 8 ? layout.whole.inset(top: 2, bottom: 2) : layout.whole
        let rows = min(room.rows, max(4, found.count + 3))
        let box = room.cutTop(rows).top.centered(columns: room.columns < 100 ? room.columns : 90, rows: rows)
        hits.append(Hit(area: box, target: .popup))
        let inside = BoxWidget(title: "Command", isPopup: true).draw(on: &grid, in: box, glyphs: glyphs)
        let (input, body) = inside.cutTop(1)
        PromptWidget(label: ":", text: line.text, cursor: line.cursor, hint: "the name of an action").draw(
            on: &grid, in: input, glyphs: glyphs)
        if found.isEmpty {
            grid.write(
                "No action is called so.", at: Position(row: body.row, column: body.column + 1), role: .promptInvalid,
                in: body)
        }
        let offset = TableWidget.offset(showing: selected, from: 0, visible: body.rows, of: found.count)
        for row in 0..<body.rows where found.indices.contains(offset + row) {
            let action = found[offset + row]
            let place = body.line(row)
            if offset + row == selected { grid.fill(place, surface: .cursor) }
            hits.append(Hit(area: place, target: .paletteRow(offset + row)))
            let isPossible =
                action.need.isMet(by: inspector.capabilities) && action.views.contains(state.view)
            let keys = action.keys.joined(separator: " ")
            let (left, right) = place.inset(left: 1, right: 1).cutRight(DisplayText.columns(of: keys))
            let title = left.cutLeft(18)
            grid.write(
                action.title, at: Position(row: left.row, column: left.column), role: isPossible ? .popup : .textDim,
                in: title.left, ellipsis: glyphs.ellipsis)
            grid.write(
                action.help, at: Position(row: left.row, column: title.rest.column), role: .textDim,
                in: title.rest.inset(right: 1), ellipsis: glyphs.ellipsis)
            grid.write(keys, at: Position(row: right.row, column: right.column), role: .popupKey, in: right)
        }
        drawScrollbar(total: found.count, visible: body.rows, offset: offset, beside: box.inset(top: 1))
    }

    /// A scrollbar in place of the right side of a frame.
    mutating func drawScrollbar(total: Int, visible: Int, offset: Int, beside frame: Rectangle) {
        guard total > visible, visible > 0 else { return }
        Scrollbar(total: total, visible: visible, offset: offset).draw(
            on: &grid, in: frame.inset(top: 1, bottom: 1).cutRight(1).right, glyphs: glyphs)
    }
}
