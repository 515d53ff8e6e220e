import BusModel
public import VMBusWire

/// How much of the log is kept.
public struct HistoryLimits: Sendable, Hashable {
    /// The most records.
    public var records: Int
    /// The most bytes of payloads, names and summaries.
    public var bytes: Int

    /// Limits, at least one record and one byte.
    public init(records: Int = 200_000, bytes: Int = 64 << 20) {
        self.records = max(1, records)
        self.bytes = max(1, bytes)
    }
}

/// The last part of the log, with names and summaries. It forgets its oldest records, a run at a time, when it holds more than
/// its limits allow.
public struct FlowHistory: Sendable {
    /// How much is kept.
    public let limits: HistoryLimits
    private(set) var runs: [FlowRun] = []
    /// How many records were forgotten at the front.
    public private(set) var trimmedCount = 0
    /// Records that the log itself says nothing of: the sum of all jumps in the sequence numbers.
    public private(set) var missingCount: UInt64 = 0
    private var byteCount = 0
    private var newestSequence: UInt64?

    /// An empty history.
    public init(limits: HistoryLimits = HistoryLimits()) { self.limits = limits }

    /// How many records are kept.
    public var count: Int { (runs.last?.end ?? trimmedCount) - trimmedCount }
    /// Whether none are kept.
    public var isEmpty: Bool { count == 0 }
    /// The sequence number of the oldest record kept; 0 for none.
    public var firstSequence: UInt64 { header(0)?.sequence ?? 0 }
    /// The sequence number of the newest record; 0 for none.
    public var lastSequence: UInt64 { header(count - 1)?.sequence ?? 0 }

    /// The record at an index, 0 for the oldest that is kept; nil outside.
    public subscript(index: Int) -> FlowEntry? {
        guard let (run, place) = locate(index) else { return nil }
        return runs[run].entry(place)
    }

    /// The bytes of the record at an index; empty outside.
    public func payload(at index: Int) -> ArraySlice<UInt8> {
        guard let (run, place) = locate(index) else { return [] }
        return runs[run].payload(place)
    }

    /// The named fields of the record at an index; nil outside.
    public func tree(at index: Int) -> FieldTree? {
        self[index].map { RecordDissector.tree($0, payload(at: index)) }
    }

    /// The index of the record with a sequence number; nil when it is not kept.
    public func index(ofSequence sequence: UInt64) -> Int? {
        let index = index(from: sequence)
        return header(index)?.sequence == sequence ? index : nil
    }

    /// The index of the first record with this sequence number or a later one; `count` when all are earlier.
    public func index(from sequence: UInt64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if let header = header(middle), header.sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index of the first record with a later sequence number; `count` when there is none.
    public func index(after sequence: UInt64) -> Int { sequence == .max ? count : index(from: sequence + 1) }

    /// How many records are missing in front of the one at an index.
    public func gap(before index: Int) -> UInt64 {
        guard index > 0, let here = header(index), let before = header(index - 1), here.sequence > before.sequence
        else {
            return 0
        }
        return here.sequence - before.sequence - 1
    }

    func header(_ index: Int) -> FlowRecordHeader? {
        guard let (run, place) = locate(index) else { return nil }
        return runs[run].batch.headers[place]
    }

    private func locate(_ index: Int) -> (run: Int, place: Int)? {
        guard index >= 0, index < count else { return nil }
        let number = trimmedCount + index
        var (low, high) = (0, runs.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if runs[middle].start <= number { low = middle } else { high = middle - 1 }
        }
        return (low, number - runs[low].start)
    }

    // MARK: Changes

    /// Whether the next record begins a run, which keeps what was known in front of it.
    private var needsRun: Bool {
        guard let last = runs.last else { return true }
        return last.count >= max(1, min(16384, limits.records / 8))
            || last.byteCount >= max(1, min(8 << 20, limits.bytes / 8))
    }

    /// Makes room for the next record. `fold` is what was known before it.
    mutating func beginRunIfNeeded(before fold: @autoclosure () -> InspectorFold) {
        if needsRun { runs.append(FlowRun(start: runs.last?.end ?? trimmedCount, before: fold())) }
    }

    /// Adds a record to the run that was made ready for it.
    mutating func append(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>) {
        if let newestSequence, entry.header.sequence > newestSequence {
            missingCount &+= entry.header.sequence - newestSequence - 1
        }
        newestSequence = entry.header.sequence
        byteCount += runs[runs.count - 1].append(entry, payload)
        while runs.count > 1, count > limits.records || byteCount > limits.bytes {
            let dropped = runs.removeFirst()
            trimmedCount = dropped.end
            byteCount -= dropped.byteCount
        }
    }

    /// Forgets all records behind a sequence number.
    mutating func truncate(after sequence: UInt64) {
        newestSequence = min(newestSequence ?? sequence, sequence)
        let keep = trimmedCount + index(after: sequence)
        while let last = runs.last, last.start >= keep, runs.count > 1 || keep == last.start {
            byteCount -= last.byteCount
            runs.removeLast()
        }
        guard let last = runs.last, last.end > keep else { return }
        byteCount -= last.byteCount
        runs[runs.count - 1] = last.prefix(keep - last.start)
        byteCount += runs[runs.count - 1].byteCount
    }

    /// What was known right behind the record with a sequence number, folded from the nearest place that was kept; nil when
    /// the history does not reach back that far.
    func fold(after sequence: UInt64) -> InspectorFold? {
        let end = trimmedCount + index(after: sequence)
        guard let run = runs.last(where: { $0.start < end }) ?? runs.first else { return nil }
        guard end >= run.start, end > trimmedCount || trimmedCount == 0 else { return nil }
        var fold = run.before
        for place in 0..<(end - run.start) {
            _ = fold.apply(run.batch.headers[place], run.payload(place))
        }
        return fold
    }
}

/// A run of records that lie in memory together and are forgotten together.
struct FlowRun: Sendable {
    private struct Facts: Sendable {
        var name: UInt16
        var label: UInt16
        var partition: UInt16
        var context: UInt16
        var deviceClass: DeviceKind
        var hint: UInt32
    }

