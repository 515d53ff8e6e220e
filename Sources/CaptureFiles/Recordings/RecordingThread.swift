public import BusModel
import Glibc
public import Platform
import Synchronization

/// Writes a recording on a thread of its own: whoever has records hands them over and never waits.
///
/// Every batch is written at once and whole. Where the disk is full, the file ends behind its last whole block.
public final class RecordingThread: Sendable {
    /// What became of a recording.
    public struct Outcome: Sendable, Hashable {
        /// How many records were written.
        public var recordCount: UInt64 = 0
        /// How many were lost, as they came faster than they could be written.
        public var lostCount: UInt64 = 0
        /// How many bytes were written.
        public var byteCount: UInt64 = 0
        /// Why it ended early; nil where it did not.
        public var failure: SystemError?
    }

    private struct State: Sendable {
        var queue: RecordingQueue
        var isFinished = false
        var outcome = Outcome()
        var hasEnded = false
    }

    private let state: Mutex<State>
    private let bell: Bell
    private let end: Bell
    private let output: Mutex<RecordingOutput?>

    private static let reason = "they came faster than they could be written"

    /// Begins at once.
    ///
    /// - Parameters:
    ///   - writer: makes the bytes.
    ///   - output: an empty file, a pipe, a ring of files.
    ///   - limit: how many bytes of records may wait.
    public init(
        _ writer: RecordingWriter, to output: consuming RecordingOutput, limit: Int = 64 << 20
    ) throws(SystemError) {
        state = Mutex(State(queue: RecordingQueue(limit: limit)))
        bell = try Bell()
        end = try Bell()
        self.output = Mutex(output)
        _ = try WorkerThread(name: "recording") { self.run(writer) }
        try bell.ring()
    }

    /// Hands records over.
    ///
    /// - Parameter keyframe: what is known behind them; asked for where records were lost before.
    public func record(_ batch: FlowBatch, keyframe: () -> FlowBatch) {
        state.withLock { $0.queue.offer(batch, keyframe: keyframe) }
        // It looks from time to time all the same.
        try? bell.ring()
    }

    /// Why nothing more is written; nil while all is well.
    public var failure: SystemError? { state.withLock { $0.outcome.failure } }

    /// Waits until everything is written.
    ///
    /// - Parameter milliseconds: how long to wait for a pipe or a disk that takes nothing any more; the failure is `ETIMEDOUT` then.
    public func finish(patience milliseconds: UInt64 = 10_000) -> Outcome {
        state.withLock { $0.isFinished = true }
        try? bell.ring()
        let start = MonotonicClock.now()
        while !state.withLock({ $0.hasEnded }) {
            guard MonotonicClock.now() - start <= milliseconds * 1_000_000 else {
                return state.withLock { state in
                    state.outcome.failure = state.outcome.failure ?? SystemError(call: "write", code: ETIMEDOUT)
                    return state.outcome
                }
            }
            _ = try? end.wait(atMost: 200)
        }
        return state.withLock { $0.outcome }
    }

    private func run(_ writer: RecordingWriter) {
        var writer = writer
        guard var output = output.withLock({ $0.take() }) else { return }
        do throws(SystemError) {
            try write(&writer, to: &output)
        } catch {
            state.withLock { $0.outcome.failure = error }
        }
        state.withLock {
            ($0.outcome.recordCount, $0.outcome.lostCount) = (writer.recordCount, writer.lostCount)
            $0.outcome.byteCount = output.totalByteCount
            $0.hasEnded = true
        }
        try? end.ring()
    }

    /// Writes what comes until the end.
    private func write(_ writer: inout RecordingWriter, to output: inout RecordingOutput) throws(SystemError) {
        var isLast = false
        while !isLast {
            _ = try? bell.wait(atMost: 200)
            let (items, isEnd) = state.withLock { ($0.queue.takeAll(isLast: $0.isFinished), $0.isFinished) }
            isLast = isEnd
            for item in items {
                switch item {
                case .batch(let batch): try output.write(batch, &writer)
                case .gap(let count, let keyframe):
                    writer.appendGap(of: count, reason: Self.reason, from: keyframe)
                    try output.write(&writer)
                }
            }
            if items.isEmpty { try output.write(&writer) }
        }
        try output.finish(&writer)
    }
}
