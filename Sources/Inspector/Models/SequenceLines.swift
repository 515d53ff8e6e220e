import BusModel
import VMBusWire

/// The last records in front of a moment as a sequence chart: partitions are lifelines, messages and signals arrows.
public struct SequenceLines: Sendable, Hashable {
    /// One record.
    public struct Line: Sendable, Hashable {
        /// Its number.
        public var sequence: UInt64
        /// Its time, in the log's nanoseconds.
        public var time: UInt64
        /// The lifeline where it begins.
        public var from: Int
        /// The lifeline where the arrow ends; nil for what happens at one place.
        public var to: Int?
        /// What it is, in a few words.
        public var label: String
        /// What kind of record it is.
        public var tone: Tone
    }

    /// The names of the lifelines: the root, then its guests.
    public var lifelines: [String]
    /// In order of time; the last one is the newest.
    public var lines: [Line]
}

extension InspectorState {
    /// The records in front of the moment that is shown.
    ///
    /// - Parameter count: how many at most. Samples, which nobody sends, are left out.
    public func sequenceLines(_ count: Int) -> SequenceLines {
        let partitions = snapshot.partitions
        var result = SequenceLines(lifelines: partitions.map { PlainText.clean($0.name) }, lines: [])
        func lifeline(_ number: UInt16) -> Int { partitions.firstIndex { $0.number == number } ?? 0 }
        var index = history.index(after: snapshot.position.sequence) - 1
        while index >= 0, result.lines.count < count {
            defer { index -= 1 }
            guard let entry = history[index], ![.sample, .keyframe].contains(entry.header.kind) else { continue }
            let guest = lifeline(entry.header.partition)
            let (from, to): (Int, Int?) =
                // A fault and a broken rule are nothing that anybody sends.
                switch entry.header.kind == .fault ? nil : entry.header.direction {
                case .guestToHost: (guest, 0)
                case .hostToGuest: (0, guest)
                case nil: (guest, nil)
                }
            result.lines.append(
                SequenceLines.Line(
                    sequence: entry.header.sequence, time: entry.header.time, from: from, to: from == to ? nil : to,
                    label: Self.chartLabel(entry), tone: Tone(entry.header.kind)))
        }
        result.lines.reverse()
        return result
    }

    private static func chartLabel(_ entry: FlowEntry) -> String {
        let name = entry.name.split(separator: ".").last.map(String.init) ?? entry.name
        switch entry.header.kind {
        case .note, .fault, .gap: return entry.info.isEmpty ? name : entry.info
        default: return entry.channelLabel.isEmpty ? name : "\(name) \(entry.channelLabel)"
        }
    }
}
