public import BusModel
import Query

/// Stepping in both directions. Going back is a jump to a checkpoint and running on from there.
extension SimulatorSource {
    public mutating func travel(
        _ goal: TravelGoal, _ direction: TravelDirection, limit: Int
    ) throws(SourceError) -> Travel {
        if case .expression = goal, reader == nil { throw SourceError("nobody reads these records for filters") }
        return direction == .forward ? try forward(goal, limit) : try backward(goal, limit)
    }

    private mutating func forward(_ goal: TravelGoal, _ limit: Int) throws(SourceError) -> Travel {
        var journey: Journey
        switch goal {
        case .steps(let count): journey = Journey(.steps, limit: min(count, limit))
        case .unit(let unit, let count):
            let wanted = moment.counts[unit].addingReportingOverflow(UInt64(max(1, count))).partialValue
            journey = Journey(.unit(unit, wanted), limit: limit)
        case .time(let end): journey = Journey(.time(end), limit: limit)
        case .expression(let text): journey = Journey(.query(try query(text)), limit: limit)
        case .breakpoint: journey = Journey(.nothing, limit: limit)
        case .sequence(let sequence):
            try seek(Position(sequence: sequence, time: 0))
            return arrive(.reached)
        case .end:
            jump(to: branches[active].end)
            moment.carryOutDue(branches[active].commands, until: .max)
            return arrive(.reached)
        }
        var batch = FlowBatch()
        arrival = go(&journey, &batch)
        return Travel(records: batch, place: position, arrival: arrival ?? .reached)
    }

    private mutating func backward(_ goal: TravelGoal, _ limit: Int) throws(SourceError) -> Travel {
        switch goal {
        case .steps(let count):
            let count = UInt64(max(0, count))
            guard count <= steps else { return goToBeginning() }
            jump(to: SessionPlace(step: steps - count, sequence: .max))
            return arrive(.reached)
        case .unit(let unit, let count): return back(unit, UInt64(max(1, count)))
        case .time(let end):
            if end < moment.simulation.time { jump(toTime: end) }
            return arrive(.reached)
        case .expression(let text): return search(try query(text), limit)
        case .breakpoint: return search(nil, limit)
        case .sequence(let sequence):
            try seek(Position(sequence: sequence, time: 0))
            return arrive(.reached)
        case .end: return goToBeginning()
        }
    }

    private func query(_ text: String) throws(SourceError) -> Query {
        do throws(CommandRefusal) {
            return try SessionQuery.parse(text, reader?.schema)
        } catch {
            throw SourceError(error.reason)
        }
    }

    private mutating func arrive(_ arrival: Arrival) -> Travel {
        self.arrival = arrival
        return Travel(place: position, arrival: arrival)
    }

    /// Goes in front of the first record.
    @discardableResult
    public mutating func goToBeginning() -> Travel {
        jump(to: SessionPlace(step: 0, sequence: 0))
        return arrive(.beginning)
    }

    /// Goes back behind the n-th record of a unit before this place; the one that it stands on does not count.
    private mutating func back(_ unit: StepUnit, _ count: UInt64) -> Travel {
        let done = moment.counts[unit] + (moment.stands(on: unit) ? 0 : 1)
        guard done > count else { return goToBeginning() }
        let wanted = done - count
        start { $0.counts[unit] < wanted }
        run { $0.counts[unit] < wanted }
        return arrive(.reached)
    }

    // MARK: Jumps

    /// Goes to a place that was reached before.
    mutating func jump(to place: SessionPlace, reading isRead: Bool = false) {
        start(reading: isRead) { $0.place <= place }
        run { $0.simulation.steps < place.step || $0.place.sequence < place.sequence && !$0.isBetweenSteps }
    }

    /// Goes behind a record that has happened.
    mutating func jump(toRecord sequence: UInt64) {
        start { $0.place.sequence <= sequence }
        run { $0.place.sequence < sequence }
    }

