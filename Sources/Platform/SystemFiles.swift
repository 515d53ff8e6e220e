import CLinux
import Glibc

/// The machine's own files, or those of a copied tree that stands for a machine.
///
/// With a sysroot every path and every link is taken from that directory: an absolute link starts at the sysroot again and
/// `..` stops there, so that a tree copied from elsewhere shows that machine and never this one.
public struct SystemFiles: FileLayer {
    let sysroot: String?

    /// The most links that one path may pass, as in the kernel.
    private static let linkLimit = 40

    /// The files below `sysroot`; nil, an empty text or `/` mean the machine's own.
    public init(sysroot: String? = nil) {
        var root = sysroot ?? ""
        while root.hasSuffix("/") { root.removeLast() }
        self.sysroot = root.isEmpty ? nil : root
    }

    /// The contents of a small regular file, opened without waiting and closed again.
    public func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let location = try resolve(path)
        try Self.requireRegular(try status(of: location), location)
        let flags = Self.readingFlags | (sysroot == nil ? 0 : O_NOFOLLOW)
        let descriptor = try Self.retrying("open", location) { open(location, flags) }
        defer { close(descriptor) }
        return try Self.contents(of: descriptor, limit: max(limit, 0), location)
    }

    /// The contents of a regular file that comes in pieces, opened without waiting and closed again.
    public func readTable(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let location = try resolve(path)
        try Self.requireRegular(try status(of: location), location)
        let flags = Self.readingFlags | (sysroot == nil ? 0 : O_NOFOLLOW)
        let file = OwnedDescriptor(owning: try Self.retrying("open", location) { open(location, flags) })
        var bytes: [UInt8] = []
        while let piece = try file.read(atMost: 1 << 16), !piece.isEmpty {
            bytes += piece
            guard bytes.count <= limit else { throw SystemError(call: "read", code: EFBIG, path: location) }
        }
        return bytes
    }

    /// A directory that is kept open by a descriptor.
    public func directory(_ path: String) throws(SystemError) -> any FileDirectory {
        let location = try resolve(path)
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (sysroot == nil ? 0 : O_NOFOLLOW)
        let descriptor = try Self.retrying("open", location) { open(location, flags) }
        return SystemDirectory(
            files: self, path: path, location: location, descriptor: descriptor, isSysfs: false)
    }

    /// Where a directory really is, with its links followed.
    public func place(of path: String) throws(SystemError) -> any DirectoryPlace {
        let location = try resolve(path)
        let isSysfs = cl_is_sysfs(location)
        guard isSysfs >= 0 else { throw SystemError.last("statfs", path: location) }
        return SystemPlace(
            files: self, path: path, location: location, isSysfs: isSysfs > 0,
            flags: sysroot == nil ? 0 : O_NOFOLLOW)
    }

    /// The memory of a regular file, mapped without a right to write.
    public func memory(_ path: String, limit: Int) throws(SystemError) -> any FileMemory {
        let location = try resolve(path)
        try Self.requireRegular(try status(of: location), location)
        let flags = Self.readingFlags | (sysroot == nil ? 0 : O_NOFOLLOW)
        let descriptor = OwnedDescriptor(owning: try Self.retrying("open", location) { open(location, flags) })
        return try ReadOnlyMapping(descriptor, limit: limit, path: location)
    }

    /// The names in a directory, ordered by their bytes.
    public func names(in path: String) throws(SystemError) -> [String] {
        let location = try resolve(path)
        guard let stream = opendir(location) else { throw SystemError.last("opendir", path: location) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw SystemError.last("readdir", path: location) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The text of a symbolic link.
    public func linkTarget(of path: String) throws(SystemError) -> String {
        let location = try resolve(path, followingLast: false)
        guard let target = try readLink(location) else {
            throw SystemError(call: "readlink", code: EINVAL, path: location)
        }
        return target
    }

    /// What the path leads to.
    public func kind(of path: String) throws(SystemError) -> FileKind {
        try status(of: resolve(path))
    }

    // MARK: Paths

    /// Where a guest's path really is. Only a sysroot needs the walk; otherwise the kernel follows links itself.
    func resolve(_ path: String, followingLast: Bool = true) throws(SystemError) -> String {
        guard let sysroot else { return path }
        var waiting = Array(path.split(separator: "/").reversed())
        var settled: [Substring] = []
        var links = 0
        while let component = waiting.popLast() {
            if component == "." { continue }
            if component == ".." {
                _ = settled.popLast()
                continue
            }
            let location = Self.join(sysroot, settled + [component])
            guard followingLast || !waiting.isEmpty, let target = try readLink(location) else {
                settled.append(component)
                continue
            }
            links += 1
            guard links <= Self.linkLimit else { throw SystemError(call: "readlink", code: ELOOP, path: location) }
            if target.hasPrefix("/") { settled.removeAll() }
            waiting.append(contentsOf: target.split(separator: "/").reversed())
        }
        return Self.join(sysroot, settled)
    }

    private static func join(_ sysroot: String, _ components: [Substring]) -> String {
        var location = sysroot
        for component in components {
            location += "/"
            location += component
        }
        return location
    }

    /// The text of a link, or nil for something that is no link.
    private func readLink(_ location: String) throws(SystemError) -> String? {
        var characters = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(location, &characters, characters.count)
        guard count >= 0 else {
            guard errno == EINVAL else { throw SystemError.last("readlink", path: location) }
            return nil
        }
        return String(decoding: characters.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    // MARK: Calls

    fileprivate static let readingFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY

    private func status(of location: String) throws(SystemError) -> FileKind {
        var status = stat()
        guard stat(location, &status) == 0 else { throw SystemError.last("stat", path: location) }
        return Self.kind(status)
    }

    fileprivate static func kind(_ status: stat) -> FileKind {
        switch status.st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .directory
        default: .other
        }
    }

    fileprivate static func requireRegular(_ kind: FileKind, _ location: String) throws(SystemError) {
        switch kind {
        case .regular: return
        case .directory: throw SystemError(call: "open", code: EISDIR, path: location)
        case .other: throw SystemError(call: "open", code: EOPNOTSUPP, path: location)
        }
    }

    fileprivate static func contents(of descriptor: Int32, limit: Int, _ location: @autoclosure () -> String)
        throws(SystemError)
        -> [UInt8]
    {
        // One byte more than allowed tells a full file from one that is too long.
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < bytes.count {
            let wanted = bytes.count - filled
            let count = try retrying("pread", location()) {
                bytes.withUnsafeMutableBytes { buffer in
                    pread(descriptor, buffer.baseAddress?.advanced(by: filled), wanted, off_t(filled))
                }
            }
            filled += count
            // The kernel hands a whole attribute over at once; what is less than asked for is the end.
            if count < wanted { break }
        }
        guard filled <= limit else { throw SystemError(call: "pread", code: EFBIG, path: location()) }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    fileprivate static func retrying<Result: SignedInteger>(
        _ call: String, _ location: @autoclosure () -> String, _ body: () -> Result
    ) throws(SystemError) -> Result {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw SystemError(call: call, code: code, path: location()) }
        }
    }
}

/// A directory of `SystemFiles`, closed when the last holder lets it go.
private final class SystemDirectory: FileDirectory {
    private let files: SystemFiles
    private let path: String
    private let location: String
    private let descriptor: Int32
    private let isSysfs: Bool

    init(files: SystemFiles, path: String, location: String, descriptor: Int32, isSysfs: Bool) {
        self.files = files
        self.path = path
        self.location = location
        self.descriptor = descriptor
        self.isSysfs = isSysfs
    }

    deinit { close(descriptor) }

    func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8] {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw SystemError.last("fstatat", path: location + "/" + name)
        }
        // A link may lead anywhere, so it takes the guarded way.
        if status.st_mode & S_IFMT == S_IFLNK { return try files.read(path + "/" + name, limit: limit) }
        try SystemFiles.requireRegular(SystemFiles.kind(status), location + "/" + name)
        let file = try SystemFiles.retrying("openat", location + "/" + name) {
            openat(descriptor, name, SystemFiles.readingFlags | O_NOFOLLOW)
        }
        defer { close(file) }
        return try SystemFiles.contents(of: file, limit: max(limit, 0), location + "/" + name)
    }

    func read(_ name: String, into buffer: inout [UInt8]) throws(ErrorNumber) -> Int {
        let file: Int32
        do throws(ErrorNumber) {
            file = try open(name)
        } catch  where error.code == ELOOP {
            return try readLinked(name, into: &buffer)
        }
        defer { close(file) }
        return try SystemKeptFile.contents(of: file, into: &buffer)
    }

    func keep(_ name: String) throws(ErrorNumber) -> any KeptFile {
        SystemKeptFile(descriptor: try open(name))
    }

    /// Opens a regular file; `ELOOP` for a link. In sysfs one call tells, as what is opened there cannot be a device.
    private func open(_ name: String) throws(ErrorNumber) -> Int32 {
        if !isSysfs {
            var status = stat()
            guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw ErrorNumber(errno) }
            switch status.st_mode & S_IFMT {
            case S_IFREG: break
            case S_IFLNK: throw ErrorNumber(ELOOP)
            case S_IFDIR: throw ErrorNumber(EISDIR)
            default: throw ErrorNumber(EOPNOTSUPP)
            }
        }
        while true {
            let file = openat(descriptor, name, SystemFiles.readingFlags | O_NOFOLLOW)
            if file >= 0 { return file }
            let code = errno
            if code != EINTR { throw ErrorNumber(code) }
        }
    }

    /// A link may lead anywhere, so it takes the guarded way.
    private func readLinked(_ name: String, into buffer: inout [UInt8]) throws(ErrorNumber) -> Int {
        do throws(SystemError) {
            let bytes = try files.read(path + "/" + name, limit: buffer.count - 1)
            buffer.replaceSubrange(..<bytes.count, with: bytes)
            return bytes.count
        } catch {
            throw ErrorNumber(error.code)
        }
    }
}

