/// What the kernel writes into a perf buffer for a tracepoint, as `perf_event_open(2)` describes it.
public enum PerfRecord: Sendable, Hashable {
    /// A tracepoint fired.
    case sample(PerfSample)
    /// There was no room for so many records before this moment (nanoseconds of the monotonic clock).
    case lost(UInt64, time: UInt64)
    /// Something else, by its number.
    case other(UInt32)
}

/// A tracepoint that fired.
public struct PerfSample: Sendable, Hashable {
    /// The process.
    public let process: UInt32
    /// The thread.
    public let thread: UInt32
    /// When, in nanoseconds of the monotonic clock.
    public let time: UInt64
    /// On which processor.
    public let processor: UInt32
    /// The record as the tracepoint's format describes it, with up to seven zeros behind it.
    public let raw: ArraySlice<UInt8>
}

/// Takes the bytes of a perf buffer as records, one after the other, whatever they are.
public struct PerfRecordReader: Sendable {
    private var rest: ArraySlice<UInt8>
    /// Whether a length made no sense, so that what follows could not be read.
    public private(set) var isDamaged = false

    private static let sampleType: UInt32 = 9
    private static let lostType: UInt32 = 2
    private static let headerSize = 8

    /// Starts at the first record of `bytes`.
    public init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next record; nil at the end and behind damage.
    public mutating func next() -> PerfRecord? {
        guard !rest.isEmpty, !isDamaged else { return nil }
        guard rest.count >= Self.headerSize else {
            isDamaged = true
            return nil
        }
        let size = Int(number(6, 2))
        guard size >= Self.headerSize, size <= rest.count else {
            isDamaged = true
            return nil
        }
        defer { rest = rest.dropFirst(size) }
        let type = UInt32(truncatingIfNeeded: number(0, 4))
        switch type {
        // header, pid, tid, time, cpu, reserved, size of the raw data, raw data
        case Self.sampleType where size >= 36:
            let length = Int(number(32, 4))
            guard length <= size - 36 else {
                isDamaged = true
                return nil
            }
            return .sample(
                PerfSample(
                    process: UInt32(truncatingIfNeeded: number(8, 4)),
                    thread: UInt32(truncatingIfNeeded: number(12, 4)),
                    time: number(16, 8), processor: UInt32(truncatingIfNeeded: number(24, 4)),
                    raw: rest.dropFirst(36).prefix(length)))
        // header, id, how many, pid, tid, time
        case Self.lostType where size >= 40: return .lost(number(16, 8), time: number(32, 8))
        default: return .other(type)
        }
    }

    /// A little-endian number of the record at hand, which reaches at least so far.
    private func number(_ offset: Int, _ size: Int) -> UInt64 {
        rest.dropFirst(offset).prefix(size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
