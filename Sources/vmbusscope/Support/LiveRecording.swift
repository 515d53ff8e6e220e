import BusModel
import CaptureFiles
import Glibc
import LinuxGuest
import Platform

/// A live guest that is looked at again and again, into a recording.
struct LiveRecording {
    /// The file or pipe; `-` for standard output.
    let path: String
    let options: RecordingOptions
    /// Between two looks.
    let interval: Duration
    /// The most looks; nil for no end.
    var count: Int?

    private enum Event: Sendable {
        case signal
        case reader
    }

    /// Goes on until a signal comes, the reader of a pipe is gone, or there is as much as was asked for; the file is whole then.
    ///
    /// - Parameter busPath: where the bus should be, for whoever has none.
    func follow(
        _ source: some BusSource, _ signals: borrowing SignalSource, busPath: String
    ) throws {
        var source = source
        var batch = try source.advance(.steps(1))
        var known = BusSnapshot()
        known.apply(batch)
        guard known.busAvailable else { throw LiveGuest.noBus(busPath) }
        let keeper = try RecordingKeeper(
            path, options, source.capabilities.kind, title: source.title, logTime: MonotonicClock.now())
        var loop = PollLoop<Event>()
        loop.add(signals.fileDescriptor, token: .signal)
        if path == "-" { loop.add(STDOUT_FILENO, for: .hangUp, token: .reader) }
        var left = count ?? .max
        while true {
            keeper.keep(batch)
            left -= 1
            guard left > 0, !keeper.isOver else { break }
            var pause = interval
            if let end = keeper.end {
                pause = min(pause, .nanoseconds(Int64(clamping: end - min(end, MonotonicClock.now()))))
            }
            let hasNoReader = try loop.wait(timeout: pause).contains { $0.token == .reader }
            // Taken, so that it does not end the process when it is let through again.
            guard try signals.next() == nil, !keeper.isOver, !hasNoReader else { break }
            batch = try source.advance(.steps(1))
        }
        try keeper.finish()
    }
}
