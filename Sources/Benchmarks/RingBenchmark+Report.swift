import BusModel

extension RingBenchmark {
    /// All results as one JSON document of schema `vmbusscope.bench.ring/1`; times in nanoseconds a packet.
    public static func json(_ results: [Result]) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", "vmbusscope.bench.ring/1")
            writer.memberArray("results") { writer in
                for result in results { write(result, &writer) }
            }
        }
        writer.endLine()
        return writer.text
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

    private static let widths = [7, 9, 7, 5, 9, 9, 9, 9, 9, 9, 7, 7, 10]

    /// The lines above the table of results.
    public static var heading: String {
        line([
            "", "", "", "", "ours", "", "C", "", "memcpy", "", "ours/C", "", "core round",
        ])
            + line([
                "threads", "ring", "payload", "batch", "median", "best", "median", "best", "median", "best", "median",
                "best", "trip",
            ])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        line(
            [result.case.threads, result.case.ringBytes, result.case.payloadBytes, result.case.batch].map(String.init)
                + [result.ours, result.c, result.memcpy].flatMap { [decimal($0.median, 1), decimal($0.best, 1)] }
                + [
                    decimal(result.ours.median / result.c.median, 2), decimal(result.ours.best / result.c.best, 2),
                    result.coreRoundTrip.map { decimal($0.median, 1) } ?? "-",
                ])
    }

    private static func line(_ cells: [String]) -> String {
        zip(cells, widths).map { String(repeating: " ", count: max(0, $1 - $0.count)) + $0 }.joined(separator: " ")
            + "\n"
    }

    /// A time or ratio with so many digits behind the point, of which there are one or two.
    private static func decimal(_ number: Double, _ digits: Int) -> String {
        let scale = digits == 1 ? 10.0 : 100.0
        guard let scaled = Int(exactly: (number * scale).rounded()) else { return "-" }
        let fraction = String(scaled % Int(scale))
        return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension Double {
    fileprivate var inHundredths: Double { (self * 100).rounded() / 100 }
}
