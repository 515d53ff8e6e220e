import Glibc

extension ReadFailure {
    /// Whether the kernel said that the ring is not open: since about Linux 5.0 its attributes fail with EINVAL then.
    public var isClosedRing: Bool { self == .refused(EINVAL) }

    /// Whether only a lack of permission stands in the way.
    public var isPermissionDenied: Bool { self == .refused(EACCES) || self == .refused(EPERM) }

    /// Whether the file or its directory does not exist.
    var isAbsence: Bool { self == .refused(ENOENT) || self == .refused(ENOTDIR) }

    /// What stands for a device that was listed and then gone.
    static let gone = ReadFailure.refused(ENOENT)
}
