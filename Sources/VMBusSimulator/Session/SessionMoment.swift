import BusModel
import Query
import VMBusDevices
import VMBusPartitions
import VMBusWire

/// A moment of a session: the machine behind a step, how many of that step's records were given out, and what those before
/// say. All that comes later follows from it and the commands that were given. A copy is a checkpoint.
struct SessionMoment: Sendable {
    private(set) var simulation: Simulation
    /// What the records that were given out say.
    private(set) var snapshot = BusSnapshot()
    /// Reads the records for filters; nil while nobody asks.
    var reader: (any RecordReader)?
    /// How many records of each unit were given out.
    private(set) var counts = UnitCounts()
    /// The last record that was given out.
    private(set) var last: FlowRecordHeader?
    /// Where faults were done and rules broken, as far as that was given out.
    private(set) var marks: [SessionMark] = []
    /// More marks than this no time bar shows.
    private static let maximumMarks = 512
    /// How many of the branch's commands were carried out.
    private(set) var commandCount = 0
    /// Devices on which guests answer with packets of their own instead of completions. Only looked up, never walked.
    private let inBand: Set<GUID>
    private static let inBandKinds: [DeviceKind] = [
        .heartbeat, .shutdown, .timeSync, .keyValueExchange, .backup, .fileCopy,
    ]
    /// What a person has to choose before the next step.
    private(set) var question: Choice?
    private var records = FlowBatch()
    private var given = 0

    /// The machine before its first step.
    init(_ simulation: Simulation, reader: (any RecordReader)?) {
        self.simulation = simulation
        self.reader = reader
        inBand = Set(
            simulation.scenario.guests.flatMap(\.host.devices)
                .filter { Self.inBandKinds.contains($0.kind) }.map(\.instance))
        records = self.simulation.takeRecords()
    }

    /// Choices up to here, and the last record that was given out.
    var place: SessionPlace { SessionPlace(step: simulation.steps, sequence: last?.sequence ?? 0) }

    /// Whether all records of the last step were given out.
    var isBetweenSteps: Bool { given == records.headers.count }

    /// Performs the next event, after the commands that were given here. All records of the last step must have been given
    /// out; what the step left waits to be given out, also where nothing happens any more.
    mutating func step(_ commands: [SessionCommand]) -> StepOutcome {
        carryOutDue(commands, until: .max)
        records.removeAll()
        given = 0
        let outcome = simulation.step(into: &records)
        question = nil
        if case .asks(let choice) = outcome { question = choice }
        return outcome == .ended && !records.isEmpty ? .happened : outcome
    }

    /// Carries out the commands that were given behind this step until a time.
    mutating func carryOutDue(_ commands: [SessionCommand], until end: UInt64) {
        while commandCount < commands.count, commands[commandCount].step <= simulation.steps,
            commands[commandCount].time <= end
        {
            _ = carryOut(commands[commandCount])
        }
    }

    /// Carries out a command here. The reason when it cannot be.
    mutating func carryOut(_ command: SessionCommand) -> CommandRefusal? {
        commandCount += 1
        simulation.time = max(simulation.time, command.time)
        do throws(CommandRefusal) {
            try simulation.perform(command.command)
            return nil
        } catch {
            return error
        }
    }

    /// Answers a question of the run in another way than before; it counts when the question is asked.
    mutating func answer(_ answer: ChoiceSource.Answer) {
        simulation.choices.answer(answer.number, answer.value)
        if question?.number == answer.number { question = nil }
    }

    /// Takes back the answers to the questions from a number on.
    mutating func forgetAnswers(from number: UInt64) { simulation.choices.forgetAnswers(from: number) }

    /// For which decisions a person is asked.
    var asked: ChoicePurposes {
        get { simulation.choices.asked }
        set { simulation.choices.asked = newValue }
    }

    /// A copy to come back to, which needs no records.
    var checkpoint: SessionMoment {
        var copy = self
        if isBetweenSteps { (copy.records, copy.given) = (FlowBatch(), 0) }
        return copy
    }

    /// A copy to run again with, in which nobody is asked and nobody reads.
    var quiet: SessionMoment {
        var copy = self
        copy.asked = []
        copy.reader = nil
        return copy
    }

    /// Gives out the next record of the last step.
    ///
    /// - Returns: the record, and how filters see it where somebody asks; nil when there is none any more.
    mutating func take(
        into batch: inout FlowBatch
    ) -> (header: FlowRecordHeader, payload: ArraySlice<UInt8>, subject: (any QuerySubject)?)? {
        guard let next = take() else { return nil }
        batch.append(next.header, from: records)
        return next
    }

    /// The same for those who do not keep it.
    mutating func take() -> (header: FlowRecordHeader, payload: ArraySlice<UInt8>, subject: (any QuerySubject)?)? {
        guard given < records.headers.count else { return nil }
        let header = records.headers[given]
        let payload = records.payload(of: header)
        given += 1
        let subject = reader?.read(header, payload, before: snapshot)
        follow(header, payload)
        return (header, payload, subject)
    }

    /// Gives out all records that are left of the last step.
    mutating func takeAll(into batch: inout FlowBatch) {
        if given == 0 {
            batch.append(records)
        } else {
            for header in records.headers[given...] { batch.append(header, from: records) }
        }
        skipAll()
    }

    /// Lets all records that are left of the last step pass.
    mutating func skipAll() {
        while given < records.headers.count {
            let header = records.headers[given]
            let payload = records.payload(of: header)
            given += 1
            _ = reader?.read(header, payload, before: snapshot)
            follow(header, payload)
        }
    }

    private mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        snapshot.apply(header, payload)
        counts.add(header, answersInBand: header.kind == .packet && inBand.contains(header.device))
        last = header
        if header.kind == .fault, marks.count < Self.maximumMarks {
            marks.append(SessionMark(step: simulation.steps, isBreach: header.brokenRule != nil))
        }
        if given == records.headers.count { counts.addEvent() }
    }

    /// Whether the last record that was given out ends a step of a unit.
    func stands(on unit: StepUnit) -> Bool {
        guard let last else { return false }
        return unit == .event
            ? isBetweenSteps : unit.isReached(by: last, answersInBand: inBand.contains(last.device))
    }
}

/// A place in a session's history: behind a step, as far as its records were given out.
struct SessionPlace: Sendable, Hashable, Comparable {
    var step: UInt64
    /// The last record that was given out; 0 before the first.
    var sequence: UInt64

    static func < (left: SessionPlace, right: SessionPlace) -> Bool {
        (left.step, left.sequence) < (right.step, right.sequence)
    }
}

/// What was asked for from outside, and when.
struct SessionCommand: Sendable, Hashable {
    /// Behind which step.
    var step: UInt64
    /// The virtual clock there, in nanoseconds.
    var time: UInt64
    var command: Command
}
