import ArgumentParser
import BusModel
import CaptureFiles
import Glibc
import LinuxGuest
import Platform
import VMBusSimulator

/// `record`: what a source shows, kept in a file.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Keep what happens on a bus in a file that 'open' and Wireshark read.",
        discussion: """
            Records this guest, or with --sim a simulation, or with --from what texts say; with --sysroot DIR --count 1 a copied \
            tree becomes one picture. The file is pcapng; see 'vmbusscope print recording-format'. It is \
            whole at every moment: what was written when the program or the machine ends is read by 'open'. Records that come \
            faster than they can be written are lost, and the file says how many.

            Ctrl-C, SIGTERM and SIGHUP end it well, with status 0, as does a reader of -o - that has enough. Where the disk is \
            full the file ends behind its last whole record and the status is 1. With --files the newest files stay; the numbers \
            go on behind those of earlier runs, whose files are removed as they become too many. Each file begins with all that \
            is known at its start.

            EXAMPLES
              vmbusscope record -o guest.pcapng                    this guest, until Ctrl-C
              vmbusscope record --trace --count 60 -o guest.pcapng
              vmbusscope record --sim two-guests --steps 3000 -o two.pcapng
              vmbusscope record --files 10x64M -o guest.pcapng      the newest 640 MiB, in ten files
              ssh guest vmbusscope record -o - > guest.pcapng
              vmbusscope record --from dmesg.txt trace.txt -o what-happened.pcapng
              vmbusscope record --sysroot sosreport-web-1/ --count 1 -o web-1.pcapng
              vmbusscope open two.pcapng
            """)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file, which is replaced; - for standard output.", valueName: "file"),
        completion: .file())
    var output: String

    @Option(help: ArgumentHelp("Record a simulation: a scenario that is shipped, or a file.", valueName: "scenario"))
    var sim: String?

    @Option(help: ArgumentHelp("With --sim: the number that decides what is left to chance.", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("With --sim: end after so many steps.", valueName: "n"))
    var steps: Int?

    @Option(help: ArgumentHelp("End after so many looks at the guest.", valueName: "n"))
    var count: Int?

    @Flag(help: "Trace the guest's control messages.")
    var trace = false

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Record what these texts say that 'open' reads: kernel logs, traces, listings.", valueName: "file"),
        completion: .file())
    var from: [String] = []

    @OptionGroup var recording: RecordingOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count \(count): choose at least 1") }
        if let steps, steps < 0 { throw ValidationError("--steps \(steps): choose 0 or more") }
        if sim == nil, steps != nil || seed != nil { throw ValidationError("--steps and --seed: add --sim") }
        if sim != nil, steps == nil, recording.duration == nil, recording.records == nil {
            throw ValidationError("--sim: add --steps N, --duration T or --records N")
        }
        if sim != nil, trace || count != nil { throw ValidationError("--trace and --count: they go without --sim") }
        if !from.isEmpty, sim != nil || trace || count != nil || source.sysroot != nil {
            throw ValidationError("--from: it goes without --sim, --trace, --count and --sysroot")
        }
        try recording.check(output, option: "-o")
    }

    func run() throws {
        // Before the first thread, which inherits that these signals are blocked. Whoever waits for the reader of a pipe, which
        // needs no end, must be ended by them at once.
        let signals = try SignalSource(sim != nil && output == "-" ? [] : [.terminate, .interrupt, .hangUp])
        if let sim {
            let (scenario, _) = try ScenarioFile.read(sim)
            return try simulate(SimulatorSource(scenario, seed: seed), signals)
        }
        if !from.isEmpty { return try write(TextFileSource(try TextFiles.read(from).files)) }
        let live = LiveRecording(path: output, options: recording, interval: sampling.duration, count: count)
        try live.follow(source.source(tracing: TraceRequest(isWanted: trace)), signals, busPath: source.busPath)
    }

    private func simulate(_ source: SimulatorSource, _ signals: borrowing SignalSource) throws {
        var source = source
        var file = try CompleteRecording(output, recording, of: source)
        var left = steps ?? .max
        while !file.isOver, try signals.next() == nil {
            let step = min(left, Self.piece)
            let before = source.steps
            let budget = recording.duration.map { AdvanceBudget.time($0.nanoseconds, limit: step) } ?? .steps(step)
            try file.keep(source.advance(budget))
            left -= step
            if left == 0 || source.steps == before { break }
        }
        try file.finish()
    }

    private static let piece = 1024

    /// Writes what texts say.
    private func write(_ source: TextFileSource) throws {
        var file = try CompleteRecording(output, recording, of: TextFileSource([]))
        try file.keep(source.batch)
        try file.finish()
    }
}
