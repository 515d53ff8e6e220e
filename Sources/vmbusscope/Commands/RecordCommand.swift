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
            Records this guest, or with --sim a simulation. The file is pcapng; see 'vmbusscope print recording-format'. It is \
            whole at every moment: what was written when the program or the machine ends is read by 'open'. Records that come \
            faster than they can be written are lost, and the file says how many.

            EXAMPLES
              vmbusscope record -o guest.pcapng                    this guest, until Ctrl-C
              vmbusscope record --trace --count 60 -o guest.pcapng
              vmbusscope record --sim two-guests --steps 3000 -o two.pcapng
              ssh guest vmbusscope record -o - > guest.pcapng
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

    @Option(help: ArgumentHelp("Keep so many bytes of a packet at most.", valueName: "n"))
    var snaplen: Int?

    @Option(help: ArgumentHelp("End after so many looks at the guest.", valueName: "n"))
    var count: Int?

    @Flag(help: "Trace the guest's control messages.")
    var trace = false

    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions

    func validate() throws {
        if let snaplen, snaplen < 16 { throw ValidationError("--snaplen \(snaplen): choose at least 16") }
        if let count, count < 1 { throw ValidationError("--count \(count): choose at least 1") }
        if let steps, steps < 0 { throw ValidationError("--steps \(steps): choose 0 or more") }
        if sim == nil, steps != nil || seed != nil { throw ValidationError("--steps and --seed: add --sim") }
        if sim != nil, steps == nil { throw ValidationError("--sim: add --steps N") }
        if sim != nil, trace || count != nil { throw ValidationError("--trace and --count: they go without --sim") }
        if output == "-", DescriptorAccess.isTerminal(STDOUT_FILENO) {
            throw ValidationError("-o -: a recording is not for a terminal; pipe it, or name a file")
        }
    }

    func run() throws {
        if let sim {
            let (scenario, _) = try ScenarioFile.read(sim)
            return try simulate(SimulatorSource(scenario, seed: seed))
        }
        let request = TraceRequest(isWanted: trace)
        try follow(source.source(tracing: request))
    }

    private func manifest(of source: some BusSource, epoch: UInt64?) -> RecordingManifest {
        var manifest = RecordingManifest(
            tool: "vmbusscope \(ProgramVersion.text)", source: source.capabilities.kind, title: source.title)
        (manifest.epoch, manifest.snapLength) = (epoch, snaplen)
        if snaplen != nil { manifest.reason = "asked for with --snaplen" }
        return manifest
    }

    /// The wall clock at the moment from which the guest's log counts.
    private static var epoch: UInt64 {
        let (wall, log) = (WallClock.now(), MonotonicClock.now())
        return wall - min(wall, log)
    }

    private func file() throws -> OwnedDescriptor {
        try output == "-" ? .duplicate(of: STDOUT_FILENO) : .newFile(output)
    }

    /// A simulation waits for its disk, so that nothing is lost.
    private func simulate(_ source: SimulatorSource) throws {
        var source = source
        var writer = RecordingWriter(manifest(of: source, epoch: nil), from: source.keyframe)
        let file = try file()
        var left = steps ?? 0
        repeat {
            let step = min(left, 1024)
            let before = source.steps
            writer.append(source.advance(.steps(step)))
            left -= step
            if source.steps == before { left = 0 }
            if left == 0 { writer.finish() }
            try write(writer.take(), to: file)
        } while left > 0
    }

    private func write(_ bytes: [UInt8], to file: borrowing OwnedDescriptor) throws(CommandFailure) {
        do throws(SystemError) {
            try file.write(bytes)
        } catch {
            guard error.code != EPIPE || output != "-" else { throw CommandFailure(.success) }
            throw CommandFailure(.failure, "\(output): \(error)")
        }
    }

    /// A live guest is looked at until a signal ends it; the file is whole then.
    private func follow(_ source: some BusSource) throws {
        var source = source
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        let writer = RecordingWriter(manifest(of: source, epoch: Self.epoch))
        let thread = try RecordingThread(writer, to: file())
        var known = BusSnapshot()
        var loop = PollLoop<Void>()
        loop.add(signals.fileDescriptor, token: ())
        var left = count ?? .max
        while left > 0, thread.failure == nil {
            let batch = try source.advance(.steps(1))
            known.apply(batch)
            thread.record(batch) { known.keyframeRecord }
            left -= 1
            if left > 0, try !loop.wait(timeout: sampling.duration).isEmpty { break }
        }
        let outcome = thread.finish()
        if outcome.lostCount > 0 { Output.complain("\(outcome.lostCount) records were lost") }
        guard let failure = outcome.failure, failure.code != EPIPE || output != "-" else { return }
        throw CommandFailure(.failure, "\(output): \(failure)")
    }
}
