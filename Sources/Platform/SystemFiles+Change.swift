import Glibc

extension SystemFiles {
    /// Whether these are the machine's own and no copied tree.
    public var isThisMachine: Bool { sysroot == nil }

    /// Writes into one of the kernel's settings, in one piece as the kernel wants it. The file is there already; none is made.
    ///
    /// - Throws: what the system said, which for a setting is what the kernel thinks of the text.
    public func change(_ path: String, to text: String) throws(SystemError) {
        let location = try resolve(path)
        let setting = try OwnedDescriptor(
            checking: open(location, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), "open", path: path)
        do throws(SystemError) {
            guard try setting.writeAtOnce(Array(text.utf8)) else { throw SystemError(call: "write", code: EAGAIN) }
        } catch {
            throw SystemError(call: "write", code: error.code, path: path)
        }
    }
}
