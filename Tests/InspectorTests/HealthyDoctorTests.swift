import BusModel
import Inspector
import Testing
import VMBusSimulator

/// Guests with whom nothing is wrong: no rule may say otherwise.
@Suite struct HealthyDoctorTests {
    private static let steps = 4000

    @Test(arguments: Scenarios.names, [1, 7, 42] as [UInt64])
    func `a simulated guest that is well has no finding that warns`(_ name: String, _ seed: UInt64) throws {
        let scenario = try #require(try Scenarios.named(name))
        var source = SimulatorSource(scenario, seed: seed)
        var state = InspectorState(capabilities: source.capabilities, title: name)
        for _ in 0..<Self.steps / 100 {
            state.ingest(source.advance(.steps(100)))
            let bad = state.diagnosed().findings.filter { $0.severity > .info }
            #expect(bad.isEmpty, "\(name), seed \(seed), at \(state.lastTime): \(bad)")
        }
    }
}
