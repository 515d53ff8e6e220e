import CLinux
import Glibc

/// Wakes a thread or another process that sleeps: rung before the other one waits it is heard all the same, and any number of
/// rings before a wait are heard as one.
public struct Bell: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// A bell that nobody has rung.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(checking: cl_eventfd(), "eventfd")
    }

    /// A bell that another process has made and handed over.
    /// - Parameter descriptor: an eventfd that does not block.
    public init(owning descriptor: Int32) {
        self.descriptor = OwnedDescriptor(owning: descriptor)
    }

    /// The descriptor to hand over to another process; valid as long as the bell is there.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// Rings.
    public borrowing func ring() throws(SystemError) {
        guard cl_eventfd_signal(descriptor.rawValue) == 0 else { throw SystemError.last("eventfd_write") }
    }

    /// Sleeps until the bell was rung since the last wait.
    /// - Parameter milliseconds: how long at most.
    /// - Returns: false if it was not rung in time.
    public borrowing func wait(atMost milliseconds: Int32) throws(SystemError) -> Bool {
        let end = MonotonicClock.now() + UInt64(max(0, milliseconds)) * 1_000_000
        while true {
            let now = MonotonicClock.now()
            var waiting = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
            let rest = end > now ? Int32(clamping: (end - now + 999_999) / 1_000_000) : 0
            let ready = poll(&waiting, 1, rest)
            if ready > 0 { break }
            let error = SystemError.last("poll")
            if ready == 0 { return false }
            guard error.code == EINTR else { throw error }
        }
        guard cl_eventfd_drain(descriptor.rawValue) == 0 else { throw SystemError.last("eventfd_read") }
        return true
    }
}
