import BusModel
import ProtocolRules
import Testing
import VMBusEngine
import VMBusPartitions
import VMBusSimulator

/// Problems that were met outside: each scenario shows the one that it names, and breaks the rule that it names before any other.
@Suite struct GalleryTests {
    @Test(arguments: Scenarios.gallery)
    func `a scenario of the gallery shows its problem within the steps that it names`(_ name: String) throws {
        let scenario = try #require(try Scenarios.named(name))
        #expect(scenario.name == name)
        let expectation = try #require(scenario.expectation)
        #expect(expectation.rule != nil || expectation.note != nil)
        if let rule = expectation.rule { #expect(ProtocolRule(id: rule) != nil) }
        var simulation = Simulation(scenario)
        simulation.checkRules()
        var isTold = expectation.note == nil
        while simulation.steps < expectation.steps, let batch = simulation.step() {
            for header in batch.headers where header.kind == .note || header.kind == .fault {
                let text = String(decoding: batch.payload(of: header), as: UTF8.self)
                if let note = expectation.note, text.contains(note) { isTold = true }
            }
            let isBroken = expectation.rule == nil || simulation.checker?.breaches.isEmpty == false
            if isTold && isBroken { break }
        }
        #expect(isTold)
        #expect(simulation.checker?.breaches.first?.rule.id == expectation.rule)
    }

    @Test func `at least twelve scenarios break a rule, and each says where its problem was met`() throws {
        let expectations = try Scenarios.gallery.compactMap { try Scenarios.named($0)?.expectation }
        #expect(expectations.count == Scenarios.gallery.count)
        #expect(expectations.count { $0.rule != nil } >= 12)
        #expect(expectations.allSatisfy { !$0.problem.isEmpty })
    }

    /// What the gallery's guests and hosts do wrong, those without a known fault do right.
    @Test(arguments: ["openvmm-1829", "openvmm-1681", "openvmm-1939", "needless-signals", "openvmm-1590"])
    func `with an ordinary profile the same scenario breaks no rule`(_ name: String) throws {
        var scenario = try #require(try Scenarios.named(name))
        for index in scenario.guests.indices {
            scenario.guests[index].profile = name == "openvmm-1829" ? .openvmm : .linux
            scenario.guests[index].host.profile = .openvmm
        }
        var simulation = Simulation(scenario)
        simulation.checkRules()
        while simulation.steps < 1000, simulation.step() != nil {}
        #expect(simulation.checker?.breaches.map(\.description) == [])
    }
}
