import CLinux
import Synchronization

/// Takes messages from any thread to the one that waits on ``fileDescriptor``.
public final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    private let descriptor: OwnedDescriptor
    private let limit: Int

    /// An empty mailbox that holds at most `limit` messages, so that a reader that stands still costs no endless memory.
    public init(limit: Int = 65_536) throws(SystemError) {
        descriptor = try OwnedDescriptor(checking: cl_eventfd(), "eventfd")
        self.limit = limit
    }

    /// Readable whenever there are messages.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// Puts a message into the mailbox; false if it is full and the message was not taken.
    public func post(_ message: Message) -> Bool {
        let (taken, wasEmpty) = messages.withLock { messages in
            guard messages.count < limit else { return (false, false) }
            messages.append(message)
            return (true, messages.count == 1)
        }
        if wasEmpty { _ = cl_eventfd_signal(descriptor.rawValue) }
        return taken
    }

    /// All messages, in the order in which they were posted; the mailbox is empty then.
    public func takeAll() -> [Message] {
        // First the counter, then the messages: a message that comes in between wakes the reader once more.
        _ = cl_eventfd_drain(descriptor.rawValue)
        return messages.withLock { messages in
            let taken = messages
            messages.removeAll(keepingCapacity: messages.capacity <= 1_024)
            return taken
        }
    }
}
