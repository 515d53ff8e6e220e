import Glibc

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

    /// The names in a directory without `.` and `..`, ordered by their bytes, links followed.
    func names(in path: String) throws(SystemError) -> [String]

    /// The text of a symbolic link, unresolved. `EINVAL` if the path is no link.
    func linkTarget(of path: String) throws(SystemError) -> String

    /// What the path leads to, links followed.
    func kind(of path: String) throws(SystemError) -> FileKind

    /// A directory whose files are read one after the other, which saves the way to it each time.
    func directory(_ path: String) throws(SystemError) -> any FileDirectory

    /// Where a directory really is, so that it can be opened again and again without finding the way each time.
    func place(of path: String) throws(SystemError) -> any DirectoryPlace

    /// The memory that a file stands for, mapped for reading alone.
    ///
    /// - Parameters:
    ///   - path: The file, links followed; a regular one, as the files of sysfs are.
    ///   - limit: The most bytes to map.
    /// - Throws: What the system said; `EFBIG` where the file has more than `limit` bytes.
    func memory(_ path: String, limit: Int) throws(SystemError) -> any FileMemory
}

/// One directory of a `FileLayer`, open until it is let go.
public protocol FileDirectory: Sendable {
    /// The contents of a small file in the directory, as `FileLayer.read` gives them.
    func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8]

    /// The contents of a small file in the directory, for those that are read thousands of times.
    ///
    /// - Parameter buffer: Takes the contents; one byte more than they may have.
    /// - Returns: How many bytes there are.
    /// - Throws: What the system said; `EFBIG` where the buffer was filled.
    func read(_ name: String, into buffer: inout [UInt8]) throws(ErrorNumber) -> Int

    /// A file of the directory that stays open, so that reading it again costs one call.
    func keep(_ name: String) throws(ErrorNumber) -> any KeptFile
}

/// A file that is read again and again from its beginning, open until it is let go.
public protocol KeptFile: Sendable {
    /// The contents now, as `FileDirectory.read(_:into:)` gives them. `ENODEV` says that the file is gone for good.
    func read(into buffer: inout [UInt8]) throws(ErrorNumber) -> Int
}

/// A directory that is not open.
public protocol DirectoryPlace: Sendable {
    /// Opens it.
    func open() throws(ErrorNumber) -> any FileDirectory
}

/// Memory that a file stands for and that somebody else writes to, as long as the object lives.
public protocol FileMemory: Sendable {
    /// How many bytes there are.
    var byteCount: Int { get }

    /// The aligned 32-bit word at `offset`, read once, before everything that is read later; 0 outside.
    func word(at offset: Int) -> UInt32

    /// A copy of some bytes; fewer where the memory ends.
    func bytes(_ range: Range<Int>) -> [UInt8]

    /// Whether memory was gone when it was looked at, so that zeros stand for it.
    var isDamaged: Bool { get }
}

/// The number of an error, where nothing else of it matters.
public struct ErrorNumber: Error, Hashable, Sendable {
    /// The `errno`.
    public let code: Int32

    /// An error number.
    public init(_ code: Int32) { self.code = code }
}

extension FileLayer {
    /// A directory that reads by whole paths, for layers that have nothing to keep open.
    public func directory(_ path: String) throws(SystemError) -> any FileDirectory {
        PathDirectory(files: self, path: path)
    }

    /// A place that is its path.
    public func place(of path: String) throws(SystemError) -> any DirectoryPlace {
        PathPlace(files: self, path: path)
    }

    /// Refused: the layer has no memory to show.
    public func memory(_ path: String, limit: Int) throws(SystemError) -> any FileMemory {
        throw SystemError(call: "mmap", code: EOPNOTSUPP, path: path)
    }
}

extension FileDirectory {
    /// Reads the contents and copies them.
    public func read(_ name: String, into buffer: inout [UInt8]) throws(ErrorNumber) -> Int {
        do throws(SystemError) {
            let bytes = try read(name, limit: buffer.count - 1)
            for (index, byte) in bytes.enumerated() { buffer[index] = byte }
            return bytes.count
        } catch {
            throw ErrorNumber(error.code)
        }
    }

    /// A file that is read by its name each time; `ENODEV` stands for one that is not there any more.
    public func keep(_ name: String) throws(ErrorNumber) -> any KeptFile {
        var buffer = [UInt8](repeating: 0, count: 4097)
        do throws(ErrorNumber) {
            _ = try read(name, into: &buffer)
        } catch  where error.code == ENOENT || error.code == EACCES {
            throw error
        } catch {}
        return NamedFile(directory: self, name: name)
    }
}

private struct NamedFile<Directory: FileDirectory>: KeptFile {
    let directory: Directory
    let name: String

    func read(into buffer: inout [UInt8]) throws(ErrorNumber) -> Int {
        do throws(ErrorNumber) {
            return try directory.read(name, into: &buffer)
        } catch {
            throw error.code == ENOENT ? ErrorNumber(ENODEV) : error
        }
    }
}

private struct PathPlace<Files: FileLayer>: DirectoryPlace {
    let files: Files
    let path: String

    func open() throws(ErrorNumber) -> any FileDirectory {
        do throws(SystemError) {
            return try files.directory(path)
        } catch {
            throw ErrorNumber(error.code)
        }
    }
}

private struct PathDirectory<Files: FileLayer>: FileDirectory {
    let files: Files
    let path: String

    func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8] {
        try files.read(path + "/" + name, limit: limit)
    }
}
