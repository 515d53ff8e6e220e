import BusModel
import CaptureFiles
import Glibc
import Platform
import Testing

@Suite struct RecordingOutputTests {
    private let directory = "/tmp/vmbusscope-ring-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    private let manifest = RecordingManifest(tool: "test", source: .live, title: "ring")

    /// The files of a ring into which a log was written.
    private func files(_ log: RecordedLog, _ ring: RecordingOutput.Ring) throws -> [[UInt8]] {
        #expect(mkdir(directory, 0o700) == 0)
        let names = { try SystemFiles().names(in: directory) }
        defer {
            for name in (try? names()) ?? [] { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
        var writer = RecordingWriter(manifest, interval: 100)
        var output = try RecordingOutput(ring, at: "\(directory)/r.pcapng")
        for header in log.batch.headers {
            var batch = FlowBatch()
            batch.append(header, from: log.batch)
            try output.write(batch, &writer)
        }
        try output.finish(&writer)
        return try names().map { try WholeFile.read("\(directory)/\($0)", limit: 1 << 24) }
    }

    @Test func `each file of a ring explains itself, and together they are the log`() throws {
        let log = RecordedLog(records: 2000)
        let snapshots = log.snapshots
        let files = try files(log, RecordingOutput.Ring(files: 1000, byteCount: 20_000))
        #expect(files.count > 5)
        var all = FlowBatch()
        for bytes in files {
            #expect(bytes.count >= 20_000 || bytes == files.last)
            #expect(bytes.count < 30_000)
            let (records, damages) = read(bytes)
            #expect(damages.isEmpty)
            let last = try #require(records.headers.last)
            var snapshot = BusSnapshot()
            snapshot.apply(records)
            let isEqual = snapshot == snapshots[Int(last.sequence) - 1]
            #expect(isEqual, "up to record \(last.sequence)")
            let own = records.headers.filter { $0.kind != .keyframe }
            for header in own { all.append(header, from: records) }
        }
        let isWhole = PlainRecord.all(all) == PlainRecord.all(log.batch)
        #expect(isWhole)
    }

    @Test func `only the newest files stay`() throws {
        let log = RecordedLog(records: 2000)
        let files = try files(log, RecordingOutput.Ring(files: 3, byteCount: 20_000))
        #expect(files.count == 3)
        let last = try #require(files.last)
        #expect(read(last).records.headers.last?.sequence == log.batch.headers.last?.sequence)
    }
}
