import BusModel
import Inspector

/// The list of a view at one moment; the rows of a long one are made when they are asked for.
struct ScreenList {
    /// The columns, in order.
    let columns: [Inspector.Column]
    /// How many rows there are.
    let count: Int
    /// How the rows are ordered.
    let sort: SortOrder
    /// How many rows the filter hides.
    let hiddenCount: Int
    /// What is shown in place of rows.
    let emptyText: String
    private let content: Content

    private enum Content {
        case table(TableModel)
        case flow(InspectorState)
    }

    init(_ table: TableModel) {
        columns = table.columns
        count = table.rows.count
        sort = table.sort
        hiddenCount = table.hiddenCount
        emptyText = table.emptyText
        content = .table(table)
    }

    init(flowOf inspector: InspectorState) {
        let head = inspector.flowTable(0..<0)
        columns = head.columns
        count = inspector.flowRowCount
        sort = head.sort
        hiddenCount = head.hiddenCount
        emptyText = head.emptyText
        content = .flow(inspector)
    }

    /// The list of a view; the packets of a ring are no list of rows.
    static func of(_ view: InspectorView, _ inspector: InspectorState) -> ScreenList? {
        switch view {
        case .partitions: ScreenList(inspector.partitionsTable())
        case .channels: ScreenList(inspector.channelsTable())
        case .flow: ScreenList(flowOf: inspector)
        case .ledger: ScreenList(inspector.ledgerTable())
        case .doctor: ScreenList(inspector.doctorTable())
        case .cpus: ScreenList(inspector.processorsTable())
        case .session: ScreenList(inspector.sessionTable())
        case .rings: nil
        }
    }

    /// A row; nil when there is none.
    func row(_ index: Int) -> Row? {
        switch content {
        case .table(let table): table.rows.indices.contains(index) ? table.rows[index] : nil
        case .flow(let inspector): inspector.flowRows(index..<index + 1).first
        }
    }

    /// Where a row is, or for a record the first behind it; nil when it is gone.
    func index(of id: RowID) -> Int? {
        switch content {
        case .table(let table): table.rows.firstIndex { $0.id == id }
        case .flow(let inspector):
            if case .record(let sequence) = id { inspector.flowRow(ofSequence: sequence) } else { nil }
        }
    }

    /// The row's text as it is copied: its cells with tabulators between them.
    func text(_ index: Int) -> String? {
        row(index)?.cells.map { $0.raw ?? $0.text }.joined(separator: "\t")
    }

    /// How wide each column would like to be: as wide as what is in it, within its limits. The columns of a long list go
    /// by what can be in it, so that they do not move while it is scrolled.
    func widths(in room: Int) -> [Int] {
        switch content {
        case .table(let table):
            columns.indices.map { index in
                let column = columns[index]
                var width = DisplayText.columns(of: column.title) + (sort.column == column.id ? 1 : 0)
                for row in table.rows where index < row.cells.count {
                    var own = DisplayText.columns(of: row.cells[index].text)
                    if index == 0 { own += row.depth * 2 + (hasTree ? 2 : 0) }
                    width = max(width, own)
                }
                // Long names must not drive the numbers from a narrow screen.
                let widest = room < Self.narrow ? Self.narrowWidths[column.id] : nil
                return min(max(width, column.width.lowerBound), widest ?? column.width.upperBound)
            }
        case .flow(let inspector): flowWidths(inspector, in: room)
        }
    }

    private static let narrow = 110
    private static let tiny = 70
    private static let narrowWidths = ["device": 20, "net": 7, "partition": 12, "subject": 14, "actor": 13, "what": 28]

    /// Whether rows lie inside others.
    var hasTree: Bool {
        if case .table(let table) = content { table.rows.contains { $0.isExpandable || $0.depth > 0 } } else { false }
    }

    /// Which columns go first where there is no room; nil for a column that says nothing: one that is unknown in every row,
    /// or the partition where there is only one. Of several guests it is worth much to which something belongs.
    func priority(of index: Int, room: Int) -> Int? {
        let column = columns[index]
        switch content {
        case .flow(let inspector):
            switch column.id {
            case "partition": return inspector.snapshot.partitions.count > 2 ? 1 : 4
            case "channel" where inspector.snapshot.partitions.count > 2: return 2
            case "length": return 5
            case "time" where room < 50: return 6
            case "seq" where room < 30: return 7
            case "info" where room < 40: return 8
            default: return column.priority
            }
        case .table(let table):
            guard index > 0, !table.rows.isEmpty else { return column.priority }
            var values: [String] = []
            for row in table.rows where index < row.cells.count {
                let cell = row.cells[index]
                if !cell.series.isEmpty { return column.priority }
                if !values.contains(cell.text) { values.append(cell.text) }
                if values.count > 1 { break }
            }
            if column.id == "partition" { return values.count > 1 ? (room < Self.tiny ? 1 : 0) : nil }
            return values == [Inspector.Cell.unknown.text] || values == [""] ? nil : column.priority
        }
    }

    private func flowWidths(_ inspector: InspectorState, in room: Int) -> [Int] {
        let partition = inspector.snapshot.partitions.map { DisplayText.columns(of: $0.name) }.max() ?? 0
        let clock = String(inspector.lastTime / 1_000_000_000).count + 7
        let sequence = max(3, String(inspector.lastSequence).count)
        // The longest names have 33 characters; what a record says gets what they leave, and at least a little.
        let others = sequence + clock + min(partition, 12) + 1 + 9 + 6
        let name = min(room < 150 ? 33 : 40, max(20, room - others - 10))
        return columns.map { column in
            switch column.id {
            case "seq": sequence
            case "time": clock
            case "partition": min(max(5, partition), column.width.upperBound)
            case "channel": room < 100 ? 9 : 12
            case "name": room < 40 ? 18 : name
            case "length": 5
            case "info": room < 60 ? 8 : 10
            default: column.width.lowerBound
            }
        }
    }
}
