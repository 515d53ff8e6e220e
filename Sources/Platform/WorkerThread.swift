import CLinux
import Glibc
import Synchronization

/// A thread of its own for something that must wait. All signals of the process stay with the main thread if a
/// ``SignalSource`` was made before the first thread.
public struct WorkerThread: ~Copyable {
    private let thread: pthread_t

    /// Starts a thread that runs `body` and ends. The name is for debuggers; 15 bytes of it count.
    ///
    /// Not isolated to any actor on purpose: a closure that C calls on another thread would trap otherwise.
    public nonisolated init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let task = Unmanaged.passRetained(Task(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, Self.entry, task.toOpaque())
        guard code == 0 else {
            task.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        self.thread = thread
    }

    /// Waits until the thread has ended.
    public consuming func join() {
        let thread = thread
        discard self
        pthread_join(thread, nil)
    }

    /// A thread that nobody will wait for cleans up after itself.
    deinit { pthread_detach(thread) }

    /// What the thread runs; a class, as it crosses C as a pointer.
    private final class Task: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private nonisolated static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        guard let pointer = $0 else { return nil }
        let task = Unmanaged<Task>.fromOpaque(pointer).takeRetainedValue()
        cl_name_thread(task.name)
        let stack = cl_alternate_stack_begin()
        task.body()
        cl_alternate_stack_end(stack)
        return nil
    }
}

/// Asks a thread to end; the thread looks at ``isRequested`` or waits on ``fileDescriptor`` along with its own.
public final class StopRequest: Sendable {
    private let requested = Atomic(false)
    private let descriptor: OwnedDescriptor

    /// A request that nobody has made yet.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(checking: cl_eventfd(), "eventfd")
    }

    /// Readable as soon as the request is made, and from then on.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// Whether the request was made.
    public var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Makes the request.
    public func request() {
        requested.store(true, ordering: .releasing)
        _ = cl_eventfd_signal(descriptor.rawValue)
    }
}