    /// Goes to where all has happened that was due until then.
    private mutating func jump(toTime end: UInt64) {
        start { $0.simulation.time <= end }
        let commands = branches[active].commands
        run { moment in
            guard moment.isBetweenSteps else { return true }
            moment.carryOutDue(commands, until: end)
            return moment.simulation.nextTime.map { $0 <= end } ?? false
        }
        waitedUntil = end
    }

    /// Takes up the last moment that is kept and fits, where earlier ones fit too.
    private mutating func start(reading isRead: Bool = false, where fits: (SessionMoment) -> Bool) {
        branches[active].reach(moment)
        let isRead = isRead || breakpoints.contains(where: \.needsReader)
        moment = branches[active].latest(reading: isRead, where: fits)
        if !isRead { moment.reader = nil }
        // Nobody is asked again what has happened.
        moment.asked = []
    }

    /// Runs on, record by record, while that is wanted, and ends the jump.
    private mutating func run(while goesOn: (inout SessionMoment) -> Bool) {
        while goesOn(&moment) {
            guard moment.isBetweenSteps else {
                _ = moment.take()
                continue
            }
            branches[active].keepNear(moment)
            guard moment.step(branches[active].commands) == .happened else { break }
        }
        moment.asked = asked
        waitedUntil = 0
        pendingStop = nil
        refreshWatches()
    }

    // MARK: Searching backwards

    private struct Found {
        let place: SessionPlace
        /// The breakpoints that it meets; none for what was searched for.
        var breakpoints: [Int]
    }

    /// Goes back to the last place before this one at which a filter holds, or without one a breakpoint stops.
    private mutating func search(_ query: Query?, _ limit: Int) -> Travel {
        branches[active].reach(moment)
        let isRead = query != nil || breakpoints.contains(where: \.needsReader)
        var end = moment.place
        var left = max(1, limit)
        while true {
            let bound = end
            let start = branches[active].latest(reading: isRead) { $0.place < bound }
            guard start.place < end else { return goToBeginning() }
            for found in find(query, from: start, until: end).reversed() where stops(found, query) {
                jump(to: found.place)
                return arrive(found.breakpoints.first.map { .breakpoint($0) } ?? .reached)
            }
            guard start.place > SessionPlace(step: 0, sequence: 0) else { return goToBeginning() }
            left -= Int(clamping: end.step - start.place.step)
            end = start.place
            guard left > 0 else {
                jump(to: end)
                return arrive(.limit)
            }
        }
    }

    private mutating func stops(_ found: Found, _ query: Query?) -> Bool {
        guard query == nil else { return true }
        var stops = false
        for number in found.breakpoints {
            guard let index = breakpoints.firstIndex(where: { $0.number == number }) else { continue }
            if breakpoints[index].meet() { stops = true }
        }
        return stops
    }

    /// All places of a part of the history, its end excepted, that are looked for.
    private func find(_ query: Query?, from start: SessionMoment, until end: SessionPlace) -> [Found] {
        var moment = start
        moment.asked = []
        var found: [Found] = []
        var values = breakpoints.map { $0.watch?.value(in: start.simulation) }
        func note(_ number: Int?) {
            if found.last?.place == moment.place {
                if let number { found[found.count - 1].breakpoints.append(number) }
            } else {
                found.append(Found(place: moment.place, breakpoints: number.map { [$0] } ?? []))
            }
        }
        while true {
            while let (header, payload, subject) = moment.take() {
                guard moment.place < end else { return found }
                if let query {
                    if let subject, query.matches(subject) { note(nil) }
                } else {
                    for breakpoint in breakpoints where breakpoint.fits(header, payload, subject) {
                        note(breakpoint.number)
                    }
                }
            }
            guard query == nil else {
                guard moment.place < end, moment.step(branches[active].commands) == .happened else { return found }
                continue
            }
            guard moment.place < end else { return found }
            for index in breakpoints.indices {
                guard let watch = breakpoints[index].watch else { continue }
                let value = watch.value(in: moment.simulation)
                if watch.stops(from: values[index], to: value) { note(breakpoints[index].number) }
                values[index] = value
            }
            guard moment.step(branches[active].commands) == .happened else { return found }
        }
    }
}
