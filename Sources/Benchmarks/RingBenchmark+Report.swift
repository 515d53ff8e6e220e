import BusModel

extension RingBenchmark {
    /// All results as one JSON document of schema `vmbusscope.bench.ring/1`; times in nanoseconds a packet.
    public static func json(_ results: [Result]) -> String {
        BenchmarkDocument.json("vmbusscope.bench.ring/1", results, write)
    }

    private static func write(_ result: Result, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("threads", result.case.threads)
            writer.member("ring_bytes", result.case.ringBytes)
            writer.member("payload_bytes", result.case.payloadBytes)
            writer.member("batch", result.case.batch)
            writer.member("ours_ns", result.ours.median.inHundredths)
            writer.member("ours_best_ns", result.ours.best.inHundredths)
            writer.member("c_ns", result.c.median.inHundredths)
            writer.member("c_best_ns", result.c.best.inHundredths)
            writer.member("memcpy_ns", result.memcpy.median.inHundredths)
            writer.member("memcpy_best_ns", result.memcpy.best.inHundredths)
            writer.member("core_round_trip_ns", result.coreRoundTrip?.median.inHundredths)
        }
    }

    private static let table = BenchmarkTable(widths: [7, 9, 7, 5, 9, 9, 9, 9, 9, 9, 7, 7, 10])

    /// The lines above the table of results.
    public static var heading: String {
        table.line([
            "", "", "", "", "ours", "", "C", "", "memcpy", "", "ours/C", "", "core round",
        ])
            + table.line([
                "threads", "ring", "payload", "batch", "median", "best", "median", "best", "median", "best", "median",
                "best", "trip",
            ])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        table.line(
            [result.case.threads, result.case.ringBytes, result.case.payloadBytes, result.case.batch].map(String.init)
                + [result.ours, result.c, result.memcpy].flatMap {
                    [table.decimal($0.median, 1), table.decimal($0.best, 1)]
                }
                + [
                    table.decimal(result.ours.median / result.c.median, 2),
                    table.decimal(result.ours.best / result.c.best, 2),
                    result.coreRoundTrip.map { table.decimal($0.median, 1) } ?? "-",
                ])
    }
}
