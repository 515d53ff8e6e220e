import BusModel
import Query

/// A way forward: what is looked for and how many steps are left for it.
struct Journey {
    enum Goal {
        /// All steps that the limit allows.
        case steps
        /// So many records of a unit have been given out.
        case unit(StepUnit, UInt64)
        case time(UInt64)
        case query(Query)
        /// Only breakpoints.
        case nothing
    }

    let goal: Goal
    var stepsLeft: Int

    init(_ goal: Goal, limit: Int) {
        self.goal = goal
        stepsLeft = max(0, limit)
    }

    /// Whether every record has to be looked at.
    var looksAtRecords: Bool {
        switch goal {
        case .unit, .query: true
        case .steps, .time, .nothing: false
        }
    }

    var needsReader: Bool { if case .query = goal { true } else { false } }

    /// Whether the goal is reached with a record that was given out.
    func isReached(by subject: (any QuerySubject)?, _ counts: UnitCounts) -> Bool {
        switch goal {
        case .unit(let unit, let count): counts[unit] >= count
        case .query(let query): subject.map { query.matches($0) } ?? false
        case .steps, .time, .nothing: false
        }
    }
}

extension SimulatorSource {
    /// Goes forward. What happens is added to the batch.
    mutating func go(_ journey: inout Journey, _ batch: inout FlowBatch) -> Arrival {
        attendReader(journey.needsReader)
        defer { branches[active].reach(moment) }
        while true {
            if let arrival = give(journey, &batch) { return arrival }
            if let number = pendingStop {
                pendingStop = nil
                return .breakpoint(number)
            }
            if case .time(let end) = journey.goal {
                moment.carryOutDue(branches[active].commands, until: end)
                guard let next = moment.simulation.nextTime, next <= end else {
                    waitedUntil = min(end, moment.simulation.nextTime ?? end)
                    return .reached
                }
            }
            guard journey.stepsLeft > 0 else {
                if case .steps = journey.goal { return .reached }
                return .limit
            }
            journey.stepsLeft -= 1
            branches[active].keep(moment)
            switch moment.step(branches[active].commands) {
            case .happened: lookAtWatches()
            case .ended: return .end
            case .asks: return .question
            }
        }
    }

    /// Gives out the records of the last step, up to one that ends the journey.
    private mutating func give(_ journey: Journey, _ batch: inout FlowBatch) -> Arrival? {
        guard journey.looksAtRecords || breakpoints.contains(where: \.looksAtRecords) else {
            moment.takeAll(into: &batch)
            return nil
        }
        while let (header, payload, subject) = moment.take(into: &batch) {
            if let number = meet(header, payload, subject) { return .breakpoint(number) }
            if journey.isReached(by: subject, moment.counts) { return .reached }
        }
        return nil
    }

    /// The breakpoint that a record stops at.
    private mutating func meet(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ subject: (any QuerySubject)?
    ) -> Int? {
        var stop: Int?
        for index in breakpoints.indices where breakpoints[index].fits(header, payload, subject) {
            if breakpoints[index].meet() { stop = stop ?? breakpoints[index].number }
        }
        return stop
    }

    private mutating func lookAtWatches() {
        for index in breakpoints.indices {
            guard let watch = breakpoints[index].watch else { continue }
            let value = watch.value(in: moment.simulation)
            defer { breakpoints[index].value = value }
            guard watch.stops(from: breakpoints[index].value, to: value), breakpoints[index].meet() else { continue }
            pendingStop = pendingStop ?? breakpoints[index].number
        }
    }

    /// Has records read from here on if somebody asks for that, and not otherwise.
    mutating func attendReader(_ isWanted: Bool) {
        let isNeeded = reader != nil && (isWanted || breakpoints.contains(where: \.needsReader))
        if isNeeded, moment.reader == nil {
            let (pending, waited) = (pendingStop, waitedUntil)
            jump(to: moment.place, reading: true)
            (pendingStop, waitedUntil) = (pending, waited)
        } else if !isNeeded {
            moment.reader = nil
        }
    }
}
