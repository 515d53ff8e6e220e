public import BusModel
public import Query

/// The flow as lines of JSON while it happens, without keeping it: for logs that are longer than memory should hold.
public struct FlowStream: Sendable {
    private var sieve: FlowSieve

    /// Writes every record.
    public init() { sieve = FlowSieve() }

    /// Writes what fits; an empty filter wants everything.
    ///
    /// - Throws: what is wrong with the filter, and where.
    public init(filter: String) throws(QueryError) { sieve = try FlowSieve(filter: filter) }

    /// Writes one line per record of the batch that fits. Batches come in the order of the log.
    public mutating func write(_ batch: FlowBatch, to writer: inout JSONWriter) {
        for header in batch.headers {
            let payload = batch.payload(of: header)
            if let entry = sieve.next(header, payload) { FlowJSON.write(entry, payload, to: &writer) }
        }
    }

    /// What is known behind the last batch.
    public var snapshot: BusSnapshot { sieve.snapshot }
}
