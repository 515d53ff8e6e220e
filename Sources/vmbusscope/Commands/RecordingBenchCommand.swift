import ArgumentParser
import Benchmarks
import Platform

/// `bench record` and `bench open`.
struct RecordBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "How many records a second are written without a gap, beside as many bytes with write(2).",
        discussion: """
            Records of \(RecordingBenchmark.recordBytes) bytes, packets of eight channels. They are handed over at once to the \
            thread that writes, to a file in TMPDIR, so that what is measured is how fast they are written.
            """)

    @OptionGroup var options: RecordingBenchOptions

    func run() throws {
        let results = try options.measure("record") { (benchmark) throws(BenchmarkFailure) in
            try benchmark.measureWriting()
        }
        try options.write("vmbusscope.bench.record/1", results)
    }
}

/// `bench open`.
struct OpenBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "How fast a recording is looked through, filtered and shown, beside capinfos and tshark.",
        discussion: """
            A file is made in TMPDIR for it. capinfos and tshark read the same file where they are installed, once; tshark only \
            up to a million records, as it takes some twenty seconds for those.
            """)

    @OptionGroup var options: RecordingBenchOptions

    func run() throws {
        let isShort = options.records <= 1_000_000
        let results = try options.measure("open") { (benchmark) throws(BenchmarkFailure) in
            try benchmark.measureOpening { (path) throws(BenchmarkFailure) in
                var results: [RecordingBenchmark.Result] = []
                for (name, words) in [
                    ("capinfos", ["capinfos", "-Mc", path]), ("tshark", ["tshark", "-n", "-r", path]),
                ] {
                    guard name == "capinfos" || isShort, let time = Self.time(words) else { continue }
                    results.append(
                        RecordingBenchmark.Result(
                            name: name, words: words.dropLast().joined(separator: " "), time: SliceSummary([time]),
                            records: benchmark.records))
                }
                return results
            }
        }
        try options.write("vmbusscope.bench.open/1", results)
    }

    /// Nanoseconds that a program takes; nil where it is not installed, or fails.
    private static func time(_ words: [String]) -> Double? {
        let start = MonotonicClock.now()
        guard QuietProgram.run(words) == 0 else { return nil }
        return Double(MonotonicClock.now() - start)
    }
}

/// What both can be told.
struct RecordingBenchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Records of the file.", valueName: "n"))
    var records = 1_000_000

    @Option(help: ArgumentHelp("How often each thing is measured.", valueName: "n"))
    var rounds = 5

    @Flag(help: "One JSON document.")
    var json = false

    func validate() throws {
        if records < 1 { throw ValidationError("--records \(records): choose at least 1") }
        if rounds < 1 { throw ValidationError("--rounds \(rounds): choose at least 1") }
    }

    func measure(
        _ name: String, _ body: (RecordingBenchmark) throws(BenchmarkFailure) -> [RecordingBenchmark.Result]
    ) throws(CommandFailure) -> [RecordingBenchmark.Result] {
        do throws(BenchmarkFailure) {
            return try body(RecordingBenchmark(records: records, rounds: rounds))
        } catch {
            throw CommandFailure(.failure, "bench \(name): \(error)")
        }
    }

    func write(_ schema: String, _ results: [RecordingBenchmark.Result]) throws(CommandFailure) {
        try Output.write(
            json
                ? RecordingBenchmark.json(schema, results)
                : RecordingBenchmark.heading + results.map(RecordingBenchmark.row).joined())
    }
}
