public import BusModel
import Configuration
public import VMBusPartitions
import VMBusRing
public import VMBusWire

/// The simulator as a source of records: runs, steps, and goes back by running again from a checkpoint.
public struct SimulatorSource: BusSource, Sendable {
    /// Choices between two checkpoints.
    static let checkpointDistance: UInt64 = 4096
    /// Checkpoints that are kept; the first one always is.
    static let maximumCheckpoints = 256

    private var simulation: Simulation
    private var checkpoints: [Checkpoint]
    /// Records that have happened and are still ahead: those before the first choice, or after a seek into a choice's middle.
    private var ahead: FlowBatch?

    private struct Checkpoint: Sendable {
        let sequence: UInt64
        let steps: UInt64
        let simulation: Simulation
    }

    /// The scenario at its start.
    public init(_ scenario: Scenario, seed: UInt64? = nil) {
        simulation = Simulation(scenario, seed: seed)
        checkpoints = [Checkpoint(sequence: 0, steps: 0, simulation: simulation)]
        ahead = simulation.takeRecords()
    }

    public var capabilities: Capabilities {
        Capabilities(kind: .simulator, canStep: true, canSeek: true, hasRingImages: true)
    }

    public var title: String { simulation.scenario.name }

    /// What it runs.
    public var scenario: Scenario { simulation.scenario }
    /// The virtual clock, in nanoseconds.
    public var time: UInt64 { simulation.time }
    /// Choices made so far.
    public var steps: UInt64 { simulation.steps }

    public mutating func advance(_ budget: AdvanceBudget) -> FlowBatch {
        var result = ahead ?? FlowBatch()
        ahead = nil
        switch budget {
        case .steps(let count):
            for _ in 0..<max(0, count) {
                guard let batch = step() else { break }
                result.append(batch)
            }
        case .until(let unit, let limit):
            if result.headers.contains(where: { unit.isReached(by: $0.kind) }) { break }
            for _ in 0..<max(0, limit) {
                guard let batch = step() else { break }
                result.append(batch)
                if batch.headers.contains(where: { unit.isReached(by: $0.kind) }) { break }
            }
        case .time(let end, let limit):
            for _ in 0..<max(0, limit) {
                guard let next = simulation.nextTime, next <= end, let batch = step() else { break }
                result.append(batch)
            }
            simulation.time = max(simulation.time, min(end, simulation.nextTime ?? end))
        }
        return result
    }

    private mutating func step() -> FlowBatch? {
        let batch = simulation.step()
        if let last = checkpoints.last, simulation.steps >= last.steps + Self.checkpointDistance {
            checkpoints.append(
                Checkpoint(
                    sequence: simulation.nextSequence - 1, steps: simulation.steps, simulation: simulation))
            // Every second one goes when there are too many: going back far takes longer then, near stays as fast.
            if checkpoints.count > Self.maximumCheckpoints {
                checkpoints = checkpoints.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
            }
        }
        return batch
    }

    /// Goes to just behind a record that has happened: restores the checkpoint before it and runs on from there, which gives
    /// the same records again.
    public mutating func seek(_ position: Position) throws(SourceError) {
        guard position.sequence < simulation.nextSequence else {
            throw SourceError("record \(position.sequence) has not happened yet; step forward to reach it")
        }
        guard let checkpoint = checkpoints.last(where: { $0.sequence <= position.sequence }) else { return }
        simulation = checkpoint.simulation
        checkpoints.removeAll { $0.sequence > position.sequence }
        ahead = rest(of: simulation.takeRecords(), behind: position)
        while simulation.nextSequence <= position.sequence {
            guard let batch = simulation.step() else { return }
            ahead = rest(of: batch, behind: position)
        }
    }

    private func rest(of batch: FlowBatch, behind position: Position) -> FlowBatch? {
        var rest = FlowBatch()
        for header in batch.headers where header.sequence > position.sequence {
            rest.append(header, from: batch)
        }
        return rest.isEmpty ? nil : rest
    }

    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        let index = Int(channel.partition) - 1
        guard simulation.guests.indices.contains(index) else { return nil }
        let guest = simulation.guests[index]
        guard
            let rings = guest.guest.devices.first(where: { $0.instance == channel.device })?
                .channels.first(where: { $0.subchannel == channel.subchannel })?.ringPages
        else { return nil }
        return guest.memory.ringImage(of: direction == .guestToHost ? rings.outgoing : rings.incoming)
    }

    /// Changes take effect at once. What was before them cannot be gone back to.
    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        switch command {
        case .rescindDevice(let partition, let device):
            let guest = try index(partition)
            guard simulation.rescind(device, guest: guest) else {
                throw CommandRefusal("the host offers no device \(device) to this guest")
            }
        case .moveChannel(let channel, let cpu):
            let guest = try index(channel.partition)
            if let reason = simulation.move(channel.device, channel.subchannel, cpu: cpu, guest: guest) {
                throw CommandRefusal(reason)
            }
        case .unload(let partition):
            simulation.unload(try index(partition), bootsAgain: false)
        case .armFault(let partition, let words):
            let guest = try index(partition)
            do throws(ConfigurationError) {
                var fault = try FaultConfiguration(words: words, guests: scenario.guests)
                fault.guest = guest
                simulation.arm(fault)
            } catch {
                throw CommandRefusal(error.description)
            }
        }
        // A past that was changed cannot be run again from before the change.
        checkpoints = [
            Checkpoint(sequence: simulation.nextSequence - 1, steps: simulation.steps, simulation: simulation)
        ]
    }

    private func index(_ partition: UInt16) throws(CommandRefusal) -> Int {
        let index = Int(partition) - 1
        guard simulation.guests.indices.contains(index) else {
            throw CommandRefusal("partition \(partition) is no guest of this scenario")
        }
        return index
    }
}
