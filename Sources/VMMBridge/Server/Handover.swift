import Synchronization

/// Brings something that has one owner to a thread.
final class Handover<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: consuming Value) { self.value = Mutex(value) }

    /// The thing, the first time.
    func take() -> Value? { value.withLock { $0.take() } }
}
