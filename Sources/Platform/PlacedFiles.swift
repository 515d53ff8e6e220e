import Glibc

/// Files and directories that stand for something as long as this value lives, and go with it. What was there before stays.
public struct PlacedFiles: ~Copyable {
    private var files: [String] = []
    private var directories: [String] = []

    /// Nothing yet.
    public init() {}

    deinit {
        for path in files.reversed() { unlink(path) }
        for path in directories.reversed() { rmdir(path) }
    }

    /// A directory and those above it, made where they are missing.
    public mutating func directory(_ path: String) throws(SystemError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw SystemError(call: "mkdir", code: ENOTDIR, path: path)
            }
            return
        }
        if let split = path.lastIndex(of: "/"), split != path.startIndex { try directory(String(path[..<split])) }
        guard mkdir(path, 0o755) == 0 else {
            if errno == EEXIST { return }
            throw SystemError.last("mkdir", path: path)
        }
        directories.append(path)
    }

    /// A new file of so many zeros to be shared by mapping, in the place of any other file: who has that one keeps it.
    public mutating func shared(_ path: String, byteCount: Int) throws(SystemError) -> SharedMapping {
        if unlink(path) != 0, errno != ENOENT { throw SystemError.last("unlink", path: path) }
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let file = try OwnedDescriptor(checking: open(path, flags, 0o600), "open", path: path)
        files.append(path)
        try file.truncate(to: UInt64(max(0, byteCount)))
        return try SharedMapping(file, offset: 0, byteCount: byteCount)
    }

    /// A file that can be read and says something; one that is there already is left as it is.
    public mutating func text(_ path: String, _ text: String) throws(SystemError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o444)
        if descriptor < 0, errno == EEXIST { return }
        let file = try OwnedDescriptor(checking: descriptor, "open", path: path)
        files.append(path)
        try file.write(Array("\(text)\n".utf8))
    }

    /// A symbolic link; one that is there already, or a file of its name, is left as it is.
    public mutating func link(_ path: String, to target: String) throws(SystemError) {
        guard symlink(target, path) == 0 else {
            if errno == EEXIST { return }
            throw SystemError.last("symlink", path: path)
        }
        files.append(path)
    }

    /// Gives a file that was placed here another name, under which it appears at once as a whole.
    public mutating func rename(_ path: String, to name: String) throws(SystemError) {
        guard Glibc.rename(path, name) == 0 else { throw SystemError.last("rename", path: path) }
        files.removeAll { $0 == path || $0 == name }
        files.append(name)
    }

    /// Takes everything away that was placed below a directory, and the directory if it was made here.
    public mutating func remove(below directory: String) {
        for path in files.reversed() where path.hasPrefix(directory + "/") { unlink(path) }
        files.removeAll { $0.hasPrefix(directory + "/") }
        for path in directories.reversed() where path == directory || path.hasPrefix(directory + "/") { rmdir(path) }
        directories.removeAll { $0 == directory || $0.hasPrefix(directory + "/") }
    }

    /// A path that does not depend on the working directory, of something that is there.
    public static func absolute(_ path: String) throws(SystemError) -> String {
        guard let resolved = realpath(path, nil) else { throw SystemError.last("realpath", path: path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
