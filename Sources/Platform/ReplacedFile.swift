import Glibc

/// A file that readers see either as it was or as it is to be, never half written.
public enum ReplacedFile {
    /// Puts `bytes` in the place of what was at `path`, readable for everybody: written beside it under a hidden name that ends in
    /// `.tmp`, made durable, renamed. If anything fails the old file stays as it was.
    ///
    /// - Throws: What the system said; `EEXIST` where something else than a regular file stands at `path`, which is never
    ///   replaced.
    public static func write(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw SystemError(call: "rename", code: EEXIST, path: path)
        }
        let split = path.lastIndex(of: "/")
        let directory = split.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = split.map { path[path.index(after: $0)...] } ?? path[...]
        let temporary = "\(directory)/.\(name).\(getpid()).tmp"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        // Left behind by a process of this number that was killed; nobody else has a file of that name.
        if access(temporary, F_OK) == 0 { unlink(temporary) }
        let file = try OwnedDescriptor(checking: open(temporary, flags, 0o600), "open", path: temporary)
        do throws(SystemError) {
            try file.write(bytes)
            // Not at once, as the umask would take from it, and whoever collects runs as another user.
            guard fchmod(file.rawValue, 0o644) == 0 else { throw SystemError.last("fchmod", path: temporary) }
            guard fsync(file.rawValue) == 0 else { throw SystemError.last("fsync", path: temporary) }
            guard rename(temporary, path) == 0 else { throw SystemError.last("rename", path: path) }
        } catch {
            unlink(temporary)
            throw error
        }
        let parent = try OwnedDescriptor(
            checking: open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", path: directory)
        // Some file systems have no notion of this; the file is in its place all the same.
        _ = fsync(parent.rawValue)
    }
}
