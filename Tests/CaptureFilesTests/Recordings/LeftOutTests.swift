import BusModel
import Testing
import VMBusWire

@testable import CaptureFiles

/// Recordings of some of a log's records, and what is counted in recordings.
@Suite struct LeftOutTests {
    @Test func `what is left out is known all the same at every record that is not`() {
        let log = RecordedLog(records: 2000)
        var writer = RecordingWriter(RecordingManifest(tool: "test", source: .simulator, title: "x"))
        var (known, snapshots) = (BusSnapshot(), [UInt64: BusSnapshot]())
        for header in log.batch.headers {
            let payload = log.batch.payload(of: header)
            known.apply(header, payload)
            if header.sequence % 5 == 0 || header.kind == .packet {
                writer.append(header, of: log.batch)
                snapshots[header.sequence] = known
            } else {
                writer.leaveOut(header, payload)
            }
        }
        writer.finish()
        let (records, damages) = read(writer.take())
        #expect(damages.isEmpty)
        var (ours, compared) = (BusSnapshot(), 0)
        for header in records.headers {
            ours.apply(header, records.payload(of: header))
            guard let theirs = snapshots[header.sequence], header.kind != .gap, header.kind != .keyframe else {
                continue
            }
            let isSame = ours.partitions.map(\.devices.count) == theirs.partitions.map(\.devices.count)
            #expect(isSame, "record \(header.sequence)")
            compared += 1
        }
        #expect(compared == snapshots.count)
        #expect(records.headers.contains { $0.kind == .gap })
    }

    @Test func `a recording is counted as it was written`() {
        let log = RecordedLog(records: 900)
        let bytes = log.recorded()
        let summary = bytes.withBytes { RecordingSummary($0) }
        #expect(summary.recordCount == UInt64(log.batch.headers.count))
        for kind in FlowKind.all {
            #expect(summary.kinds[Int(kind.rawValue)] == UInt64(log.batch.headers.count { $0.kind == kind }))
        }
        #expect(summary.damages.isEmpty && summary.skippedCount == 0)
        #expect(summary.sequences == 1...UInt64(log.batch.headers.count))
        #expect(summary.interfaces.count > 4)
        #expect(summary.packetCount > summary.recordCount)
        let cut = Array(bytes.prefix(bytes.count - 7))
        #expect(cut.withBytes { RecordingSummary($0) }.damages.count == 1)
    }
}
