import BusModel
import Glibc
import LinuxGuest
import Platform

/// The other end of `--remote`: what happens here as frames on standard output, for a program of ours elsewhere.
enum RecordStream {
    /// Looks every `interval` until the reader is gone or standard input ends, which is how a connection ends. The first frame
    /// tells of everything; one without records says that this end is alive.
    static func send(_ source: LinuxGuestSource, every interval: Duration) throws {
        guard !DescriptorAccess.isTerminal(STDOUT_FILENO) else {
            throw CommandFailure(.usage, "--stream writes bytes for 'live --remote' elsewhere, not for a terminal")
        }
        var source = source
        var next = MonotonicClock.now()
        let (seconds, attoseconds) = interval.components
        let step = UInt64(clamping: seconds) * 1_000_000_000 + UInt64(clamping: attoseconds / 1_000_000_000)
        var loop = PollLoop<Void>()
        loop.add(STDIN_FILENO, token: ())
        while true {
            let batch = try source.advance(.steps(1))
            try Output.write(FlowFrame.bytes(of: batch, sentAt: MonotonicClock.now()))
            next = max(next + step, MonotonicClock.now())
            while case let now = MonotonicClock.now(), now < next {
                if try loop.wait(timeout: .nanoseconds(Int64(clamping: next - now))).isEmpty { continue }
                if try DescriptorAccess.read(STDIN_FILENO, atMost: 4096)?.isEmpty == true { return }
            }
        }
    }
}
