public import BusModel
public import Platform

/// Lets a source that must wait for the kernel run on a thread of its own, so that a slow or hanging read delays the data
/// and nothing else.
///
/// Batches go into a mailbox. While that is full the source is not asked, so a reader that stands still loses nothing.
public struct SamplingThread: ~Copyable {
    /// What the thread says.
    public enum Report: Sendable {
        /// What happened since the report before.
        case batch(FlowBatch)
        /// The source could not go on; nothing comes after this.
        case failed(SourceError)
    }

    private let stop: StopRequest
    // Never joined: a read that hangs must not hold the end of the program.
    private let thread: WorkerThread

    /// Starts at once and then looks every `interval`; a look that takes longer than that delays the next.
    public init(
        _ source: sending some BusSource & Sendable, every interval: Duration, to mailbox: Mailbox<Report>
    ) throws(SystemError) {
        let stop = try StopRequest()
        let thread = try WorkerThread(name: "sampling") { [source] in
            var source = source
            Self.run(&source, interval, mailbox, stop)
        }
        self.stop = stop
        self.thread = thread
    }

    /// Asks the thread to end after the read that it is in.
    public func requestStop() { stop.request() }

    deinit { stop.request() }

    private static func run(
        _ source: inout some BusSource, _ interval: Duration, _ mailbox: Mailbox<Report>, _ stop: StopRequest
    ) {
        var loop = PollLoop<Void>()
        loop.add(stop.fileDescriptor, token: ())
        let step = UInt64(clamping: interval.nanoseconds)
        var next = MonotonicClock.now()
        var waiting: Report?
        while !stop.isRequested {
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
            }
            let now = MonotonicClock.now()
            next = max(next &+ step, now)
            let pause = Duration.nanoseconds(Int64(clamping: max(next - now, 1_000_000)))
            guard (try? loop.wait(timeout: pause)) != nil else { return }
        }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : max(0, whole).addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
    }
}
