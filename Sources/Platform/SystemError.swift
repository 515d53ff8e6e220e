import Glibc

/// A system call that failed: which one, why, and on what.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the call, such as `open`.
    public let call: String
    /// The `errno` that the call left.
    public let code: Int32
    /// The file or directory that the call was about, if any.
    public let path: String?

    /// A failure of `call` with the error number `code`, on `path` if the call was about a file.
    public init(call: String, code: Int32, path: String? = nil) {
        self.call = call
        self.code = code
        self.path = path
    }

    /// The failure of `call` as `errno` tells it now; read it right after the call.
    public static func last(_ call: String, path: String? = nil) -> SystemError {
        SystemError(call: call, code: errno, path: path)
    }

    /// Whether the process that the call was about is gone.
    public var isNoSuchProcess: Bool { code == ESRCH }

    /// The name of the error number, such as `EINVAL`; `E` and the number where it has no name here.
    public var symbol: String { Self.symbol(of: code) }

    /// The name of an error number, such as `EINVAL`; `E` and the number where it has no name here.
    public static func symbol(of code: Int32) -> String {
        Self.names[code] ?? "E\(code)"
    }

    /// What failed, on what, why, and what to do where that is known: one line.
    public var description: String {
        let subject = path.map { " \(Self.printable($0))" } ?? ""
        let reason = Self.reasons[code].map { "\($0) (\(symbol))" } ?? symbol
        return "\(call)\(subject): \(reason)" + (Self.remedies[code].map { "; \($0)" } ?? "")
    }

    /// File names may hold anything; what ends up in a message must not steer the terminal it is printed on.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0 }))
    }

    private static let names: [Int32: String] = [
        EPERM: "EPERM", ENOENT: "ENOENT", ESRCH: "ESRCH", EINTR: "EINTR", EIO: "EIO", ENXIO: "ENXIO", E2BIG: "E2BIG",
        ENOEXEC: "ENOEXEC", EBADF: "EBADF", ECHILD: "ECHILD", EAGAIN: "EAGAIN", ENOMEM: "ENOMEM", EACCES: "EACCES",
        EFAULT: "EFAULT", ENOTBLK: "ENOTBLK", EBUSY: "EBUSY", EEXIST: "EEXIST", EXDEV: "EXDEV", ENODEV: "ENODEV",
        ENOTDIR: "ENOTDIR", EISDIR: "EISDIR", EINVAL: "EINVAL", ENFILE: "ENFILE", EMFILE: "EMFILE", ENOTTY: "ENOTTY",
        ETXTBSY: "ETXTBSY", EFBIG: "EFBIG", ENOSPC: "ENOSPC", ESPIPE: "ESPIPE", EROFS: "EROFS", EMLINK: "EMLINK",
        EPIPE: "EPIPE", EDOM: "EDOM", ERANGE: "ERANGE", EDEADLK: "EDEADLK", ENAMETOOLONG: "ENAMETOOLONG",
        ENOLCK: "ENOLCK", ENOSYS: "ENOSYS", ENOTEMPTY: "ENOTEMPTY", ELOOP: "ELOOP", ENODATA: "ENODATA", ETIME: "ETIME",
        EPROTO: "EPROTO", EBADMSG: "EBADMSG", EOVERFLOW: "EOVERFLOW", EILSEQ: "EILSEQ", ENOTSOCK: "ENOTSOCK",
        EMSGSIZE: "EMSGSIZE", EOPNOTSUPP: "EOPNOTSUPP", EAFNOSUPPORT: "EAFNOSUPPORT", EADDRINUSE: "EADDRINUSE",
        EADDRNOTAVAIL: "EADDRNOTAVAIL", ENETUNREACH: "ENETUNREACH", ECONNABORTED: "ECONNABORTED",
        ECONNRESET: "ECONNRESET", ENOBUFS: "ENOBUFS", ENOTCONN: "ENOTCONN", ETIMEDOUT: "ETIMEDOUT",
        ECONNREFUSED: "ECONNREFUSED", EHOSTUNREACH: "EHOSTUNREACH", EALREADY: "EALREADY", EINPROGRESS: "EINPROGRESS",
        ESTALE: "ESTALE", EDQUOT: "EDQUOT", ECANCELED: "ECANCELED",
    ]

    private static let reasons: [Int32: String] = [
        EPERM: "not permitted", ENOENT: "no such file or directory", EIO: "input/output error",
        ENXIO: "no such device or address", EBADF: "bad file descriptor", EAGAIN: "temporarily unavailable",
        ENOMEM: "out of memory", EACCES: "permission denied", EBUSY: "device or resource busy",
        EEXIST: "exists already",
        ENODEV: "no such device", ENOTDIR: "not a directory", EISDIR: "is a directory", EINVAL: "invalid argument",
        ENFILE: "too many open files in the system", EMFILE: "too many open files", ENOTTY: "not a terminal",
        ENOSPC: "no space left on device", EROFS: "read-only file system", EPIPE: "broken pipe",
        ENAMETOOLONG: "name too long", ENOSYS: "not supported by this kernel", ELOOP: "too many symbolic links",
        EOPNOTSUPP: "not supported", ETIMEDOUT: "timed out", ECONNREFUSED: "connection refused",
        EADDRINUSE: "address in use", ENOTSOCK: "not a socket",
    ]

    private static let remedies: [Int32: String] = [
        EACCES: "run as root or ask for read permission", EPERM: "run as root",
        EMFILE: "raise the limit with 'ulimit -n'", ENFILE: "close other programs or raise fs.file-max",
        EADDRINUSE: "end who listens there or choose another path",
        ENOTSOCK: "choose a path that is free", ENOSPC: "free some space or choose another directory",
        ENOTTY: "run it in a terminal",
    ]
}
