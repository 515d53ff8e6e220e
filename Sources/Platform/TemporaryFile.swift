import Glibc

/// A file without a name, which is gone with its owner and all who look at it.
public struct TemporaryFile: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// An empty file in the directory that `TMPDIR` names, or in /tmp.
    public init() throws(SystemError) {
        let named = ProcessEnvironment.variables()["TMPDIR"] ?? ""
        let directory = named.isEmpty ? "/tmp" : named
        var path = Array("\(directory)/.vmbusscope-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        file = try OwnedDescriptor(checking: descriptor, "mkstemp", path: directory)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(path)
    }

    /// Another owner of the file, for writing.
    public borrowing func writer() throws(SystemError) -> OwnedDescriptor { try .duplicate(of: file.rawValue) }

    /// A path by which other programs find it while it has its owner.
    public var path: String { "/proc/\(getpid())/fd/\(file.rawValue)" }

    /// What was written so far, to be looked at in place.
    public borrowing func mapped() throws(SystemError) -> MappedFile { try MappedFile(file, path: "a temporary file") }
}
