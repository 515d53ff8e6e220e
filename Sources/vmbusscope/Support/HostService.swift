import BusModel
import Glibc
import Inspector
import InspectorTUI
import Platform
import VMBusPartitions
import VMMBridge

/// A host for virtual machines with a face: lines of text or JSON, or the screen.
struct HostService {
    let scenario: Scenario
    let guest: GuestConfiguration
    let mode: InterruptMode
    let path: String
    var disks: DiskShelf?

    private enum Token { case report, signal, input }

    /// Prints every record as a line until a signal or a command ends it.
    func print(isJSON: Bool, takesCommands: Bool) throws {
        // Before the first thread, which inherits that these signals are blocked.
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        let reports = try Mailbox<BridgeServer.Report>(limit: 1024)
        let thread = try start(to: reports)
        var loop = PollLoop<Token>()
        loop.add(reports.fileDescriptor, token: .report)
        loop.add(signals.fileDescriptor, token: .signal)
        if takesCommands { loop.add(STDIN_FILENO, token: .input) }
        var lines = HostLines(isJSON: isJSON)
        var commands = CommandLines()
        var ending: Signal?
        var isEnding = false
        var failure: CommandFailure?
        while !isEnding {
            for event in try loop.wait() {
                switch event.token {
                case .report:
                    do throws(CommandFailure) {
                        try write(reports, &lines)
                    } catch {
                        (failure, isEnding) = (error, true)
                    }
                case .signal:
                    ending = try signals.next() ?? ending
                    isEnding = ending != nil
                case .input:
                    guard let bytes = try DescriptorAccess.read(STDIN_FILENO, atMost: 4096) else { continue }
                    if bytes.isEmpty { loop.remove(STDIN_FILENO) }
                    for line in commands.append(bytes) {
                        if line == "quit" { isEnding = true } else { obey(line, thread) }
                    }
                }
            }
        }
        thread.end()
        if let failure { throw failure }
        try write(reports, &lines)
        if let ending { SignalSource.die(of: ending) }
    }

    /// Shows the guest on the screen until the user leaves.
    func show(_ options: InspectorOptions) throws(CommandFailure) {
        // Made here, so that what is wrong with the path is said before there is a screen.
        let reports: Mailbox<BridgeServer.Report>
        let holder: BridgeHolder
        do throws(SystemError) {
            reports = try Mailbox<BridgeServer.Report>(limit: 1024)
            holder = BridgeHolder(try UnixListener(path: path))
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        let source = PostedSource(capabilities: Self.capabilities, title: "\(scenario.name) at \(path)") {
            () throws(SystemError) -> PostedSource.Inbox in
            try holder.start(scenario: scenario, guest: guest, mode: mode, disks: disks, to: reports)
            return PostedSource.Inbox(
                fileDescriptor: reports.fileDescriptor, showRings: { holder.request(.showRings($0)) }
            ) {
                reports.takeAll().map { report in
                    switch report {
                    case .batch(let batch): .batch(batch)
                    case .rings(let channel, let inbound, let outbound):
                        .rings(channel, inbound: inbound, outbound: outbound)
                    case .failed(let error): .failed(SourceError(error.description))
                    }
                }
            }
        }
        try Screen.show(posted: source, options) { holder.end() }
    }

    fileprivate static let capabilities = Capabilities(kind: .host, canStep: false, canSeek: false, hasRingImages: true)

    private func start(to reports: Mailbox<BridgeServer.Report>) throws(CommandFailure) -> BridgeThread {
        do throws(SystemError) {
            return try BridgeThread(
                UnixListener(path: path), scenario: scenario, guest: guest, mode: mode, disks: disks, to: reports)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }

    private func obey(_ line: String, _ thread: borrowing BridgeThread) {
        do throws(BridgeCommandError) {
            let command = try BridgeCommand(line, for: guest)
            if !thread.request(.command(command)) { Output.complain("'\(line)' is lost: too much waits already") }
        } catch {
            Output.complain(error.description)
        }
    }

    private func write(_ reports: Mailbox<BridgeServer.Report>, _ lines: inout HostLines) throws(CommandFailure) {
        for report in reports.takeAll() {
            switch report {
            case .batch(let batch): try Output.write(lines.of(batch))
            case .failed(let error): throw CommandFailure(.failure, error.description)
            case .rings: break
            }
        }
    }
}

/// A thread that serves, from when the screen starts it until it is gone.
private final class BridgeHolder {
    private var listener: UnixListener?
    private var thread: BridgeThread?

    init(_ listener: consuming UnixListener) { self.listener = consume listener }

    func start(
        scenario: Scenario, guest: GuestConfiguration, mode: InterruptMode, disks: DiskShelf?,
        to reports: Mailbox<BridgeServer.Report>
    ) throws(SystemError) {
        guard let listener = listener.take() else { return }
        thread = try BridgeThread(listener, scenario: scenario, guest: guest, mode: mode, disks: disks, to: reports)
    }

    func request(_ request: BridgeServer.Request) { _ = thread?.request(request) }

    func end() {
        listener = nil
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
