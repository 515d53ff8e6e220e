import VMBusPartitions

/// What the host's end of a bus asked to be woken for.
struct TimerQueue: Sendable {
    private var entries: [(due: UInt64, order: UInt64, token: WakeToken)] = []
    private var nextOrder: UInt64 = 0

    /// When the first is due.
    var nextTime: UInt64? { entries.map(\.due).min() }

    /// Remembers a token. One that asks for the rest of a ring is remembered once, however often the guest signals.
    mutating func add(_ token: WakeToken, due: UInt64) {
        if case .drain = token, entries.contains(where: { $0.token == token }) { return }
        entries.append((due, nextOrder, token))
        nextOrder += 1
    }

    /// Takes the first that is due.
    mutating func take(at time: UInt64) -> WakeToken? {
        guard
            let index = entries.indices.min(by: {
                (entries[$0].due, entries[$0].order) < (entries[$1].due, entries[$1].order)
            }), entries[index].due <= time
        else { return nil }
        return entries.remove(at: index).token
    }

    /// Forgets everything.
    mutating func removeAll() { entries = [] }
}
