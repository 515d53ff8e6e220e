import BusModel
import CaptureFiles
import Glibc
import Platform

/// A recording of a source that waits for its disk, so that nothing is lost.
struct CompleteRecording: ~Copyable {
    private var writer: RecordingWriter
    private var output: RecordingOutput
    private let path: String
    private var left: UInt64

    /// Begins where the source stands.
    init(_ path: String, _ options: RecordingOptions, of source: some BusSource) throws(CommandFailure) {
        let manifest = options.manifest(source.capabilities.kind, source.title, epoch: nil)
        writer = RecordingWriter(manifest, from: source.keyframe)
        do throws(SystemError) {
            output = try options.output(path)
        } catch {
            throw CommandFailure(.failure, "\(path): \(error)")
        }
        self.path = path
        left = options.records ?? .max
    }

    /// Whether all that was asked for is there.
    var isOver: Bool { left == 0 }

    /// Writes what has happened.
    mutating func keep(_ batch: FlowBatch) throws(CommandFailure) {
        var batch = batch
        batch.keepFirst(Int(clamping: left))
        left -= UInt64(batch.headers.count)
        do throws(SystemError) {
            try output.write(batch, &writer)
        } catch {
            throw failure(error)
        }
    }

    /// Writes the end.
    mutating func finish() throws(CommandFailure) {
        do throws(SystemError) {
            try output.finish(&writer)
        } catch {
            throw failure(error)
        }
    }

    /// A reader of standard output that has enough is no failure.
    private func failure(_ error: SystemError) -> CommandFailure {
        error.code == EPIPE && path == "-"
            ? CommandFailure(.success)
            : CommandFailure(
                .failure, "\(path): \(error); the recording ends behind its last whole record")
    }
}
