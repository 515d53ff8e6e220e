public import BusModel
public import Query
public import VMBusWire

/// How a view is printed.
public enum ShowFormat: String, CaseIterable, Sendable, Hashable {
    /// Columns, for people.
    case text
    /// Comma-separated values with a line of column ids, exact numbers.
    case csv
    /// One document; for the flow one line per record.
    case json
}

/// Why a view could not be printed.
public enum ShowError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The filter is not understood.
    case filter(QueryError)
    /// The record is not in the log, or no longer.
    case noSuchRecord(UInt64, kept: ClosedRange<UInt64>?)

    /// One line: what is wrong and what to do.
    public var description: String {
        switch self {
        case .filter(let error): "filter: \(error)"
        case .noSuchRecord(let sequence, nil): "record \(sequence) is not there: the log is empty"
        case .noSuchRecord(let sequence, let kept?):
            "record \(sequence) is not kept: choose one from \(kept.lowerBound) to \(kept.upperBound)"
        }
    }
}

/// The headless twin of the views: the same models as text, CSV or JSON.
public enum HeadlessShow {
    /// Prints a view.
    ///
    /// - Parameters:
    ///   - filter: what to show only; nil for everything. Of the rings view it chooses channels.
    ///   - sequence: the record behind which to look; nil for the newest.
    ///   - image: the bytes of a ring, where the source has them.
    /// - Throws: `ShowError` for a filter that is not understood or a record that is not kept.
    public static func render(
        _ view: InspectorView, _ state: InspectorState, format: ShowFormat, filter: String? = nil,
        at sequence: UInt64? = nil, image: (ChannelKey, Direction) -> RingImage? = { _, _ in nil }
    ) throws(ShowError) -> String {
        var state = state
        if let sequence, !state.pause(at: sequence) {
            let kept = state.history.isEmpty ? nil : state.history.firstSequence...state.history.lastSequence
            throw .noSuchRecord(sequence, kept: kept)
        }
        do throws(QueryError) {
            if let filter { try state.setFilter(view == .rings ? .channels : view, filter) }
        } catch {
            throw .filter(error)
        }
        switch (view, format) {
        case (.flow, .json): return flowLines(&state)
        case (.flow, _):
            finishFilter(&state)
            return table(state.flowTable(0..<state.flowRowCount), format)
        case (.partitions, .json): return SnapshotJSON.partitions(state)
        case (.channels, .json): return SnapshotJSON.channels(state)
        case (.partitions, _): return table(state.partitionsTable(), format)
        case (.channels, .csv): return csv(flatChannels(state))
        case (.channels, _): return table(state.channelsTable(isWhole: true), format)
        case (.ledger, .json): return LedgerJSON.document(state)
        case (.ledger, _): return table(state.ledgerTable(), format)
        case (.doctor, .json): return DoctorReport.json(state, state.diagnosed())
        case (.doctor, _): return table(state.doctorTable(), format)
        case (.cpus, .json): return ProcessorJSON.document(state)
        case (.cpus, _): return table(state.processorsTable(), format)
        case (.session, .json): return SimulationJSON.document(state)
        case (.session, _): return table(state.sessionTable(), format)
        case (.rings, _): return rings(state, format, image)
        }
    }

    /// One row per channel, with its device's title, as a list of values has no tree.
    private static func flatChannels(_ state: InspectorState) -> TableModel {
        var table = state.channelsTable(isWhole: true)
        let subchannel = Column("subchannel", "Sub", "0 for a primary channel.", .trailing, width: 1...5)
        table.columns.insert(subchannel, at: 1)
        var title = Cell("")
        table.rows = table.rows.compactMap { row in
            guard case .channel(let key) = row.id else {
                title = row.cells[0]
                return nil
            }
            var row = row
            row.cells[0] = title
            row.cells.insert(Cell(String(key.subchannel), .number), at: 1)
            return row
        }
        return table
    }

    private static func finishFilter(_ state: inout InspectorState) {
        while !state.flowFilter.isComplete { state.continueFiltering(budget: 65536) }
    }

    private static func flowLines(_ state: inout InspectorState) -> String {
        finishFilter(&state)
        var writer = JSONWriter()
        for row in 0..<state.flowRowCount {
            guard let index = state.historyIndex(ofFlowRow: row), let entry = state.history[index] else { continue }
            FlowJSON.write(entry, state.history.payload(at: index), to: &writer)
        }
        return writer.text
    }

    // MARK: Tables

    static func table(_ model: TableModel, _ format: ShowFormat) -> String {
        format == .csv ? csv(model) : text(model)
    }

