public import BusModel
public import Query

/// Reads a log record by record, without keeping it, and says which records fit. All are read, as what a record means depends
/// on those before it.
public struct FlowSieve: Sendable {
    private var fold = InspectorFold(rateInterval: .max)
    private let filter: Query?
    private let times: ClosedRange<UInt64>
    /// How many records fitted.
    public private(set) var count: UInt64 = 0

    /// - Parameters:
    ///   - filter: which records; an empty one wants everything.
    ///   - times: from when to when, in the log's nanoseconds.
    /// - Throws: what is wrong with the filter, and where.
    public init(filter: String = "", times: ClosedRange<UInt64> = 0...UInt64.max) throws(QueryError) {
        self.filter =
            filter.allSatisfy(\.isWhitespace) ? nil : try Query.parse(filter, for: InspectorState.schema(.flow))
        self.times = times
    }

    /// Everything.
    public init() { (filter, times) = (nil, 0...UInt64.max) }

    /// Reads the next record of the log; nil where it does not fit.
    public mutating func next(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> FlowEntry? {
        let entry = fold.apply(header, payload)
        guard times.contains(header.time) else { return nil }
        if let filter, !filter.matches(RecordSubject(entry, payload)) { return nil }
        count += 1
        return entry
    }

    /// What is known behind the last record.
    public var snapshot: BusSnapshot { fold.snapshot }
}
