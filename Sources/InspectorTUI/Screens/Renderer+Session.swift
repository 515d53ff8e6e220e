import BusModel
import Inspector

extension Renderer {
    /// A simulation's session: what can be changed, what happened last as a sequence chart, and where it stands.
    mutating func drawSession(in area: Rectangle) {
        let parts = SessionLayout(area, rows: state[list: .session].count)
        drawList(in: parts.list)
        guard let session = inspector.session else { return }
        drawChart(in: parts.chart)
        drawTimeBar(session, in: parts.timeBar)
    }

    // MARK: The sequence chart

    private mutating func drawChart(in area: Rectangle) {
        let area = area.column > 0 ? area.inset(left: 1) : area
        guard area.rows >= 2, area.columns >= 24 else { return }
        let (head, body) = area.cutTop(1)
        let chart = inspector.sequenceLines(body.rows, around: state.chart.record)
        hits.append(Hit(area: area, target: .chart))
        let clock = min(14, max(9, area.columns / 8))
        let places = Self.lifelines(chart.lifelines.count, in: area.inset(left: clock + 1))
        grid.fill(head, role: .tableHeader)
        grid.write(
            // What follows is below, if the chart was scrolled.
            (chart.endsAtMoment ? "Time" : "\(glyphs.expanded) Time").leftPadded(to: clock),
            at: Position(row: head.row, column: head.column), role: .tableHeader,
            in: head)
        for (index, name) in chart.lifelines.enumerated() where places.indices.contains(index) {
            let next = index + 1 < places.count ? places[index + 1] : area.endColumn
            let start = index + 1 == places.count && index > 0 ? places[index] - name.count + 1 : places[index]
            let title = Rectangle(
                row: head.row, column: max(head.column, start), rows: 1, columns: max(1, next - places[index]))
            grid.write(
                name, at: Position(row: head.row, column: title.column), role: .tableHeader,
                in: index + 1 == places.count ? head : title, ellipsis: glyphs.ellipsis)
        }
        // The newest is at the bottom, as the next one comes below it.
        let first = body.rows - chart.lines.count
        let newest = chart.endsAtMoment ? chart.lines.last?.sequence : nil
        let hasCursor = state.chart.hasFocus || state.chart.record != nil
        let cursor = hasCursor ? state.chart.record ?? newest : nil
        for row in 0..<body.rows {
            if row >= first, let cursor, chart.lines[row - first].sequence == cursor {
                grid.fill(body.line(row), surface: .cursor)
            }
            for place in places {
                grid.put(glyphs.vertical, at: Position(row: body.row + row, column: place), role: .axis)
            }
        }
        if chart.lines.isEmpty {
            grid.write(
                "Nothing has happened yet: n makes a step.",
                at: Position(row: body.row, column: body.column + clock + 3),
                role: .textDim, in: body, ellipsis: glyphs.ellipsis)
        }
        for (index, line) in chart.lines.enumerated() {
            let place = body.line(first + index)
            draw(line, places, clock: clock, isNewest: line.sequence == newest, in: place)
            hits.append(Hit(area: place, target: .record(line.sequence)))
        }
    }

    /// The columns of the lifelines: the first at the left, the last at the right, the others evenly between them.
    private static func lifelines(_ count: Int, in area: Rectangle) -> [Int] {
        guard count > 1 else { return count == 1 ? [area.column] : [] }
        return (0..<count).map { area.column + $0 * max(1, area.columns - 1) / (count - 1) }
    }

