import BusModel
import Query
import VMBusPartitions
import VMBusWire

/// Charts of a simulation.
extension SequenceChart {
    private static let name = QuerySchema.record.field("name")
    private static let info = QuerySchema.record.field("info")
    private static let channel = QuerySchema.record.field("channel")

    /// A chart with all partitions of a scenario.
    init(_ scenario: Scenario) {
        self.init()
        for (index, name) in ([scenario.rootName] + scenario.guests.map(\.name)).enumerated() {
            addPartition(UInt16(clamping: index), name)
        }
    }

    /// Adds a record, with what a reader made of it.
    mutating func add(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ subject: (any QuerySubject)?
    ) throws(CommandRefusal) {
        func value(_ field: QueryField?) -> String? {
            guard let field, case .text(let text) = subject?.value(of: field), !text.isEmpty else { return nil }
            return text
        }
        let isText = [.note, .fault, .gap].contains(header.kind)
        let words = [
            value(Self.name)?.split(separator: ".").dropFirst().joined(separator: ".")
                ?? "\(header.kind.word) \(header.code)",
            value(Self.channel), value(Self.info) ?? (isText ? String(decoding: payload, as: UTF8.self) : nil),
        ]
        try add(header, label: words.compactMap { $0 }.joined(separator: " "))
    }
}
