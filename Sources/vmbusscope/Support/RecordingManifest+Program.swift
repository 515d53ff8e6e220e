import BusModel
import CaptureFiles
import Platform

extension RecordingManifest {
    /// What a recording that this program writes says of itself.
    ///
    /// - Parameter epoch: the wall clock at the log's time 0, in nanoseconds; nil where nobody knows it.
    init(_ source: SourceKind, title: String, epoch: UInt64? = nil) {
        self.init(tool: "vmbusscope \(ProgramVersion.text)", source: source, title: title)
        self.epoch = epoch
    }

    /// The wall clock at the log's time 0, in nanoseconds.
    ///
    /// - Parameter logTime: the time that the log has now.
    static func epoch(logTime: UInt64) -> UInt64 {
        let wall = WallClock.now()
        return wall - min(wall, logTime)
    }
}
