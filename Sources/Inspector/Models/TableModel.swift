public import BusModel
public import VMBusWire

/// The views of the inspector, in the order of their keys.
public enum InspectorView: Int, CaseIterable, Sendable, Hashable {
    /// Root and guests.
    case partitions = 1
    /// Every offer as a tree.
    case channels = 2
    /// The two rings of one channel.
    case rings = 3
    /// The log, record by record.
    case flow = 4
    /// Requests of the control plane, and who waits for whom.
    case ledger = 5
    /// What is wrong, worst first.
    case doctor = 6
    /// Processors and channels.
    case cpus = 7
    /// A simulation's choices, breakpoints and histories.
    case session = 8

    /// The word on the tab and on the command line.
    public var title: String {
        switch self {
        case .partitions: "Partitions"
        case .channels: "Channels"
        case .rings: "Rings"
        case .flow: "Flow"
        case .ledger: "Ledger"
        case .doctor: "Doctor"
        case .cpus: "CPUs"
        case .session: "Session"
        }
    }

    /// Its place among all views.
    public var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The view behind this one, the first behind the last.
    public var next: InspectorView { Self.allCases[(place + 1) % Self.allCases.count] }
    /// The view in front of this one, the last in front of the first.
    public var previous: InspectorView { Self.allCases[(place + Self.allCases.count - 1) % Self.allCases.count] }
}

/// What a piece of text is, so that a theme can colour it; text alone always says the same.
public enum Tone: String, CaseIterable, Sendable, Hashable {
    case plain
    /// Unknown, empty or less important.
    case dim
    case good
    case warn
    case bad
    /// A name or heading that the eye should find.
    case accent
    /// An identifier: GUID, relid, address.
    case identifier
    /// A count or size.
    case number
    case directionIn
    case directionOut
    case kindMessage
    case kindPacket
    case kindSignal
    case kindInterrupt
    case kindState
    case kindSample
    case kindFault
    case kindGap
    case kindNote

    /// The tone of a kind of record.
    public init(_ kind: FlowKind) {
        self =
            switch kind {
            case .message: .kindMessage
            case .packet: .kindPacket
            case .signal: .kindSignal
            case .interrupt: .kindInterrupt
            case .state, .keyframe: .kindState
            case .sample: .kindSample
            case .fault: .kindFault
            case .gap: .kindGap
            default: .kindNote
            }
    }

    /// The tone of a direction.
    public init(_ direction: Direction?) {
        self =
            switch direction {
            case .guestToHost: .directionOut
            case .hostToGuest: .directionIn
            case nil: .dim
            }
    }
}

/// One place in a table or a details pane.
public struct Cell: Sendable, Hashable {
    /// What it says, without control characters.
    public var text: String
    /// What it is.
    public var tone: Tone
    /// How full something is, 0 to 1, where a bar says more than the text.
    public var gauge: Double?
    /// The exact value where the text is rounded, for CSV; nil where the text is exact.
    public var raw: String?
    /// Values over time, oldest first, where a sparkline says more than the text; empty for none.
    public var series: [Double]

    /// Some text.
    public init(
        _ text: String, _ tone: Tone = .plain, gauge: Double? = nil, raw: String? = nil, series: [Double] = []
    ) {
        self.raw = raw
        self.text = text
        self.tone = tone
        self.gauge = gauge
        self.series = series
    }

    /// Nothing is known.
    public static let unknown = Cell("-", .dim)
}

/// Where text stands in a column.
public enum Alignment: String, Sendable, Hashable {
    case leading
    case trailing
}

/// One column of a table.
public struct Column: Sendable, Hashable {
    /// Lasting name: of the sort order, of CSV and JSON.
    public let id: String
    /// The heading.
    public let title: String
    /// What the column tells, in one sentence.
    public let help: String
    /// Where the text stands.
    public let alignment: Alignment
    /// The fewest and the most cells that the column may take.
    public let width: ClosedRange<Int>
    /// 0 for a column that always stays; of the others the highest goes first when there is no room.
    public let priority: Int
    /// Whether rows can be ordered by it.
    public let isSortable: Bool

    /// A column.
    public init(
        _ id: String, _ title: String, _ help: String, _ alignment: Alignment = .leading, width: ClosedRange<Int>,
        priority: Int = 0, isSortable: Bool = true
    ) {
        self.id = id
        self.title = title
        self.help = help
        self.alignment = alignment
        self.width = width
        self.priority = priority
        self.isSortable = isSortable
    }
}

/// What a row stands for, as long as it is there.
public enum RowID: Sendable, Hashable {
    case partition(UInt16)
    case device(partition: UInt16, instance: GUID)
    case channel(ChannelKey)
    /// A record of the log, by its sequence number.
    case record(UInt64)
    /// A processor of a partition.
    case processor(partition: UInt16, number: Int)
    /// A request of the ledger, by its number.
    case request(UInt64)
    /// A ring of waits, by its place.
    case cycle(Int)
    /// A ring whose reader is waited for.
    case ring(ChannelKey, Direction)
    /// A finding of the doctor.
    case finding(FindingID)
    /// Something of a simulation's session.
    case session(SessionRow)
}

/// One row of a table.
public struct Row: Sendable, Hashable, Identifiable {
    /// What it stands for.
    public var id: RowID
    /// One cell per column.
    public var cells: [Cell]
    /// How deep it lies in the tree; 0 outside of trees.
    public var depth: Int
    /// Whether there are rows inside.
    public var isExpandable: Bool
    /// Whether the rows inside are shown.
    public var isExpanded: Bool

    /// A row.
    public init(id: RowID, cells: [Cell], depth: Int = 0, isExpandable: Bool = false, isExpanded: Bool = false) {
        self.id = id
        self.cells = cells
        self.depth = depth
        self.isExpandable = isExpandable
        self.isExpanded = isExpanded
    }
}

/// How a table is ordered.
public struct SortOrder: Sendable, Hashable {
    /// A column's id; nil for the order of the bus itself.
    public var column: String?
    /// Largest first.
    public var isDescending: Bool

    /// An order.
    public init(column: String? = nil, isDescending: Bool = false) {
        self.column = column
        self.isDescending = isDescending
    }
}

extension SortOrder {
    /// The next order: by the next column that rows can be ordered by, the largest first where it holds numbers; behind the
    /// last comes the order of the bus itself.
    public func next(in columns: [Column]) -> SortOrder {
        let sortable = columns.filter(\.isSortable)
        let place = column.map { id in (sortable.firstIndex { $0.id == id } ?? sortable.count) + 1 } ?? 0
        guard place < sortable.count else { return SortOrder() }
        return SortOrder(column: sortable[place].id, isDescending: sortable[place].alignment == .trailing)
    }
}

/// A whole table: what a screen draws and `show` prints.
public struct TableModel: Sendable, Hashable {
    /// The columns, in order.
    public var columns: [Column]
    /// The rows, in order.
    public var rows: [Row]
    /// How the rows are ordered.
    public var sort: SortOrder
    /// How many rows the filter hides.
    public var hiddenCount: Int
    /// Why there are no rows, in one sentence, when there are none.
    public var emptyText: String

    /// A table.
    public init(
        columns: [Column], rows: [Row], sort: SortOrder = SortOrder(), hiddenCount: Int = 0, emptyText: String = ""
    ) {
        self.columns = columns
        self.rows = rows
        self.sort = sort
        self.hiddenCount = hiddenCount
        self.emptyText = emptyText
    }
}
