import VMBusWire

/// Records as a sequence chart for Mermaid: partitions as lifelines, what one sends to another as arrows.
public struct SequenceChart: Sendable {
    /// More records than this nobody reads in one chart.
    public static let maximumRecords = 2000

    private var text = "sequenceDiagram\n"
    private var count = 0

    /// An empty chart.
    public init() {}

    /// Names a lifeline; the first one stands on the left.
    public mutating func addPartition(_ number: UInt16, _ name: String) {
        text += "    participant p\(number) as \(Self.plain(name))\n"
    }

    /// Adds a record; samples and keyframes are passed by.
    ///
    /// - Parameter label: what it says.
    /// - Throws: `CommandRefusal` when there are too many.
    public mutating func add(_ header: FlowRecordHeader, label: String) throws(CommandRefusal) {
        guard header.kind != .sample, header.kind != .keyframe else { return }
        guard count < Self.maximumRecords else {
            throw CommandRefusal("a chart has at most \(Self.maximumRecords) records; choose a shorter range")
        }
        count += 1
        let label = "\(header.sequence) \(Self.plain(label))"
        let guest = "p\(header.partition)"
        let arrow = header.kind == .message || header.kind == .packet ? "->>" : "-)"
        switch header.direction {
        case .guestToHost: text += "    \(guest)\(arrow)p0: \(label)\n"
        case .hostToGuest: text += "    p0\(arrow)\(guest): \(label)\n"
        case nil: text += "    Note over \(guest): \(label)\n"
        }
    }

    /// What was added since.
    public mutating func take() -> String {
        defer { text = "" }
        return text
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
            case _ where scalar.steersTerminal: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
