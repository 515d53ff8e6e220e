import Platform
import Synchronization

/// A file without a name that keeps what comes through standard input, so that every place of it can be gone to.
final class RecordingSpool: Sendable {
    private let file: TemporaryFile
    /// What was written, and what was handed out last, in bytes.
    private let counts = Mutex((written: 0, mapped: 0))

    /// Rings when something has come.
    private let news: Bell

    /// Nothing is in it yet.
    init() throws(CommandFailure) {
        file = try Self.told { () throws(SystemError) in try TemporaryFile() }
        news = try Self.told { () throws(SystemError) in try Bell() }
    }

    /// Takes in everything up to the end.
    func fill(_ input: StandardInput) throws(CommandFailure) {
        let output = try Self.told { () throws(SystemError) in try file.writer() }
        try input.copy(to: output) { count in counts.withLock { $0.written += count } }
    }

    /// Takes in what is there, and on a thread of its own what comes. Where nothing more can be read or written, it ends there.
    func begin(_ input: StandardInput) throws(CommandFailure) {
        _ = try Self.told { () throws(SystemError) in
            try WorkerThread(name: "spool") { [self] in
                guard let output = try? file.writer() else { return }
                try? input.copy(to: output) { count in
                    counts.withLock { $0.written += count }
                    try? news.ring()
                }
            }
        }
        // The beginning was read already, so that it does not take long.
        _ = try? news.wait(atMost: 2000)
    }

    /// What there is now.
    func mapped() throws(CommandFailure) -> MappedFile {
        counts.withLock { $0.mapped = $0.written }
        return try Self.told { () throws(SystemError) in try file.mapped() }
    }

    /// What there is now, where that is more than the last time.
    func mappedIfLonger() -> MappedFile? {
        guard counts.withLock({ $0.written > $0.mapped }) else { return nil }
        return try? mapped()
    }

    private static func told<Value: ~Copyable>(_ body: () throws(SystemError) -> Value) throws(CommandFailure) -> Value
    {
        do throws(SystemError) {
            return try body()
        } catch {
            throw CommandFailure(.failure, "standard input: \(error)")
        }
    }
}
