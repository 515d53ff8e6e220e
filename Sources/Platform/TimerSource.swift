import CLinux
import Glibc

/// A timer as something to read in a ``PollLoop``.
public struct TimerSource: ~Copyable {
    private let descriptor: OwnedDescriptor

    /// A timer that does not run.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(checking: cl_timerfd(), "timerfd_create")
    }

    /// Readable whenever the timer has expired since ``takeExpirations()``.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// Lets the timer expire after `first` and then every `interval`, or only once. Nothing shorter than a nanosecond.
    public borrowing func start(after first: Duration, every interval: Duration? = nil) throws(SystemError) {
        let interval = interval.map { max(1, Self.nanoseconds($0)) } ?? 0
        guard cl_timerfd_set(descriptor.rawValue, max(1, Self.nanoseconds(first)), interval) == 0 else {
            throw SystemError.last("timerfd_settime")
        }
    }

    /// Stops the timer.
    public borrowing func stop() throws(SystemError) {
        guard cl_timerfd_set(descriptor.rawValue, 0, 0) == 0 else { throw SystemError.last("timerfd_settime") }
    }

    /// How often the timer has expired since the last call.
    public borrowing func takeExpirations() throws(SystemError) -> UInt64 {
        guard let bytes = try descriptor.read(atMost: 8), bytes.count == 8 else { return 0 }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, whole < 1 << 62 else { return 1 << 62 }
        return whole + UInt64(attoseconds) / 1_000_000_000
    }
}

/// The clock that never goes back.
public enum MonotonicClock {
    /// Nanoseconds since some moment before this process.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(clamping: time.tv_sec) * 1_000_000_000 + UInt64(clamping: time.tv_nsec)
    }
}

/// The clock on the wall, which somebody may set.
public enum WallClock {
    /// Nanoseconds since the first moment of 1970.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(clamping: time.tv_sec) * 1_000_000_000 + UInt64(clamping: time.tv_nsec)
    }
}

/// What the calling thread has used of a processor.
public enum ProcessorClock {
    /// Nanoseconds since the thread began.
    public static func thread() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(clamping: time.tv_sec) * 1_000_000_000 + UInt64(clamping: time.tv_nsec)
    }
}
