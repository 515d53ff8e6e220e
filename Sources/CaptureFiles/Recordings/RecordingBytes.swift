public import Platform
import VMBusWire

/// The bytes of a recording, wherever they are.
public protocol RecordingBytes: Sendable {
    /// Lets all bytes be looked at in place.
    func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result
}

extension MappedFile: RecordingBytes {}

extension [UInt8]: RecordingBytes {}
