import BusModel

/// What is kept of one channel's or partition's counters from look to look.
struct RateAccount: Sendable {
    var rates = FlowRates()
    /// What the log itself had shown when the last interval ended.
    var traffic = Traffic()
    /// Which offer of the channel the counters belong to.
    private var generation = 0
    private var interrupts: CounterTrack?
    private var events: CounterTrack?
    private var outEmpty: CounterTrack?
    private var inFull: CounterTrack?
    private var refusedWrites: CounterTrack?
    private var fullEpisodes: CounterTrack?

    /// Another offer of the same channel counts from zero; what was before stays in its history.
    private mutating func beginAgain(_ generation: Int) {
        let (resets, history) = (rates.resets, rates.history)
        self = RateAccount()
        self.generation = generation
        (rates.resets, rates.history) = (resets + 1, history)
        rates.history?.restingSince = nil
    }

    // MARK: Sampled counters

    /// Looks at a channel's counters, as far as they were looked at again.
    mutating func look(at channel: ChannelSnapshot, time: UInt64, interval: UInt64, emptyHistory: RateHistory) {
        if generation != channel.generation { beginAgain(channel.generation) }
        // Out of where it is kept, so that it is changed in its place.
        var history = rates.history ?? emptyHistory
        rates.history = nil
        let resets = rates.resets
        let steps = [
            Self.take(&interrupts, channel.interrupts, .interrupts, &history, &rates, \.interrupts),
            Self.take(&events, channel.events, .hypercalls, &history, &rates, \.events),
            Self.take(&outEmpty, channel.interruptsOutEmpty, .outEmpty, &history, &rates, \.outEmpty),
            Self.take(&inFull, channel.interruptsInFull, .inFull, &history, &rates, \.inFull),
            Self.take(&refusedWrites, channel.outFullTotal, .refusedWrites, &history, &rates, \.refusedWrites),
            Self.take(&fullEpisodes, channel.outFullFirst, .fullEpisodes, &history, &rates, \.fullEpisodes),
        ].compactMap { $0 }
        if rates.resets > resets { history.restingSince = nil }
        countSignals(channel)
        rates.lookedAt = max(rates.lookedAt ?? 0, time)
        let hasMoved = steps.contains { $0.growth > 0 }
        if let step = steps.first {
            history.observe(step, interrupts: rates.interrupts, signals: rates.signals)
            history.restingSince = hasMoved ? nil : step.end
            let values = (Double(step.end - step.start) / Double(interval)).rounded()
            rates.push(
                (rates.interrupts ?? 0) + (rates.signals ?? 0), \.activity,
                times: Int(min(max(1, values), Double(FlowRates.seriesLength))))
            pushFills(channel)
        }
        history.fill(inbound: channel.inbound.greatestFill, outbound: channel.outbound.greatestFill, at: time)
        rates.inboundStanding = Self.standing(rates.inboundStanding, channel.inbound.used, hasMoved, time)
        rates.outboundStanding = Self.standing(rates.outboundStanding, channel.outbound.used, hasMoved, time)
        rates.history = history
    }

    private static func take(
        _ track: inout CounterTrack?, _ reading: Reading<UInt64>, _ series: CounterSeries,
        _ history: inout RateHistory, _ rates: inout FlowRates, _ rate: WritableKeyPath<FlowRates, Double?>
    ) -> CounterStep? {
        switch CounterTrack.look(&track, reading.value, at: reading.time) {
        case .nothing: return nil
        case .reset:
            rates[keyPath: rate] = nil
            rates.resets += 1
            return nil
        case .step(let step):
            if step.growth > 0 { history.grow(series, step) }
            rates[keyPath: rate] = step.rate
            return step
        }
    }

    private mutating func countSignals(_ channel: ChannelSnapshot) {
        rates.countsRingChanges = channel.interruptsOutEmpty.value != nil && channel.interruptsInFull.value != nil
        rates.signalBasis = channel.countedSignals?.basis
        if rates.signalBasis == .ringChanges {
            rates.signals = rates.outEmpty.flatMap { outEmpty in rates.inFull.map { outEmpty + $0 } }
        } else {
            rates.signals = rates.events
        }
    }

    private static func standing(
        _ before: StandingBytes?, _ used: Reading<UInt64>, _ hasMoved: Bool, _ time: UInt64
    ) -> StandingBytes? {
        guard !hasMoved, let bytes = used.value, bytes > 0 else { return nil }
        return before.flatMap { $0.bytes == bytes ? $0 : nil } ?? StandingBytes(bytes: bytes, since: time)
    }

    private mutating func pushFills(_ channel: ChannelSnapshot) {
        if let fill = channel.inbound.fill { rates.push(fill, \.inboundFills) }
        if let fill = channel.outbound.fill { rates.push(fill, \.outboundFills) }
    }

    // MARK: Traffic that the log shows

    /// Takes in what the log itself showed of a channel's traffic in an interval.
    mutating func follow(
        _ channel: ChannelSnapshot, from start: UInt64, to time: UInt64, emptyHistory: RateHistory
    ) {
        let seconds = Double(time - start) / 1e9
        let (old, new) = (traffic, channel.traffic)
        count(new, seconds)
        rates.interrupts = Self.rate(old.interrupts, new.interrupts, seconds)
        rates.events = Self.rate(old.signals, new.signals, seconds)
        (rates.signals, rates.signalBasis) = (rates.events, .log)
        rates.push(rates.packets ?? 0, \.activity)
        pushFills(channel)
        var history = rates.history ?? emptyHistory
        rates.history = nil
        func step(_ old: UInt64, _ new: UInt64) -> CounterStep {
            CounterStep(growth: new - min(old, new), start: start, end: time)
        }
        history.grow(.interrupts, step(old.interrupts, new.interrupts))
        history.grow(.hypercalls, step(old.signals, new.signals))
        history.observe(step(0, 0), interrupts: rates.interrupts, signals: rates.signals)
        history.fill(inbound: channel.inbound.greatestFill, outbound: channel.outbound.greatestFill, at: time)
        (rates.history, rates.lookedAt) = (history, time)
    }

    /// The rates of packets and bytes since the last interval.
    mutating func count(_ new: Traffic, _ seconds: Double) {
        let old = traffic
        rates.packets = Self.rate(old.packetsIn &+ old.packetsOut, new.packetsIn &+ new.packetsOut, seconds)
        rates.bytes = Self.rate(old.bytesIn &+ old.bytesOut, new.bytesIn &+ new.bytesOut, seconds)
    }

    static func rate(_ old: UInt64, _ new: UInt64, _ seconds: Double) -> Double? {
        new >= old && seconds > 0 ? Double(new - old) / seconds : nil
    }
}

extension RingSnapshot {
    /// The fullest that the last look saw it: where it was looked at many times in a moment, the most of these.
    fileprivate var greatestFill: Double? {
        guard let size = size.value, size > 0, let used = used.value else { return nil }
        // A burst that ended long ago says nothing of this look.
        let burst = usedMaximum.time >= self.used.time ? usedMaximum.value ?? 0 : 0
        return min(1, Double(max(used, burst)) / Double(size))
    }
}
