public import BusModel
public import ProtocolRules
public import Query
public import VMBusWire

/// A recording as a session that is run again: every record is a choice that was made already. It is stepped in both directions,
/// stops at breakpoints, has the rules of the protocol checked, and runs the host's ends of the guests' buses along with it.
public struct ReplaySource<Past: PastSource>: BusSource, Sendable {
    /// The log, which stands where this stands.
    public private(set) var past: Past
    private var moment: ReplayMoment
    /// Moments in the order of their places; the first is the beginning.
    private var checkpoints: [ReplayMoment]
    private var nextCheckpoint = Self.checkpointDistance
    private var breakpoints: [Breakpoint] = []
    private var nextBreakpoint = 1
    private var arrival: Arrival?
    private let reader: (any RecordReader)?
    private let evidence: EvidenceKinds

    /// Records between two checkpoints, and how many checkpoints there are at most: then every second one goes.
    private static var checkpointDistance: UInt64 { 8192 }
    private static var maximumCheckpoints: Int { 256 }
    /// A jump over more records than this begins anew with what is known there.
    private static var longestRun: UInt64 { 1 << 18 }

    /// A log from its beginning.
    ///
    /// - Parameters:
    ///   - evidence: what the log shows; rules that need more are not checked.
    ///   - reader: reads the records for breakpoints, at the beginning of a log; without one there are no filters.
    public init(_ past: Past, evidence: EvidenceKinds, reader: (any RecordReader)?) {
        self.past = past
        self.past.seek(toNumber: 0)
        self.reader = reader
        self.evidence = evidence
        moment = ReplayMoment(number: 0, BusSnapshot(), evidence, reader: nil)
        checkpoints = [moment]
        checkpoints[0].reader = reader
    }

