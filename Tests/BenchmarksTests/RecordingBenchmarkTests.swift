import Benchmarks
import Testing

@Suite struct RecordingBenchmarkTests {
    @Test func `what is written is what was handed over, and every case has a result`() throws {
        let benchmark = RecordingBenchmark(records: 3000, rounds: 1)
        let written = try benchmark.measureWriting()
        #expect(written.map(\.name) == ["writer", "file", "write"])
        #expect(written.allSatisfy { $0.records == 3000 && ($0.bytes ?? 0) > 3000 * RecordingBenchmark.recordBytes })
        let opened = try benchmark.measureOpening()
        #expect(opened.map(\.name) == ["touch", "index", "filter", "first", "seek"])
        #expect((written + opened).allSatisfy { $0.time.median > 0 })
        let json = RecordingBenchmark.json("x/1", opened)
        #expect(json.hasPrefix(#"{"schema":"x/1","results":[{"case":"touch","#))
        let lines = RecordingBenchmark.heading + opened.map(RecordingBenchmark.row).joined()
        #expect(lines.split(separator: "\n").count == 7)
    }
}
