import BusModel
import Inspector

/// Carries out what is asked of a simulation's session, and brings the inspector to the place that it leads to. What takes
/// long is done in slices, so that no key waits for it.
struct SessionRun {
    /// A journey that is not at its goal yet.
    private struct Journey {
        let goal: TravelGoal
        let direction: TravelDirection
        /// The step to go to, for a goal that is a number of steps.
        let target: UInt64?
        /// The record where it began.
        let start: UInt64
    }

    private var journey: Journey?
    /// What keys asked for meanwhile, in order: whoever types ahead gets the same as who waits.
    private var waiting: [ScreenEffect] = []

    /// Steps of one slice.
    static let portion = 256
    /// The most steps that are run again so that every view knows all that came before.
    static let replayLimit: UInt64 = 20_000
    /// The steps that are run again where there are more, so that the flow shows what came last.
    private static let replayedSteps = 4096
    /// The most keys that wait.
    private static let maximumWaiting = 1000

    /// Whether there is something to go on with.
    var isUnderway: Bool { journey != nil || !waiting.isEmpty }

    // MARK: Journeys

    /// Does what a key asks for, or begins it, or keeps it until a journey has ended; what there is to say of it comes back.
    ///
    /// - Parameter hasTime: whether another slice may be taken before keys are looked at again.
    mutating func perform(
        _ effect: ScreenEffect, _ source: inout any BusSource, _ inspector: inout InspectorState, hasTime: () -> Bool
    ) -> Message? {
        if isUnderway, !Self.isForJourneys(effect) {
            if waiting.count < Self.maximumWaiting { waiting.append(effect) }
            return nil
        }
        return begin(effect, &source, &inspector, hasTime)
    }

    /// What is about the journey that is underway.
    private static func isForJourneys(_ effect: ScreenEffect) -> Bool {
        switch effect {
        case .command(.addBreakpoint), .command(.changeBreakpoint), .command(.removeBreakpoint): true
        default: false
        }
    }

    private mutating func begin(
        _ effect: ScreenEffect, _ source: inout any BusSource, _ inspector: inout InspectorState,
        _ hasTime: () -> Bool
    ) -> Message? {
        switch effect {
        case .travel(let goal, let direction):
            var target: UInt64?
            if case .steps(let count) = goal, direction == .forward, let step = source.session?.step {
                target = step.addingReportingOverflow(UInt64(clamping: count)).partialValue
            }
            journey = Journey(
                goal: goal, direction: direction, target: target, start: source.session?.place.sequence ?? 0)
            return travel(&source, &inspector, hasTime)
        case .command(let command): return Self.perform(command, &source, &inspector)
        case .compare(let left, let right): return Self.compare(left, right, source, &inspector)
        case .quit, .redraw, .copy, .lookFaster, .lookSlower, .trace, .stop, .write: return nil
        }
    }

    /// Goes on with a journey while there is time, then with what waits for its end.
    mutating func goOn(
        _ source: inout any BusSource, _ inspector: inout InspectorState, hasTime: () -> Bool
    ) -> Message? {
        var message = travel(&source, &inspector, hasTime)
        while journey == nil, !waiting.isEmpty, hasTime() {
            message = begin(waiting.removeFirst(), &source, &inspector, hasTime) ?? message
        }
        return message
    }

    private mutating func travel(
        _ source: inout any BusSource, _ inspector: inout InspectorState, _ hasTime: () -> Bool
    ) -> Message? {
        do throws(SourceError) {
            while let journey {
                if let message = try slice(journey, &source, &inspector) { return message.text.isEmpty ? nil : message }
                guard hasTime() else { break }
            }
            // Going back the inspector stays where it is until the place is found.
            if journey?.direction == .forward { inspector.session = source.session }
        } catch {
            leave(&source, &inspector)
            return Message("\(error)", .failure)
        }
        return nil
    }

    /// One slice. A message when the journey has ended, an empty one where there is nothing to say.
    private mutating func slice(
        _ journey: Journey, _ source: inout any BusSource, _ inspector: inout InspectorState
    ) throws(SourceError) -> Message? {
        var goal = journey.goal
        if let target = journey.target, let step = source.session?.step {
            goal = .steps(Int(clamping: min(UInt64(Self.portion), target - min(target, step))))
        }
        let travel = try source.travel(goal, journey.direction, limit: journey.direction == .forward ? Self.portion : 1)
        if !travel.records.isEmpty { inspector.ingest(travel.records) }
        let hasSteps = journey.target.map { (source.session?.step ?? $0) < $0 } ?? false
        guard travel.arrival != .limit, travel.arrival != .reached || !hasSteps else { return nil }
        leave(&source, &inspector)
        if travel.arrival == .reached, case .end = journey.goal, travel.place.sequence == journey.start {
            return Message("This is as far as it was run: n makes a step, Space lets it run.")
        }
        guard var message = Self.words(travel.arrival, inspector.session) else { return Message("") }
        if let entry = inspector.record(inspector.lastSequence)?.entry, entry.header.kind == .fault {
            message.text += ": \(entry.info)"
        }
        return message
    }

    /// Ends a journey where it is; what is shown is that place.
    mutating func stop(_ source: inout any BusSource, _ inspector: inout InspectorState) -> Message? {
        guard isUnderway else { return nil }
        waiting = []
        leave(&source, &inspector)
        return Message("Stopped at step \(inspector.session?.step ?? 0).")
    }

    private mutating func leave(_ source: inout any BusSource, _ inspector: inout InspectorState) {
        guard journey != nil else { return }
        journey = nil
        guard let session = source.session else { return }
        Self.show(session.place, &source, &inspector)
        inspector.session = session
    }

