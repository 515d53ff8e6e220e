import CLinux
import Glibc

/// Waits for whatever comes first on a handful of descriptors, each known by a token of the caller's.
///
/// The order of what `wait` returns is the order in which the descriptors were added.
public struct PollLoop<Token: Sendable>: Sendable {
    /// What may be waited for on a descriptor.
    public enum Interest: Hashable, Sendable {
        /// There is something to read, or the other side is gone.
        case reading
        /// There is room to write.
        case writing
        /// The other side is gone, as the reader of a pipe.
        case hangUp
    }

    /// One descriptor that has something to say.
    public struct Event: Sendable {
        /// What the descriptor was added with.
        public let token: Token
        /// Whether the other side is gone or the descriptor is in error; there may still be something to read.
        public let isHungUp: Bool
    }

    private var descriptors: [pollfd] = []
    private var tokens: [Token] = []

    /// A loop that waits for nothing yet.
    public init() {}

    /// Waits for `descriptor` from now on. The caller keeps it open until it is removed.
    public mutating func add(_ descriptor: Int32, for interest: Interest = .reading, token: Token) {
        let events =
            switch interest {
            case .reading: POLLIN
            case .writing: POLLOUT
            case .hangUp: Int32(0)
            }
        descriptors.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
        tokens.append(token)
    }

    /// Does not wait for `descriptor` any more.
    public mutating func remove(_ descriptor: Int32) {
        for index in descriptors.indices.reversed() where descriptors[index].fd == descriptor {
            descriptors.remove(at: index)
            tokens.remove(at: index)
        }
    }

    /// Waits until something happens or `timeout` has passed (nil: for ever). Returns nothing after the time-out, and also if a
    /// signal handler interrupted the wait.
    public mutating func wait(timeout: Duration? = nil) throws(SystemError) -> [Event] {
        let result = descriptors.withUnsafeMutableBufferPointer {
            cl_poll($0.baseAddress, $0.count, Self.nanoseconds(timeout))
        }
        if result < 0 {
            if errno == EINTR || errno == EAGAIN { return [] }
            throw SystemError.last("poll")
        }
        var events: [Event] = []
        for (index, descriptor) in descriptors.enumerated() where descriptor.revents != 0 {
            let gone = Int32(descriptor.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0
            events.append(Event(token: tokens[index], isHungUp: gone))
        }
        return events
    }

    private static func nanoseconds(_ timeout: Duration?) -> Int64 {
        guard let timeout else { return -1 }
        let (seconds, attoseconds) = timeout.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return min(seconds, 1_000_000) * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }
}
