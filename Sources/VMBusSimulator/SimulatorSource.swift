public import BusModel
public import Query
public import VMBusPartitions
import VMBusRing
public import VMBusWire

/// The simulator as a source of records: a session that runs, steps in both directions, stops at breakpoints, and has
/// several histories. Records of the past are not kept; they come again by running again from a checkpoint.
public struct SimulatorSource: BusSource, Sendable {
    /// Where it stands.
    var moment: SessionMoment
    /// The histories, the first one first.
    var branches: [SessionBranch]
    /// The one that is shown.
    var active = 0
    var breakpoints: [Breakpoint] = []
    var nextBreakpoint = 1
    /// A watch that the last step set off, while some of that step's records are still to come.
    var pendingStop: Int?
    /// Why the last journey ended.
    var arrival: Arrival?
    /// The virtual clock was let run until here without an event.
    var waitedUntil: UInt64 = 0
    /// For which decisions a person is asked.
    var asked: ChoicePurposes = []
    /// Who reads records for filters; nil for nobody.
    let reader: (any RecordReader)?
    /// Where the scenario comes from, for the session's file.
    let origin: ScenarioOrigin

    /// The scenario at its start.
    ///
    /// - Parameters:
    ///   - reader: reads the records for breakpoints, at the beginning of a log; without one there are no filters.
    ///   - origin: where the scenario comes from; by default it is said to be shipped under its name.
    ///   - memoryOrder: in which order what one end stores reaches the other.
    ///   - chosen: decisions of the run, by their numbers, that are not left to the seed.
    ///   - checksRules: whether the rules of the protocol are checked, and breaches are records; only measurements do without.
    public init(
        _ scenario: Scenario, seed: UInt64? = nil, reader: (any RecordReader)? = nil, origin: ScenarioOrigin? = nil,
        memoryOrder: MemoryOrder = .sc, choosing chosen: [(number: UInt64, value: UInt64)] = [],
        checksRules: Bool = true
    ) {
        let answers = chosen.map { ChoiceSource.Answer(number: $0.number, value: $0.value) }
        self.init(
            Simulation(
                scenario, choices: .seed(seed ?? scenario.seed, answers: answers), memoryOrder: memoryOrder),
            reader: reader, origin: origin ?? .shipped(scenario.name), checksRules: checksRules)
    }

    init(
        _ simulation: Simulation, reader: (any RecordReader)?, origin: ScenarioOrigin, checksRules: Bool = true
    ) {
        self.reader = reader
        self.origin = origin
        var simulation = simulation
        if checksRules { simulation.checkRules() }
        let start = SessionMoment(simulation, reader: reader)
        branches = [SessionBranch(start)]
        moment = start
        moment.reader = nil
    }

    public var capabilities: Capabilities {
        Capabilities(kind: .simulator, canStep: true, canSeek: true, hasRingImages: true)
    }

    public var title: String { scenario.name }

    /// What it runs.
    public var scenario: Scenario { moment.simulation.scenario }
    /// The virtual clock, in nanoseconds.
    public var time: UInt64 { max(moment.simulation.time, waitedUntil) }
    /// Choices made so far.
    public var steps: UInt64 { moment.simulation.steps }
    /// The place here.
    public var position: Position { Position(sequence: moment.place.sequence, time: time) }

    public mutating func advance(_ budget: AdvanceBudget) -> FlowBatch {
        var batch = FlowBatch()
        var journey: Journey
        switch budget {
        case .steps(let count): journey = Journey(.steps, limit: count)
        case .until(let unit, let limit): journey = Journey(.unit(unit, moment.counts[unit] + 1), limit: limit)
        case .time(let end, let limit): journey = Journey(.time(end), limit: limit)
        }
        arrival = go(&journey, &batch)
        return batch
    }

    /// Goes to just behind a record that has happened, forwards or backwards.
    public mutating func seek(_ position: Position) throws(SourceError) {
        guard position.sequence <= branches[active].end.sequence else {
            throw SourceError("record \(position.sequence) has not happened yet; step forward to reach it")
        }
        jump(toRecord: position.sequence)
    }

    public var keyframe: FlowBatch {
        var batch = FlowBatch()
        var header = FlowRecordHeader(kind: .keyframe, time: time, partition: 0)
        header.sequence = moment.place.sequence
        batch.append(header, moment.snapshot.keyframe)
        return batch
    }

    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        let index = Int(channel.partition) - 1
        guard moment.simulation.guests.indices.contains(index) else { return nil }
        let guest = moment.simulation.guests[index]
        guard
            let rings = guest.guest.devices.first(where: { $0.instance == channel.device })?
                .channels.first(where: { $0.subchannel == channel.subchannel })?.ringPages
        else { return nil }
        return guest.memory.ringImage(of: direction == .guestToHost ? rings.outgoing : rings.incoming)
    }

    /// Changes take effect at once. In the past they begin another branch, so that the history that was there stays.
    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        switch command {
        case .addBreakpoint(let text, let ignored): try addBreakpoint(text, ignoring: ignored)
        case .changeBreakpoint(let number, let isEnabled, let ignored):
            let index = try breakpoint(number)
            breakpoints[index].isEnabled = isEnabled
            breakpoints[index].ignored = ignored
            refreshWatches()
        case .removeBreakpoint(let number): breakpoints.remove(at: try breakpoint(number))
        case .changeChoice(let number, let value, let name): try changeChoice(number, to: value, branch: name)
        case .addBranch(let name): try fork(name)
        case .showBranch(let name): show(try branch(name))
        case .removeBranch(let name): try removeBranch(name)
        case .askPerson(let isAsked):
            asked = isAsked ? ChoicePurposes(.next, .fault) : []
            moment.asked = asked
        case .rescindDevice, .moveChannel, .unload, .armFault, .disarmFault: try change(command)
        }
    }

    /// Carries out a command that changes the machine.
    private mutating func change(_ command: Command) throws(CommandRefusal) {
        let entry = SessionCommand(step: steps, time: time, command: command)
        var changed = moment
        if let refusal = changed.carryOut(entry) { throw refusal }
        if moment.place < branches[active].end || moment.commandCount < branches[active].commands.count {
            try fork(nil)
        }
        moment = changed
        branches[active].commands.append(entry)
    }

    /// The state of the machine in 64 bits: equal states have equal ones.
    public var fingerprint: UInt64 { moment.simulation.fingerprint }
}

/// Where a session's scenario comes from.
public enum ScenarioOrigin: Sendable, Hashable {
    /// It is shipped under this name.
    case shipped(String)
    /// Its text, and the name of the file.
    case text([UInt8], file: String)
}
