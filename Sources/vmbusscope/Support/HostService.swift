import BusModel
import Glibc
import Inspector
import InspectorTUI
import Platform
import VMBusPartitions
import VMMBridge

/// A host for virtual machines with a face: lines of text or JSON, or the screen.
struct HostService {
    /// Where a guest comes in, and what is made for it.
    struct Entrance {
        let path: String
        let guest: GuestConfiguration
        let disks: DiskShelf
    }

    let scenario: Scenario
    let entrances: [Entrance]
    let mode: InterruptMode
    /// The machine's own network device that is joined with the guests'.
    let tap: String?
    /// Faults that are tried on the first guest.
    var trial: FaultTrial?
    /// Where the records are kept as well, and how much of them; `-` is standard output in the place of lines.
    var recording: (path: String, options: RecordingOptions)?

    private enum Token { case report, signal, input, reader }

    /// Prints every record as a line until a signal or a command ends it.
    func print(isJSON: Bool, takesCommands: Bool) throws {
        // Before the first thread, which inherits that these signals are blocked.
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        let reports = try Mailbox<BridgeServer.Report>(limit: 1024)
        let keeper = try keeper()
        let thread = try BridgeThread(setup(), to: reports)
        var loop = PollLoop<Token>()
        loop.add(reports.fileDescriptor, token: .report)
        loop.add(signals.fileDescriptor, token: .signal)
        if takesCommands { loop.add(STDIN_FILENO, token: .input) }
        if recording?.path == "-" { loop.add(STDOUT_FILENO, for: .hangUp, token: .reader) }
        var lines = HostLines(isJSON: isJSON)
        var trial = trial
        request(try trial?.begin(byItself: !takesCommands), thread)
        var commands = CommandLines()
        var ending: Signal?
        var isEnding = false
        var failure: CommandFailure?
        while !isEnding {
            for event in try loop.wait() {
                switch event.token {
                case .report:
                    do throws(CommandFailure) {
                        request(try write(reports, &lines, &trial, keeper), thread)
                    } catch {
                        (failure, isEnding) = (error, true)
                    }
                case .signal:
                    ending = try signals.next() ?? ending
                    isEnding = ending != nil
                // It has enough.
                case .reader: isEnding = true
                case .input:
                    guard let bytes = try DescriptorAccess.read(STDIN_FILENO, atMost: 4096) else { continue }
                    if bytes.isEmpty { loop.remove(STDIN_FILENO) }
                    for line in commands.append(bytes) {
                        var command: BridgeCommand?
                        if line == "quit" {
                            isEnding = true
                        } else if try trial?.obey(line, &command) != true {
                            obey(line, thread)
                        }
                        request(command, thread)
                    }
                }
            }
        }
        thread.end()
        do throws(CommandFailure) {
            if failure == nil { _ = try write(reports, &lines, &trial, keeper) }
        } catch {
            failure = error
        }
        // Whatever else went wrong, the recording gets its end.
        try keeper?.finish()
        if let failure { throw failure }
        let hasFailed = try trial?.end() ?? false
        if let ending { SignalSource.die(of: ending) }
        if hasFailed { throw CommandFailure(.badNews) }
    }