    public var title: String { past.title }
    public var capabilities: Capabilities { past.capabilities }
    /// Where it stands.
    public var position: Position { past.position }
    /// Records before this place.
    public var passedCount: UInt64 { past.passedCount }
    /// What is known at this place.
    public var snapshot: BusSnapshot { moment.number == past.passedCount ? moment.snapshot : past.snapshot }
    public var keyframe: FlowBatch { snapshot.keyframeRecord }
    /// The rules with what was found up to here.
    public var checker: RuleChecker { moment.checker }
    /// The record in front of which the rules have seen nothing; 0 for none.
    public var checkedFrom: UInt64 { moment.start }
    /// What the host's ends came to up to here.
    public var replay: ReplaySummary { moment.replay }
    /// How the state of the host's ends differs from what the records say here; empty where they agree.
    public var stateDifferences: [String] { moment.stateDifferences }

    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        past.ringImage(channel, direction)
    }

    public var session: SessionSummary? {
        var summary = SessionSummary(
            scenario: past.title, seed: 0, step: past.passedCount, place: past.position,
            endStep: max(past.recordCount, past.passedCount), end: past.end)
        summary.arrival = arrival
        summary.branch = "as recorded"
        summary.breakpoints = breakpoints.map(\.summary)
        summary.marks = moment.marks
        summary.invariants = SimulatorSource.invariants(moment.checker)
        summary.replay = moment.replay
        return summary
    }

    // MARK: Forwards

    public mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
        var batch = FlowBatch()
        switch budget {
        case .steps(let count):
            let arrival = try go(&batch, limit: count) { _, _ in false }
            self.arrival = arrival == .limit ? .reached : arrival
        case .until(let unit, let limit):
            arrival = try go(&batch, limit: limit) { header, moment in
                unit.isReached(by: header, answersInBand: moment.answersInBand(header))
            }
        case .time(let end, let limit): arrival = try go(&batch, limit: limit, upTo: end) { _, _ in false }
        }
        return batch
    }

    /// Goes on record by record until one of which `isLast` holds, a breakpoint, or the limit.
    private mutating func go(
        _ batch: inout FlowBatch, limit: Int, upTo time: UInt64 = .max, query: Query? = nil,
        _ isLast: (FlowRecordHeader, ReplayMoment) -> Bool
    ) throws(SourceError) -> Arrival {
        try attendReader(query != nil)
        var left = limit
        while left > 0 {
            let portion = try portion(min(left, Self.portion), upTo: time)
            guard !portion.records.isEmpty else { return time == .max ? .end : .reached }
            for header in portion.records.headers {
                let known = moment.checker.breachCount
                let payload = portion.records.payload(of: header)
                let subject = moment.follow(header, payload, isOfLog: portion.isOfLog)
                batch.append(header, from: portion.records)
                guard portion.isOfLog else { continue }
                left -= 1
                keep()
                var arrival: Arrival?
                if let query, let subject, query.matches(subject) { arrival = .reached }
                if isLast(header, moment) { arrival = .reached }
                if let number = meet(header, payload, subject, hasBreach: moment.checker.breachCount > known) {
                    arrival = .breakpoint(number)
                }
                guard let arrival else { continue }
                if moment.number < past.passedCount { past.seek(toNumber: moment.number) }
                return arrival
            }
        }
        return .limit
    }

    /// Records that are taken from the log at a time.
    private static var portion: Int { 256 }

    /// The next records: some of the log, or one that the file tells beside it.
    private mutating func portion(
        _ count: Int, upTo time: UInt64 = .max
    ) throws(SourceError) -> (records: FlowBatch, isOfLog: Bool) {
        func budget(_ count: Int) -> AdvanceBudget { time == .max ? .steps(count) : .time(time, limit: count) }
        let before = past.passedCount
        let records = try past.advance(budget(count))
        if past.passedCount - before == UInt64(records.headers.count) { return (records, true) }
        past.seek(toNumber: before)
        let one = try past.advance(budget(1))
        return (one, past.passedCount > before)
    }

    /// Leaves a checkpoint from time to time.
    private mutating func keep() {
        guard moment.number >= nextCheckpoint, moment.number > checkpoints[checkpoints.count - 1].number else { return }
        checkpoints.append(moment)
        nextCheckpoint = moment.number + Self.checkpointDistance
        guard checkpoints.count > Self.maximumCheckpoints else { return }
        checkpoints = checkpoints.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }

    private mutating func meet(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ subject: (any QuerySubject)?, hasBreach: Bool
    ) -> Int? {
        var stop: Int?
        for index in breakpoints.indices
        where breakpoints[index].fits(header, payload, subject)
            || hasBreach && breakpoints[index].stops(at: moment.checker.breaches.last)
        {
            if breakpoints[index].meet() { stop = stop ?? breakpoints[index].number }
        }
        return stop
    }

    // MARK: Travel

    public mutating func travel(
        _ goal: TravelGoal, _ direction: TravelDirection, limit: Int
    ) throws(SourceError) -> Travel {
        var batch = FlowBatch()
        switch (goal, direction) {
        case (.steps(let count), .forward):
            let arrival = try go(&batch, limit: min(count, limit)) { _, _ in false }
            return arrive(arrival == .limit ? .reached : arrival, batch)
        case (.steps(let count), .backward):
            let target = past.passedCount - min(past.passedCount, UInt64(clamping: count))
            try jump(to: target)
            return arrive(target == 0 && count > 0 ? .beginning : .reached)
        case (.unit(let unit, let count), .forward):
            let wanted = moment.counts[unit].addingReportingOverflow(UInt64(max(1, count))).partialValue
            return arrive(try go(&batch, limit: limit) { _, moment in moment.counts[unit] >= wanted }, batch)
        case (.time(let end), .forward) where end >= past.position.time:
            return arrive(try go(&batch, limit: limit, upTo: end) { _, _ in false }, batch)
        case (.expression(let text), .forward):
            let query = try query(text)
            return arrive(try go(&batch, limit: limit, query: query) { _, _ in false }, batch)
        case (.breakpoint, .forward): return arrive(try go(&batch, limit: limit) { _, _ in false }, batch)
        case (.expression(let text), .backward):
            let query = try query(text)
            return try back(reading: true) { subject, _, _, _, _ in subject.map { query.matches($0) } ?? false }
        case (.breakpoint, .backward): return try backToBreakpoint()
        case (.unit(let unit, let count), .backward):
            var left = max(1, count)
            while left > 0 {
                let travel = try back(reading: false) { _, header, _, moment, _ in
                    unit.isReached(by: header, answersInBand: moment.answersInBand(header))
                }
                if travel.arrival == .beginning { return travel }
                if travel.arrival == .reached { left -= 1 }
            }
            return arrive(.reached)
        case (.end, .backward):
            try jump(to: 0)
            return arrive(.beginning)
        case (.time, _), (.sequence, _), (.end, .forward):
            _ = try past.travel(goal, direction, limit: limit)
            try jump(to: past.passedCount)
            return arrive(.reached)
        }
    }

    public mutating func seek(_ position: Position) throws(SourceError) {
        try past.seek(position)
        try jump(to: past.passedCount)
    }

    private mutating func arrive(_ arrival: Arrival, _ records: FlowBatch = FlowBatch()) -> Travel {
        self.arrival = arrival
        return Travel(records: records, place: past.position, arrival: arrival)
    }

    private func query(_ text: String) throws(SourceError) -> Query {
        do throws(CommandRefusal) {
            return try SessionQuery.parse(text, reader?.schema)
        } catch {
            throw SourceError(error.reason)
        }
    }

    /// Goes to behind so many records: from the last moment that is kept before it, or where that is far, from what the log knows
    /// there.
    private mutating func jump(to number: UInt64, reading isRead: Bool = false) throws(SourceError) {
        let isRead = isRead || breakpoints.contains(where: \.needsReader)
        let isNear = moment.number <= number && (moment.reader != nil || !isRead)
        let kept = checkpoints.last { $0.number <= number && ($0.reader != nil || !isRead) }
        if let kept, !isNear || kept.number > moment.number {
            moment = kept
        }
        past.seek(toNumber: number)
        let target = past.passedCount
        if target - min(target, moment.number) > Self.longestRun {
            moment = ReplayMoment(number: target, past.snapshot, evidence, reader: isRead ? reader : nil)
            return
        }
        if !isRead { moment.reader = nil }
        past.seek(toNumber: moment.number)
        while moment.number < target {
            let portion = try portion(Int(clamping: min(UInt64(Self.portion), target - moment.number)))
            guard !portion.records.isEmpty else { break }
            for header in portion.records.headers {
                _ = moment.follow(header, portion.records.payload(of: header), isOfLog: portion.isOfLog)
                if portion.isOfLog { keep() }
            }
        }
    }

    /// Has records read from here on if somebody asks for that, and not otherwise.
    private mutating func attendReader(_ isWanted: Bool) throws(SourceError) {
        let isNeeded = reader != nil && (isWanted || breakpoints.contains(where: \.needsReader))
        if isNeeded, moment.reader == nil { try jump(to: past.passedCount, reading: true) }
        if !isNeeded { moment.reader = nil }
    }

    // MARK: Backwards

    /// Goes back to just behind the last record before this place of which something holds, as far as the last checkpoint.
    private mutating func back(
        reading isRead: Bool,
        where holds: (
            _ subject: (any QuerySubject)?, FlowRecordHeader, ArraySlice<UInt8>, ReplayMoment, _ hasBreach: Bool
        ) -> Bool
    ) throws(SourceError) -> Travel {
        let end = past.passedCount
        let start = end - min(end, Self.checkpointDistance)
        try jump(to: start, reading: isRead)
        var run = moment
        var found: UInt64?
        while run.number + 1 < end {
            let left = end - 1 - run.number
            let portion = try portion(Int(clamping: min(UInt64(Self.portion), left)))
            guard !portion.records.isEmpty else { break }
            for header in portion.records.headers {
                let known = run.checker.breachCount
                let payload = portion.records.payload(of: header)
                let subject = run.follow(header, payload, isOfLog: portion.isOfLog)
                guard portion.isOfLog else { continue }
                if holds(subject, header, payload, run, run.checker.breachCount > known) { found = run.number }
            }
        }
        past.seek(toNumber: moment.number)
        // The record at the border was not looked at.
        try jump(to: found ?? (start == 0 ? 0 : start + 1))
        return arrive(found != nil ? .reached : start == 0 ? .beginning : .limit)
    }

    private mutating func backToBreakpoint() throws(SourceError) -> Travel {
        let conditions = breakpoints
        var number: Int?
        let travel = try back(reading: conditions.contains(where: \.needsReader)) {
            subject, header, payload, moment, hasBreach in
            let met = conditions.first { breakpoint in
                breakpoint.fits(header, payload, subject)
                    || hasBreach && breakpoint.stops(at: moment.checker.breaches.last)
            }
            if let met { number = met.number }
            return met != nil
        }
        guard travel.arrival == .reached, let number,
            let index = breakpoints.firstIndex(where: { $0.number == number })
        else { return travel }
        return arrive(breakpoints[index].meet() ? .breakpoint(number) : .limit)
    }

    // MARK: Commands

    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        switch command {
        case .addBreakpoint(let text, let ignored):
            let breakpoint = try Breakpoint(nextBreakpoint, text, ignoring: ignored, reader?.schema)
            if case .watch = breakpoint.condition {
                throw CommandRefusal("a recording has no memory to watch; stop at a record or a rule")
            }
            breakpoints.append(breakpoint)
            nextBreakpoint += 1
        case .changeBreakpoint(let number, let isEnabled, let ignored):
            let index = try index(ofBreakpoint: number)
            breakpoints[index].isEnabled = isEnabled
            breakpoints[index].ignored = ignored
        case .removeBreakpoint(let number): breakpoints.remove(at: try index(ofBreakpoint: number))
        default: throw CommandRefusal("what is recorded has happened: it can be stepped through and not be changed")
        }
    }

    private func index(ofBreakpoint number: Int) throws(CommandRefusal) -> Int {
        guard let index = breakpoints.firstIndex(where: { $0.number == number }) else {
            throw CommandRefusal("there is no breakpoint \(number)")
        }
        return index
    }
}
