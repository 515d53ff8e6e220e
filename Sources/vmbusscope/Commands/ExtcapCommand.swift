import ArgumentParser
import BusModel
import CaptureFiles
import Glibc
import LinuxGuest
import Platform
import VMBusPartitions
import VMBusSimulator

/// `extcap`: Wireshark's interface to programs that capture (doc/extcap.adoc of Wireshark).
struct ExtcapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extcap",
        abstract: "Capture live in Wireshark: its extcap interface.",
        discussion: """
            Wireshark calls this. Two interfaces appear in its list, this guest's VMBus and the simulator, when a script of two \
            lines lies in its extcap folder (Help, About, Folders), with the right to be executed:

              #!/bin/sh
              exec vmbusscope extcap "$@"

            Wireshark names the packets with the dissector of 'vmbusscope print dissector'.

            EXAMPLES
              vmbusscope extcap --extcap-interfaces
              vmbusscope extcap --extcap-interface vmbus-sim --extcap-config
              mkfifo f; vmbusscope extcap --extcap-interface vmbus-sim --capture --fifo f & tshark -r f
            """)

    /// What can be captured.
    private enum Interface: String, CaseIterable {
        case live = "vmbus-live"
        case simulator = "vmbus-sim"

        var display: String {
            switch self {
            case .live: "VMBus of this guest"
            case .simulator: "VMBus of a simulated host and its guests"
            }
        }
    }

    @Flag(help: "List the interfaces.")
    var extcapInterfaces = false

    @Option(help: ArgumentHelp("The interface that is meant.", valueName: "name"))
    var extcapInterface: String?

    @Flag(help: "Print the interface's link type.")
    var extcapDlts = false

    @Flag(help: "Print what can be chosen before a capture.")
    var extcapConfig = false

    @Option(help: ArgumentHelp("The version of Wireshark.", valueName: "version"))
    var extcapVersion: String?

    @Flag(help: "Capture.")
    var capture = false

    @Option(help: ArgumentHelp("The pipe that takes the capture.", valueName: "file"), completion: .file())
    var fifo: String?

    @Option(help: ArgumentHelp("A capture filter; there is none, so only an empty one is taken.", valueName: "filter"))
    var extcapCaptureFilter: String?

    @Option(help: ArgumentHelp("Of the simulator: which scenario.", valueName: "name"))
    var scenario = Scenarios.defaultName

    @Option(help: ArgumentHelp("Of the simulator: the number that decides what is left to chance.", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Of the simulator: its seconds in one of ours.", valueName: "x"))
    var speed = 1.0

    @Option(help: ArgumentHelp("Of the simulator: end after so many steps; 0 for never.", valueName: "n"))
    var steps = 0

    @Option(help: ArgumentHelp("Of this guest: seconds between two looks.", valueName: "s"))
    var interval = 1.0

    @Flag(help: "Of this guest: trace its control messages.")
    var trace = false

    @Flag(help: "Of this guest: keep packets whole, of which 'vmbusscope record --help' tells.")
    var payload = false

    func validate() throws {
        guard SamplingOptions.range.contains(interval) else {
            throw ValidationError("--interval \(interval): choose from 0.05 to 86400 seconds")
        }
        guard speed > 0, speed <= 1_000_000 else { throw ValidationError("--speed \(speed): choose more than 0") }
        if steps < 0 { throw ValidationError("--steps \(steps): choose 0 or more") }
        if let filter = extcapCaptureFilter, !filter.allSatisfy(\.isWhitespace) {
            throw ValidationError(
                "--extcap-capture-filter: there is none; use a display filter, as vmbus.name == \"…\"")
        }
    }

    func run() throws {
        if extcapInterfaces { return try Output.write(Self.list) }
        guard let name = extcapInterface else {
            throw CommandFailure(.usage, "add --extcap-interfaces, or --extcap-interface NAME; Wireshark does")
        }
        guard let interface = Interface(rawValue: name) else {
            let names = Interface.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure(.usage, "there is no interface '\(name)'; choose one of \(names)")
        }
        if extcapDlts { return try Output.write("dlt {number=147}{name=USER0}{display=VMBus records}\n") }
        if extcapConfig { return try Output.write(Self.configuration(of: interface)) }
        guard capture, let fifo else {
            throw CommandFailure(.usage, "add --extcap-dlts, --extcap-config, or --capture and --fifo FILE")
        }
        switch interface {
        case .live: try captureLive(fifo)
        case .simulator: try captureSimulator(fifo)
        }
    }

    // MARK: What Wireshark asks

    private static var list: String {
        "extcap {version=\(ProgramVersion.text)}{display=VMBusScope}\n"
            + Interface.allCases.map { "interface {value=\($0.rawValue)}{display=\($0.display)}\n" }.joined()
    }

    private static func configuration(of interface: Interface) -> String {
        switch interface {
        case .live:
            return """
                arg {number=0}{call=--interval}{display=Seconds between two looks}{type=double}{default=1.0}\
                {range=0.05,86400}{tooltip=How often counters and ring fills are read}
                arg {number=1}{call=--trace}{display=Trace control messages}{type=boolflag}{default=false}\
                {tooltip=Needs CAP_PERFMON or root}
                arg {number=2}{call=--payload}{display=Keep packets whole}{type=boolflag}{default=false}\
                {tooltip=What they carry belongs to whoever works in the guest}

                """
        case .simulator:
            let values = (Scenarios.names + Scenarios.gallery).map { name in
                "value {arg=0}{value=\(name)}{display=\(name)}{default=\(name == Scenarios.defaultName)}\n"
            }
            return """
                arg {number=0}{call=--scenario}{display=Scenario}{type=selector}{tooltip=What is simulated}
                arg {number=1}{call=--seed}{display=Seed}{type=unsigned}{tooltip=Decides what is left to chance}
                arg {number=2}{call=--speed}{display=Speed}{type=double}{default=1.0}\
                {tooltip=Simulated seconds in one second}
                arg {number=3}{call=--steps}{display=Steps}{type=unsigned}{default=0}{tooltip=0 goes on until it is stopped}

                """ + values.joined()
        }
    }

    // MARK: Captures

    private static func manifest(of source: some BusSource, epoch: UInt64?) -> RecordingManifest {
        RecordingManifest(source.capabilities.kind, title: source.title, epoch: epoch)
    }

    /// The simulator's clock goes as fast as asked for; the reader of the pipe decides when it is enough.
    private func captureSimulator(_ fifo: String) throws {
        let (scenario, _) = try ScenarioFile.read(scenario)
        var source = SimulatorSource(scenario, seed: seed)
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        var loop = PollLoop<Void>()
        loop.add(signals.fileDescriptor, token: ())
        let out = try Self.open(fifo)
        var writer = RecordingWriter(Self.manifest(of: source, epoch: nil), from: source.keyframe)
        let start = MonotonicClock.now()
        var hasEnded = false
        while !hasEnded {
            let passed = Double(MonotonicClock.now() - start) * speed
            let before = (steps: source.steps, time: source.time)
            writer.append(source.advance(.time(UInt64(min(passed, 1e18)), limit: 4096)))
            let isDone = steps > 0 && source.steps >= UInt64(steps)
            if isDone { writer.finish() }
            guard try Self.write(writer.take(), to: out) else { return }
            // Behind its clock it goes on at once.
            let isBehind = source.steps > before.steps && source.time < UInt64(min(passed, 1e18))
            hasEnded = try isDone || !loop.wait(timeout: isBehind ? .zero : .milliseconds(50)).isEmpty
        }
        if steps == 0 || source.steps < UInt64(steps) { writer.finish() }
        _ = try Self.write(writer.take(), to: out)
    }

    private func captureLive(_ fifo: String) throws {
        let source = try SourceOptions.parse([])
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        let options = try RecordingOptions.parse(payload ? ["--payload"] : [])
        let live = LiveRecording(
            path: fifo, options: options, interval: .milliseconds(Int64(interval * 1000)))
        try live.follow(
            source.source(tracing: TraceRequest(isWanted: trace)), signals, busPath: source.busPath)
    }

    private static func open(_ fifo: String) throws(CommandFailure) -> OwnedDescriptor {
        do throws(SystemError) {
            return try .newFile(fifo)
        } catch {
            throw CommandFailure(.failure, "--fifo: \(error)")
        }
    }

    /// False when the reader is gone, which is how a capture is stopped.
    private static func write(_ bytes: [UInt8], to file: borrowing OwnedDescriptor) throws(CommandFailure) -> Bool {
        do throws(SystemError) {
            try file.write(bytes)
            return true
        } catch {
            guard error.code != EPIPE else { return false }
            throw CommandFailure(.failure, "--fifo: \(error)")
        }
    }
}
