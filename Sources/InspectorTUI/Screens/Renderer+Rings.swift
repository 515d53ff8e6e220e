import BusModel
import Inspector
import VMBusWire

extension Renderer {
    /// The two rings of the chosen channel and the packets of one of them.
    mutating func drawRings(in area: Rectangle) {
        guard !area.isEmpty else { return }
        guard let model = state.ringModel(inspector) else {
            let text =
                inspector.snapshot.busAvailable ? "No channel is known yet." : "There is no VMBus here."
            grid.write(
                text, at: Position(row: area.row, column: area.column + 1), role: .textDim, in: area,
                ellipsis: glyphs.ellipsis)
            return
        }
        var rest = area
        var head: Rectangle
        (head, rest) = rest.cutTop(1)
        drawHeading(model, in: head)
        let shape = RingShape(rows: rest.rows)
        for (picture, fills) in [(model.inbound, model.inboundFills), (model.outbound, model.outboundFills)] {
            let (ring, below) = rest.cutTop(shape.rows)
            rest = below
            drawRing(picture, fills, shape, in: ring)
        }
        drawPackets(model, in: rest)
    }

    private mutating func drawHeading(_ model: RingModel, in line: Rectangle) {
        grid.fill(line, role: .tableHeader)
        let partition = inspector.snapshot.partition(model.channel.partition)?.name ?? ""
        let right = "in \(partition) "
        let (left, end) = line.cutRight(min(DisplayText.columns(of: right), line.columns / 3))
        grid.write(
            " " + model.title, at: Position(row: line.row, column: line.column), role: .tableHeader, in: left,
            ellipsis: glyphs.ellipsis)
        grid.write(
            right, at: Position(row: end.row, column: end.column), role: .tableHeader, in: end,
            ellipsis: glyphs.ellipsis)
    }

    // MARK: One ring

    private mutating func drawRing(
        _ picture: RingPicture, _ fills: [Double], _ shape: RingShape, in area: Rectangle
    ) {
        guard !area.isEmpty else { return }
        hits.append(Hit(area: area, target: .ring(picture.direction)))
        var rest = area
        func cut(_ rows: Int) -> Rectangle {
            let (top, below) = rest.cutTop(rows)
            rest = below
            return top
        }
        drawFacts(picture, in: cut(1))
        let bar = cut(shape.bar).inset(left: 1, right: 1)
        guard let size = picture.size, size > 0 else {
            grid.write(
                "No ring yet: the guest makes it when it opens the channel.",
                at: Position(row: bar.row, column: bar.column), role: .textDim, in: bar, ellipsis: glyphs.ellipsis)
            return
        }
        let scale = RingScale(size: size, columns: bar.columns)
        drawBar(picture, scale, in: bar)
        drawMarks(picture, scale, in: cut(shape.marks).inset(left: 1, right: 1))
        let history = cut(shape.history).inset(left: 1, right: 1)
        guard !history.isEmpty else { return }
        let label = "fill over time "
        grid.write(label, at: Position(row: history.row, column: history.column), role: .textDim, in: history)
        guard !fills.isEmpty else {
            let rest = history.cutLeft(label.count).rest
            grid.write(
                "not sampled yet", at: Position(row: rest.row, column: rest.column), role: .textUnknown, in: rest)
            return
        }
        guard fills.contains(where: { $0 > 0 }) else {
            let rest = history.cutLeft(label.count).rest
            grid.write(
                "nothing waited at \(fills.count == 1 ? "the look" : "any of \(fills.count) looks")",
                at: Position(row: rest.row, column: rest.column), role: .textDim, in: rest, ellipsis: glyphs.ellipsis)
            return
        }
        SparklineWidget(values: fills.map { $0 }, maximum: 1, role: .ringFill).draw(
            on: &grid, in: history.cutLeft(label.count).rest, glyphs: glyphs)
    }

