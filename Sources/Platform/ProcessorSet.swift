import CLinux

/// Processors on which a thread may run.
public struct ProcessorSet: Hashable, Sendable {
    private var words = [UInt64](repeating: 0, count: 64)

    /// The processors on which the calling thread may run.
    public static func ofThisThread() throws(SystemError) -> ProcessorSet {
        var set = ProcessorSet()
        guard cl_processors(&set.words, set.words.count) == 0 else { throw SystemError.last("sched_getaffinity") }
        return set
    }

    private init() {}

    /// One processor.
    /// - Parameter number: as the kernel counts them, below 4096; a set without a processor else.
    public init(only number: Int) {
        if number >= 0, number / 64 < words.count { words[number / 64] = 1 << UInt64(number % 64) }
    }

    /// The numbers of the processors, lowest first.
    public var numbers: [Int] {
        (0..<words.count * 64).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 != 0 }
    }

    /// Keeps the calling thread on these processors.
    public func keepThisThread() throws(SystemError) {
        guard cl_keep_on_processors(words, words.count) == 0 else { throw SystemError.last("sched_setaffinity") }
    }
}
