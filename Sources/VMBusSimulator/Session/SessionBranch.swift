import BusModel

/// One history of a session: what was chosen and commanded, and the checkpoints from which everything else is run again.
struct SessionBranch: Sendable {
    let name: String
    /// Where it comes from; nil for the first.
    let parent: String?
    /// The step behind which it goes a way of its own.
    let forkStep: UInt64
    /// Answers to questions of the run other than the seed's, in order of their numbers.
    private(set) var answers: [ChoiceSource.Answer]
    /// In order of their steps.
    var commands: [SessionCommand]
    /// Moments in the order of their steps. The first is the one before everything; it always has a reader if there is any.
    private(set) var checkpoints: [SessionMoment]
    /// The step behind which the next checkpoint is made.
    private var nextCheckpoint = Self.checkpointDistance
    /// Moments between two checkpoints, left on the last way there, so that the next step back is a short way.
    private var near: [SessionMoment] = []
    /// The furthest place that was reached.
    var end: SessionPlace
    /// The virtual clock there, in nanoseconds.
    var endTime: UInt64
    /// Where faults were done and rules broken until then.
    private(set) var marks: [SessionMark] = []
    /// Where it was left when another was shown.
    var place: SessionPlace

    /// Choices between two checkpoints: running them again takes a few milliseconds.
    static let checkpointDistance: UInt64 = 2048
    /// Checkpoints that are kept: a million steps have as many.
    static let maximumCheckpoints = 512
    /// Choices between two near moments.
    private static let nearDistance: UInt64 = 256

    /// The first branch.
    init(_ start: SessionMoment) {
        (name, parent, forkStep) = (Self.firstName, nil, 0)
        answers = start.simulation.choices.answers
        commands = []
        checkpoints = [start]
        end = start.place
        endTime = start.simulation.time
        place = end
    }

    /// What the first branch is called.
    static let firstName = "main"

    /// A branch that begins at a moment of another.
    init(_ name: String, from parent: SessionBranch, at moment: SessionMoment) {
        self.name = name
        self.parent = parent.name
        forkStep = moment.simulation.steps
        let next = moment.simulation.choices.nextNumber
        answers = parent.answers.filter { $0.number < next }
        commands = Array(parent.commands.prefix(moment.commandCount))
        checkpoints = parent.checkpoints.filter {
            $0.simulation.steps <= moment.simulation.steps && $0.commandCount <= moment.commandCount
        }
        end = moment.place
        endTime = moment.simulation.time
        marks = moment.marks
        place = end
        nextCheckpoint = (checkpoints.last?.simulation.steps ?? 0) + Self.checkpointDistance
        for index in checkpoints.indices { checkpoints[index].forgetAnswers(from: next) }
    }

    /// A branch of a file, run again to its end. What it has in common with its parent is taken from there.
    init(_ file: SessionFile.Branch, from parent: SessionBranch) {
        name = file.name
        self.parent = file.parent
        forkStep = file.fork
        answers = file.answers
        commands = file.commands
        let common = parent.checkpoint {
            $0.simulation.steps <= file.end
                && $0.isCommon(to: parent.answers, parent.commands, file.answers, file.commands)
        }
        checkpoints = Array(parent.checkpoints[...common])
        nextCheckpoint = checkpoints[common].simulation.steps + Self.checkpointDistance
        for index in checkpoints.indices {
            checkpoints[index].forgetAnswers(from: checkpoints[index].simulation.choices.nextNumber)
            for answer in file.answers { checkpoints[index].answer(answer) }
        }
        (end, endTime, place) = (checkpoints[common].place, 0, checkpoints[common].place)
        var moment = checkpoints[common]
        while moment.simulation.steps < file.end {
            moment.skipAll()
            keep(moment)
            guard moment.step(commands) == .happened else { break }
        }
        moment.skipAll()
        reach(moment)
        place = end
    }

    /// How many choices and commands it has that the seed did not make.
    var changes: Int { answers.count + commands.count }

    /// Lays down the answer to a question behind the end of the branch, so that running again finds it.
    mutating func answer(_ answer: ChoiceSource.Answer) {
        answers.removeAll { $0.number == answer.number }
        answers.append(answer)
        answers.sort { $0.number < $1.number }
        for index in checkpoints.indices { checkpoints[index].answer(answer) }
        near = []
    }

    /// The last kept moment that fits, where earlier ones fit too.
    ///
    /// - Parameter isRead: whether it must have read everything before it.
    mutating func latest(reading isRead: Bool, where fits: (SessionMoment) -> Bool) -> SessionMoment {
        let index = checkpoint(where: fits)
        if let moment = near.last(where: fits), moment.place > checkpoints[index].place,
            !isRead || moment.reader != nil
        {
            return moment
        }
        near = []
        if isRead { read(until: index) }
        return checkpoints[index]
    }

    /// Keeps a moment on the way from a checkpoint if the last one that is kept is far enough behind it.
    mutating func keepNear(_ moment: SessionMoment) {
        guard moment.simulation.steps % Self.nearDistance == 0,
            near.last.map({ $0.simulation.steps < moment.simulation.steps }) ?? true
        else { return }
        near.append(moment.checkpoint)
    }

    /// The last checkpoint that fits, where earlier ones fit too.
    func checkpoint(where fits: (SessionMoment) -> Bool) -> Int {
        var (low, high) = (0, checkpoints.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if fits(checkpoints[middle]) { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// Keeps a moment between two steps if the last one that is kept is far behind it.
    mutating func keep(_ moment: SessionMoment) {
        guard moment.simulation.steps >= nextCheckpoint else { return }
        nextCheckpoint = moment.simulation.steps + Self.checkpointDistance
        checkpoints.append(moment.checkpoint)
        if checkpoints.count > Self.maximumCheckpoints { thin() }
    }

    /// Lets every second checkpoint go: going back far takes longer then, near stays as fast.
    mutating func thin() { checkpoints = checkpoints.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) }

    /// Takes note of a moment that may be further than all before.
    mutating func reach(_ moment: SessionMoment) {
        guard moment.place >= end else { return }
        marks = moment.marks
        end = moment.place
        endTime = max(endTime, moment.simulation.time)
    }

    /// Gives a checkpoint a reader that has read everything before it. The readers of those between come by on the way.
    mutating func read(until index: Int) {
        guard let start = checkpoints[...index].lastIndex(where: { $0.reader != nil }) else { return }
        var moment = checkpoints[start]
        for next in (start + 1)..<max(index + 1, start + 1) {
            moment.run(until: checkpoints[next].place, commands)
            checkpoints[next].reader = moment.reader
        }
    }
}

extension SessionMoment {
    /// Whether two histories are still the same at this moment of the first.
    func isCommon(
        to answers: [ChoiceSource.Answer], _ commands: [SessionCommand], _ otherAnswers: [ChoiceSource.Answer],
        _ otherCommands: [SessionCommand]
    ) -> Bool {
        let next = simulation.choices.nextNumber
        return answers.prefix { $0.number < next } == otherAnswers.prefix { $0.number < next }
            && commands.prefix(commandCount) == otherCommands.prefix(commandCount)
            && !otherCommands.dropFirst(commandCount).contains { $0.step < simulation.steps }
    }

    /// Runs on until a place, which is not behind this one, without giving out records.
    mutating func run(until place: SessionPlace, _ commands: [SessionCommand]) {
        let asked = asked
        self.asked = []
        defer { self.asked = asked }
        while simulation.steps < place.step {
            skipAll()
            guard step(commands) == .happened else { break }
        }
        while (last?.sequence ?? 0) < place.sequence, take() != nil {}
    }
}