    private mutating func drawFacts(_ picture: RingPicture, in line: Rectangle) {
        let isChosen = state.rings.direction == picture.direction
        let inbound = picture.direction == .hostToGuest
        var spans = [
            Span(isChosen ? String(glyphs.arrowRight) : " ", .mark),
            Span(inbound ? "Host to guest" : "Guest to host", isChosen ? .textStrong : .text),
        ]
        // What is not as it should be comes before what can be seen in the picture anyway.
        var facts: [(span: Span, priority: Int)] = []
        func add(_ text: String, _ role: Role = .text, shade: UInt8 = 0, priority: Int = 0) {
            facts.append((Span("  " + text, role, shade: shade), priority))
        }
        if let size = picture.size { add("\(Quantity.bytes(size))B", .statusInfo) }
        if let used = picture.used, let fill = picture.fill {
            add(
                "waiting \(Quantity.bytes(used))B (\(Quantity.share(fill)))", used == 0 ? .textDim : .ringFill,
                shade: UInt8(min(1, max(0, fill)) * 100))
        }
        if let most = picture.usedMaximum, let looks = picture.usedLooks {
            add("at most \(Quantity.bytes(most))B in \(looks) looks", most == 0 ? .textDim : .ringFill, priority: 2)
        }
        if picture.isTorn { add("torn copy", .statusWarn) }
        if let free = picture.free { add("free \(Quantity.bytes(free))B", priority: 3) }
        if picture.isFromImage, picture.damage == nil {
            let count = picture.blocks.count
            add("\(count)\(picture.hasMoreBlocks ? "+" : "") packet\(count == 1 ? "" : "s")", priority: 2)
        }
        switch picture.isMasked {
        case true?: add("masked", .statusWarn, priority: 1)
        case false?: add("unmasked", .textDim, priority: 4)
        case nil: break
        }
        if let pending = picture.pendingSize, pending > 0 {
            add("sender waits for \(Quantity.bytes(UInt64(pending)))B", .ringPending)
        }
        if let damage = picture.damage { add(damage, .statusError) }
        while Span.columns(of: spans + facts.map(\.span)) > line.columns,
            let victim = facts.indices.filter({ facts[$0].priority > 0 }).max(by: {
                facts[$0].priority < facts[$1].priority
            })
        {
            facts.remove(at: victim)
        }
        spans += facts.map(\.span)
        grid.write(spans, at: Position(row: line.row, column: line.column), in: line, ellipsis: glyphs.ellipsis)
    }

    private mutating func drawBar(_ picture: RingPicture, _ scale: RingScale, in area: Rectangle) {
        func paint(_ cells: Range<Int>, _ scalar: Unicode.Scalar, _ role: Role, shade: UInt8 = 0) {
            for column in cells where column < area.columns {
                for row in 0..<area.rows {
                    grid.put(
                        scalar, at: Position(row: area.row + row, column: area.column + column), role: role,
                        shade: shade)
                }
            }
        }
        paint(0..<area.columns, glyphs.emptyGauge, .ringFree)
        let chosen = state.rings.direction == picture.direction ? state.rings.block : nil
        if !picture.blocks.isEmpty {
            for (index, block) in picture.blocks.enumerated() {
                let isEven = index.isMultiple(of: 2)
                for cells in scale.cells(from: UInt64(block.offset), length: UInt64(block.length)) {
                    paint(
                        cells, isEven ? glyphs.fullBlock : glyphs.mediumShade, isEven ? .ringPacketA : .ringPacketB)
                }
            }
            // The chosen one lies above all others: in a big ring several share a cell.
            if let block = picture.blocks.first(where: { $0.offset == chosen }) {
                for cells in scale.cells(from: UInt64(block.offset), length: UInt64(block.length)) {
                    paint(cells, glyphs.bullet, .ringSelected)
                }
            }
        } else if let used = picture.used, used > 0, let fill = picture.fill {
            let start = picture.readIndex ?? 0
            for cells in scale.cells(from: start, length: used) {
                paint(cells, glyphs.fullBlock, .ringFill, shade: UInt8(fill * 100))
            }
        }
    }

    /// Below the bar: where is read and written next, and how far reading must come before a waiting sender can go on.
    private mutating func drawMarks(_ picture: RingPicture, _ scale: RingScale, in line: Rectangle) {
        guard !line.isEmpty else { return }
        guard let read = picture.readIndex, let write = picture.writeIndex else {
            let text =
                picture.used == nil
                ? "Neither packets nor indices of this ring are told."
                : "Linux tells how much waits, but not where, and shows no packets."
            grid.write(
                text, at: Position(row: line.row, column: line.column), role: .textUnknown, in: line,
                ellipsis: glyphs.ellipsis)
            return
        }
        if let pending = picture.pendingSize, pending > 0, let size = picture.size, size > 0 {
            let place = scale.cell(of: (write % size + UInt64(pending) % size) % size)
            grid.put("P", at: Position(row: line.row, column: line.column + place), role: .ringPending)
        }
        let arrow = String(glyphs.arrowUp)
        if read == write {
            drawMark("\(arrow) R W \(read)", "R W \(read) \(arrow)", at: scale.cell(of: read), .ringIndexRead, in: line)
            return
        }
        let marks = [(read, "R", Role.ringIndexRead), (write, "W", Role.ringIndexWrite)].sorted { $0.0 < $1.0 }
        let (first, second) = (marks[0], marks[1])
        let border = scale.cell(of: second.0)
        let start = scale.cell(of: first.0)
        let text = "\(arrow) \(first.1) \(first.0)"
        if border - start < text.count, start + 1 < text.count {
            let spans = [Span(text, first.2), Span("  \(second.1) \(second.0)", second.2)]
            grid.write(spans, at: Position(row: line.row, column: line.column + start), in: line)
            return
        }
        // The left one ends at its place, the right one begins there, so that they never meet.
        let left = line.cutLeft(max(scale.cell(of: first.0) + 1, border)).left
        drawMark(
            "\(arrow) \(first.1) \(first.0)", "\(first.1) \(first.0) \(arrow)", at: scale.cell(of: first.0), first.2,
            in: left)
        drawMark(
            "\(arrow) \(second.1) \(second.0)", "\(second.1) \(second.0) \(arrow)", at: border, second.2,
            in: line.inset(left: border))
    }

