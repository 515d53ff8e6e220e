import Platform
import Synchronization

/// Brings a listener, which has one owner, to a thread.
final class ListenerHandover: Sendable {
    private let listener: Mutex<UnixListener?>

    init(_ listener: consuming UnixListener) { self.listener = Mutex(listener) }

    /// The listener, the first time.
    func take() -> UnixListener? { listener.withLock { $0.take() } }
}
