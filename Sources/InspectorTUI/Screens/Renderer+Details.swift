import BusModel
import Inspector
import VMBusWire

extension Renderer {
    /// The pane beside the list.
    mutating func drawDetails() {
        guard !layout.details.isEmpty else { return }
        hits.append(Hit(area: layout.details, target: .details))
        if state.view == .flow { drawRecord() } else { drawDetailLines() }
    }

    private var hasFocus: Bool { state.details.focus != .list && state.popup == nil }

    private mutating func drawBox(_ title: String) {
        BoxWidget(title: title, hasFocus: hasFocus).draw(on: &grid, in: layout.details, glyphs: glyphs)
    }

    private mutating func drawHelp(_ text: String) {
        let line = layout.detailsHelp
        grid.write(
            text, at: Position(row: line.row, column: line.column), role: .textDim, in: line,
            ellipsis: glyphs.ellipsis)
    }

    // MARK: Partitions, devices, channels

    private mutating func drawDetailLines() {
        guard let details = state.detailLines(inspector) else {
            drawBox("Details")
            drawHelp("There is nothing here to show.")
            return
        }
        drawBox(details.title)
        let body = layout.detailsBody
        let labels = min(details.labelWidth, max(6, body.columns / 2))
        for row in 0..<body.rows where details.lines.indices.contains(state.details.offset + row) {
            let index = state.details.offset + row
            let line = body.line(row)
            hits.append(Hit(area: line, target: .line(index)))
            if hasFocus, index == state.details.line { grid.fill(line, surface: .cursor) }
            switch details.lines[index] {
            case .blank: break
            case .heading(let title):
                grid.write(
                    title, at: Position(row: line.row, column: line.column), role: .borderTitle, in: line,
                    ellipsis: glyphs.ellipsis)
            case .pair(let pair): draw(pair, labels: labels, in: line.inset(left: 1))
            }
        }
        drawScrollbar(
            total: details.lines.count, visible: body.rows, offset: state.details.offset, beside: layout.details)
        if hasFocus, details.lines.indices.contains(state.details.line),
            case .pair(let pair) = details.lines[state.details.line]
        {
            drawHelp([pair.help, pair.note].filter { !$0.isEmpty }.joined(separator: "; "))
        } else if !hasFocus {
            drawHelp("Enter moves the keys here: every value says what it means.")
        }
    }

    private mutating func draw(_ pair: DetailPair, labels: Int, in line: Rectangle) {
        let (label, rest) = line.cutLeft(labels)
        grid.write(
            pair.label, at: Position(row: line.row, column: label.column), role: .treeName, in: label,
            ellipsis: glyphs.ellipsis)
        let place = rest.inset(left: 2)
        let spans = CellSpans.spans(
            pair.value, width: Self.width(of: pair.value, in: place.columns), glyphs: glyphs)
        let end = grid.write(
            spans, at: Position(row: place.row, column: place.column), in: place, ellipsis: glyphs.ellipsis)
        // What the value means fits in only where there is much room; below it is said of the line under the cursor.
        let note = pair.note
        let width = DisplayText.columns(of: note)
        if !note.isEmpty, end + 3 + width <= place.endColumn {
            grid.write(
                note, at: Position(row: place.row, column: place.endColumn - width - 1), role: .textUnknown, in: place)
        }
    }

    /// A bar is read at a glance; a graph tells more the longer it is.
    private static func width(of cell: Inspector.Cell, in room: Int) -> Int {
        min(room, cell.gauge != nil ? 14 : cell.series.isEmpty ? 24 : 60)
    }

    // MARK: Records

