import ArgumentParser
import BusModel
import CaptureFiles
import Glibc
import Platform

/// How much is recorded, and into how many files.
struct RecordingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep at most so many bytes of a packet. Of guests that are no simulation \(Self.guestSnapLength) are kept unless "
                + "this or --payload is given: enough for the protocol's own fields and for frames' headers.",
            valueName: "n"))
    var snaplen: Int?

    @Flag(
        help: """
            Keep packets whole, also of a guest that is no simulation: what its disks, network and key-value pairs hold is in \
            them, which belongs to whoever works there, and makes the file many times longer.
            """)
    var payload = false

    @Option(
        help: ArgumentHelp(
            "End after this long, a number with ms, s, m or h; of a simulation's clock with a simulation.",
            valueName: "t"))
    var duration: RecordingDuration?

    @Option(help: ArgumentHelp("End after so many records.", valueName: "n"))
    var records: UInt64?

    @Option(
        help: ArgumentHelp(
            "Write files FILE-000001, FILE-000002, … of this size and keep the newest so many, such as 10x64M. Each can be "
                + "opened alone.",
            valueName: "n x size"))
    var files: RingOfFiles?

    /// Descriptor, message and the headers of a frame in them.
    static let guestSnapLength = 128

    func validate() throws {
        if let snaplen, snaplen < 16 { throw ValidationError("--snaplen \(snaplen): choose at least 16") }
        if snaplen != nil, payload { throw ValidationError("--snaplen and --payload: choose one of them") }
        if records == 0 { throw ValidationError("--records 0: choose at least 1") }
    }

    /// Whether anything is said that needs a recording.
    var isGiven: Bool { snaplen != nil || payload || duration != nil || records != nil || files != nil }

    /// Checks what goes with a place to write to.
    func check(_ path: String, option: String) throws {
        guard path == "-" else { return }
        if files != nil { throw ValidationError("--files: name a file with \(option), as standard output is only one") }
        if DescriptorAccess.isTerminal(STDOUT_FILENO) {
            throw ValidationError("\(option) -: a recording is not for a terminal; pipe it, or name a file")
        }
    }

    /// What the recording says of itself.
    ///
    /// - Parameter epoch: the wall clock at the log's time 0; nil for a simulation, whose packets are nobody's secret.
    func manifest(_ kind: SourceKind, _ title: String, epoch: UInt64?) -> RecordingManifest {
        var manifest = RecordingManifest(kind, title: title, epoch: epoch)
        manifest.snapLength = snaplen ?? (payload || kind == .simulator || kind == .file ? nil : Self.guestSnapLength)
        if snaplen != nil {
            manifest.reason = "asked for with --snaplen"
        } else if manifest.snapLength != nil {
            manifest.reason = "what a guest's packets carry belongs to whoever works there; --payload keeps it"
        }
        return manifest
    }

    /// Where the bytes go.
    func output(_ path: String) throws(SystemError) -> RecordingOutput {
        if let files { return try RecordingOutput(files.ring, at: path) }
        return RecordingOutput(try path == "-" ? .duplicate(of: STDOUT_FILENO) : .newFile(path))
    }
}

/// A recording of what comes while something else goes on: records are handed over and written on a thread of their own.
final class RecordingKeeper {
    private let thread: RecordingThread
    private let path: String
    /// What is known behind the last record, for the keyframe behind a gap.
    private var known = BusSnapshot()
    private var left: UInt64
    private let deadline: UInt64

    /// Begins at once.
    ///
    /// - Parameters:
    ///   - path: the file; `-` for standard output.
    ///   - logTime: the time that the log has now, so that its times have a date.
    init(
        _ path: String, _ options: RecordingOptions, _ kind: SourceKind, title: String, logTime: UInt64
    ) throws(CommandFailure) {
        let manifest = options.manifest(kind, title, epoch: RecordingManifest.epoch(logTime: logTime))
        do throws(SystemError) {
            thread = try RecordingThread(RecordingWriter(manifest), to: options.output(path))
        } catch {
            throw CommandFailure(.failure, "\(path): \(error)")
        }
        self.path = path
        left = options.records ?? .max
        let now = MonotonicClock.now()
        deadline = options.duration.map { now.addingReportingOverflow($0.nanoseconds).partialValue } ?? .max
    }

    /// Whether nothing more is recorded: all that was asked for is there, or it cannot be written.
    var isOver: Bool { left == 0 || MonotonicClock.now() >= deadline || thread.failure != nil }

    /// When it ends by itself, in the clock's nanoseconds.
    var end: UInt64? { deadline == .max ? nil : deadline }

    /// Records what has come, as far as it was asked for.
    func keep(_ batch: FlowBatch) {
        guard !isOver else { return }
        var batch = batch
        batch.keepFirst(Int(clamping: left))
        left -= UInt64(batch.headers.count)
        known.apply(batch)
        thread.record(batch) { known.keyframeRecord }
    }

    /// Waits until everything is written.
    ///
    /// - Throws: why it is not, unless a pipe's reader had enough.
    func finish() throws(CommandFailure) {
        let outcome = thread.finish()
        if outcome.lostCount > 0 { Output.complain("\(outcome.lostCount) records were lost; the recording says where") }
        guard let failure = outcome.failure, failure.code != EPIPE else { return }
        throw CommandFailure(.failure, "\(path): \(failure); the recording ends behind record \(outcome.recordCount)")
    }
}

/// A span of time as people write it: `90s`, `10m`, `1h`; seconds where no unit is given.
struct RecordingDuration: ExpressibleByArgument {
    let nanoseconds: UInt64

    init?(argument: String) {
        let units = [("ms", UInt64(1_000_000)), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000)]
        let (suffix, size) = units.first { argument.hasSuffix($0.0) } ?? ("", 1_000_000_000)
        guard let number = UInt64(argument.dropLast(suffix.count)), number > 0 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: size)
        // A century is as good as forever.
        guard !overflow, product < 1 << 62 else { return nil }
        nanoseconds = product
    }
}

/// `10x64M`: so many files of such a size.
struct RingOfFiles: ExpressibleByArgument {
    let ring: RecordingOutput.Ring

    init?(argument: String) {
        let parts = argument.split(separator: "x", omittingEmptySubsequences: false).flatMap {
            $0.split(separator: "×", omittingEmptySubsequences: false)
        }
        guard parts.count == 2, let files = Int(parts[0]), (1...999_999).contains(files) else { return nil }
        let units: [Substring: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let digits = parts[1].prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), let unit = units[parts[1].dropFirst(digits.count)], number > 0,
            number <= 1 << 20
        else { return nil }
        ring = RecordingOutput.Ring(files: files, byteCount: number * unit)
    }
}
