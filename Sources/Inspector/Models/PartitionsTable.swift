import BusModel
import Query
import VMBusWire

extension InspectorState {
    /// The columns of the partitions view.
    public static let partitionColumns: [Column] = [
        Column("name", "Partition", "The partition's name.", width: 8...24),
        Column("role", "Role", "Root partitions offer devices, guests use them.", width: 5...6, priority: 3),
        Column("state", "State", "How far the connection to the host is.", width: 9...13),
        Column("version", "Ver", "The negotiated VMBus protocol version.", .trailing, width: 4...5),
        Column("vps", "VPs", "Virtual processors.", .trailing, width: 3...4, priority: 4),
        Column("devices", "Dev", "Devices offered.", .trailing, width: 3...5),
        Column("channels", "Chn", "Channels of all devices, primaries and sub-channels.", .trailing, width: 3...5),
        Column("open", "Open", "Channels that are open.", .trailing, width: 4...5),
        Column("messages", "Msgs", "Channel messages so far.", .trailing, width: 4...12, priority: 2),
        Column("packets", "Packets", "Ring packets so far.", .trailing, width: 7...14, priority: 2),
        Column("packet_rate", "Pkt/s", "Ring packets per second.", .trailing, width: 5...6, priority: 1),
        Column("byte_rate", "B/s", "Bytes of ring packets per second.", .trailing, width: 5...6, priority: 3),
        Column(
            "activity", "Activity", "Packets and messages over time, the newest on the right.", width: 8...32,
            priority: 5, isSortable: false),
        Column("kernel", "Kernel", "The kernel that runs in the guest.", width: 8...32, priority: 6),
    ]

    /// Root and guests at the moment that is shown.
    public func partitionsTable() -> TableModel {
        var entries: [SortedRow] = []
        var hidden = 0
        for partition in snapshot.partitions {
            if let query = query(.partitions), !query.matches(PartitionSubject(partition)) {
                hidden += 1
                continue
            }
            entries.append(
                SortedRow(
                    row: Row(id: .partition(partition.number), cells: cells(partition)),
                    key: partitionKey(partition, partitionSort.column)))
        }
        return TableModel(
            columns: Self.partitionColumns, rows: SortedRow.ordered(entries, partitionSort), sort: partitionSort,
            hiddenCount: hidden, emptyText: emptyText(hidden, "partition"))
    }

    func emptyText(_ hidden: Int, _ what: String) -> String {
        if !snapshot.busAvailable { return "There is no VMBus here." }
        return hidden == 0 ? "No \(what) is known yet." : "The filter hides all; \(hidden) are there."
    }

    private func cells(_ partition: PartitionSnapshot) -> [Cell] {
        let rates = rates(partition: partition.number)
        let traffic = partition.traffic
        return [
            Cell(PlainText.clean(partition.name), .accent), Cell(partition.role == .root ? "root" : "guest"),
            partition.role == .root && partition.connection.value == nil
                ? Cell("host", .good) : Cell(partition.connection),
            partition.version.value.map { Cell($0.description, .number) } ?? .unknown,
            Cell(partition.virtualProcessors), Cell(String(partition.devices.count), .number),
            Cell(String(partition.channelCount), .number), Cell(String(partition.openChannelCount), .number),
            Cell(count: traffic.messages),
            Cell(count: traffic.packetsIn &+ traffic.packetsOut), Cell(rate: rates.packets),
            Cell(rate: rates.bytes), Cell("", .accent, series: rates.activity), Cell(text: partition.kernelRelease),
        ]
    }

    private func partitionKey(_ partition: PartitionSnapshot, _ column: String?) -> SortKey {
        let rates = rates(partition: partition.number)
        let traffic = partition.traffic
        return switch column {
        case "name": .text(partition.name)
        case "role": .number(Double(partition.role.rawValue))
        case "state": .number(partition.connection.value.map { Double($0.rawValue) })
        case "version": .number(partition.version.value.map { Double($0.rawValue) })
        case "vps": .number(partition.virtualProcessors.value.map { Double($0) })
        case "devices": .number(Double(partition.devices.count))
        case "channels": .number(Double(partition.channelCount))
        case "open": .number(Double(partition.openChannelCount))
        case "messages": .number(Double(traffic.messages))
        case "packets": .number(Double(traffic.packetsIn &+ traffic.packetsOut))
        case "packet_rate": .number(rates.packets)
        case "byte_rate": .number(rates.bytes)
        case "kernel": .text(partition.kernelRelease.value ?? "")
        default: .number(0)
        }
    }
}

/// What a row is ordered by.
enum SortKey {
    case text(String)
    /// Nil is behind all others in either order.
    case number(Double?)

    /// -1, 0, 1 in rising order.
    func order(_ other: SortKey) -> Int {
        switch (self, other) {
        case (.text(let left), .text(let right)):
            let (left, right) = (Array(left.utf8), Array(right.utf8))
            return left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
        case (.number(let left?), .number(let right?)): return left < right ? -1 : left > right ? 1 : 0
        default: return 0
        }
    }

    var isUnknown: Bool { if case .number(nil) = self { true } else { false } }
}

/// A row, with the rows inside it, and what it is ordered by.
struct SortedRow {
    var row: Row
    var inner: [Row] = []
    var key: SortKey

    /// The rows in order; equal ones keep theirs.
    static func ordered(_ rows: [SortedRow], _ order: SortOrder) -> [Row] {
        guard order.column != nil else { return rows.flatMap { [$0.row] + $0.inner } }
        return order.places(rows.map(\.key)).flatMap { [rows[$0].row] + rows[$0].inner }
    }
}

extension SortOrder {
    /// The places of what has these keys, in order; equal ones keep theirs.
    func places(_ keys: [SortKey]) -> [Int] {
        keys.indices.sorted { left, right in
            let (one, other) = (keys[left], keys[right])
            if one.isUnknown != other.isUnknown { return other.isUnknown }
            let result = isDescending ? other.order(one) : one.order(other)
            return result == 0 ? left < right : result < 0
        }
    }
}
