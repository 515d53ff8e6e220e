import BusModel
import Inspector

/// Carries out what is asked of a simulation's session, and brings the inspector to the place that it leads to.
enum SessionRun {
    /// The most steps that one key takes unless it is told otherwise, so that no other key waits long for it.
    static let stepLimit = 20_000
    /// The most steps that are run again so that the flow shows what came before.
    static let replayLimit: UInt64 = 50_000

    /// Does what a key asks for; what there is to say of it comes back.
    static func perform(
        _ effect: ScreenEffect, _ source: inout any BusSource, _ inspector: inout InspectorState,
        stepLimit: Int = stepLimit
    ) -> Message? {
        do throws(SourceError) {
            switch effect {
            case .travel(let goal, let direction):
                let former = source.session?.place
                let travel = try source.travel(goal, direction, limit: stepLimit)
                if travel.records.isEmpty {
                    show(travel.place, &source, &inspector)
                } else {
                    inspector.ingest(travel.records)
                }
                inspector.session = source.session
                if travel.arrival == .reached, inspector.session?.place.sequence == former?.sequence, case .end = goal {
                    return Message("This is as far as it was run: n makes a step, Space lets it run.")
                }
                return words(travel.arrival, inspector.session)
            case .command(let command): return perform(command, &source, &inspector)
            case .compare(let left, let right): return compare(left, right, source, inspector)
            case .quit, .redraw, .copy, .lookFaster, .lookSlower, .trace: return nil
            }
        } catch {
            return Message("\(error)", .failure)
        }
    }

    private static func perform(
        _ command: Command, _ source: inout any BusSource, _ inspector: inout InspectorState
    ) -> Message? {
        let former = source.session?.branch
        do throws(CommandRefusal) {
            try source.perform(command)
        } catch {
            return Message("\(error)", .failure)
        }
        let session = source.session
        let isOther = session?.branch != former
        // Another branch has another past, unless it begins here.
        if case .showBranch = command, isOther {
            replay(&source, &inspector)
        } else if let session {
            show(session.place, &source, &inspector)
        }
        inspector.session = session
        return isOther ? session.map { Message("This is the branch \($0.branch).") } : nil
    }

    /// Shows a place to which the source has jumped.
    private static func show(
        _ place: BusModel.Position, _ source: inout any BusSource, _ inspector: inout InspectorState
    ) {
        guard place.sequence != inspector.lastSequence else { return }
        if place.sequence > inspector.lastSequence || !inspector.rewind(to: place) { replay(&source, &inspector) }
    }

    /// Tells the inspector anew what is known here: everything where that is little, else what stands now.
    private static func replay(_ source: inout any BusSource, _ inspector: inout InspectorState) {
        inspector.restart()
        guard let session = source.session, session.step <= replayLimit else {
            inspector.ingest(source.keyframe)
            return
        }
        do throws(SourceError) {
            _ = try source.travel(.end, .backward, limit: Self.stepLimit)
            let steps = Int(clamping: session.step)
            inspector.ingest(try source.travel(.steps(steps), .forward, limit: steps).records)
            // The place may be in the middle of what a step left.
            if inspector.lastSequence > session.place.sequence {
                try source.seek(session.place)
                inspector.rewind(to: session.place)
            }
        } catch {
            inspector.restart()
            inspector.ingest(source.keyframe)
        }
    }

    private static func compare(
        _ left: String, _ right: String, _ source: any BusSource, _ inspector: InspectorState
    ) -> Message {
        do throws(CommandRefusal) {
            guard let difference = try source.difference(left, right) else {
                return Message("\(left) and \(right) are the same as far as they were run.")
            }
            let words = [difference.left, difference.right].map { batch in
                batch.headers.first.map { inspector.words($0, batch.payload(of: $0)) } ?? "nothing"
            }
            return Message(
                "They differ from record \(difference.sequence), step \(difference.step), on: \(left) \(words[0]), "
                    + "\(right) \(words[1])", .warning)
        } catch {
            return Message("\(error)", .failure)
        }
    }

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
        case .reached: nil
        case .limit: Message("Not reached yet after many steps. The same key goes on.", .warning)
        case .breakpoint(let number):
            Message(
                "Breakpoint \(number)"
                    + (session?.breakpoints.first { $0.number == number }.map { ": \($0.text)" } ?? ""))
        case .end: Message("Nothing more happens.")
        case .beginning: Message("This is the beginning.")
        case .question: Message("A choice waits: C in the Session view gives it a value.", .warning)
        }
    }
}
