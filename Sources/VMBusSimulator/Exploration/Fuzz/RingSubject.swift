/// A ring's model for random runs.
public struct RingSubject: FuzzSubject {
    /// The numbers of the model.
    public let settings: RingModelSettings
    /// The most steps of one run.
    public let stepLimit: Int

    /// A subject.
    /// - Parameter settings: numbers without a ``RingModelSettings/problem``.
    public init(_ settings: RingModelSettings, stepLimit: Int) {
        self.settings = settings
        self.stepLimit = stepLimit
    }

    public var variationBits: Int { 0 }

    public func variationName(_ bit: Int) -> String { "" }

    public func run(_ trial: FuzzCase) -> FuzzRun {
        var run = FuzzRun()
        play(trial) { model, happening, choice in
            run.choices.append(choice)
            run.steps += 1
            run.coverage.insert(Self.cell(model, happening))
            run.breach = model.breach
        }
        return run
    }

    public func story(of trial: FuzzCase) -> (steps: [ScheduleStep], breach: ModelBreach?) {
        var steps: [ScheduleStep] = []
        var breach: ModelBreach?
        play(trial) { model, happening, _ in
            steps.append(happening.step)
            breach = model.breach
        }
        return (steps, breach)
    }

    /// Runs a case and calls `body` after each step with the choice that was made.
    private func play(_ trial: FuzzCase, _ body: (RingModel, RingHappening, UInt64) -> Void) {
        var generator = trial.seed.map { SeededGenerator(seed: $0, stream: 0) }
        var model = RingModel(settings)
        for number in 0..<stepLimit {
            var choice: UInt64 = 0
            let happening = model.step { count in
                let drawn = generator?.next() ?? 0
                choice = number < trial.choices.count ? trial.choices[number] : drawn
                choice = number < trial.choices.count ? min(choice, UInt64(count - 1)) : choice % UInt64(count)
                return Int(choice)
            }
            guard let happening else { return }
            body(model, happening, choice)
        }
    }

    private static func cell(_ model: RingModel, _ happening: RingHappening) -> CoverageCell {
        CoverageCell(
            state: UInt32(model.sender.phaseNumber << 8 | model.receiver.phaseNumber), event: happening.number)
    }

    public func name(of cell: CoverageCell) -> (state: String, event: String) {
        let sender = SendingActor.phaseNames[Int(cell.state >> 8) % SendingActor.phaseNames.count]
        let receiver = ReceivingActor.phaseNames[Int(cell.state & 0xFF) % ReceivingActor.phaseNames.count]
        return ("sender \(sender), receiver \(receiver)", RingHappening.name(cell.event))
    }

    public var lifelines: [String] { RingModel.lifelines }
}
