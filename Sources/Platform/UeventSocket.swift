import CLinux
import Glibc

/// What the kernel tells everybody about devices that come and go (netlink, kobject uevents). It takes no privilege and changes nothing.
public final class UeventSocket: Sendable {
    /// One moment's news.
    public struct News: Sendable, Hashable {
        /// The messages, oldest first, as the kernel sent them.
        public var messages: [[UInt8]] = []
        /// Whether the kernel had to drop some, so that anything may have happened.
        public var isIncomplete = false

        /// No news.
        public init() {}
    }

    private static let longestMessage = 8192
    private static let messagesAtOnce = 1024

    private let descriptor: OwnedDescriptor

    /// Listens from now on.
    ///
    /// - Throws: what the system said, as where netlink is forbidden or another network namespace is the only one.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(checking: cl_uevent_socket(), "netlink socket")
    }

    /// Readable whenever there is news.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// All news since the last time. Whatever is left of a flood comes with the next call.
    public func takeAll() -> News {
        var news = News()
        for _ in 0..<Self.messagesAtOnce {
            var code: Int32 = 0
            let message = [UInt8](unsafeUninitializedCapacity: Self.longestMessage) { buffer, count in
                let received = cl_uevent_receive(descriptor.rawValue, buffer.baseAddress, buffer.count)
                code = received < 0 ? Int32(-received) : 0
                count = max(0, received)
            }
            if code == ENOBUFS {
                news.isIncomplete = true
            } else if code != 0 {
                break
            } else if !message.isEmpty {
                news.messages.append(message)
            }
        }
        return news
    }
}
