public import BusModel
public import Platform
import VMBusWire

/// Lets a source that must wait for the kernel run on a thread of its own, so that a slow or hanging read delays the data
/// and nothing else.
///
/// Batches go into a mailbox. While that is full the source is not asked, so a reader that stands still loses nothing.
public final class SamplingThread: Sendable {
    /// What the thread says.
    public enum Report: Sendable {
        /// What happened since the report before.
        case batch(FlowBatch)
        /// The rings that are shown, as they are now; nil where they cannot be seen.
        case rings(ChannelKey, inbound: RingImage?, outbound: RingImage?)
        /// The source could not go on; nothing comes after this.
        case failed(SourceError)
    }

    /// However much happens, looks that nobody's clock asks for have this long between them, in nanoseconds.
    private static let shortestPause: UInt64 = 50_000_000

    private let stop: StopRequest
    private let intervals: Mailbox<Duration?>

    /// Starts at once and then looks every `interval`; a look that takes longer than that delays the next.
    ///
    /// - Parameter watch: Tells which rings are shown, and wakes the thread when devices come and go.
    public init(
        _ source: sending some BusSource & Sendable, every interval: Duration, to mailbox: Mailbox<Report>,
        watch: LiveWatch? = nil
    ) throws(SystemError) {
        let stop = try StopRequest()
        let intervals = try Mailbox<Duration?>(limit: 16)
        // Never joined: a read that hangs must not hold the end of the program.
        _ = try WorkerThread(name: "sampling") { [source] in
            var source = source
            Self.run(&source, interval, mailbox, stop, intervals, watch)
        }
        self.stop = stop
        self.intervals = intervals
    }

    deinit { stop.request() }

    /// Looks every `interval` from now on.
    public func changeInterval(_ interval: Duration) { _ = intervals.post(interval) }

    /// Looks soon, as what is to be looked at has changed.
    public func lookSoon() { _ = intervals.post(nil) }

    /// Asks the thread to end after the read that it is in.
    public func requestStop() { stop.request() }

    private static func run(
        _ source: inout some BusSource, _ interval: Duration, _ mailbox: Mailbox<Report>, _ stop: StopRequest,
        _ intervals: Mailbox<Duration?>, _ watch: LiveWatch?
    ) {
        var loop = PollLoop<Void>()
        loop.add(stop.fileDescriptor, token: ())
        loop.add(intervals.fileDescriptor, token: ())
        let uevents = watch?.uevents?.fileDescriptor
        if let uevents { loop.add(uevents, token: ()) }
        var step = interval.nanoseconds
        var waiting: Report?
        while !stop.isRequested {
            let begin = MonotonicClock.now()
            if waiting == nil {
                do {
                    waiting = .batch(try source.advance(.steps(1)))
                } catch {
                    waiting = .failed(error)
                }
            }
            if let report = waiting, mailbox.post(report) {
                if case .failed = report { return }
                waiting = nil
                if let channel = watch?.focus.now.rings {
                    _ = mailbox.post(
                        .rings(
                            channel, inbound: source.ringImage(channel, .hostToGuest),
                            outbound: source.ringImage(channel, .guestToHost)))
                }
            }
            // However short the interval is, a full mailbox or a fast look leaves the processor to others for a moment.
            var next = max(begin.saturatingSum(step), MonotonicClock.now().saturatingSum(1_000_000))
            let soon = min(next, begin.saturatingSum(shortestPause))
            while case let now = MonotonicClock.now(), now < next, !stop.isRequested {
                guard let events = try? loop.wait(timeout: .nanoseconds(Int64(clamping: next - now))) else { return }
                let messages = intervals.takeAll()
                if let changed = messages.compactMap(\.self).last {
                    step = changed.nanoseconds
                    next = begin.saturatingSum(step)
                }
                guard !events.isEmpty, messages.isEmpty || messages.contains(nil) else { continue }
                // Somebody wants a look, or the kernel has news; a flood of these makes looks no faster than the pause.
                next = min(next, soon)
                if let uevents { loop.remove(uevents) }
            }
            if let uevents {
                loop.remove(uevents)
                loop.add(uevents, token: ())
            }
        }
    }
}

extension UInt64 {
    fileprivate func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

extension Duration {
    fileprivate var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole.saturatingSum(UInt64(attoseconds) / 1_000_000_000)
    }
}
