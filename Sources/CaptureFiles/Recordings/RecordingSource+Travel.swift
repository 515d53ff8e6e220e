public import BusModel

extension RecordingSource {
    /// Goes forwards or backwards: so many steps are so many records.
    ///
    /// Filters and breakpoints need what only a simulation has; a place that a filter finds is gone to by its number.
    public mutating func travel(
        _ goal: TravelGoal, _ direction: TravelDirection, limit: Int
    ) throws(SourceError) -> Travel {
        switch (goal, direction) {
        case (.steps(let count), .forward):
            let records = try advance(.steps(min(count, limit)))
            return arrived(records, isReached: count <= limit)
        case (.steps(let count), .backward):
            let target = passedCount - min(passedCount, UInt64(clamping: count))
            seek(toNumber: target)
            return Travel(place: position, arrival: target == 0 && count > 0 ? .beginning : .reached)
        case (.unit(let unit, let count), .forward):
            var records = FlowBatch()
            for _ in 0..<max(0, count) {
                let more = try advance(.until(unit, limit: limit - records.headers.count))
                records.append(more)
                guard let last = more.headers.last, unit.isReached(by: last) else {
                    return arrived(records, isReached: false)
                }
            }
            return arrived(records, isReached: true)
        case (.unit(let unit, let count), .backward):
            var target = passedCount
            for _ in 0..<max(0, count) {
                guard let before = number(before: target, where: { unit.isReached(by: $0) }) else {
                    seek(toNumber: 0)
                    return Travel(place: position, arrival: .beginning)
                }
                target = before
            }
            // Just before the record, as every step back.
            seek(toNumber: target)
            return Travel(place: position, arrival: .reached)
        case (.time(let time), .forward) where time >= position.time:
            let records = try advance(.time(time, limit: limit))
            return arrived(records, isReached: true)
        case (.time(let time), _):
            seek(toNumber: number(behindTime: time))
            return Travel(place: position, arrival: .reached)
        case (.sequence(let sequence), _):
            try seek(Position(sequence: sequence, time: 0))
            return Travel(place: position, arrival: .reached)
        case (.end, _):
            lookForEnd()
            seek(toNumber: recordCount)
            return Travel(place: position, arrival: .end)
        case (.expression, _), (.breakpoint, _):
            throw SourceError("a recording has no breakpoints; filter its records in Flow")
        }
    }

    private func arrived(_ records: FlowBatch, isReached: Bool) -> Travel {
        let arrival: Arrival = records.isEmpty ? .end : isReached ? .reached : .limit
        return Travel(records: records, place: position, arrival: arrival)
    }
}