    private mutating func draw(
        _ line: SequenceLines.Line, _ places: [Int], clock: Int, isNewest: Bool, in area: Rectangle
    ) {
        let time = Quantity.time(line.time)
        grid.write(
            String(time.suffix(clock)).leftPadded(to: clock), at: Position(row: area.row, column: area.column),
            role: isNewest ? .textStrong : .textDim, in: area)
        guard places.indices.contains(line.from) else { return }
        let role = Role(line.tone)
        guard let to = line.to, places.indices.contains(to) else {
            drawEvent(line, at: places[line.from], isLast: line.from + 1 == places.count, role, in: area)
            return
        }
        let (left, right) = (min(places[line.from], places[to]), max(places[line.from], places[to]))
        let isPacket = line.tone == .kindMessage || line.tone == .kindPacket
        for column in left + 1..<max(left + 1, right) {
            // What is no message is dotted, so that it can be told apart without colours.
            let isDrawn = isPacket || column % 2 == 0
            grid.put(
                isDrawn ? glyphs.horizontal : " ", at: Position(row: area.row, column: column), role: role)
        }
        let isRightward = places[to] > places[line.from]
        grid.put(
            isRightward ? glyphs.arrowRight : glyphs.arrowLeft,
            at: Position(row: area.row, column: isRightward ? right - 1 : left + 1), role: role)
        // At the guest's end, where no other lifeline is crossed.
        let guest = max(line.from, to)
        let segment = guest > 0 ? places[guest - 1] + 3..<places[guest] - 2 : left + 3..<right - 2
        guard segment.count > 4 else { return }
        let label = " \(line.label) "
        let width = min(DisplayText.columns(of: label), segment.count)
        let room = Rectangle(
            row: area.row, column: segment.lowerBound + (segment.count - width) / 2, rows: 1, columns: width)
        grid.write(
            label, at: Position(row: room.row, column: room.column), role: isNewest ? .textStrong : role, in: room,
            ellipsis: glyphs.ellipsis)
    }

    /// What happens at one lifeline: a mark on it, its words beside it.
    private mutating func drawEvent(
        _ line: SequenceLines.Line, at column: Int, isLast: Bool, _ role: Role, in area: Rectangle
    ) {
        grid.put(
            line.tone == .kindFault ? glyphs.cross : glyphs.bullet, at: Position(row: area.row, column: column),
            role: role)
        if isLast, column > area.column + area.columns / 2 {
            let room = Rectangle(
                row: area.row, column: area.column + area.columns / 4, rows: 1,
                columns: column - area.column - area.columns / 4 - 1)
            let width = min(DisplayText.columns(of: line.label), room.columns)
            let text = Rectangle(row: area.row, column: room.endColumn - width, rows: 1, columns: width)
            grid.write(
                line.label, at: Position(row: area.row, column: text.column), role: role, in: text,
                ellipsis: glyphs.ellipsis)
        } else {
            let room = Rectangle(
                row: area.row, column: column + 2, rows: 1, columns: area.endColumn - column - 2)
            grid.write(
                line.label, at: Position(row: area.row, column: column + 2), role: role, in: room,
                ellipsis: glyphs.ellipsis)
        }
    }

    // MARK: The time bar

    /// Steps from the first to the last that was reached: where it stands, and where branches begin.
    private mutating func drawTimeBar(_ session: SessionSummary, in area: Rectangle) {
        guard !area.isEmpty, area.columns >= 20 else { return }
        let (bar, words) = area.cutTop(1)
        let last = max(1, session.endStep)
        func column(_ step: UInt64) -> Int {
            let share = Double(min(step, last)) / Double(last)
            return bar.column + Int(share * Double(bar.columns - 1))
        }
        let here = column(session.step)
        for place in bar.column..<bar.endColumn {
            let isPast = place <= here
            grid.put(
                isPast ? glyphs.fullBlock : glyphs.lightShade, at: Position(row: bar.row, column: place),
                role: isPast ? .timePast : .gaugeEmpty)
            let step = UInt64(Double(place - bar.column) / Double(max(1, bar.columns - 1)) * Double(last))
            hits.append(
                Hit(area: Rectangle(row: bar.row, column: place, rows: 1, columns: 1), target: .step(step)))
        }
        for branch in session.branches where branch.parent != nil && branch.forkStep <= last {
            grid.put("Y", at: Position(row: bar.row, column: column(branch.forkStep)), role: .mark)
        }
        for mark in session.marks where mark.step <= last {
            grid.put(
                mark.isBreach ? glyphs.cross : "!", at: Position(row: bar.row, column: column(mark.step)),
                role: mark.isBreach ? .treeBad : .mark)
        }
        if let place = inspector.comparison?.place, inspector.comparison?.left == session.branch, place.step <= last {
            grid.put("=", at: Position(row: bar.row, column: column(place.step)), role: .mark)
        }
        grid.put(glyphs.expanded, at: Position(row: bar.row, column: here), role: .timeNow)
        guard !words.isEmpty else { return }
        let text =
            "step \(session.step) of \(session.endStep), \(Quantity.time(session.place.time)) s of "
            + "\(Quantity.time(session.end.time)) s, branch \(session.branch)"
        grid.write(
            text, at: Position(row: words.row, column: words.column), role: .textDim, in: words,
            ellipsis: glyphs.ellipsis)
    }
}

extension String {
    /// With blanks in front, so that it has this many characters.
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
