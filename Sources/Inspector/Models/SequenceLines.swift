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
    /// In order of time.
    public var lines: [Line]
    /// Whether the last line is the last one in front of the moment that is shown.
    public var endsAtMoment = true
}

extension InspectorState {
    /// The records in front of the moment that is shown.
    ///
    /// - Parameters:
    ///   - count: how many at most. Samples, which nobody sends, are left out.
    ///   - sequence: the record that is in the middle, where there are enough behind it; nil for the last ones.
    public func sequenceLines(_ count: Int, around sequence: UInt64? = nil) -> SequenceLines {
        let partitions = snapshot.partitions
        var result = SequenceLines(lifelines: partitions.map { PlainText.clean($0.name) }, lines: [])
        func lifeline(_ number: UInt16) -> Int { partitions.firstIndex { $0.number == number } ?? 0 }
        var index = chartEnd
        if let sequence {
            index = history.index(from: sequence)
            for _ in 0..<count / 2 { index = chartIndex(behind: index) ?? index }
            result.endsAtMoment = chartIndex(behind: index) == nil
        }
        while index >= 0, result.lines.count < count {
            defer { index -= 1 }
            guard isInChart(index), let entry = history[index] else { continue }
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

    /// The record of the chart that is so many lines further than another one, or the nearest to that; nil where there is none.
    ///
    /// - Parameters:
    ///   - delta: negative for earlier ones.
    ///   - sequence: the record from where; nil for the last one.
    public func chartRecord(_ delta: Int, from sequence: UInt64?) -> UInt64? {
        guard var index = sequence.map({ history.index(from: $0) }) ?? chartIndex(before: chartEnd + 1) else {
            return nil
        }
        for _ in 0..<delta.magnitude {
            guard let next = delta < 0 ? chartIndex(before: index) : chartIndex(behind: index) else { break }
            index = next
        }
        return isInChart(index) ? history[index]?.header.sequence : nil
    }

    /// The index of the last record that has happened.
    private var chartEnd: Int { history.index(after: snapshot.position.sequence) - 1 }

    private func isInChart(_ index: Int) -> Bool {
        history.header(index).map { $0.kind != .sample && $0.kind != .keyframe } ?? false
    }

    private func chartIndex(before index: Int) -> Int? { (0..<max(0, index)).last { isInChart($0) } }

    private func chartIndex(behind index: Int) -> Int? {
        index < chartEnd ? (index + 1...chartEnd).first { isInChart($0) } : nil
    }

    private static func chartLabel(_ entry: FlowEntry) -> String {
        let name = entry.name.split(separator: ".").last.map(String.init) ?? entry.name
        switch entry.header.kind {
        case .note, .fault, .gap: return entry.info.isEmpty ? name : entry.info
        default: return entry.channelLabel.isEmpty ? name : "\(name) \(entry.channelLabel)"
        }
    }
}
