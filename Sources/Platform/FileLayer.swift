/// What a path leads to.
public enum FileKind: Sendable, Hashable {
    /// A file with contents, the only kind that is ever opened for reading.
    case regular
    /// A directory.
    case directory
    /// A device node, pipe, socket or anything else, which is never opened.
    case other
}

/// Read-only access to files, so that everything that reads a guest can be given any error, any change and any tree by a test.
///
/// Paths are absolute as the guest sees them (`/sys/bus/vmbus`); where they really are is the layer's business. Nothing here
/// writes, and nothing but regular files is opened.
public protocol FileLayer: Sendable {
    /// The contents of a small file, links followed.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: The most bytes to accept.
    /// - Throws: What the system said; `EFBIG` for more than `limit` bytes, `EISDIR` for a directory and `EOPNOTSUPP` for
    ///   any other file that is not regular.
    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8]

    /// The contents of a file that the kernel hands over piece by piece, as it does with the tables in `/proc`, links followed.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: The most bytes to accept.
    /// - Throws: As `read` does.
    func readTable(_ path: String, limit: Int) throws(SystemError) -> [UInt8]

    /// The names in a directory without `.` and `..`, ordered by their bytes, links followed.
    func names(in path: String) throws(SystemError) -> [String]

    /// The text of a symbolic link, unresolved. `EINVAL` if the path is no link.
    func linkTarget(of path: String) throws(SystemError) -> String

    /// What the path leads to, links followed.
    func kind(of path: String) throws(SystemError) -> FileKind

    /// A directory whose files are read one after the other, which saves the way to it each time.
    func directory(_ path: String) throws(SystemError) -> any FileDirectory
}

/// One directory of a `FileLayer`, open until it is let go.
public protocol FileDirectory: Sendable {
    /// The contents of a small file in the directory, as `FileLayer.read` gives them.
    func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8]
}

extension FileLayer {
    /// The contents as `read` gives them, for layers that hand every file over whole.
    public func readTable(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        try read(path, limit: limit)
    }

    /// A directory that reads by whole paths, for layers that have nothing to keep open.
    public func directory(_ path: String) throws(SystemError) -> any FileDirectory {
        PathDirectory(files: self, path: path)
    }
}

private struct PathDirectory<Files: FileLayer>: FileDirectory {
    let files: Files
    let path: String

    func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8] {
        try files.read(path + "/" + name, limit: limit)
    }
}