    /// How far a journey is, in one line; nil when there is none.
    func progress(_ source: any BusSource) -> String? {
        guard let journey, let session = source.session else { return nil }
        let goal =
            switch journey.goal {
            case .steps: "step \(journey.target ?? 0)"
            case .unit(let unit, _): "the next \(unit.rawValue)"
            case .time(let time): "\(Quantity.time(time)) s"
            case .expression(let text): "where \(text)"
            case .breakpoint: "a breakpoint"
            case .sequence(let sequence): "record \(sequence)"
            case .end: "the end"
            }
        let way = journey.direction == .forward ? "Running to" : "Going back to"
        return "\(way) \(goal): step \(session.step), \(Quantity.time(session.place.time)) s. Space stops it."
    }

    // MARK: Commands

    private static func perform(
        _ command: Command, _ source: inout any BusSource, _ inspector: inout InspectorState
    ) -> Message? {
        let former = source.session
        do throws(CommandRefusal) {
            try source.perform(command)
        } catch {
            return Message("\(error)", .failure)
        }
        let session = source.session
        let isOther = session?.branch != former?.branch
        // Another branch has another past, unless it begins here.
        if case .showBranch = command, isOther {
            replay(&source, &inspector)
        } else if let session {
            show(session.place, &source, &inspector)
        }
        inspector.session = session
        if let comparison = inspector.comparison, let names = session?.branches.map(\.name),
            !names.contains(comparison.left) || !names.contains(comparison.right)
        {
            inspector.comparison = nil
        }
        let said: String? =
            switch command {
            case .addBreakpoint(let text, _): "Breakpoint \(session?.breakpoints.last?.number ?? 0) stops at: \(text)"
            case .armFault(let partition, let words):
                "Armed for \(inspector.snapshot.partition(partition)?.name ?? "partition \(partition)"): \(words)."
            case .disarmFault(let number): "Fault \(number) is let go of."
            case .askPerson(let isAsked): isAsked ? "You are asked who acts next." : "The seed decides again."
            default: nil
            }
        let branch = isOther ? session.map { "This is the branch \($0.branch)." } : nil
        let words = [said, branch].compactMap { $0 }
        return words.isEmpty ? nil : Message(words.joined(separator: " "))
    }

    /// Shows a place to which the source has jumped.
    private static func show(
        _ place: BusModel.Position, _ source: inout any BusSource, _ inspector: inout InspectorState
    ) {
        guard place.sequence != inspector.lastSequence else { return }
        if place.sequence > inspector.lastSequence || !inspector.rewind(to: place) { replay(&source, &inspector) }
    }

    /// Tells the inspector anew what is known here: everything where that is little, else what stood some steps ago and what
    /// happened since.
    private static func replay(_ source: inout any BusSource, _ inspector: inout InspectorState) {
        inspector.restart()
        guard let session = source.session else { return inspector.ingest(source.keyframe) }
        let steps = session.step <= replayLimit ? Int(clamping: session.step) : replayedSteps
        do throws(SourceError) {
            _ = try source.travel(.steps(steps), .backward, limit: steps)
            if session.step > replayLimit { inspector.ingest(source.keyframe) }
            // Nothing stops it on this way, as all of it has happened.
            while let step = source.session?.step, step < session.step {
                let left = Int(clamping: session.step - step)
                let travel = try source.travel(.steps(left), .forward, limit: left)
                inspector.ingest(travel.records)
                guard !travel.records.isEmpty || (source.session?.step ?? 0) > step else { break }
            }
            // The place may be in the middle of what a step left.
            if source.session?.place != session.place { try source.seek(session.place) }
            if inspector.lastSequence == session.place.sequence || inspector.rewind(to: session.place) { return }
        } catch {}
        inspector.restart()
        inspector.ingest(source.keyframe)
    }

    private static func compare(
        _ left: String, _ right: String, _ source: any BusSource, _ inspector: inout InspectorState
    ) -> Message {
        do throws(CommandRefusal) {
            guard let difference = try source.difference(left, right) else {
                inspector.comparison = SessionComparison(left: left, right: right, place: nil)
                return Message("\(left) and \(right) are the same as far as they were run.")
            }
            let words = [difference.left, difference.right].map { batch in
                batch.headers.first.map { inspector.words($0, batch.payload(of: $0)) } ?? "nothing"
            }
            inspector.comparison = SessionComparison(
                left: left, right: right,
                place: .init(sequence: difference.sequence, step: difference.step), leftText: words[0],
                rightText: words[1])
            return Message(
                "They differ from record \(difference.sequence), step \(difference.step), on: \(left) \(words[0]), "
                    + "\(right) \(words[1])", .warning)
        } catch {
            return Message("\(error)", .failure)
        }
    }

    // MARK: Words

    /// Why a running source has to stand still; nil while it may go on.
    static func stop(_ session: SessionSummary?) -> Message? {
        guard let session, let arrival = session.arrival else { return nil }
        switch arrival {
        case .breakpoint, .question: return words(arrival, session)
        case .reached, .limit, .end, .beginning: return nil
        }
    }

    /// What there is to say of a journey that has ended.
    private static func words(_ arrival: Arrival, _ session: SessionSummary?) -> Message? {
        switch arrival {
        case .reached, .limit: nil
        case .breakpoint(let number):
            Message(
                "Breakpoint \(number)"
                    + (session?.breakpoints.first { $0.number == number }.map { ": \($0.text)" } ?? ""))
        case .end: Message("Nothing more happens.")
        case .beginning: Message("This is the beginning.")
        case .question: Message("A choice waits: C gives it a value.", .warning)
        }
    }
}