    /// The number of the first record in the whole log as it was kept here.
    let start: Int
    /// What was known before the first record.
    let before: InspectorFold
    private(set) var batch = FlowBatch()
    private var facts: [Facts] = []
    private var infos: [String] = []
    private var words: [String] = []
    private var contexts: [WireContext] = []
    // Only looked up, never walked.
    private var wordPlaces: [String: UInt16] = [:]
    private(set) var byteCount = 0

    init(start: Int, before: InspectorFold) {
        self.start = start
        self.before = before
    }

    var count: Int { facts.count }
    var end: Int { start + facts.count }

    func payload(_ place: Int) -> ArraySlice<UInt8> { batch.payload(of: batch.headers[place]) }

    func entry(_ place: Int) -> FlowEntry {
        let facts = facts[place]
        return FlowEntry(
            header: batch.headers[place], name: words[Int(facts.name)], info: infos[place],
            deviceClass: facts.deviceClass, channelLabel: words[Int(facts.label)],
            partitionName: words[Int(facts.partition)],
            context: contexts[Int(facts.context)], hint: facts.hint)
    }

    /// Adds a record and gives the bytes that it takes. A run has at most 16384 records with three
    /// words each, so that the words' places fit.
    mutating func append(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>) -> Int {
        let split = payload.endIndex - min(payload.count, Int(entry.header.attachmentLength))
        batch.append(entry.header, payload[..<split], attachment: Array(payload[split...]))
        let before = words.count
        facts.append(
            Facts(
                name: place(of: entry.name), label: place(of: entry.channelLabel),
                partition: place(of: entry.partitionName), context: place(of: entry.context),
                deviceClass: entry.deviceClass, hint: entry.hint))
        infos.append(entry.info)
        var size = payload.count + entry.info.utf8.count + Self.recordOverhead
        for word in words[before...] { size += word.utf8.count + Self.wordOverhead }
        byteCount += size
        return size
    }

    /// The first records of the run, as a run.
    func prefix(_ count: Int) -> FlowRun {
        var run = FlowRun(start: start, before: before)
        for place in 0..<min(count, self.count) { _ = run.append(entry(place), payload(place)) }
        return run
    }

    private static let recordOverhead = MemoryLayout<FlowRecordHeader>.stride + MemoryLayout<Facts>.stride + 16
    private static let wordOverhead = 80

    private mutating func place(of word: String) -> UInt16 {
        if let place = wordPlaces[word] { return place }
        let place = UInt16(truncatingIfNeeded: words.count)
        words.append(word)
        wordPlaces[word] = place
        return place
    }

    private mutating func place(of context: WireContext) -> UInt16 {
        if let last = contexts.lastIndex(of: context) { return UInt16(truncatingIfNeeded: last) }
        contexts.append(context)
        return UInt16(truncatingIfNeeded: contexts.count - 1)
    }
}
