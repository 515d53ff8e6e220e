import Platform
import Synchronization

/// Does something on a thread of its own, and goes on without the answer where none comes in time.
///
/// As long as one call hangs no other one begins, so that never more than one thread is left behind.
final class TimedWork<Answer: Sendable>: Sendable {
    private struct State {
        var isOut = false
        var answer: Answer?
    }

    private let state = Mutex(State())
    private let done: Bell
    private let limit: UInt64

    /// Work that is waited for no longer than `limit`, in nanoseconds.
    init(limit: UInt64) throws(SystemError) {
        done = try Bell()
        self.limit = limit
    }

    /// The answer, or that to an earlier call which has come since; nil while there is none.
    func run(_ body: @escaping @Sendable () -> Answer) -> Answer? {
        let begins = state.withLock { state in
            if state.isOut || state.answer != nil { return false }
            state.isOut = true
            return true
        }
        if begins {
            do throws(SystemError) {
                _ = try WorkerThread(name: "listing") { self.answer(body()) }
            } catch {
                // Without a thread there is nobody else to do it.
                answer(body())
            }
            let deadline = MonotonicClock.now() &+ limit
            while !hasAnswer, case let now = MonotonicClock.now(), now < deadline {
                _ = try? done.wait(atMost: Int32(clamping: (deadline - now) / 1_000_000 + 1))
            }
        }
        return state.withLock { state in
            defer { state.answer = nil }
            return state.answer
        }
    }

    private var hasAnswer: Bool { state.withLock { $0.answer != nil } }

    private func answer(_ answer: Answer) {
        state.withLock { $0 = State(isOut: false, answer: answer) }
        _ = try? done.ring()
    }
}
