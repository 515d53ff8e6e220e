import BusModel
import VMBusEngine
public import VMBusPartitions
import VMBusWire

/// A whole simulated machine for random runs, with all rules watched and an end in which everything must come to rest.
public struct MachineSubject: FuzzSubject {
    /// The machine.
    public let scenario: Scenario
    /// The most steps of one run, the end not counted.
    public let stepLimit: Int
    /// In which order what one end stores reaches the other.
    public let memoryOrder: MemoryOrder
    /// What goes wrong in some runs.
    public let mix: FaultMix

    /// Nanoseconds within which events may change places, one for each bit of the variation that stands for it; without any
    /// of them events come by time, and their delays are drawn.
    static let windows: [UInt64] = [20_000, 200_000, 2_000_000]
    /// Nanoseconds that the machine gets at the end of a run for what is under way.
    static let settlingTime: UInt64 = 1_000_000_000
    /// The most steps of the end.
    static let settlingSteps = 20_000

    /// A subject.
    public init(_ scenario: Scenario, stepLimit: Int, memoryOrder: MemoryOrder = .sc, mix: FaultMix = .none) {
        self.scenario = scenario
        self.stepLimit = stepLimit
        self.memoryOrder = memoryOrder
        self.mix = mix
    }

    public var variationBits: Int { Self.windows.count + mix.faults.count }

    public func variationName(_ bit: Int) -> String {
        Self.windows.indices.contains(bit)
            ? "any order within \(Self.windows[bit] / 1000) us" : mix.name(bit - Self.windows.count)
    }

    public var hopedFor: [String] {
        Set(mix.faults.map { "fault \($0.kind.id)" }).sorted()
    }

    /// The faults of a case, as a scenario writes them.
    func faultText(of trial: FuzzCase) -> String { mix.text(trial.variation >> UInt64(Self.windows.count)) }

    public var lifelines: [String] { [scenario.rootName] + scenario.guests.map(\.name) }

    public func run(_ trial: FuzzCase) -> FuzzRun {
        var run = FuzzRun()
        run.breach = play(trial) { simulation, batch in
            run.choices += simulation.choices.taken.map(\.value)
            run.steps += 1
            for header in batch.headers {
                Self.cell(header, batch.payload(of: header), simulation).map { _ = run.coverage.insert($0) }
            }
        }
        return run
    }

    public func story(of trial: FuzzCase) -> (steps: [ScheduleStep], breach: ModelBreach?) {
        var steps: [ScheduleStep] = []
        let breach = play(trial) { simulation, batch in
            if !batch.isEmpty { steps += ScheduleStep.steps(of: batch, in: simulation.scenario) }
        }
        return (steps, breach)
    }

    /// The simulation at the start of a case.
    public func simulation(of trial: FuzzCase) -> Simulation {
        let answers = trial.choices.enumerated().map {
            ChoiceSource.Answer(number: UInt64($0.offset), value: $0.element)
        }
        let choices = trial.seed.map { ChoiceSource.seed($0, answers: answers) } ?? .exhaustive(prefix: trial.choices)
        let window = Self.windows.indices.last { trial.variation >> UInt64($0) & 1 != 0 }
        var faulty = scenario
        faulty.faults += mix.chosen(trial.variation >> UInt64(Self.windows.count))
        return Simulation(
            faulty, choices: choices, ordering: window.map { .interleaved(window: Self.windows[$0]) } ?? .byTime,
            memoryOrder: memoryOrder)
    }

    /// Runs a case and calls `body` after each step.
    private func play(_ trial: FuzzCase, _ body: (borrowing Simulation, FlowBatch) -> Void) -> ModelBreach? {
        var simulation = simulation(of: trial)
        simulation.checkRules()
        _ = simulation.takeRecords()
        for _ in 0..<stepLimit {
            switch advance(&simulation, body) {
            case .broken(let breach): return breach
            case .ended: return mix.mustSettle ? unsettled(simulation, since: []) : nil
            case .happened: break
            }
        }
        guard mix.mustSettle else { return nil }
        let underWay = Self.underWay(simulation)
        let end = simulation.time + Self.settlingTime
        for _ in 0..<Self.settlingSteps {
            guard !underWay.isEmpty, let next = simulation.nextTime, next <= end else { break }
            if case .broken(let breach) = advance(&simulation, body) { return breach }
        }
        return unsettled(simulation, since: underWay)
    }

