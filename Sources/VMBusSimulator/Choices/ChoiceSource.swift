/// Where the simulator's decisions come from. A value: a copy gives the same decisions again.
///
/// Every decision is a question with a number, counting from 0. What answers it is, first, an answer that was laid down for
/// the number; else the person, for the purposes that the source stops at; else the base. The base draws for every question,
/// also for those that are answered otherwise, so that one answer that is changed moves no other draw.
///
/// | kind | base | answers |
/// |---|---|---|
/// | seed | streams of the seed | none |
/// | recorded | streams of the seed | those that differ: a session is a seed and a short list |
/// | exhaustive | the first alternative | a prefix; ``taken`` tells the width of each question behind it |
/// | person | streams of the seed | those given so far; an unanswered question stops the step |
public struct ChoiceSource: Sendable, Hashable {
    /// What was laid down for a question.
    public struct Answer: Sendable, Hashable, BitwiseCopyable {
        /// The question.
        public let number: UInt64
        /// The alternative; the last one if there are not so many.
        public let value: UInt64

        /// An answer.
        public init(number: UInt64, value: UInt64) { (self.number, self.value) = (number, value) }
    }

    /// The seed of the streams; nil for a source that takes the first alternative.
    public let seed: UInt64?
    /// The purposes at whose questions the step stops until there is an answer.
    public var asked: ChoicePurposes
    /// What is laid down, in the order of the numbers.
    public private(set) var answers: [Answer]
    /// The number of the next question.
    public private(set) var nextNumber: UInt64 = 0
    /// The decisions since ``begin()``, oldest first.
    public private(set) var taken: [Choice] = []
    /// The first question since ``begin()`` that waits for an answer; its value is what the base would take.
    public private(set) var question: Choice?
    /// By the raw value of the purpose; empty without a seed.
    private(set) var streams: [SeededGenerator]
    /// The first of `answers` that may still be needed.
    private var cursor = 0

    private init(seed: UInt64?, answers: [Answer], asked: ChoicePurposes) {
        self.seed = seed
        self.asked = asked
        self.answers = answers.sorted { $0.number < $1.number }
        streams =
            seed.map { seed in
                ChoicePurpose.allCases.map { SeededGenerator(seed: seed, stream: UInt64($0.rawValue) + 1) }
            } ?? []
    }

    /// The decisions that a seed makes, except where an answer is given.
    public static func seed(_ seed: UInt64, answers: [Answer] = []) -> ChoiceSource {
        ChoiceSource(seed: seed, answers: answers, asked: [])
    }

    /// The given alternatives for the first questions, then always the first one.
    public static func exhaustive(prefix: [UInt64] = []) -> ChoiceSource {
        let answers = prefix.enumerated().map { Answer(number: UInt64($0.offset), value: $0.element) }
        return ChoiceSource(seed: nil, answers: answers, asked: [])
    }

    /// A person decides what is asked for the given purposes; the seed decides the rest.
    public static func person(
        seed: UInt64, asking asked: ChoicePurposes = ChoicePurposes(.next, .fault), answers: [Answer] = []
    ) -> ChoiceSource {
        ChoiceSource(seed: seed, answers: answers, asked: asked)
    }

    /// Lays down an answer, in place of an earlier one for the same question. It counts when the question is asked (again).
    public mutating func answer(_ number: UInt64, _ value: UInt64) {
        let place = answers.firstIndex { $0.number >= number } ?? answers.count
        if place < answers.count, answers[place].number == number {
            answers[place] = Answer(number: number, value: value)
        } else {
            answers.insert(Answer(number: number, value: value), at: place)
        }
        cursor = answers.firstIndex { $0.number >= nextNumber } ?? answers.count
    }

    /// Takes back what was laid down for the questions from a number on.
    public mutating func forgetAnswers(from number: UInt64) {
        answers.removeAll { $0.number >= number }
        cursor = min(cursor, answers.count)
    }

    /// Starts a step: what was taken before is forgotten.
    public mutating func begin() {
        taken.removeAll(keepingCapacity: true)
        question = nil
    }

    /// Decides between alternatives 0 to `count` − 1. One alternative is no question.
    public mutating func choose(_ purpose: ChoicePurpose, _ count: UInt64) -> UInt64 {
        guard count > 1 else { return 0 }
        let number = nextNumber
        nextNumber += 1
        var value: UInt64 = 0
        if !streams.isEmpty { value = streams[Int(purpose.rawValue)].next() % count }
        while cursor < answers.count, answers[cursor].number < number { cursor += 1 }
        if cursor < answers.count, answers[cursor].number == number {
            value = min(answers[cursor].value, count - 1)
        } else if asked.contains(purpose), question == nil {
            question = Choice(number: number, purpose: purpose, count: count, value: value)
        }
        taken.append(Choice(number: number, purpose: purpose, count: count, value: value))
        return value
    }
}
