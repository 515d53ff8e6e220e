import BusModel
import VMBusWire

/// What a record of the log is about: a partition, one of its devices, or one of that device's channels.
struct LogSubject: Hashable, Sendable {
    /// Which partition.
    var partition: UInt16
    /// Which device; zero for the partition itself.
    var device = GUID.zero
    /// Which channel; nil for the device itself.
    var subchannel: UInt16?
}

/// All that one scan tells of one subject, in the form in which the log holds it.
struct LogEntity: Hashable, Sendable {
    /// What it is about.
    let subject: LogSubject
    /// The channel's number; 0 for everything else.
    var relid: UInt32 = 0
    /// What changes seldom; the same attributes in the same order for every subject of a kind.
    var state: [AttributeReading]
    /// Counters and fills; the same attributes in the same order for every channel.
    var counters: [AttributeReading] = []
    /// What could not be read.
    var problems: [SnapshotProblem] = []
    /// Whether the counters were read at this look; otherwise they are those of an earlier one.
    var isFresh = true
    /// Whether another one had its name at the look before.
    var isReplacement = false
    /// When it was read; nil where the whole look has one time.
    var readTime: UInt64?

    /// The state and what could not be read, as one list.
    var stateWithProblems: [AttributeReading] { state + Self.readings(of: problems) }

    /// Problems as readings that stand for all told before.
    static func readings(of problems: [SnapshotProblem]) -> [AttributeReading] {
        problems.isEmpty ? [.noProblems] : problems.map { AttributeReading(problem: $0) }
    }
}
