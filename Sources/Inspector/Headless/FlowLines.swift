import BusModel
import VMBusWire

/// The log as it grows, one line per record: what a headless run prints.
public struct FlowLines: Sendable {
    /// Whether lines are JSON, schema `vmbusscope.flow/1`.
    public let isJSON: Bool
    private var last: UInt64 = 0

    /// Nothing has been printed yet.
    public init(isJSON: Bool) { self.isJSON = isJSON }

    /// The lines of all records that have come since the last call and are still kept, each ended.
    public mutating func new(in state: InspectorState) -> [UInt8] {
        let history = state.history
        var writer = JSONWriter()
        var text = ""
        for index in history.index(from: last + 1)..<max(history.count, history.index(from: last + 1)) {
            guard let entry = history[index] else { continue }
            if isJSON {
                FlowJSON.write(entry, history.payload(at: index), to: &writer)
            } else {
                text += Self.line(entry)
            }
        }
        last = max(last, history.lastSequence)
        return isJSON ? writer.take() : Array(text.utf8)
    }

    private static func line(_ entry: FlowEntry) -> String {
        let header = entry.header
        let arrow: String =
            switch header.direction {
            case .guestToHost: ">"
            case .hostToGuest: "<"
            case nil: " "
            }
        let cells = [
            leading(String(header.sequence), 7), leading(Quantity.time(header.time), 12),
            trailing(PlainText.clean(entry.partitionName), 9), arrow, trailing(entry.channelLabel, 12),
            leading(header.relid == 0 ? "-" : String(header.relid), 5), trailing(entry.name, 24),
            leading(String(header.payloadLength), 6), PlainText.clean(entry.info),
        ]
        var line = cells.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }

    private static func leading(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func trailing(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
