public import BusModel
public import Query

/// Which moment the views show.
public enum TimeMode: Sendable, Hashable {
    /// The newest, always.
    case follow
    /// The moment right behind the record with this sequence number, while recording goes on.
    case paused(at: UInt64)
}

/// Everything that the screens and `show` read: one value, fed with batches, changed by actions.
public struct InspectorState: Sendable {
    /// What the source can do.
    public var capabilities: Capabilities
    /// The source in one line.
    public var title: String
    /// Where a simulation stands; nil for every other source.
    public var session: SessionSummary?
    /// Where two branches of it were found to differ last.
    public var comparison: SessionComparison?
    /// The last part of the log.
    public private(set) var history: FlowHistory
    /// Which moment the views show.
    public private(set) var timeMode = TimeMode.follow
    /// How the partitions are ordered.
    public var partitionSort = SortOrder()
    /// How the devices are ordered.
    public var channelSort = SortOrder()
    /// How the processors are ordered.
    public var processorSort = SortOrder()
    // Rows that were opened or closed by hand. Only looked up, never walked.
    private var expansions: [RowID: Bool] = [:]
    /// What the flow view shows.
    public private(set) var flowFilter = FlowFilter()
    private var filters: [InspectorView: ViewFilter] = [:]
    private var newest: InspectorFold
    private var paused: InspectorFold?
    /// What the rules found when they were asked last.
    var lastDiagnosis: Diagnosis?

    /// Nothing has happened yet.
    ///
    /// - Parameter rateInterval: the length of the intervals over which the log's own traffic makes rates, in nanoseconds; by
    ///   default a second for a live guest and a tenth of one for the others, whose time is not the wall's.
    public init(
        capabilities: Capabilities, title: String = "", limits: HistoryLimits = HistoryLimits(),
        rateInterval: UInt64? = nil
    ) {
        self.capabilities = capabilities
        self.title = title
        history = FlowHistory(limits: limits)
        newest = InspectorFold(
            rateInterval: rateInterval ?? (capabilities.kind == .live ? 1_000_000_000 : 100_000_000))
    }

    // MARK: The log

    /// Takes in what a source has yielded. A record whose sequence number does not count up gets the next number, so that
    /// every record can be found by its number.
    public mutating func ingest(_ batch: FlowBatch) {
        for header in batch.headers {
            var header = header
            let payload = batch.payload(of: header)
            header.sequence = max(header.sequence, lastSequence < .max ? lastSequence + 1 : .max)
            // Only where a run begins is the fold copied; a copy for every record would copy the whole bus every time.
            history.beginRunIfNeeded(before: newest)
            history.append(newest.apply(header, payload), payload)
        }
        flowFilter.forget(before: history.firstSequence)
        if flowFilter.isComplete { continueFiltering(budget: batch.headers.count) }
    }

    /// The source has gone to another place of its log: forgets what lies behind it and shows the moment there.
    ///
    /// - Returns: false when that moment is older than what is kept; then nothing is known until the source yields a keyframe.
    @discardableResult
    public mutating func rewind(to position: Position) -> Bool {
        let reached = history.fold(after: position.sequence)
        history.truncate(after: position.sequence)
        newest = reached ?? InspectorFold(rateInterval: newest.rates.interval)
        flowFilter.forget(after: position.sequence)
        timeMode = .follow
        paused = nil
        lastDiagnosis = nil
        return reached != nil
    }

    /// The source has gone to a place from which all is told anew: forgets all records.
    public mutating func restart() {
        history.truncate(after: 0)
        newest = InspectorFold(rateInterval: newest.rates.interval)
        flowFilter.forget(after: 0)
        timeMode = .follow
        paused = nil
        lastDiagnosis = nil
    }

    /// The sequence number of the newest record; 0 before the first.
    public var lastSequence: UInt64 { newest.snapshot.position.sequence }

    /// The log's time at the newest record, in nanoseconds.
    public var lastTime: UInt64 { newest.snapshot.position.time }

