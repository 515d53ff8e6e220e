import BusModel

extension EngineBenchmark {
    /// All results as one JSON document of schema `vmbusscope.bench.engine/1`; times in nanoseconds for one repetition.
    public static func json(_ results: [Result]) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", "vmbusscope.bench.engine/1")
            writer.memberObjects("results", results) { writer, result in
                writer.member("case", result.case.rawValue)
                writer.member("bytes", result.byteCount)
                writer.member("ours_ns", result.ours.median.inHundredths)
                writer.member("ours_best_ns", result.ours.best.inHundredths)
                writer.member("memcpy_ns", result.memcpy.median.inHundredths)
                writer.member("memcpy_best_ns", result.memcpy.best.inHundredths)
            }
        }
        writer.endLine()
        return writer.text
    }

    private static let table = BenchmarkTable(widths: [10, 8, 14, 14, 12, 12])

    /// The lines above the table of results.
    public static var heading: String {
        table.line(["", "", "ours", "", "memcpy", ""])
            + table.line(["case", "bytes", "median", "best", "median", "best"])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        table.line(
            [result.case.rawValue, String(result.byteCount)]
                + [result.ours, result.memcpy].flatMap { [table.decimal($0.median, 1), table.decimal($0.best, 1)] })
    }
}
