import Platform

/// Keeps an even pace between looks, whatever each of them takes.
struct Pace {
    private let interval: UInt64
    private var next: UInt64

    init(_ interval: Duration) {
        let (seconds, attoseconds) = interval.components
        self.interval = UInt64(clamping: seconds) * 1_000_000_000 + UInt64(clamping: attoseconds / 1_000_000_000)
        next = MonotonicClock.now()
    }

    /// Waits until the next look is due; moments that have passed already are left out.
    mutating func wait() throws(SystemError) {
        next = max(next + interval, MonotonicClock.now())
        var loop = PollLoop<Void>()
        while case let now = MonotonicClock.now(), now < next {
            _ = try loop.wait(timeout: .nanoseconds(Int64(clamping: next - now)))
        }
    }
}
