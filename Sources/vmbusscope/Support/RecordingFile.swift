import CaptureFiles
import Glibc
import Platform
import VMBusWire

/// Recordings that the command line names.
enum RecordingFile {
    /// The bytes with which every section of pcapng begins.
    private static let beginning: UInt32 = 0x0A0D_0D0A

    /// The recording that is named; nil where something else is.
    static func open(_ paths: [String]) throws(CommandFailure) -> RecordingSource? {
        guard paths.count == 1, let path = paths.first, path != "-", let file = try? MappedFile(path) else {
            return nil
        }
        let isRecording = file.withBytes { $0.byteCount >= 4 && $0.word32(0) == beginning }
        guard isRecording else { return nil }
        let source = RecordingSource(file, name: path.split(separator: "/").last.map(String.init) ?? path)
        guard source.manifest != nil else {
            throw CommandFailure(.failure, "\(path): no recording of a VMBus is in this capture")
        }
        return source
    }
}
