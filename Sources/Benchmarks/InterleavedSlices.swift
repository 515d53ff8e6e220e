import Platform

/// What one contestant of a comparison took for one unit of its work.
public struct SliceSummary: Hashable, Sendable {
    /// Nanoseconds a unit in the middle one of all slices, ordered by time.
    public let median: Double
    /// Nanoseconds a unit in the fastest slice.
    public let best: Double

    /// Of the times of all slices, in nanoseconds a unit; not a number where there are none.
    public init(_ times: [Double]) {
        let sorted = times.sorted()
        median = sorted.isEmpty ? .nan : sorted[sorted.count / 2]
        best = sorted.first ?? .nan
    }
}

/// A comparison whose contestants take turns in short slices, so that what disturbs the machine disturbs them all alike.
struct InterleavedSlices {
    /// Slices of each contestant that count.
    let rounds: Int

    /// Runs the contestants in turn; each round begins with another one. The first round is a rehearsal.
    ///
    /// - Parameters:
    ///   - contestants: how many there are.
    ///   - slice: does one slice of the contestant with this number and returns the nanoseconds that a unit of it took.
    /// - Returns: a summary for each contestant.
    func compare(
        _ contestants: Int, _ slice: (Int) throws(BenchmarkFailure) -> Double
    ) throws(BenchmarkFailure) -> [SliceSummary] {
        var times = [[Double]](repeating: [], count: contestants)
        for round in 0...rounds {
            for turn in 0..<contestants {
                let contestant = (turn + round) % contestants
                let time = try slice(contestant)
                if round > 0 { times[contestant].append(time) }
            }
        }
        return times.map { SliceSummary($0) }
    }

    /// The nanoseconds that a piece of work takes.
    @inline(__always)
    static func time<Failure: Error>(_ work: () throws(Failure) -> Void) throws(Failure) -> UInt64 {
        let start = MonotonicClock.now()
        try work()
        return MonotonicClock.now() - start
    }
}
