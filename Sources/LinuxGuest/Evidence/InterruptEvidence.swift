import BusModel
import Platform

/// VMBus interrupts by processor, from `/proc/interrupts` (linux-guest-data §1).
struct InterruptEvidence: EvidenceKind {
    /// A thousand processors with some hundred rows.
    private static let limit = 4 << 20

    // The kernel sums up every row for every processor, which large guests should not do each second.
    var pace: EvidencePace { .seconds(5) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        let counts = guest.files.readoutOfTable("/proc/interrupts", limit: Self.limit, as: InterruptsText.busInterrupts)
        return [
            EvidenceFinding(AttributeReading(.processorInterrupts, text: counts.map { NamedCount.text($0) }))
        ]
    }
}
