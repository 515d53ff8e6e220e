import BusModel
import Testing
import VMBusPartitions

@testable import VMBusSimulator

@Suite struct ChoiceTests {
    static func scenario(_ name: String = Scenarios.defaultName) throws -> Scenario {
        try #require(try Scenarios.named(name))
    }

    /// The records and the choices of a number of steps.
    static func run(_ simulation: inout Simulation, steps: Int) -> (log: FlowBatch, choices: [Choice]) {
        var (log, choices) = (FlowBatch(), [Choice]())
        for _ in 0..<steps {
            guard simulation.step(into: &log) == .happened else { break }
            choices += simulation.choices.taken
        }
        return (log, choices)
    }

    @Test func `choices are numbered from 0 and lie within their alternatives`() throws {
        var simulation = Simulation(try Self.scenario(), seed: 3)
        let choices = Self.run(&simulation, steps: 2000).choices
        #expect(choices.map(\.number) == Array(0..<UInt64(choices.count)))
        #expect(choices.allSatisfy { $0.count > 1 && $0.value < $0.count })
        let purposes: [ChoicePurpose] = [.postDelay, .signalDelay, .eventInterruptDelay, .messageInterruptDelay]
        for purpose in purposes { #expect(choices.contains { $0.purpose == purpose }, "\(purpose.word)") }
    }

    @Test func `a stream is moved by its own purpose alone`() {
        var (first, second) = (ChoiceSource.seed(9), ChoiceSource.seed(9))
        for _ in 0..<50 { _ = second.choose(.fault, 7) }
        let numbers = (0..<20).map { _ in first.choose(.postDelay, 1000) }
        let same = (0..<20).map { _ in second.choose(.postDelay, 1000) }
        #expect(numbers == same)
        #expect(Set(numbers).count > 10)
    }

    @Test func `one alternative is no question`() {
        var source = ChoiceSource.seed(1)
        let values = [source.choose(.next, 1), source.choose(.next, 0)]
        #expect(values == [0, 0])
        #expect(source.nextNumber == 0)
        #expect(source.taken.isEmpty)
    }

    @Test func `a recorded answer changes its own question and no other draw`() throws {
        var plain = ChoiceSource.seed(4)
        var changed = ChoiceSource.seed(4, answers: [.init(number: 3, value: 5), .init(number: 1, value: 99)])
        let values = (0..<8).map { _ in plain.choose(.workload, 10) }
        let others = (0..<8).map { _ in changed.choose(.workload, 10) }
        #expect(others[1] == 9, "the last alternative stands for one that is not there")
        #expect(others[3] == 5)
        for index in [0, 2, 4, 5, 6, 7] { #expect(values[index] == others[index]) }
    }

    @Test func `the choices of a run, laid down, give the run again under another seed`() throws {
        var first = Simulation(try Self.scenario(), seed: 11)
        let (log, choices) = Self.run(&first, steps: 1500)
        let answers = choices.map { ChoiceSource.Answer(number: $0.number, value: $0.value) }
        var second = Simulation(try Self.scenario(), choices: .seed(12, answers: answers))
        let again = Self.run(&second, steps: 1500)
        let isSame = again.log == log && again.choices == choices
        #expect(isSame)
    }

    @Test func `an exhaustive source takes its prefix, then first alternatives, and tells how many there were`() {
        var source = ChoiceSource.exhaustive(prefix: [2, 1])
        let values = [source.choose(.next, 4), source.choose(.fault, 2), source.choose(.next, 3)]
        #expect(values == [2, 1, 0])
        #expect(source.taken.map(\.count) == [4, 2, 3])
        source.begin()
        #expect(source.taken.isEmpty)
        #expect(source.nextNumber == 3)
    }

    @Test func `a person is asked, nothing happens until the answer is there, and the answer is taken`() throws {
        let scenario = try Self.scenario()
        var simulation = Simulation(scenario, choices: .person(seed: 2, asking: ChoicePurposes(.postDelay)))
        var log = FlowBatch()
        var outcome = StepOutcome.happened
        while outcome == .happened { outcome = simulation.step(into: &log) }
        guard case .asks(let question) = outcome else {
            Issue.record("never asked: \(outcome)")
            return
        }
        #expect(question.purpose == .postDelay)
        let before = (simulation.steps, simulation.time, log.headers.count, simulation.fingerprint)
        let again = simulation.step(into: &log)
        #expect(again == outcome)
        let after = (simulation.steps, simulation.time, log.headers.count, simulation.fingerprint)
        #expect(before == after)
        simulation.choices.answer(question.number, question.count - 1)
        let then = simulation.step(into: &log)
        #expect(then == .happened)
        #expect(simulation.steps == before.0 + 1)
        #expect(simulation.choices.taken.first { $0.number == question.number }?.value == question.count - 1)
    }

    @Test func `an answer for the past counts when the past is run again`() {
        var source = ChoiceSource.seed(6)
        let start = source
        _ = (0..<5).map { _ in source.choose(.next, 100) }
        var again = start
        again.answer(2, 42)
        again.answer(2, 43)
        let values = (0..<5).map { _ in again.choose(.next, 100) }
        #expect(values[2] == 43)
        again.forgetAnswers(from: 0)
        #expect(again.answers.isEmpty)
    }

    @Test func `where events are interleaved any of those in the window may act next`() throws {
        let scenario = try Self.scenario()
        func run(_ prefix: [UInt64]) -> (FlowBatch, [Choice]) {
            var simulation = Simulation(
                scenario, choices: .exhaustive(prefix: prefix), ordering: .interleaved(window: 200_000_000))
            return Self.run(&simulation, steps: 200)
        }
        let (log, choices) = run([])
        #expect(choices.allSatisfy { $0.purpose == .next && $0.value == 0 })
        let question = try #require(choices.first { $0.count > 1 })
        let prefix = Array(repeating: UInt64(0), count: Int(question.number)) + [1]
        let (other, _) = run(prefix)
        let differs = other != log
        #expect(differs)
        #expect(!other.headers.contains { $0.kind == .fault })
    }
}

@Suite struct EventQueueCandidateTests {
    @Test func `of each lane the first is a candidate, and what is taken leaves the rest in order`() {
        var queue = EventQueue<Int>()
        for (event, time) in [(10, 5), (11, 5), (20, 4), (30, 9), (31, 6)] { queue.push(event, at: UInt64(time)) }
        let candidates = queue.candidates(until: 6) { $0 / 10 }
        #expect(candidates.count == 3)
        let taken = queue.take(candidates[1])
        #expect(taken?.event == 10)
        var rest: [Int] = []
        while let entry = queue.pop() { rest.append(entry.event) }
        #expect(rest == [20, 11, 31, 30])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `taking from anywhere keeps the order of the others`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 0)
        var queue = EventQueue<Int>()
        var expected: [(time: UInt64, event: Int)] = []
        for number in 0..<400 {
            let time = generator.next() % 40
            queue.push(number, at: time)
            expected.append((time, number))
            guard number % 3 == 0 else { continue }
            let places = queue.candidates(until: .max) { _ in nil }
            let taken = queue.take(places[Int(generator.next() % UInt64(places.count))])
            expected.removeAll { $0.event == taken?.event }
        }
        expected.sort { ($0.time, $0.event) < ($1.time, $1.event) }
        #expect(queue.entries.map(\.event) == expected.map(\.event))
        #expect(queue.hasSeveral(until: .max))
    }
}