    private enum Advanced {
        case happened
        case ended
        case broken(ModelBreach)
    }

    private func advance(
        _ simulation: inout Simulation, _ body: (borrowing Simulation, FlowBatch) -> Void
    ) -> Advanced {
        var batch = FlowBatch()
        guard simulation.step(into: &batch) == .happened else { return .ended }
        body(simulation, batch)
        return simulation.firstBreach(where: mix.isFinding).map { .broken($0) } ?? .happened
    }

    /// What the guests wait for an answer to, by name.
    private static func underWay(_ simulation: borrowing Simulation) -> [String] {
        var waits: [String] = []
        for guest in simulation.guests {
            let name = guest.guest.configuration.name
            switch guest.guest.connection.state {
            case .connecting: waits.append("the version of \(name)")
            case .disconnecting: waits.append("the end of \(name)")
            default: break
            }
            for channel in guest.guest.connection.channels {
                if channel.state == .opening { waits.append("the open of channel \(channel.relid) of \(name)") }
                if channel.isModifying { waits.append("the move of channel \(channel.relid) of \(name)") }
            }
            for list in guest.guest.connection.pageLists where list.state != .created {
                let what = list.state == .creating ? "creation" : "teardown"
                waits.append("the \(what) of page list \(Hexadecimal.prefixed(UInt64(list.handle))) of \(name)")
            }
        }
        return waits
    }

    /// A machine in which nothing more will come, or that had its time, must not wait for what it waited for before.
    private func unsettled(_ simulation: borrowing Simulation, since before: [String]) -> ModelBreach? {
        let waits = Self.underWay(simulation)
        guard let stuck = waits.first(where: { simulation.nextTime == nil || before.contains($0) }) else { return nil }
        return ModelBreach(
            rule: "comes-to-rest",
            text: "\(stuck) is still waited for, \(Self.settlingTime / 1_000_000) ms after the last disturbance")
    }

    // MARK: - Coverage

    /// Above the kinds of records that are counted by state.
    private static let faultEvents: UInt32 = 8 << 16

    private static func cell(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ simulation: borrowing Simulation
    ) -> CoverageCell? {
        if header.kind == .fault {
            let word = payload.prefix { $0 != UInt8(ascii: " ") }
            return FaultKind.all.firstIndex { word.elementsEqual($0.id.utf8) }
                .map { CoverageCell(state: 0, event: Self.faultEvents | UInt32($0)) }
        }
        let kinds: [FlowKind] = [.message, .packet, .signal, .interrupt]
        guard let kind = kinds.firstIndex(of: header.kind) else { return nil }
        var state: UInt32 = 0
        let index = Int(header.partition) - 1
        if header.relid != 0, simulation.guests.indices.contains(index) {
            state =
                simulation.guests[index].guest.connection.channel(header.relid).map { channel in
                    let place = GuestChannel.State.allCases.firstIndex(of: channel.state) ?? 0
                    return UInt32(place) * 2 + (channel.isRescinded ? 3 : 2)
                } ?? 1
        }
        let code = header.kind == .message || header.kind == .packet ? header.code & 0xFFFF : 0
        let direction: UInt32 = header.direction == .guestToHost ? 1 << 24 : 0
        return CoverageCell(state: state, event: UInt32(kind) << 16 | code | direction)
    }

    public func name(of cell: CoverageCell) -> (state: String, event: String) {
        let states = GuestChannel.State.allCases
        let place = Int(cell.state / 2) - 1
        let state =
            switch cell.state {
            case 0: "no channel"
            case 1: "unknown channel"
            default: "\(states[min(place, states.count - 1)])\(cell.state % 2 == 1 ? ", rescinded" : "")"
            }
        let code = cell.event & 0xFFFF
        if cell.event & Self.faultEvents == Self.faultEvents, FaultKind.all.indices.contains(Int(code)) {
            return ("any", "fault \(FaultKind.all[Int(code)].id)")
        }
        let event =
            switch cell.event >> 16 & 0xFF {
            case 0: MessageType(rawValue: code).meaning ?? "message \(code)"
            case 1: "packet \(PacketType(rawValue: UInt16(code)))"
            case 2: "signal"
            default: "interrupt"
            }
        return (state, event + (cell.event >> 24 == 1 ? " of the guest" : " of the host"))
    }
}