/// A regular file of `SystemFiles`, closed when the last holder lets it go.
private final class SystemKeptFile: KeptFile {
    private let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func read(into buffer: inout [UInt8]) throws(ErrorNumber) -> Int {
        try Self.contents(of: descriptor, into: &buffer)
    }

    fileprivate static func contents(of descriptor: Int32, into buffer: inout [UInt8]) throws(ErrorNumber) -> Int {
        var filled = 0
        while true {
            let (count, code) = buffer.withUnsafeMutableBytes { bytes -> (Int, Int32) in
                let count = pread(
                    descriptor, bytes.baseAddress?.advanced(by: filled), bytes.count - filled, off_t(filled))
                return (count, count < 0 ? errno : 0)
            }
            if count < 0 {
                guard code == EINTR else { throw ErrorNumber(code) }
                continue
            }
            filled += count
            if filled >= buffer.count { throw ErrorNumber(EFBIG) }
            // The kernel hands a whole attribute over at once; what is less than asked for is the end.
            return filled
        }
    }
}

/// A directory of `SystemFiles` that is not open.
private struct SystemPlace: DirectoryPlace {
    let files: SystemFiles
    let path: String
    let location: String
    let isSysfs: Bool
    let flags: Int32

    func open() throws(ErrorNumber) -> any FileDirectory {
        while true {
            let descriptor = Glibc.open(location, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | flags)
            if descriptor >= 0 {
                return SystemDirectory(
                    files: files, path: path, location: location, descriptor: descriptor, isSysfs: isSysfs)
            }
            let code = errno
            if code != EINTR { throw ErrorNumber(code) }
        }
    }
}
