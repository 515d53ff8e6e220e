import Glibc

/// A file that is larger than an attribute and read in one piece.
public enum WholeFile {
    /// The contents of a regular file, opened without waiting and closed again; links are followed.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: The most bytes to accept.
    /// - Throws: What the system said; `EFBIG` for more than `limit` bytes, `EISDIR` for a directory and `EOPNOTSUPP` for any
    ///   other file that is not regular.
    public static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        // What is no regular file is not even opened: to open a device can change it.
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError.last("stat", path: path) }
        try requireRegular(status, path)
        let file = try OwnedDescriptor(
            checking: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), "open", path: path)
        guard fstat(file.rawValue, &status) == 0 else { throw SystemError.last("fstat", path: path) }
        try requireRegular(status, path)
        guard status.st_size <= limit else { throw SystemError(call: "read", code: EFBIG, path: path) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(status.st_size)
        while let more = try file.read(atMost: 1 << 20), !more.isEmpty {
            bytes += more
            guard bytes.count <= limit else { throw SystemError(call: "read", code: EFBIG, path: path) }
        }
        return bytes
    }

    private static func requireRegular(_ status: stat, _ path: String) throws(SystemError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw SystemError(call: "open", code: EISDIR, path: path)
        default: throw SystemError(call: "open", code: EOPNOTSUPP, path: path)
        }
    }
}
