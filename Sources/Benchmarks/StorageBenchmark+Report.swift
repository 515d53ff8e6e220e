import BusModel

extension StorageBenchmark {
    /// All results as one JSON document of schema `vmbusscope.bench.storage/1`; times in nanoseconds for one request.
    public static func json(_ results: [Result]) -> String {
        BenchmarkDocument.json("vmbusscope.bench.storage/1", results) { result, writer in
            writer.object { writer in
                writer.member("case", result.case.isWrite ? "write" : "read")
                writer.member("bytes", result.case.byteCount)
                writer.member("depth", Self.depth)
                writer.member("requests_per_second", result.requestsPerSecond.inHundredths)
                for (name, summary) in [
                    ("ours", result.ours), ("devices", result.devices), ("disk", result.disk),
                    ("memcpy", result.memcpy),
                ] {
                    writer.member("\(name)_ns", summary.median.inHundredths)
                    writer.member("\(name)_best_ns", summary.best.inHundredths)
                }
                writer.member("dominant", result.dominant.part)
                writer.member("dominant_percent", result.dominant.share)
            }
        }
    }

    private static let table = BenchmarkTable(widths: [9, 10, 10, 10, 10, 10, 10, 30])

    /// The lines above the table of results.
    public static var heading: String {
        table.line(["", "requests", "ours", "", "no rings", "disk", "memcpy", ""])
            + table.line(["case", "a second", "median", "best", "median", "median", "median", "what takes most"])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        let dominant = result.dominant
        return table.line([
            result.case.name, table.decimal(result.requestsPerSecond, 1), table.decimal(result.ours.median, 1),
            table.decimal(result.ours.best, 1), table.decimal(result.devices.median, 1),
            table.decimal(result.disk.median, 1), table.decimal(result.memcpy.median, 1),
            "\(dominant.part) \(dominant.share) %",
        ])
    }
}
