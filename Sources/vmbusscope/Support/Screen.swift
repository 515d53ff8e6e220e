import BusModel
import CaptureFiles
import Glibc
import InspectorTUI
import LinuxGuest
import Platform
import VMBusSimulator

/// Puts a source on the screen and waits until the user leaves.
enum Screen {
    /// Whether keys can be read and frames be shown.
    static var hasTerminal: Bool {
        DescriptorAccess.isTerminal(STDIN_FILENO) && DescriptorAccess.isTerminal(STDOUT_FILENO)
    }

    /// Whether there is a terminal for frames, and one for keys although standard input is something else, which it becomes.
    static func takesTerminal() -> Bool {
        DescriptorAccess.isTerminal(STDOUT_FILENO) && OwnedDescriptor.makeTerminalStandardInput()
    }

    /// Shows a live guest, which is looked at every `interval` on a thread of its own.
    ///
    /// - Parameter watch: how the source looks, with what the screen is about.
    static func show(
        live source: some BusSource & Sendable, watch: LiveWatch, tracing request: TraceRequest,
        every interval: Duration, _ options: InspectorOptions
    ) throws(CommandFailure) {
        try run(options) { .posted(posted(source, watch, request, interval)) }
    }

    private static func posted(
        _ source: some BusSource & Sendable, _ watch: LiveWatch, _ request: TraceRequest, _ interval: Duration
    ) -> PostedSource {
        PostedSource(capabilities: source.capabilities, title: source.title) {
            () throws(SystemError) -> PostedSource.Inbox in
            let mailbox = try Mailbox<SamplingThread.Report>(limit: 64)
            let thread = try SamplingThread(source, every: interval, to: mailbox, watch: watch)
            let pace = AdjustablePace(interval, thread)
            return PostedSource.Inbox(
                fileDescriptor: mailbox.fileDescriptor, changeInterval: { pace.change(isFaster: $0) },
                showRings: { channel in
                    if watch.focus.change({ $0.rings = channel }) { thread.lookSoon() }
                },
                watch: { visible, chosen in
                    if watch.focus.change({ ($0.visible, $0.chosen) = (visible, chosen) }) { thread.lookSoon() }
                },
                trace: { request.set($0) }
            ) {
                mailbox.takeAll().map { report in
                    switch report {
                    case .batch(let batch): .batch(batch)
                    case .rings(let channel, let inbound, let outbound):
                        .rings(channel, inbound: inbound, outbound: outbound)
                    case .failed(let error): .failed(error)
                    }
                }
            }
        }
    }

    /// Shows a simulation.
    static func show(_ source: SimulatorSource, _ options: InspectorOptions) throws(CommandFailure) {
        try run(options) { .stepped(source) }
    }

    /// Shows a recording.
    static func show(
        _ source: ReplaySource<RecordingSource>, _ options: InspectorOptions
    ) throws(CommandFailure) {
        try run(options) { .stepped(source) }
    }

    /// Shows texts from files.
    static func show(_ source: TextFileSource, _ options: InspectorOptions) throws(CommandFailure) {
        try run(options) { .stepped(source) }
    }

    /// Shows a source that runs on a thread of its own; `end` is called when the screen is gone, before anything else.
    static func show(
        posted source: PostedSource, _ options: InspectorOptions, end: () -> Void
    ) throws(CommandFailure) {
        // Made and used on the main thread alone.
        nonisolated(unsafe) let source = source
        try run(options, end: end) { .posted(source) }
    }

    /// The runner is made where the screen lives, the main thread, on which commands run as well.
    private static func run(
        _ options: InspectorOptions, end: () -> Void = {}, _ runner: @Sendable () -> SourceRunner
    ) throws(CommandFailure) {
        guard hasTerminal else {
            throw CommandFailure(
                .failure, "the screen needs a terminal; 'show', 'watch' and 'sim --headless' do without")
        }
        let result: Result<InspectorExit, TerminalError> = MainActor.assumeIsolated {
            do throws(TerminalError) {
                return .success(try InspectorApplication.run(runner(), options: options))
            } catch {
                return .failure(error)
            }
        }
        end()
        let exit: InspectorExit
        do throws(TerminalError) {
            exit = try result.get()
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        if case .signal(let number) = exit { SignalSource.die(of: Signal(rawValue: number)) }
        if exit == .terminalGone { SignalSource.die(of: .hangUp) }
    }
}

/// How often a thread looks, changed by keys.
private final class AdjustablePace {
    private static let shortest = Duration.milliseconds(50)
    private static let longest = Duration.seconds(3600)

    private var interval: Duration
    private let thread: SamplingThread

    init(_ interval: Duration, _ thread: SamplingThread) {
        self.interval = interval
        self.thread = thread
    }

    /// Looks twice or half as often, and says how often that is.
    func change(isFaster: Bool) -> String {
        interval = min(max(isFaster ? interval / 2 : interval * 2, Self.shortest), Self.longest)
        thread.changeInterval(interval)
        return "Looks every \(interval)."
    }
}
