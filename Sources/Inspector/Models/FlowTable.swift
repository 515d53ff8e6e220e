import BusModel
public import VMBusWire

extension InspectorState {
    /// The columns of the flow view.
    public static let flowColumns: [Column] = [
        Column("seq", "Seq", "The record's number in the log.", .trailing, width: 4...12, isSortable: false),
        Column("time", "Time", "The log's time in seconds.", .trailing, width: 9...16, isSortable: false),
        Column("partition", "Partition", "Whose bus it is.", width: 5...12, priority: 4, isSortable: false),
        Column("direction", "", "Who sent it: > guest to host, < host to guest.", width: 1...1, isSortable: false),
        Column(
            "channel", "Channel", "What people call the channel, with :1 for a sub-channel.", width: 7...16,
            priority: 1, isSortable: false),
        Column(
            "relid", "Relid", "The channel's number at that moment.", .trailing, width: 5...6, priority: 3,
            isSortable: false),
        Column("name", "Name", "Layer and name of the record.", width: 20...40, isSortable: false),
        Column("length", "Len", "Bytes of the record.", .trailing, width: 3...7, priority: 2, isSortable: false),
        Column("info", "Info", "What the record says, in one line.", width: 10...200, isSortable: false),
    ]

    /// How many rows the flow has: the records up to the moment that is shown, without those that the filter hides.
    public var flowRowCount: Int {
        let last = lastShownSequence
        return flowFilter.isActive ? flowFilter.count(upTo: last) : history.index(after: last)
    }

    /// How many records up to the moment that is shown the filter hides, as far as it has looked.
    public var flowHiddenCount: Int {
        guard flowFilter.isActive else { return 0 }
        let last = lastShownSequence
        let shown = history.index(after: last)
        return max(0, min(shown, history.index(from: flowFilter.next)) - flowRowCount)
    }

    /// Some rows of the flow, made when they are asked for; only those that are there.
    public func flowRows(_ range: Range<Int>) -> [Row] {
        let end = min(range.upperBound, flowRowCount)
        guard range.lowerBound < end else { return [] }
        return (max(0, range.lowerBound)..<end).compactMap { row in
            historyIndex(ofFlowRow: row).flatMap { history[$0] }.map(flowRow)
        }
    }

    /// Some rows of the flow as a table.
    public func flowTable(_ range: Range<Int>) -> TableModel {
        TableModel(
            columns: Self.flowColumns, rows: flowRows(range), hiddenCount: flowHiddenCount,
            emptyText: history.isEmpty
                ? "Nothing has happened yet."
                : "The filter hides all; \(history.count) records are there.")
    }

    /// Where a row of the flow lies in the history; nil when there is no such row.
    public func historyIndex(ofFlowRow row: Int) -> Int? {
        guard row >= 0, row < flowRowCount else { return nil }
        return flowFilter.isActive ? history.index(ofSequence: flowFilter.matches[row]) : row
    }

    /// The row of a record, or of the first behind it that is shown; nil when there is none.
    public func flowRow(ofSequence sequence: UInt64) -> Int? {
        let row =
            flowFilter.isActive
            ? (sequence == 0 ? 0 : flowFilter.count(upTo: sequence - 1)) : history.index(from: sequence)
        return row < flowRowCount ? row : nil
    }

    /// A record with its bytes and named fields, for the panes beside the list; nil when it is not kept.
    public func record(_ sequence: UInt64) -> (entry: FlowEntry, payload: ArraySlice<UInt8>, tree: FieldTree)? {
        guard let index = history.index(ofSequence: sequence), let entry = history[index] else { return nil }
        let payload = history.payload(at: index)
        return (entry, payload, RecordDissector.tree(entry, payload))
    }

    private var lastShownSequence: UInt64 {
        if case .paused(let sequence) = timeMode { sequence } else { .max }
    }

    private func flowRow(_ entry: FlowEntry) -> Row {
        let header = entry.header
        let arrow: String =
            switch header.direction {
            case .guestToHost: ">"
            case .hostToGuest: "<"
            case nil: ""
            }
        let tone = Tone(header.kind)
        return Row(
            id: .record(header.sequence),
            cells: [
                Cell(String(header.sequence), .dim),
                Cell(Quantity.time(header.time), .dim, raw: Quantity.exactTime(header.time)),
                Cell(entry.partitionName), Cell(arrow, Tone(header.direction)),
                entry.channelLabel.isEmpty ? .unknown : Cell(entry.channelLabel, .accent),
                header.relid == 0 ? .unknown : Cell(String(header.relid), .identifier), Cell(entry.name, tone),
                Cell(String(header.payloadLength), .number), Cell(entry.info),
            ])
    }
}