    private mutating func drawRecord() {
        guard case .record(let sequence) = state.subject(inspector), let record = inspector.record(sequence) else {
            drawBox("Record")
            drawHelp("No record is chosen.")
            return
        }
        let entry = record.entry
        let direction =
            switch entry.directionWord {
            case "guest_to_host"?: ", guest to host"
            case "host_to_guest"?: ", host to guest"
            default: ""
            }
        drawBox("\(sequence) \(entry.name) in \(entry.partitionName)\(direction)")
        let fields = RecordFields(record.tree, collapsed: state.details.collapsed)
        let panes = layout.recordPanes(state.details.focus)
        drawFields(fields, in: panes.fields)
        drawBytes(Array(record.payload), fields, attachment: Int(entry.header.attachmentLength), in: panes.bytes)
        if !panes.fields.isEmpty, !panes.bytes.isEmpty {
            for row in 0..<panes.bytes.rows {
                grid.put(
                    glyphs.vertical, at: Position(row: panes.bytes.row + row, column: panes.bytes.column - 2),
                    role: .border)
            }
        }
        if let problem = record.tree.problem, !hasFocus {
            let line = layout.detailsHelp
            grid.write(
                "Damaged: \(problem)", at: Position(row: line.row, column: line.column), role: .treeBad, in: line,
                ellipsis: glyphs.ellipsis)
        } else if fields.lines.indices.contains(state.details.line) {
            drawHelp(help(of: fields.lines[state.details.line]))
        }
    }

    /// What a field is, in plain words, and where it lies.
    private func help(of line: RecordFields.Line) -> String {
        let range = line.range
        let bytes = range.count == 1 ? "1 byte" : "\(range.count) bytes"
        let place = range.isEmpty ? "" : " (\(bytes) at \(range.lowerBound))"
        return "\(line.node.name)\(place)" + (line.node.help.isEmpty ? "" : ": \(line.node.help)")
    }

    private mutating func drawFields(_ fields: RecordFields, in area: Rectangle) {
        guard !area.isEmpty else { return }
        if fields.lines.isEmpty {
            grid.write(
                "The record has no bytes.", at: Position(row: area.row, column: area.column), role: .textDim, in: area,
                ellipsis: glyphs.ellipsis)
            return
        }
        for row in 0..<area.rows where state.details.offset + row < fields.lines.count {
            hits.append(Hit(area: area.line(row), target: .line(state.details.offset + row)))
        }
        TreeWidget(
            itemCount: fields.lines.count, selected: state.details.line, offset: state.details.offset,
            hasFocus: hasFocus && state.details.focus == .fields
        ) { index in
            let line = fields.lines[index]
            let value = Inspector.Cell(line.node)
            return TreeWidget.Item(
                depth: line.depth, isExpanded: line.isExpanded,
                spans: [Span(line.node.name, .treeName)]
                    + (value.text.isEmpty
                        ? [] : [Span(" ", .text), Span(value.text, value.tone == .dim ? .textDim : .treeValue)]))
        }.draw(on: &grid, in: area, glyphs: glyphs)
    }

    private mutating func drawBytes(_ bytes: [UInt8], _ fields: RecordFields, attachment: Int, in area: Rectangle) {
        guard !area.isEmpty, !bytes.isEmpty else { return }
        var highlights: [HexDumpWidget.Highlight] = []
        if fields.lines.indices.contains(state.details.line) {
            highlights.append(.init(range: fields.lines[state.details.line].range, role: .hexField))
        }
        if state.details.focus == .bytes {
            highlights.append(.init(range: state.details.byte..<state.details.byte + 1, role: .hexSelected))
        }
        let widget = HexDumpWidget(bytes: bytes, highlights: highlights, offset: state.details.byteOffset)
        widget.draw(on: &grid, in: area, glyphs: glyphs)
        for row in 0..<area.rows {
            for column in 0..<area.columns {
                let position = Position(row: area.row + row, column: area.column + column)
                guard let byte = widget.byte(at: position, in: area) else { continue }
                hits.append(
                    Hit(
                        area: Rectangle(row: position.row, column: position.column, rows: 1, columns: 1),
                        target: .byte(byte)))
            }
        }
    }
}
