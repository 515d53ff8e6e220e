import BusModel
import CaptureFiles
import LinuxGuest
import Platform

/// What a recording, a copied tree or a text says of a bus: at its end, and some time before where that is known.
struct BusPicture {
    let first: BusSnapshot
    let last: BusSnapshot
    /// Whether the messages of guests and hosts are in it, so that it can be run again.
    let hasMessages: Bool

    /// Reads what a path leads to.
    init(_ path: String) throws(CommandFailure) {
        let input = path == "-" ? try StandardInput() : nil
        if let opened = try RecordingFile.whole(path, input) {
            var source = opened.source
            do throws(SourceError) {
                _ = try source.travel(.end, .forward, limit: .max)
                last = source.snapshot
                // The counters have been read at least once then.
                source.seek(toNumber: source.recordCount / 10)
                first = source.snapshot
            } catch {
                throw CommandFailure(.failure, "\(path): \(error)")
            }
            hasMessages = !RecordingFile.evidence(source.manifest).isEmpty
            return
        }
        var snapshot = BusSnapshot()
        for file in try TextFiles.read([path], input).files { snapshot.apply(TextFileSource([file]).batch) }
        (first, last, hasMessages) = (snapshot, snapshot, false)
    }
}
