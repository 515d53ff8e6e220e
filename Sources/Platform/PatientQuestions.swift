import Glibc
import Synchronization

/// Asks the kernel something that it may never answer, on a thread of its own, so that who asks waits for a limited time.
///
/// While an answer is missing nothing else is asked, so that a kernel that is stuck holds one thread and not one for each
/// question.
final class PatientQuestions<Question: Sendable, Answer: Sendable>: Sendable {
    private struct Started: Sendable {
        let questions: Mailbox<Question>
        let answers: Mailbox<Result<Answer, SystemError>>
        let stop: StopRequest
    }

    private struct State {
        var started: Started?
        /// Answers that are to be dropped when they come, as nobody waits for them any more.
        var isAnswerMissing = false
    }

    private let state = Mutex(State())
    private let name: String
    private let answer: @Sendable (Question) throws(SystemError) -> Answer

    /// A thread by that name, which starts with the first question.
    init(name: String, answer: @escaping @Sendable (Question) throws(SystemError) -> Answer) {
        self.name = name
        self.answer = answer
    }

    deinit { state.withLock { $0.started?.stop.request() } }

    /// The answer.
    ///
    /// - Throws: What the answer is a failure of; `ETIMEDOUT` if it has not come within `patience`, or one before has not come yet.
    func ask(_ question: Question, patience: Duration) throws(SystemError) -> Answer {
        let result: Result<Answer, SystemError> = state.withLock { state in
            do throws(SystemError) {
                let started = if let started = state.started { started } else { try start() }
                state.started = started
                if state.isAnswerMissing {
                    guard !started.answers.takeAll().isEmpty else { return .failure(Self.late) }
                    state.isAnswerMissing = false
                }
                guard started.questions.post(question) else { return .failure(Self.late) }
                var loop = PollLoop<Void>()
                loop.add(started.answers.fileDescriptor, token: ())
                let end =
                    MonotonicClock.now() &+ UInt64(clamping: patience.components.attoseconds / 1_000_000_000)
                    &+ UInt64(clamping: patience.components.seconds) &* 1_000_000_000
                while true {
                    if let result = started.answers.takeAll().first { return result }
                    let now = MonotonicClock.now()
                    guard now < end else { break }
                    _ = try loop.wait(timeout: .nanoseconds(Int64(clamping: end - now)))
                }
                state.isAnswerMissing = true
                return .failure(Self.late)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static var late: SystemError { SystemError(call: "ioctl", code: ETIMEDOUT) }

    private func start() throws(SystemError) -> Started {
        let started = try Started(questions: Mailbox(limit: 1), answers: Mailbox(limit: 1), stop: StopRequest())
        // Never joined: an answer that does not come must not hold the end of the program.
        _ = try WorkerThread(name: name) { [answer] in
            var loop = PollLoop<Void>()
            loop.add(started.questions.fileDescriptor, token: ())
            loop.add(started.stop.fileDescriptor, token: ())
            while !started.stop.isRequested {
                guard (try? loop.wait()) != nil else { return }
                for question in started.questions.takeAll() {
                    do throws(SystemError) {
                        _ = started.answers.post(.success(try answer(question)))
                    } catch {
                        _ = started.answers.post(.failure(error))
                    }
                }
            }
        }
        return started
    }
}
