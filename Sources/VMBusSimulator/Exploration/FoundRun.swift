import BusModel
public import Configuration
import VMBusPartitions

/// A run that a search has found, as a session: opened with `sim FILE`, every step of it can be seen and gone back.
public struct FoundRun: Sendable {
    /// The whole text of the scenario, with faults and planted bugs.
    let text: [UInt8]
    /// The name of its file.
    let file: String
    /// The answers to all questions of the run, by their numbers.
    let answers: [UInt64]
    /// Answers what is behind them; nil for always the first alternative.
    let seed: UInt64?
    let ordering: EventOrdering
    let memoryOrder: MemoryOrder
    /// Until the rule breaks.
    let steps: UInt64

    /// The session, at the step that breaks the rule.
    ///
    /// - Throws: what is wrong with the scenario's text, or that there are more choices than a session holds.
    public func session() throws(ConfigurationError) -> SessionFile {
        let document = try ConfigurationDocument(parsing: text, file: file)
        let scenario = try Scenario(document)
        var choices = seed.map { ChoiceSource.seed($0) } ?? .exhaustive()
        var count = 0
        // Without a seed the first alternative need not be said.
        for (number, value) in answers.enumerated() where value != 0 || seed != nil {
            choices.answer(UInt64(number), value)
            count += 1
        }
        guard count <= SessionFile.maximumChanges else {
            throw document.root.unacceptable(
                "choices", value: "\(count)", expected: "at most \(SessionFile.maximumChanges), after more shrinking")
        }
        var source = SimulatorSource(
            Simulation(scenario, choices: choices, ordering: ordering, memoryOrder: memoryOrder), reader: nil,
            origin: .text(text, file: file))
        _ = source.advance(.steps(Int(clamping: steps)))
        return source.file
    }
}

extension MachineModel {
    /// What a schedule leads to.
    ///
    /// - Parameter text: the scenario of the model as it is written.
    public func found(_ schedule: Schedule, text: [UInt8], file: String) -> FoundRun {
        var model = self
        var answers: [UInt64] = []
        var steps: UInt64 = 0
        for choice in schedule.choices {
            guard model.breach == nil, model.take(choice) != nil else { break }
            answers += model.simulation.choices.taken.map(\.value)
            steps += 1
        }
        return FoundRun(
            text: text, file: file, answers: answers, seed: nil, ordering: simulation.ordering,
            memoryOrder: simulation.memoryOrder, steps: steps)
    }
}

extension MachineSubject {
    /// What a case leads to.
    ///
    /// - Parameter text: the scenario of the subject as it is written.
    public func found(_ trial: FuzzCase, text: [UInt8], file: String) -> FoundRun {
        let simulation = simulation(of: trial)
        return FoundRun(
            text: text + Array(faultText(of: trial).utf8), file: file, answers: trial.choices, seed: trial.seed,
            ordering: simulation.ordering, memoryOrder: simulation.memoryOrder, steps: UInt64(run(trial).steps))
    }
}
