import BusModel
import Query
import VMBusPartitions
import VMBusWire

/// A run of records as a sequence chart for Mermaid: partitions as lifelines, what one sends to another as arrows.
struct SequenceChart {
    /// More records than this nobody reads in one chart.
    static let maximumRecords = 2000

    private var lines: [String] = ["sequenceDiagram"]
    private var count = 0
    private static let name = QuerySchema.record.field("name")
    private static let info = QuerySchema.record.field("info")
    private static let channel = QuerySchema.record.field("channel")

    init(_ scenario: Scenario) {
        for (index, name) in ([scenario.rootName] + scenario.guests.map(\.name)).enumerated() {
            lines.append("    participant p\(index) as \(Self.plain(name))")
        }
    }

    /// Adds a record.
    mutating func add(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ subject: (any QuerySubject)?
    ) throws(CommandRefusal) {
        guard header.kind != .sample, header.kind != .keyframe else { return }
        count += 1
        guard count <= Self.maximumRecords else {
            throw CommandRefusal("a chart has at most \(Self.maximumRecords) records; choose a shorter range")
        }
        let label = Self.label(header, payload, subject)
        let guest = "p\(header.partition)"
        let arrow = header.kind == .message || header.kind == .packet ? "->>" : "-)"
        switch header.direction {
        case .guestToHost: lines.append("    \(guest)\(arrow)p0: \(label)")
        case .hostToGuest: lines.append("    p0\(arrow)\(guest): \(label)")
        case nil: lines.append("    Note over \(guest): \(label)")
        }
    }

    /// The whole chart.
    var text: String { lines.joined(separator: "\n") + "\n" }

    private static func label(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ subject: (any QuerySubject)?
    ) -> String {
        func value(_ field: QueryField?) -> String? {
            guard let field, case .text(let text) = subject?.value(of: field), !text.isEmpty else { return nil }
            return text
        }
        let isText = [.note, .fault, .gap].contains(header.kind)
        let words = [
            value(name)?.split(separator: ".").dropFirst().joined(separator: ".")
                ?? "\(header.kind.word) \(header.code)",
            value(channel), value(info) ?? (isText ? String(decoding: payload, as: UTF8.self) : nil),
        ]
        return "\(header.sequence) " + plain(words.compactMap { $0 }.joined(separator: " "))
    }

    /// Text without what Mermaid takes for its own, and not too long.
    private static func plain(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(100) {
            switch scalar {
            case "#": result += "#35;"
            case ";": result += "#59;"
            case "<": result += "#lt;"
            case ">": result += "#gt;"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
