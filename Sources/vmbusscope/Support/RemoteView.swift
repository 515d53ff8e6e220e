import BusModel
import Inspector
import InspectorTUI
import LinuxGuest
import Platform

/// Other machines side by side, and this one beside them where it has a bus or a tree stands for it.
struct RemoteView {
    private let hosts: [RemoteHost]
    private let command: RemoteCommand
    private let interval: Duration
    private let local: LinuxGuestSource?

    /// What is looked at, in one line.
    let title: String

    /// What the options name.
    init(_ remote: RemoteOptions, _ source: SourceOptions, _ interval: Double) throws(CommandFailure) {
        hosts = remote.hosts
        command = remote.command(interval: interval)
        self.interval = .milliseconds(Int64(interval * 1000))
        let hasBus = (try? source.files().kind(of: "/sys/bus/vmbus")) == .directory
        local = hasBus || source.sysroot != nil ? try source.source() : nil
        title = ((local.map { [$0.title] } ?? []) + hosts.map(\.name)).joined(separator: ", ")
    }

    /// Shows them on the screen until the user leaves.
    func show(_ options: InspectorOptions) throws(CommandFailure) {
        let session = RemoteSession()
        let capabilities = Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false)
        let source = PostedSource(capabilities: capabilities, title: title) {
            () throws(SystemError) -> PostedSource.Inbox in
            let mailbox = try start(in: session)
            return PostedSource.Inbox(fileDescriptor: mailbox.fileDescriptor) {
                mailbox.takeAll().compactMap { report in
                    switch report {
                    case .batch(let batch): .batch(batch)
                    case .said(let text): .said(text)
                    case .failed(let error): .failed(error)
                    case .settled: nil
                    }
                }
            }
        }
        try Screen.show(posted: source, options) { session.end() }
    }

    /// Starts the threads, which `session` ends.
    fileprivate func start(in session: RemoteSession) throws(SystemError) -> Mailbox<RemoteGuests.Report> {
        var sampled: Mailbox<SamplingThread.Report>?
        if let local {
            let mailbox = try Mailbox<SamplingThread.Report>(limit: 64)
            session.sampling = try SamplingThread(local, every: interval, to: mailbox)
            sampled = mailbox
        }
        let mailbox = try Mailbox<RemoteGuests.Report>(limit: 64)
        session.guests = try RemoteGuests(hosts, command, local: sampled, to: mailbox)
        return mailbox
    }
}

/// The threads of a view, from its start to its end.
private final class RemoteSession {
    var sampling: SamplingThread?
    var guests: RemoteGuests?

    deinit { end() }

    func end() {
        sampling?.requestStop()
        guests.take()?.end()
    }
}

/// Other machines for commands that print and have no screen.
final class RemoteLook {
    private let session = RemoteSession()
    private let mailbox: Mailbox<RemoteGuests.Report>
    private var isSettled = false

    /// Longer than any machine may take before it is told to have failed, in nanoseconds.
    private static let patience: UInt64 = 30_000_000_000

    /// Starts to look.
    init(_ view: RemoteView) throws(CommandFailure) {
        do throws(SystemError) {
            mailbox = try view.start(in: session)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }

    /// Takes in what has come since the last look; the first one waits until every machine was heard of or has failed.
    ///
    /// - Throws: `CommandFailure` if nothing was heard of any.
    func look(_ state: inout InspectorState) throws(CommandFailure) {
        let isFirst = !isSettled
        var sayings = try take(&state)
        let end = MonotonicClock.now() + Self.patience
        var loop = PollLoop<Void>()
        loop.add(mailbox.fileDescriptor, token: ())
        while !isSettled, case let now = MonotonicClock.now(), now < end {
            do throws(SystemError) {
                _ = try loop.wait(timeout: .nanoseconds(Int64(clamping: end - now)))
            } catch {
                throw CommandFailure(.failure, error.description)
            }
            sayings += try take(&state)
        }
        isSettled = true
        if isFirst, state.snapshot.partitions.allSatisfy(\.isUnheard) {
            throw CommandFailure(.failure, sayings.joined(separator: "; "))
        }
        for saying in sayings { Output.complain(saying) }
    }

    private func take(_ state: inout InspectorState) throws(CommandFailure) -> [String] {
        var sayings: [String] = []
        for report in mailbox.takeAll() {
            switch report {
            case .batch(let batch): state.ingest(batch)
            case .said(let text): sayings.append(text)
            case .settled: isSettled = true
            case .failed(let error): throw CommandFailure(.failure, error.description)
            }
        }
        return sayings
    }
}

extension PartitionSnapshot {
    /// Whether it is another machine that has not been reached.
    fileprivate var isUnheard: Bool { connection.error == "STALE" || connection.value == .connecting }
}
