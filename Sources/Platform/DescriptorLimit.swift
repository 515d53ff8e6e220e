import Glibc

/// How many descriptors the process may have open.
public enum DescriptorLimit {
    /// Raises the soft limit as far as needed and never beyond the hard one, and leaves it where it is enough.
    ///
    /// - Parameter needed: how many descriptors there shall be room for.
    /// - Returns: how many there is room for now.
    @discardableResult
    public static func makeRoom(for needed: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        let needed = rlim_t(max(0, needed))
        if limit.rlim_cur < needed, limit.rlim_cur < limit.rlim_max {
            let before = limit.rlim_cur
            limit.rlim_cur = min(needed, limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
