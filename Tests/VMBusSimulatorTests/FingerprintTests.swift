import BusModel
import Testing
import VMBusPartitions
import VMBusRing

@testable import VMBusSimulator

@Suite struct FingerprintTests {
    @Test(arguments: ["two-guests", "storage", "utilities"])
    func `a run that is run again from a copy has the same fingerprints`(_ name: String) throws {
        var simulation = Simulation(try ChoiceTests.scenario(name), seed: 21)
        for _ in 0..<600 { _ = simulation.step() }
        var copy = simulation
        var prints: [UInt64] = []
        for _ in 0..<16 {
            _ = simulation.step()
            prints.append(simulation.updateFingerprint())
        }
        for print in prints {
            _ = copy.step()
            #expect(copy.fingerprint == print)
        }
        #expect(Set(prints).count == prints.count, "every step changes something")
    }

    @Test func `a changed choice changes the fingerprint`() throws {
        let scenario = try ChoiceTests.scenario()
        var first = Simulation(scenario, seed: 2)
        let choices = ChoiceTests.run(&first, steps: 300).choices
        let changed = try #require(choices.last { $0.purpose == .signalDelay })
        var second = Simulation(
            scenario,
            choices: .seed(2, answers: [.init(number: changed.number, value: changed.count - 1 - changed.value)]))
        _ = ChoiceTests.run(&second, steps: 300)
        #expect(first.fingerprint != second.fingerprint)
    }

    @Test func `what only tells what was does not count`() throws {
        var simulation = Simulation(try ChoiceTests.scenario(), seed: 2)
        for _ in 0..<500 { _ = simulation.step() }
        let before = simulation.fingerprint
        simulation.note("somebody was here", 0)
        _ = simulation.takeRecords()
        #expect(simulation.fingerprint == before)
    }

    @Test func `a byte of memory counts`() throws {
        var simulation = Simulation(try ChoiceTests.scenario(), seed: 2)
        for _ in 0..<500 { _ = simulation.step() }
        let before = simulation.updateFingerprint()
        try simulation.guests[1].memory.write([1], at: 77 * 4096 + 5)
        #expect(simulation.fingerprint != before)
        try simulation.guests[1].memory.write([0], at: 77 * 4096 + 5)
        #expect(simulation.fingerprint == before)
    }

    @Test func `of a list with free places each member counts with its place, and the free places behind it`() {
        func digest(_ list: [UInt8?]) -> UInt64 {
            var digest = StateDigest()
            digest.add(state: list)
            return digest.value
        }
        let lists: [[UInt8?]] = [[nil, 1, nil], [1, nil, nil], [nil, 1], [nil, 2, nil], [nil, 1, 0], [], [nil]]
        #expect(Set(lists.map(digest)).count == lists.count)
        #expect(digest([nil, 1, nil]) == digest([nil, 1, nil]))
    }

    @Test func `the order of a dictionary does not count, its members do`() {
        func digest(_ pairs: [(String, Int)]) -> UInt64 {
            var digest = StateDigest()
            digest.add(state: Dictionary(uniqueKeysWithValues: pairs))
            return digest.value
        }
        let pairs = (0..<50).map { ("key \($0)", $0) }
        #expect(digest(pairs) == digest(pairs.reversed()))
        #expect(digest(pairs) != digest(pairs.dropLast() + [("key 49", 50)]))
    }
}
