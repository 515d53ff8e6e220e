public import BusModel

/// Makes the records of a log, one after the other, into what a filter is asked of: what came before decides what a record
/// means. A copy is a place in the log.
public protocol RecordReader: Sendable {
    /// What can be asked of a record.
    var schema: QuerySchema { get }

    /// Reads the next record.
    ///
    /// - Parameter snapshot: what was known before it.
    mutating func read(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, before snapshot: BusSnapshot
    ) -> any QuerySubject
}
