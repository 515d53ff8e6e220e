public import BusModel

/// Several logs as one, by their times. Pieces of one log stay as they are; logs of different machines get partitions of their
/// own, and the records new numbers.
public struct LogMerge: Sendable {
    /// What is known of a log before it is read.
    public struct Log: Sendable {
        /// What is added to its times, so that they count from the same moment.
        public var delay: UInt64

        /// A log.
        public init(delay: UInt64 = 0) { self.delay = delay }
    }

    private struct Waiting: Sendable {
        var log: Log
        var batch = FlowBatch()
        var next = 0
        var hasEnded = false
        // Only looked up.
        var partitions: [UInt16: UInt16] = [:]
    }

    private let isOneLog: Bool
    private var logs: [Waiting]
    private var sequence: UInt64 = 0
    private var nextPartition: UInt16 = 1

    /// - Parameter isOneLog: whether they are pieces of one log, whose numbers stay.
    public init(_ logs: [Log], isOneLog: Bool) {
        self.logs = logs.map { Waiting(log: $0) }
        self.isOneLog = isOneLog
    }

    /// The log of which more records are needed before it goes on; nil where none are.
    public var wanted: Int? { logs.firstIndex { !$0.hasEnded && $0.next >= $0.batch.headers.count } }

    /// Gives the next records of a log; nil at its end.
    public mutating func add(_ batch: FlowBatch?, to log: Int) {
        guard logs.indices.contains(log) else { return }
        guard let batch else {
            logs[log].hasEnded = true
            return
        }
        logs[log].batch = batch
        logs[log].next = 0
    }

    /// The next records in the order of time, as far as they are known.
    public mutating func take() -> FlowBatch {
        var result = FlowBatch()
        while wanted == nil {
            var first: (log: Int, time: UInt64)?
            for (number, log) in logs.enumerated() where log.next < log.batch.headers.count {
                let time = log.batch.headers[log.next].time &+ log.log.delay
                if first.map({ time < $0.time }) ?? true { first = (number, time) }
            }
            guard let first else { break }
            append(first.log, first.time, to: &result)
        }
        return result
    }

    private mutating func append(_ number: Int, _ time: UInt64, to result: inout FlowBatch) {
        var header = logs[number].batch.headers[logs[number].next]
        let batch = logs[number].batch
        logs[number].next += 1
        guard !isOneLog else { return result.append(header, from: batch) }
        header.time = time
        guard header.kind == .keyframe else {
            header.partition = partition(header.partition, of: number)
            sequence += 1
            header.sequence = sequence
            return result.append(header, from: batch)
        }
        // A keyframe says that there is nothing else, which is true of its own log alone.
        guard let inner = BusSnapshot.records(ofKeyframe: header, batch.payload(of: header)) else { return }
        for state in inner.headers {
            var record = state
            record.time = time
            record.partition = partition(state.partition, of: number)
            sequence += 1
            record.sequence = sequence
            result.append(record, inner.payload(of: state))
        }
    }

    /// The root is the same for all; guests are numbered as they are met.
    private mutating func partition(_ own: UInt16, of log: Int) -> UInt16 {
        if own == 0 { return 0 }
        if let known = logs[log].partitions[own] { return known }
        defer { nextPartition &+= 1 }
        logs[log].partitions[own] = nextPartition
        return nextPartition
    }
}
