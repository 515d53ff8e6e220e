import BusModel

extension SampleBenchmark {
    /// All results as one JSON document of schema `vmbusscope.bench.sample/1`; processor times in nanoseconds a file.
    public static func json(_ results: [Result]) -> String {
        BenchmarkDocument.json("vmbusscope.bench.sample/1", results, write)
    }

    private static func write(_ result: Result, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("case", result.case.rawValue)
            writer.member("channels", result.channels)
            writer.member("files", result.files)
            writer.member("kept_files", result.keptFiles)
            writer.member("ours_ns", result.ours.median.inHundredths)
            writer.member("ours_best_ns", result.ours.best.inHundredths)
            writer.member("c_ns", result.c.median.inHundredths)
            writer.member("c_best_ns", result.c.best.inHundredths)
            writer.member("kept_files_slab_kib", result.slabKiB)
        }
    }

    private static let table = BenchmarkTable(widths: [5, 8, 6, 6, 9, 9, 9, 9, 7, 7, 9])

    /// The lines above the table of results.
    public static var heading: String {
        table.line(["", "", "", "kept", "ours", "", "C", "", "ours/C", "", "slab of"])
            + table.line([
                "case", "channels", "files", "open", "median", "best", "median", "best", "median", "best", "kept KiB",
            ])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        table.line(
            [result.case.rawValue, "\(result.channels)", "\(result.files)", "\(result.keptFiles)"]
                + [result.ours, result.c].flatMap { [table.decimal($0.median, 1), table.decimal($0.best, 1)] }
                + [
                    table.decimal(result.ours.median / result.c.median, 2),
                    table.decimal(result.ours.best / result.c.best, 2), result.slabKiB.map(String.init) ?? "-",
                ])
    }
}