    /// A live source has looked at everything at this moment of the log's time, whether there was news or not: what has not
    /// changed since is known to be unchanged.
    public mutating func look(at time: UInt64) { newest.look(at: time) }

    // MARK: Time

    /// Holds the picture still at the newest record.
    public mutating func pause() {
        timeMode = .paused(at: lastSequence)
        paused = newest
    }

    /// Shows the moment behind a record.
    ///
    /// - Returns: false when the record is not kept; then nothing changes.
    @discardableResult
    public mutating func pause(at sequence: UInt64) -> Bool {
        guard let index = history.index(ofSequence: sequence), index >= 0, let fold = history.fold(after: sequence)
        else {
            return false
        }
        timeMode = .paused(at: sequence)
        paused = fold
        return true
    }

    /// Shows the newest moment again, always.
    public mutating func follow() {
        timeMode = .follow
        paused = nil
    }

    /// Whether the picture is held still.
    public var isPaused: Bool { paused != nil }

    /// How many records have come since the moment that is shown.
    public var newCount: Int {
        guard case .paused(let sequence) = timeMode else { return 0 }
        return history.count - history.index(after: sequence)
    }

    /// What is known at the moment that is shown.
    public var snapshot: BusSnapshot { shown.snapshot }

    /// What is known now, whatever moment is shown.
    var newestSnapshot: BusSnapshot { newest.snapshot }

    /// How fast a channel's counters grow at that moment.
    public func rates(_ channel: ChannelKey) -> FlowRates { shown.rates.channel(channel) }

    func processorRates(_ partition: UInt16) -> ProcessorRates { shown.rates.processors(partition) }
    func interruptRate(_ channel: ChannelKey) -> Double? { shown.rates.interrupts(channel) }

    /// How fast a partition's counters grow at that moment.
    public func rates(partition number: UInt16) -> FlowRates { shown.rates.partition(number) }

    /// The length of the intervals over which rates are made, in nanoseconds.
    var interval: UInt64 { shown.rates.interval }

    /// How often the source looks at that moment, in nanoseconds.
    var tick: UInt64 { shown.rates.tick }

    var shown: InspectorFold { paused ?? newest }

    // MARK: Filters

    /// What a view shows only, as it was written; empty for everything.
    public func filterText(_ view: InspectorView) -> String {
        view == .flow ? flowFilter.text : filters[view]?.text ?? ""
    }

    /// What can be asked in a view's filter.
    public static func schema(_ view: InspectorView) -> QuerySchema {
        switch view {
        case .partitions: .partition
        case .channels, .rings, .ledger, .doctor, .cpus, .session: .channel
        case .flow: recordSchema
        }
    }

    /// Records with the fields of all devices that are known here.
    private static let recordSchema = QuerySchema.record.adding(RecordDissector.structures)

    /// Shows only what fits; an empty text shows everything.
    ///
    /// - Throws: what is wrong with the text and where; then the filter stays as it was.
    public mutating func setFilter(_ view: InspectorView, _ text: String) throws(QueryError) {
        let query = text.allSatisfy(\.isWhitespace) ? nil : try Query.parse(text, for: Self.schema(view))
        if view == .flow {
            flowFilter = FlowFilter(text: query == nil ? "" : text, query: query)
            continueFiltering(budget: 4096)
        } else {
            filters[view] = query.map { ViewFilter(text: text, query: $0) }
        }
    }

    func query(_ view: InspectorView) -> Query? { filters[view]?.query }

    /// Looks through at most this many more records for the flow's filter. Called until `flowFilter.isComplete`, so that
    /// no key waits for a long log.
    public mutating func continueFiltering(budget: Int) { flowFilter.advance(history, budget: budget) }

    // MARK: Trees

    /// Shows or hides the rows inside a row.
    public mutating func setExpanded(_ row: RowID, _ isExpanded: Bool) { expansions[row] = isExpanded }

    func isExpanded(_ row: RowID, byDefault: Bool) -> Bool { expansions[row] ?? byDefault }
}

/// A filter of a view, as it was written and as it is asked.
struct ViewFilter: Sendable {
    var text: String
    var query: Query
}
