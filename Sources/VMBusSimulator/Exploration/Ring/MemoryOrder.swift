/// In which order one processor's accesses reach the others.
public enum MemoryOrder: String, Hashable, Sendable, CaseIterable {
    /// Sequentially consistent: every store is seen by all at once.
    case sc
    /// Total store order, as x86 has it: each processor holds its stores back in a buffer, first in first out, which only it
    /// sees; a fence empties it.
    case tso
}

/// One end of a ring.
public enum RingEnd: String, Hashable, Sendable, CaseIterable {
    /// Writes packets.
    case sender
    /// Reads them.
    case receiver
}
