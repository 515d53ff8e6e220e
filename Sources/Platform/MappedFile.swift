import Glibc

/// A whole file that is read in place, however long it is: only what is looked at is read from the disk.
///
/// Others may write to the file. What is added later is not seen here; a file that becomes shorter reads as zeros where it ended,
/// and ``isDamaged`` says so.
public final class MappedFile: Sendable {
    private let memory: ReadOnlyMapping?

    /// Maps a regular file; an empty one has no bytes.
    ///
    /// - Throws: What the system said; `EOPNOTSUPP` for what is no regular file.
    public convenience init(_ path: String) throws(SystemError) {
        let file = try OwnedDescriptor(
            checking: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), "open", path: path)
        try self.init(file, path: path)
    }

    /// Maps a file that is open.
    init(_ file: borrowing OwnedDescriptor, path: String) throws(SystemError) {
        memory = try file.regularFileSize() == 0 ? nil : ReadOnlyMapping(file, limit: .max, path: path)
    }

    /// How many bytes there were when it was mapped.
    public var byteCount: Int { memory?.byteCount ?? 0 }

    /// Whether memory was gone when it was looked at, so that zeros stand for it.
    public var isDamaged: Bool { memory?.isDamaged ?? false }

    /// Lets all bytes be looked at.
    public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        guard let memory else { return body(RawSpan()) }
        return memory.withBytes(body)
    }
}
