import Glibc

/// The only code of this program that writes into the kernel's tracing files: one directory of our own below
/// `…/tracing/instances`, which the kernel fills with files when it is made and empties when it is removed.
///
/// Nothing outside that directory can be named: neither the machine's own trace settings nor anybody else's instance.
public struct InstanceDirectory: Sendable, Hashable {
    /// Where it is.
    public let path: String

    /// A directory directly below `instances`, made or not.
    ///
    /// - Throws: `EINVAL` for a name that leads elsewhere.
    public init(instances: String, name: String) throws(SystemError) {
        guard instances.hasPrefix("/"), instances.hasSuffix("/instances"), !name.isEmpty, !name.hasPrefix("."),
            !name.contains("/")
        else { throw SystemError(call: "mkdir", code: EINVAL, path: instances + "/" + name) }
        path = instances + "/" + name
    }

    /// Makes it; `EEXIST` where there is one.
    public func create() throws(SystemError) {
        guard mkdir(path, 0o700) == 0 else { throw SystemError.last("mkdir", path: path) }
    }

    /// Writes one of its settings.
    ///
    /// - Parameters:
    ///   - text: what is written, in one piece.
    ///   - file: a path below the directory.
    public func write(_ text: String, to file: String) throws(SystemError) {
        let target = path + "/" + file
        guard !file.hasPrefix("/"), !file.split(separator: "/").contains("..") else {
            throw SystemError(call: "open", code: EINVAL, path: target)
        }
        let descriptor = try OwnedDescriptor(
            checking: open(target, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), "open", path: target)
        do throws(SystemError) {
            try descriptor.write(Array(text.utf8))
        } catch {
            throw SystemError(call: error.call, code: error.code, path: target)
        }
    }

    /// Removes it with all that is in it; fine if it is gone. `EBUSY` while somebody reads its buffers.
    public func remove() throws(SystemError) {
        guard rmdir(path) == 0 || errno == ENOENT else { throw SystemError.last("rmdir", path: path) }
    }
}
