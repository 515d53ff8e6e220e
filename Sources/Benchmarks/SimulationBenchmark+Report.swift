import BusModel

extension SimulationBenchmark {
    /// All results as one JSON document of schema `vmbusscope.bench.sim/1`; processor times, of journeys in milliseconds.
    public static func json(_ results: [Result]) -> String {
        BenchmarkDocument.json("vmbusscope.bench.sim/1", results) { result, writer in
            writer.object { writer in
                writer.member("case", result.case.rawValue)
                writer.member("steps", result.steps)
                writer.member("steps_per_second", result.stepsPerSecond.rounded())
                writer.member("step_ns", result.step.median.inHundredths)
                writer.member("step_best_ns", result.step.best.inHundredths)
                writer.member("records_per_step", result.recordsPerStep.inHundredths)
                writer.member("packets_per_second", result.packetsPerSecond.rounded())
                writer.member("grown_kib", result.grownKiB)
                for (name, journey) in [("jump", result.jump), ("back", result.back)] {
                    guard let journey else { continue }
                    writer.member("\(name)_median_ms", journey.median.inHundredths)
                    writer.member("\(name)_p99_ms", journey.p99.inHundredths)
                    writer.member("\(name)_longest_ms", journey.longest.inHundredths)
                }
            }
        }
    }

    private static let table = BenchmarkTable(widths: [8, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8])

    /// The lines above the table of results.
    public static var heading: String {
        table.line(["", "", "steps a", "ns a step", "", "packets a", "grown", "jump ms", "", "back ms", ""])
            + table.line([
                "case", "steps", "second", "median", "best", "second", "MiB", "median", "p99", "median", "p99",
            ])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        func times(_ journey: Percentiles?) -> [String] {
            journey.map { [table.decimal($0.median, 2), table.decimal($0.p99, 2)] } ?? ["-", "-"]
        }
        return table.line(
            [
                result.case.rawValue, "\(result.steps)", "\(Int(result.stepsPerSecond.rounded()))",
                table.decimal(result.step.median, 1), table.decimal(result.step.best, 1),
                "\(Int(result.packetsPerSecond.rounded()))", table.decimal(Double(result.grownKiB) / 1024, 1),
            ] + times(result.jump) + times(result.back))
    }
}
