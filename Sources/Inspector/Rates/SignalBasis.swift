public import BusModel

/// Which counters a channel's guest→host signals are counted by.
///
/// `events` counts hypercalls only. A channel with a bit in the monitor page signals through it, so that its signals are those
/// that the ring asked for: outbound became non-empty, or inbound became non-full (vmbus-protocol §7.3).
public enum SignalBasis: String, CaseIterable, Sendable, Hashable {
    /// `events`.
    case hypercalls
    /// `intr_out_empty` + `intr_in_full`.
    case ringChanges = "ring_changes"
    /// Signals as the log shows them, one by one.
    case log

    /// In plain words, for help and details.
    public var explanation: String {
        switch self {
        case .hypercalls: "by hypercall (events), which are all, as it has no bit in the monitor page"
        case .ringChanges: "intr_out_empty + intr_in_full, as events does not count the monitor page"
        case .log: "as the log shows them, one by one"
        }
    }
}

extension ChannelSnapshot {
    /// Whether it has a bit in the monitor page. Before 5.1 a channel without one said 255.
    public var isMonitored: Bool { monitorID.value.map { $0 < 128 } ?? false }

    /// Signals as the guest's kernel counts them, with what they are counted by; nil where it does not count.
    var countedSignals: (basis: SignalBasis, count: Reading<UInt64>)? {
        if isMonitored, let outEmpty = interruptsOutEmpty.value, let inFull = interruptsInFull.value {
            let time = min(interruptsOutEmpty.time, interruptsInFull.time)
            return (.ringChanges, .known(outEmpty &+ inFull, at: time))
        }
        return events.outcome == .unavailable ? nil : (.hypercalls, events)
    }
}
