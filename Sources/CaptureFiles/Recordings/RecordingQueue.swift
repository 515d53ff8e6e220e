import BusModel

/// What waits to be written. It takes no more than so many bytes: what comes while it is full is counted and lost, so that a
/// source never waits for a disk.
struct RecordingQueue: Sendable {
    /// Something to be written.
    enum Item: Sendable {
        case batch(FlowBatch)
        /// So many records are lost, with what is known behind them.
        case gap(UInt64, keyframe: FlowBatch)
    }

    private let limit: Int
    private var items: [Item] = []
    private var byteCount = 0
    private var lost: UInt64 = 0

    /// An empty queue for so many bytes.
    init(limit: Int) { self.limit = limit }

    /// Whether nothing waits.
    var isEmpty: Bool { items.isEmpty }

    /// Takes a batch in, or counts what it cannot.
    ///
    /// - Parameter keyframe: what is known behind the batch; asked for when there is room again.
    mutating func offer(_ batch: FlowBatch, keyframe: () -> FlowBatch) {
        guard !batch.isEmpty else { return }
        let count = batch.arena.count + batch.headers.count * MemoryLayout<FlowRecordHeader>.stride
        guard items.isEmpty || byteCount + count <= limit else {
            lost += UInt64(batch.headers.count)
            return
        }
        guard lost == 0 else {
            // The keyframe tells of this batch as well.
            items.append(.gap(lost + UInt64(batch.headers.count), keyframe: keyframe()))
            lost = 0
            return
        }
        byteCount += count
        items.append(.batch(batch))
    }

    /// Hands over all that waits. At the end what is lost is told as well.
    mutating func takeAll(isLast: Bool) -> [Item] {
        if isLast, lost > 0 {
            items.append(.gap(lost, keyframe: FlowBatch()))
            lost = 0
        }
        defer { (items, byteCount) = ([], 0) }
        return items
    }
}