    /// Writes a mark that begins at a cell if there is room behind it, else one that ends there, else only its arrow.
    private mutating func drawMark(_ behind: String, _ front: String, at cell: Int, _ role: Role, in area: Rectangle) {
        let column = layout.content.column + 1 + cell
        let width = DisplayText.columns(of: behind)
        if column + width <= area.endColumn {
            grid.write(behind, at: Position(row: area.row, column: column), role: role, in: area)
        } else if column - width + 1 >= area.column {
            grid.write(front, at: Position(row: area.row, column: column - width + 1), role: role, in: area)
        } else {
            grid.put(glyphs.arrowUp, at: Position(row: area.row, column: column), role: role)
        }
    }

    // MARK: Packets

    private mutating func drawPackets(_ model: RingModel, in area: Rectangle) {
        guard !area.isEmpty else { return }
        let picture = state.rings.direction == .hostToGuest ? model.inbound : model.outbound
        let blocks = picture.blocks
        let visible = area.rows - 1
        let offset = TableWidget.offset(
            showing: blocks.isEmpty ? nil : state.rings.index, from: state.rings.offset, visible: visible,
            of: blocks.count)
        let reader = picture.direction == .hostToGuest ? "guest" : "host"
        let emptyText =
            picture.isFromImage
            ? "No packet waits: the \(reader) has read all."
            : model.absence ?? "The ring's memory cannot be seen now."
        let widget = TableWidget(
            columns: [
                .init(title: "#", width: .fixed(5), alignment: .right),
                .init(title: "Offset", width: .fixed(9), alignment: .right),
                .init(title: "Bytes", width: .fixed(7), alignment: .right),
                .init(title: "Transaction", width: .fixed(18), alignment: .right, priority: 1),
                .init(title: "Packet", width: .flexible(minimum: 12)),
            ], rowCount: blocks.count, selected: blocks.isEmpty ? nil : state.rings.index, offset: offset,
            hasFocus: state.details.focus == .list && state.popup == nil, emptyText: emptyText
        ) { index in
            let block = blocks[index]
            let wraps = UInt64(block.offset + block.length) > picture.size ?? .max
            return [
                [Span("\(index + 1)", .textDim)], [Span("\(block.offset)", .statusInfo)], [Span("\(block.length)")],
                [Span("0x" + String(block.transactionID, radix: 16), .statusInfo)],
                [Span(block.name, .protocolPacket), Span(wraps ? "  goes on at the ring's start" : "", .textDim)],
            ]
        }
        widget.draw(on: &grid, in: area, glyphs: glyphs)
        let body = area.cutTop(1).rest
        for row in 0..<body.rows where offset + row < blocks.count {
            hits.append(Hit(area: body.line(row), target: .block(offset + row)))
        }
    }
}

/// How many rows the parts of a ring have in a certain room for both rings and the list.
struct RingShape: Hashable {
    var bar = 1
    var marks = 0
    var history = 0

    init(rows: Int) {
        if rows >= 9 { marks = 1 }
        if rows >= 12 { history = 1 }
        if rows >= 24 { bar = 2 }
        if rows >= 30 { (bar, history) = (3, 2) }
    }

    /// Rows of one ring.
    var rows: Int { 1 + bar + marks + history }
}

/// Which cell of a bar stands for which bytes of a ring.
struct RingScale: Hashable {
    let size: UInt64
    let columns: Int

    /// The cell that holds a byte.
    func cell(of byte: UInt64) -> Int {
        guard size > 0, columns > 0 else { return 0 }
        let share = Double(min(byte, size - 1)) / Double(size)
        return min(columns - 1, Int(share * Double(columns)))
    }

    /// The cells of some bytes, at least one; two runs where the bytes go beyond the ring's end.
    func cells(from start: UInt64, length: UInt64) -> [Range<Int>] {
        guard size > 0, columns > 0, length > 0 else { return [] }
        let start = start % size
        let length = min(length, size)
        let first = min(length, size - start)
        var runs = [cell(of: start)..<cell(of: start + first - 1) + 1]
        if length > first { runs.append(0..<cell(of: length - first - 1) + 1) }
        return runs
    }
}
