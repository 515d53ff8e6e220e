import Testing
import VMBusRing

@testable import VMBusSimulator

/// A counter that goes up by one or two and must not stand at a number: its states and paths can be counted by hand.
private struct Stairs: ExplorableModel {
    var height = 0
    var forbidden: Int?
    var top = 10

    var fingerprint: UInt64 { UInt64(height + 1) }
    var breach: ModelBreach? { height == forbidden ? ModelBreach(rule: "forbidden", text: "\(height)") : nil }

    func successors() -> [Stairs] {
        [1, 2].filter { height + $0 <= top }.map { Stairs(height: height + $0, forbidden: forbidden, top: top) }
    }

    mutating func take(_ choice: Int) -> [ScheduleStep]? {
        let successors = successors()
        guard successors.indices.contains(choice) else { return nil }
        self = successors[choice]
        return [ScheduleStep("climber", "stands at \(height)")]
    }
}

/// A search let run to its end.
func explored<Model: ExplorableModel>(
    _ model: Model, limits: ExplorationLimits = ExplorationLimits()
) -> Exploration<Model> {
    var exploration = Exploration(model, limits: limits, stateBytes: 100)
    while exploration.advance(states: 1000) {}
    return exploration
}

@Suite struct ExplorationTests {
    @Test func `every state is found once and every step is counted`() {
        let exploration = explored(Stairs())
        #expect(exploration.verdict == .holds)
        #expect(exploration.progress.states == 11)
        #expect(exploration.progress.transitions == 19)
        #expect(exploration.progress.depth == 5)
        #expect(exploration.progress.waiting == 0)
    }

    @Test func `a breach is found by a shortest schedule, which leads to it again`() throws {
        let exploration = explored(Stairs(forbidden: 7))
        guard case .broken(let breach, let schedule)? = exploration.verdict else {
            Issue.record("\(String(describing: exploration.verdict))")
            return
        }
        #expect(breach.rule == "forbidden")
        #expect(schedule.choices.count == 4)
        var again = Stairs(forbidden: 7)
        let steps = again.run(schedule)
        #expect(steps.count == 4)
        #expect(again.breach == breach)
    }

    @Test func `a limit is said, and what was found before it counts`() {
        let states = explored(Stairs(top: 1000), limits: ExplorationLimits(states: 101))
        #expect(states.verdict == .bounded(.states))
        #expect(states.progress.states == 101)
        let bytes = explored(Stairs(top: 100_000), limits: ExplorationLimits(bytes: 20_000))
        #expect(bytes.verdict == .bounded(.memory))
        #expect(bytes.progress.bytes < 23_000)
        var stopped = Exploration(Stairs(), stateBytes: 1)
        _ = stopped.advance(states: 2)
        stopped.stop(.interrupted)
        #expect(stopped.verdict == .bounded(.interrupted))
    }

    @Test func `fingerprints are kept whatever their value and number`() {
        var set = FingerprintSet()
        var added = 0
        for number in 0..<5000 as Range<UInt64> where set.insert(number << 40) { added += 1 }
        for number in 0..<5000 as Range<UInt64> where set.insert(number << 40) { added += 1 }
        #expect(added == 5000)
        #expect(set.count == 5000)
        #expect(set.byteCount == 65_536)
    }
}

@Suite struct ScheduleTests {
    @Test(arguments: [
        ([], ""), ([0], "a"), ([0, 0, 0, 1, 25, 26, 26, 400, 1, 1], "a3bz(26)2(400)b2"), ([3, 2, 3], "dcd"),
    ])
    func `a schedule is one word and back`(choices: [Int], text: String) {
        #expect(Schedule(choices).description == text)
        #expect(Schedule(text)?.choices == choices)
    }

    @Test(arguments: ["A", "3", "a0", "(", "(3", "()", "(-1)", "a99999999999999999999", "a16777217", "a b", "é"])
    func `what is no schedule is refused`(text: String) {
        #expect(Schedule(text) == nil)
    }

    @Test func `a choice that there is not ends the run`() {
        var stairs = Stairs()
        let steps = stairs.run(Schedule([1, 1, 7, 0]))
        #expect(steps.joined().map(\.text) == ["stands at 2", "stands at 4"])
    }
}