    /// Shows the guest on the screen until the user leaves.
    func show(_ options: InspectorOptions) throws(CommandFailure) {
        // Made here, so that what is wrong with the path is said before there is a screen.
        let reports: Mailbox<BridgeServer.Report>
        do throws(SystemError) {
            reports = try Mailbox<BridgeServer.Report>(limit: 1024)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        let keeper = try keeper()
        let holder = BridgeHolder(try setup())
        let paths = entrances.map(\.path).joined(separator: ", ")
        let source = PostedSource(capabilities: Self.capabilities, title: "\(scenario.name) at \(paths)") {
            () throws(SystemError) -> PostedSource.Inbox in
            try holder.start(to: reports)
            return PostedSource.Inbox(
                fileDescriptor: reports.fileDescriptor, showRings: { holder.request(.showRings($0)) }
            ) {
                reports.takeAll().map { report -> PostedSource.Report in
                    switch report {
                    case .batch(let batch):
                        keeper?.keep(batch)
                        return .batch(batch)
                    case .rings(let channel, let inbound, let outbound):
                        return .rings(channel, inbound: inbound, outbound: outbound)
                    case .failed(let error): return .failed(SourceError(error.description))
                    }
                }
            }
        }
        var failure: CommandFailure?
        try Screen.show(posted: source, options) {
            holder.end()
            for case .batch(let batch) in reports.takeAll() { keeper?.keep(batch) }
            do throws(CommandFailure) {
                try keeper?.finish()
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// The log's clock begins with the service.
    private func keeper() throws(CommandFailure) -> RecordingKeeper? {
        guard let recording else { return nil }
        return try RecordingKeeper(recording.path, recording.options, .host, title: scenario.name, logTime: 0)
    }

    fileprivate static let capabilities = Capabilities(kind: .host, canStep: false, canSeek: false, hasRingImages: true)

    /// Sockets and TAP device, made or refused.
    private func setup() throws(CommandFailure) -> BridgeSetup {
        var setup = BridgeSetup(scenario, mode: mode)
        do throws(SystemError) {
            for entrance in entrances {
                setup.add(entrance.guest, disks: entrance.disks, at: try UnixListener(path: entrance.path))
            }
            if let tap { setup.connect(try FramePort(tap: tap)) }
        } catch {
            let isForbidden = error.code == EPERM || error.code == EACCES
            throw CommandFailure(isForbidden ? .permissionMissing : .failure, error.description)
        }
        return setup
    }

    /// Asks something of the first guest.
    private func request(_ command: BridgeCommand?, _ thread: borrowing BridgeThread) {
        if let command { _ = thread.request(.command(command, guest: 0)) }
    }

    private func obey(_ line: String, _ thread: borrowing BridgeThread) {
        do throws(BridgeCommandError) {
            let request = try BridgeServer.Request(line, for: entrances.map(\.guest))
            if !thread.request(request) { Output.complain("'\(line)' is lost: too much waits already") }
        } catch {
            Output.complain(error.description)
        }
    }

    private func write(
        _ reports: Mailbox<BridgeServer.Report>, _ lines: inout HostLines, _ trial: inout FaultTrial?,
        _ keeper: RecordingKeeper?
    ) throws(CommandFailure) -> BridgeCommand? {
        var command: BridgeCommand?
        for report in reports.takeAll() {
            switch report {
            case .batch(let batch):
                keeper?.keep(batch)
                if trial?.replacesRecords != true, recording?.path != "-" { try Output.write(lines.of(batch)) }
                command = try trial?.follow(batch) ?? command
            case .failed(let error): throw CommandFailure(.failure, error.description)
            case .rings: break
            }
        }
        return command
    }
}

/// A thread that serves, from when the screen starts it until it is gone.
private final class BridgeHolder {
    private var setup: BridgeSetup?
    private var thread: BridgeThread?

    init(_ setup: BridgeSetup) { self.setup = setup }

    func start(to reports: Mailbox<BridgeServer.Report>) throws(SystemError) {
        guard let setup = setup.take() else { return }
        thread = try BridgeThread(setup, to: reports)
    }

    func request(_ request: BridgeServer.Request) { _ = thread?.request(request) }

    func end() {
        setup = nil
        thread.take()?.end()
    }
}

/// Records as lines, as they come.
private struct HostLines {
    private enum Form {
        case json(FlowStream)
        case text(InspectorState, FlowLines)
    }

    private var form: Form

    init(isJSON: Bool) {
        form =
            isJSON
            ? .json(FlowStream())
            : .text(
                InspectorState(capabilities: HostService.capabilities, limits: HistoryLimits(records: 65_536)),
                FlowLines(isJSON: false))
    }

    mutating func of(_ batch: FlowBatch) -> [UInt8] {
        switch form {
        case .json(var stream):
            var writer = JSONWriter()
            stream.write(batch, to: &writer)
            form = .json(stream)
            return writer.take()
        case .text(var state, var lines):
            state.ingest(batch)
            let bytes = lines.new(in: state)
            form = .text(state, lines)
            return bytes
        }
    }
}

/// Cuts what comes from standard input into lines.
private struct CommandLines {
    /// A longer line is no command; what is beyond is cut off.
    private static let limit = 4096
    private var rest: [UInt8] = []

    mutating func append(_ bytes: [UInt8]) -> [String] {
        rest += bytes
        let parts = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        rest = Array((parts.last ?? []).prefix(Self.limit))
        return parts.dropLast().map { part in
            String(decoding: part, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }.filter { !$0.isEmpty }
    }
}
