import Glibc
public import Platform
public import VMBusDevices

/// Puts files that a host copies into one directory of this machine, and never anywhere else.
///
/// Names and paths are the host's, so nothing of them is believed: no symbolic link is followed, and `..` leads nowhere. A file
/// is kept in memory until it is whole and gets its name at once, so that nobody sees half of one.
public struct FileCopySink: Sendable, Hashable {
    /// The directory below which all files are put.
    public let root: String
    /// The most bytes of a file.
    public let maximumSize: UInt64
    /// Whether a host that asks for it replaces files that are there.
    public let replaces: Bool
    private var file: FileCopyMessage.Start?
    private var bytes: [UInt8] = []

    /// A sink below a directory, which is there.
    public init(root: String, maximumSize: UInt64, replaces: Bool) {
        self.root = root
        self.maximumSize = maximumSize
        self.replaces = replaces
    }

    /// A file that was put in its place.
    public struct Stored: Sendable, Hashable {
        /// Where it is.
        public let path: String
        /// Its size.
        public let byteCount: Int
    }

    /// Takes a step.
    ///
    /// - Returns: the file that is whole now, if one is.
    /// - Throws: what the system said; `EINVAL` for a name or a path that could lead elsewhere, `EEXIST` for a file that may
    ///   not be replaced, `EFBIG` for one that is too large. What has come of the file is forgotten then.
    public mutating func take(_ step: FileCopyStep) throws(SystemError) -> Stored? {
        switch step {
        case .begin(let start):
            (file, bytes) = (nil, [])
            let place = try Place(start, below: root)
            guard start.size <= maximumSize else { throw place.failure("write", EFBIG) }
            try place.check(mayReplace: mayReplace(start), makesDirectories: start.flags.contains(.createPath))
            file = start
        case .data(_, let part):
            guard let file, UInt64(bytes.count + part.count) <= file.size else {
                (self.file, bytes) = (nil, [])
                throw SystemError(call: "write", code: EFBIG, path: root)
            }
            bytes += part
        case .cancel: (file, bytes) = (nil, [])
        case .complete:
            guard let start = file else { return nil }
            defer { (file, bytes) = (nil, []) }
            let place = try Place(start, below: root)
            try place.write(
                bytes, mayReplace: mayReplace(start), makesDirectories: start.flags.contains(.createPath))
            return Stored(path: place.path, byteCount: bytes.count)
        }
        return nil
    }

    private func mayReplace(_ start: FileCopyMessage.Start) -> Bool { replaces && start.flags.contains(.overwrite) }
}

/// Where one file goes: directories below the root, and a name.
private struct Place {
    private let root: String
    private let directories: [String]
    private let name: String
    /// What a file is called until it is whole; nobody else has a file of that name.
    private static var temporary: String { ".vmbusscope.\(getpid()).tmp" }

    var path: String { ([root == "/" ? "" : root] + directories + [name]).joined(separator: "/") }

    init(_ start: FileCopyMessage.Start, below root: String) throws(SystemError) {
        self.root = root
        directories = start.path.split(separator: "/").filter { $0 != "." }.map { String($0) }
        name = start.name
        let isNamed = !name.contains("/") && name != Self.temporary
        guard isNamed, (directories + [name]).allSatisfy(Self.isHarmless) else { throw failure("open", EINVAL) }
    }

    /// Control characters and marks of writing direction make one name look like another, and U+FFFD stands for what could
    /// not be read.
    private static func isHarmless(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".."
            && name.unicodeScalars.allSatisfy {
                guard $0 != "\u{FFFD}" else { return false }
                switch $0.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned: return false
                default: return true
                }
            }
    }

    func failure(_ call: String, _ code: Int32) -> SystemError { SystemError(call: call, code: code, path: path) }

    /// Says whether the file could be written now; changes nothing.
    func check(mayReplace: Bool, makesDirectories: Bool) throws(SystemError) {
        let directory: OwnedDescriptor
        do throws(SystemError) {
            directory = try open(makesDirectories: false)
        } catch {
            if makesDirectories, error.code == ENOENT { return }
            throw error
        }
        try checkName(in: directory, mayReplace)
    }

    private func checkName(in directory: borrowing OwnedDescriptor, _ mayReplace: Bool) throws(SystemError) {
        var status = stat()
        guard fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw .last("open", path: path)
        }
        guard mayReplace, status.st_mode & S_IFMT == S_IFREG else { throw failure("open", EEXIST) }
    }

    func write(_ bytes: [UInt8], mayReplace: Bool, makesDirectories: Bool) throws(SystemError) {
        let directory = try open(makesDirectories: makesDirectories)
        try checkName(in: directory, mayReplace)
        let (parent, temporary) = (directory.rawValue, Self.temporary)
        unlinkat(parent, temporary, 0)
        let created = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard created >= 0 else { throw .last("open", path: path) }
        let file = OwnedDescriptor(owning: created)
        do throws(SystemError) {
            try file.write(bytes)
            guard fchmod(created, 0o644) == 0 else { throw .last("fchmod", path: path) }
            guard fsync(created) == 0 else { throw .last("fsync", path: path) }
            if mayReplace {
                guard renameat(parent, temporary, parent, name) == 0 else { throw .last("rename", path: path) }
            } else {
                // A file of that name may have come since the look: a second name never takes its place, as renaming does.
                guard linkat(parent, temporary, parent, name, 0) == 0 else { throw .last("link", path: path) }
                unlinkat(parent, temporary, 0)
            }
        } catch {
            unlinkat(parent, temporary, 0)
            throw SystemError(call: error.call, code: error.code, path: path)
        }
        // Some file systems have no notion of this; the file is in its place all the same.
        _ = fsync(parent)
    }

    /// Goes down one directory after the other, none of which is a link.
    private func open(makesDirectories: Bool) throws(SystemError) -> OwnedDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        let top = Glibc.open(root, flags)
        guard top >= 0 else { throw .last("open", path: root) }
        var directory = OwnedDescriptor(owning: top)
        for name in directories {
            if makesDirectories, mkdirat(directory.rawValue, name, 0o755) != 0, errno != EEXIST {
                throw .last("mkdir", path: path)
            }
            let next = openat(directory.rawValue, name, flags | O_NOFOLLOW)
            guard next >= 0 else { throw .last("open", path: path) }
            directory = OwnedDescriptor(owning: next)
        }
        return directory
    }
}
