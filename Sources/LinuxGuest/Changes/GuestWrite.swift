import Glibc
public import Platform

/// One change of a guest, so that all of them can be shown before any is made.
public enum GuestWrite: Sendable, Hashable, CustomStringConvertible {
    /// A line is written into a file of the kernel's; an empty one takes a setting back.
    case line(String, path: String)
    /// A module is loaded.
    case load(module: String)
    /// A module is unloaded, which the kernel refuses while somebody uses it.
    case unload(module: String)

    /// The same as a shell would do it.
    public var description: String {
        switch self {
        case .line(let text, let path): text.isEmpty ? "echo > \(path)" : "echo \(text) > \(path)"
        case .load(let module): "modprobe \(module)"
        case .unload(let module): "modprobe -r \(module)"
        }
    }

    /// Makes the change.
    ///
    /// - Throws: what the kernel said.
    public func perform(in files: SystemFiles) throws(SystemError) {
        switch self {
        case .line(let text, let path): try files.change(path, to: text + "\n")
        case .load(let module): try Self.modprobe([module], files)
        case .unload(let module): try Self.modprobe(["-r", module], files)
        }
    }

    private static func modprobe(_ words: [String], _ files: SystemFiles) throws(SystemError) {
        // Modules are this machine's, whatever tree is looked at.
        guard files.isThisMachine else { throw SystemError(call: "modprobe", code: EXDEV, path: words.last) }
        guard QuietProgram.run(["modprobe"] + words) == 0 else {
            throw SystemError(call: "modprobe", code: ENOENT, path: words.last)
        }
    }
}

/// Why something of the guest is not changed: what stands in the way and what to do, in one sentence.
public struct ChangeRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// What and what to do.
    public let description: String
    /// Whether a right is what is missing.
    public let isPermission: Bool

    /// A refusal.
    public init(_ description: String, isPermission: Bool = false) {
        self.description = description
        self.isPermission = isPermission
    }
}
