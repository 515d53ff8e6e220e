import BusModel
import Platform

/// Leaves reports in a mailbox. While that is full, records are kept and joined; beyond a limit they are lost, and the log has
/// a gap that says how many: a reader that stands still must not hold up a guest.
struct ReportOutbox: ~Copyable {
    private let mailbox: Mailbox<BridgeServer.Report>
    private var waiting = FlowBatch()
    private var lost: UInt64 = 0
    private var nextSequence: UInt64 = 1

    private static let limit = 65_536
    private static let byteLimit = 64 << 20

    init(_ mailbox: Mailbox<BridgeServer.Report>) { self.mailbox = mailbox }

    /// How long to wait at most for anything else, as records wait for room.
    var patience: Duration? { waiting.isEmpty ? nil : .milliseconds(50) }

    mutating func post(_ batch: FlowBatch) {
        var batch = batch
        batch.number(from: &nextSequence)
        if waiting.headers.count + batch.headers.count > Self.limit || waiting.arena.count > Self.byteLimit {
            lost += UInt64(batch.headers.count)
        } else {
            if lost > 0, let first = batch.headers.first { appendGap(before: first) }
            waiting.append(batch)
        }
        flush()
    }

    private mutating func appendGap(before first: FlowRecordHeader) {
        var gap = FlowRecordHeader(kind: .gap, time: first.time, partition: 0)
        // The number of the last record that is missing.
        gap.sequence = first.sequence - 1
        waiting.append(gap, Array("\(lost) records are missing: nobody took them in time".utf8))
        lost = 0
    }

    mutating func note(_ text: String, at time: UInt64) {
        var batch = FlowBatch()
        batch.append(FlowRecordHeader(kind: .note, time: time, partition: 0), Array(text.utf8))
        post(batch)
    }

    mutating func flush() {
        guard !waiting.isEmpty, mailbox.post(.batch(waiting)) else { return }
        waiting = FlowBatch()
    }

    /// A report that the next one of its kind replaces: lost when there is no room.
    func post(_ report: BridgeServer.Report) { _ = mailbox.post(report) }

    mutating func fail(_ error: SystemError) {
        flush()
        _ = mailbox.post(.failed(error))
    }
}
