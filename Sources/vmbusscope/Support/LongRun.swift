import Glibc
import Platform

/// Work that takes its time: it says how far it is where somebody watches, and ends at a signal with what it has.
struct LongRun: ~Copyable {
    private let signals: SignalSource
    /// Whether somebody sees standard error, and not the output in the same place.
    private let isWatched: Bool
    private var told: UInt64 = 0
    private var hasTold = false
    /// The signal that has ended it.
    private(set) var signal: Signal?

    /// Signals are looked for from now on.
    ///
    /// - Parameter output: where the output goes; nil or `-` for standard output.
    init(writing output: String?) throws(SystemError) {
        let isOnTerminal = (output == nil || output == "-") && DescriptorAccess.isTerminal(STDOUT_FILENO)
        isWatched = DescriptorAccess.isTerminal(STDERR_FILENO) && !isOnTerminal
        signals = try SignalSource([.terminate, .interrupt, .hangUp])
    }

    /// Says how far it is, at most four times a second; false when it is to end.
    mutating func goesOn(_ progress: Double?, count: UInt64) throws(SystemError) -> Bool {
        if let next = try signals.next() { signal = next }
        let now = MonotonicClock.now()
        if isWatched, now - min(now, told) > 250_000_000 {
            told = now
            hasTold = true
            let part = progress.map { "\(Int($0 * 100)) %, " } ?? ""
            say("\r\(part)\(count) records\u{1B}[K")
        }
        return signal == nil
    }

    /// Takes the progress from the screen, and ends the command as the signal wants it.
    mutating func finish() throws(CommandFailure) {
        if hasTold { say("\r\u{1B}[K") }
        hasTold = false
        if let signal { throw CommandFailure(ExitStatus(signal: signal.rawValue)) }
    }

    private func say(_ text: String) { try? DescriptorAccess.write(STDERR_FILENO, Array(text.utf8)) }
}

/// A file that a command writes, or standard output.
struct OutputFile: ~Copyable {
    private let file: OwnedDescriptor
    private let path: String?
    private var waiting: [UInt8] = []
    /// How many bytes were written.
    private(set) var count: UInt64 = 0

    /// - Parameter path: the file, which is replaced; nil or `-` for standard output.
    init(_ path: String?) throws(CommandFailure) {
        self.path = path == "-" ? nil : path
        do throws(SystemError) {
            if let path = self.path {
                file = try .newFile(path)
            } else {
                file = try .duplicate(of: STDOUT_FILENO)
            }
        } catch {
            throw CommandFailure(error.code == EACCES ? .permissionMissing : .failure, "\(error)")
        }
    }

    /// Writes bytes, not always at once.
    mutating func write(_ bytes: [UInt8]) throws(CommandFailure) {
        waiting += bytes
        if waiting.count >= 1 << 16 { try flush() }
    }

    /// Writes all that waits. A reader that is gone ends the command quietly.
    mutating func flush() throws(CommandFailure) {
        do throws(SystemError) {
            try file.write(waiting)
            count += UInt64(waiting.count)
            waiting.removeAll(keepingCapacity: true)
        } catch {
            guard error.code != EPIPE || path != nil else { throw CommandFailure(.success) }
            throw CommandFailure(.failure, "\(path ?? "standard output"): \(error)")
        }
    }
}