    private static func csv(_ model: TableModel) -> String {
        // A sparkline is a picture of numbers that other columns hold; as a list it would be no value.
        let shown = model.columns.indices.filter { model.columns[$0].id != "activity" }
        var lines = [shown.map { model.columns[$0].id }.joined(separator: ",")]
        for row in model.rows {
            lines.append(
                shown.map { place in
                    let cell = row.cells[place]
                    return quoted(cell == .unknown ? "" : cell.raw ?? cell.text)
                }.joined(separator: ","))
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func quoted(_ text: String) -> String {
        let needsQuotes = text.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }

    private static func text(_ model: TableModel) -> String {
        guard !model.rows.isEmpty else { return model.emptyText + "\n" }
        let shown = model.columns.indices.filter { model.columns[$0].id != "activity" }
        var lines: [[String]] = [shown.map { model.columns[$0].title }]
        for row in model.rows {
            lines.append(
                shown.map { place in
                    (place == 0 ? String(repeating: "  ", count: row.depth) : "") + row.cells[place].text
                })
        }
        let widths = shown.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        let result = lines.map { line in
            var text = ""
            for (column, cell) in line.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                let isTrailing = model.columns[shown[column]].alignment == .trailing
                text += (column == 0 ? "" : "  ") + (isTrailing ? padding + cell : cell + padding)
            }
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }.joined()
        return result + (model.hiddenCount > 0 ? "(\(model.hiddenCount) hidden by the filter)\n" : "")
    }

    // MARK: Rings

    private static let ringColumns: [Column] = [
        Column("partition", "Partition", "", width: 1...40), Column("channel", "Channel", "", width: 1...40),
        Column("relid", "Relid", "", .trailing, width: 1...10), Column("ring", "Ring", "", width: 1...40),
        Column("size", "Size", "", .trailing, width: 1...12), Column("used", "Used", "", .trailing, width: 1...12),
        Column("free", "Free", "", .trailing, width: 1...12), Column("fill", "Fill", "", .trailing, width: 1...5),
        Column("write_index", "Write", "", .trailing, width: 1...12),
        Column("read_index", "Read", "", .trailing, width: 1...12),
        Column("masked", "Masked", "", width: 1...6),
        Column("pending_size", "Pending", "", .trailing, width: 1...12),
        Column("packets", "Packets", "", .trailing, width: 1...8), Column("damage", "Damage", "", width: 1...80),
    ]

    private static func rings(
        _ state: InspectorState, _ format: ShowFormat, _ image: (ChannelKey, Direction) -> RingImage?
    ) -> String {
        let table = state.channelsTable(isWhole: true)
        let models = table.rows.compactMap { row -> RingModel? in
            guard case .channel(let key) = row.id else { return nil }
            return state.ringModel(key, inbound: image(key, .hostToGuest), outbound: image(key, .guestToHost))
        }
        if format == .json { return SnapshotJSON.rings(state, models) }
        let rows = models.flatMap { model in
            [model.inbound, model.outbound].map { ringRow(state, model.channel, $0) }
        }
        return Self.table(
            TableModel(
                columns: ringColumns, rows: rows, hiddenCount: table.hiddenCount, emptyText: table.emptyText),
            format)
    }

    private static func ringRow(_ state: InspectorState, _ key: ChannelKey, _ ring: RingPicture) -> Row {
        let partition = state.snapshot.partition(key.partition)
        let device = state.snapshot.device(key.partition, key.device)
        func number(_ value: (some BinaryInteger)?) -> Cell { value.map { Cell(String($0), .number) } ?? .unknown }
        return Row(
            id: .channel(key),
            cells: [
                Cell(PlainText.clean(partition?.name ?? "")),
                Cell(device.map { ChannelLabel.text($0, subchannel: key.subchannel, in: partition) } ?? ""),
                number(state.snapshot.channel(key)?.relid),
                Cell(ring.direction.words), number(ring.size),
                number(ring.used), number(ring.free),
                ring.fill.map { Cell(Quantity.share($0), .number, gauge: $0, raw: $0.description) } ?? .unknown,
                number(ring.writeIndex), number(ring.readIndex),
                ring.isMasked.map { Cell($0 ? "yes" : "no") } ?? .unknown, number(ring.pendingSize),
                ring.isFromImage ? Cell("\(ring.blocks.count)\(ring.hasMoreBlocks ? "+" : "")", .number) : .unknown,
                Cell(ring.damage ?? "", .bad),
            ])
    }
}
