import BusModel
import CaptureFiles
import Glibc
import Platform
import Testing

@Suite struct RecordingThreadTests {
    private let manifest = RecordingManifest(tool: "test", source: .live, title: "thread")

    @Test func `what is handed over is in the file, batch for batch`() throws {
        let log = RecordedLog(records: 400)
        let path = "/tmp/vmbusscope-recording-\(getpid())-whole.pcapng"
        defer { unlink(path) }
        let thread = try RecordingThread(RecordingWriter(manifest), to: RecordingOutput(OwnedDescriptor.newFile(path)))
        for header in log.batch.headers {
            var batch = FlowBatch()
            batch.append(header, from: log.batch)
            thread.record(batch) { FlowBatch() }
        }
        let outcome = thread.finish()
        #expect(outcome.recordCount == UInt64(log.batch.headers.count) && outcome.lostCount == 0)
        #expect(outcome.failure == nil)
        let bytes = try WholeFile.read(path, limit: 1 << 24)
        #expect(bytes.count == Int(outcome.byteCount))
        let (records, damages) = read(bytes)
        #expect(damages.isEmpty)
        #expect(PlainRecord.all(records) == PlainRecord.all(log.batch))
    }

    @Test func `a disk that is full ends it behind a whole block`() throws {
        let log = RecordedLog(records: 400)
        // /dev/full takes nothing.
        let file = OwnedDescriptor(owning: open("/dev/full", O_WRONLY))
        let thread = try RecordingThread(RecordingWriter(manifest), to: RecordingOutput(file))
        thread.record(log.batch) { FlowBatch() }
        let outcome = thread.finish()
        #expect(outcome.failure?.code == ENOSPC)
        #expect(outcome.byteCount == 0)
    }

    @Test func `a pipe that nobody reads is not waited for forever`() throws {
        Signal.ignoreBrokenPipes()
        let log = RecordedLog(records: 2000)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let reader = OwnedDescriptor(owning: ends[0])
        let thread = try RecordingThread(
            RecordingWriter(manifest), to: RecordingOutput(OwnedDescriptor(owning: ends[1])))
        thread.record(log.batch) { FlowBatch() }
        #expect(thread.finish(patience: 1).failure?.code == ETIMEDOUT)
        // The thread ends when its reader is gone.
        _ = consume reader
        #expect(thread.finish().failure != nil)
    }

    @Test func `a reader that is slow loses records, which are counted, and nothing that is known`() throws {
        let log = RecordedLog(records: 2000)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (input, output) = (ends[0], ends[1])
        let thread = try RecordingThread(
            RecordingWriter(manifest), to: RecordingOutput(OwnedDescriptor(owning: output)), limit: 4000)
        var snapshot = BusSnapshot()
        // Nobody reads: the pipe is full after 64 KiB, the queue after 4000 bytes more.
        for header in log.batch.headers {
            var batch = FlowBatch()
            batch.append(header, from: log.batch)
            snapshot.apply(batch)
            thread.record(batch) { snapshot.keyframeRecord }
        }
        let reader = OwnedDescriptor(owning: input)
        var bytes: [UInt8] = []
        let received = try Mailbox<[UInt8]>()
        let collector = try WorkerThread(name: "reading") {
            var all: [UInt8] = []
            while let more = try? reader.read(atMost: 1 << 16), !more.isEmpty { all += more }
            _ = received.post(all)
        }
        let outcome = thread.finish()
        #expect(outcome.lostCount > 0)
        #expect(outcome.recordCount + outcome.lostCount >= UInt64(log.batch.headers.count))
        _ = consume thread
        collector.join()
        bytes = received.takeAll().first ?? []
        let (records, damages) = read(bytes)
        #expect(damages.isEmpty)
        let told = records.headers.filter { $0.kind == .gap && $0.code > 0 }
        #expect(told.reduce(0) { $0 + UInt64($1.code) } == outcome.lostCount)
    }
}
