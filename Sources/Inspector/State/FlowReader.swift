public import BusModel
public import Query

/// Reads records for filters as the Flow view does, where no history is kept: for breakpoints.
public struct FlowReader: RecordReader {
    private var describer = RecordDescriber()

    /// At the beginning of a log.
    public init() {}

    /// The Flow view's.
    public var schema: QuerySchema { InspectorState.schema(.flow) }

    public mutating func read(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, before snapshot: BusSnapshot
    ) -> any QuerySubject {
        let entry = describer.describe(header, payload, before: snapshot)
        describer.follow(header, before: snapshot)
        return RecordSubject(entry, payload)
    }
}
