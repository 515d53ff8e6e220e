import BusModel
public import VMBusPartitions
import VMBusWire

/// A whole simulated machine as a model: at each step any event that is due soon may happen first.
///
/// All rules of the protocol are watched. Two states in which the partitions, their memory and what waits are equal are one,
/// also where the clock differs.
public struct MachineModel: ExplorableModel {
    /// The machine.
    public private(set) var simulation: Simulation
    /// The rule that the last step broke.
    public private(set) var breach: ModelBreach?
    public private(set) var fingerprint: UInt64
    private let end: UInt64

    /// About how many bytes a state takes that waits to be looked at: what it does not share with its neighbours.
    public static let byteCount = 48 * 1024

    /// A machine that is off.
    /// - Parameters:
    ///   - window: nanoseconds of virtual time within which events may change places.
    ///   - end: when it is over, in nanoseconds of virtual time.
    ///   - memoryOrder: in which order what one end stores reaches the other.
    public init(_ scenario: Scenario, window: UInt64, until end: UInt64, memoryOrder: MemoryOrder = .sc) {
        simulation = Simulation(
            scenario, choices: .exhaustive(), ordering: .interleaved(window: window), memoryOrder: memoryOrder)
        simulation.checkRules()
        _ = simulation.takeRecords()
        fingerprint = simulation.updateFingerprint()
        self.end = end
    }

    public func successors() -> [MachineModel] {
        var successors: [MachineModel] = []
        forEachSuccessor { successor, _ in
            successors.append(successor)
            return true
        }
        return successors
    }

    public mutating func take(_ choice: Int) -> [ScheduleStep]? {
        var taken: (MachineModel, FlowBatch)?
        var number = 0
        forEachSuccessor { successor, batch in
            if number == choice { taken = (successor, batch) }
            number += 1
            return taken == nil
        }
        guard let (successor, batch) = taken else { return nil }
        self = successor
        return ScheduleStep.steps(of: batch, in: simulation.scenario)
    }

    /// Calls `body` with each successor and its records until it returns false: first with the first alternative of every
    /// question, then with the last question's next one, and so on.
    private func forEachSuccessor(_ body: (MachineModel, FlowBatch) -> Bool) {
        guard breach == nil, let next = simulation.nextTime, next <= end else { return }
        var prefix: [UInt64]? = []
        while let answers = prefix {
            var successor = self
            successor.simulation.choices = .exhaustive(prefix: answers)
            var batch = FlowBatch()
            guard successor.simulation.step(into: &batch) == .happened else { return }
            successor.fingerprint = successor.simulation.updateFingerprint()
            successor.breach = successor.simulation.brokenRule
            guard body(successor, batch) else { return }
            prefix = Self.prefix(after: successor.simulation.choices.taken)
        }
    }

    /// The answers that come after those that were taken; nil after the last.
    private static func prefix(after taken: [Choice]) -> [UInt64]? {
        guard let last = taken.lastIndex(where: { $0.value + 1 < $0.count }) else { return nil }
        return taken[..<last].map(\.value) + [taken[last].value + 1]
    }

    /// The lifelines of a chart of a run: the root partition and the guests.
    public var lifelines: [String] { [simulation.scenario.rootName] + simulation.scenario.guests.map(\.name) }
}
