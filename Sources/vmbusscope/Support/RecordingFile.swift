import CaptureFiles
import Glibc
import Platform
import VMBusWire

/// Recordings that the command line names.
enum RecordingFile {
    /// The bytes with which every section of pcapng begins.
    private static let beginning: UInt32 = 0x0A0D_0D0A

    /// What standard input begins with, and whether that is a recording, of which more may come.
    static func standardInput() throws(CommandFailure) -> (beginning: [UInt8], isRecording: Bool) {
        var bytes: [UInt8] = []
        while bytes.count < 4, let more = try next() { bytes += more }
        return (bytes, bytes.count >= 4 && bytes[...].word32(0) == beginning)
    }

    /// The next piece of standard input; nil at its end.
    static func next() throws(CommandFailure) -> [UInt8]? {
        do throws(SystemError) {
            let bytes = try DescriptorAccess.read(STDIN_FILENO, atMost: 1 << 20)
            return bytes?.isEmpty == false ? bytes : nil
        } catch {
            throw CommandFailure(.failure, "standard input: \(error)")
        }
    }

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
