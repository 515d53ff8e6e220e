import BusModel
import VMBusWire

/// What a look at the evidence adds to the log.
struct EvidenceNews: Sendable {
    /// Records of the look before, which belong in front of all that is told now.
    var before = FlowBatch()
    /// Records of this look.
    var now = FlowBatch()
}

/// Tells of what was found what is new, so that a guest in which nothing happens fills no log, and yet every age is true
/// within `longestSilence`.
struct EvidenceBook: Sendable {
    private struct Key: Hashable, Sendable {
        let device: GUID
        let attribute: Attribute
    }

    private struct Known: Sendable {
        var reading: AttributeReading
        /// When it was told last.
        var told: UInt64
        /// When it was looked at last.
        var looked: UInt64
        /// Whether it was the same in the last two looks.
        var isQuiet = false
    }

    /// A value that stays is told again after so many nanoseconds, as its age says how far it can be believed.
    static let longestSilence: UInt64 = 60_000_000_000

    // Looked up only, never walked.
    private var known: [Key: Known] = [:]
    /// What each kind found last, in its order.
    private var found: [Int: [Key]] = [:]

    /// Takes in what one kind found, and adds the records that tell what is new.
    ///
    /// What the kind does not find any more is not available. Before a value that had been quiet moves, the last quiet moment
    /// is told, so that nobody spreads a count over the whole silence; but only if that was at the look before, as the log's
    /// time does not go back.
    mutating func take(
        _ findings: [EvidenceFinding], from kind: Int, at time: UInt64, after lastLook: UInt64?,
        into told: inout EvidenceNews
    ) {
        let keys = findings.map { Key(device: $0.device, attribute: $0.reading.attribute) }
        let present = Set(keys)
        let gone = (found[kind] ?? []).filter { known[$0] != nil && !present.contains($0) }
        found[kind] = keys
        var quiet: [EvidenceFinding] = []
        var news: [EvidenceFinding] = []
        for finding in findings { take(finding, at: time, lastLook, &quiet, &news) }
        for key in gone {
            take(
                EvidenceFinding(AttributeReading(key.attribute, reading: .unavailable), of: key.device), at: time,
                lastLook, &quiet, &news)
            known[key] = nil
        }
        if let lastLook { Self.tell(quiet, at: lastLook, into: &told.before) }
        Self.tell(news, at: time, into: &told.now)
    }

    /// Forgets devices that are gone, so that all is told again if they come back.
    mutating func forget(allBut present: Set<GUID>) {
        known = known.filter { $0.key.device == .zero || present.contains($0.key.device) }
    }

    private mutating func take(
        _ finding: EvidenceFinding, at time: UInt64, _ lastLook: UInt64?, _ quiet: inout [EvidenceFinding],
        _ news: inout [EvidenceFinding]
    ) {
        let key = Key(device: finding.device, attribute: finding.reading.attribute)
        guard var old = known[key] else {
            known[key] = Known(reading: finding.reading, told: time, looked: time)
            news.append(finding)
            return
        }
        let moved = old.reading != finding.reading
        if moved, old.isQuiet, old.told < old.looked, old.looked == lastLook {
            quiet.append(EvidenceFinding(old.reading, of: finding.device))
        }
        if moved || !old.isQuiet || time &- old.told >= Self.longestSilence {
            news.append(finding)
            old.told = time
        }
        old.reading = finding.reading
        old.looked = time
        old.isQuiet = !moved
        known[key] = old
    }

    /// One record for each device, in the order in which they were found.
    private static func tell(_ findings: [EvidenceFinding], at time: UInt64, into batch: inout FlowBatch) {
        var rest = findings[...]
        while let first = rest.first {
            let own = rest.prefix { $0.device == first.device }
            rest = rest.dropFirst(own.count)
            batch.append(
                FlowRecordHeader(
                    kind: .sample, time: time, partition: ScanTranslation.guest, device: first.device),
                AttributeList(own.map(\.reading)).encoded())
        }
    }
}
