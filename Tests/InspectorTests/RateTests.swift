import BusModel
import Testing
import VMBusWire

@testable import Inspector
@testable import VMBusSimulator

/// Counters of one channel as a live guest's log tells them.
struct CounterLog {
    static let second: UInt64 = 1_000_000_000
    var state = InspectorState(
        capabilities: Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false))
    private var sequence: UInt64 = 0

    mutating func tell(
        _ readings: [AttributeReading], at time: UInt64, kind: FlowKind = .sample, code: UInt32 = 0,
        device: GUID = GuestLog.nic, relid: UInt32 = 14, subchannel: UInt16 = 0
    ) {
        var header = FlowRecordHeader(
            kind: kind, time: time, partition: 1, device: device, subchannel: subchannel, relid: relid, code: code)
        sequence += 1
        header.sequence = sequence
        var batch = FlowBatch()
        batch.append(header, AttributeList(readings).encoded())
        state.ingest(batch)
    }

    mutating func counters(_ interrupts: UInt64, _ events: UInt64 = 0, at time: UInt64, relid: UInt32 = 14) {
        tell([AttributeReading(.interrupts, interrupts), AttributeReading(.events, events)], at: time, relid: relid)
    }

    var rates: FlowRates { state.rates(GuestLog.nicChannel) }
    var now: UInt64 { state.snapshot.position.time }
    var recent: RateBucket { rates.history?.summary(at: now) ?? RateBucket() }
}

@Suite struct RateTests {
    private let second = CounterLog.second

    @Test(arguments: UInt64(1)...40)
    func `what buckets hold adds up to how much the counters grew, whatever the looks' distances`(seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: 0)
        var log = CounterLog()
        var time = random.next(in: 1...5 * second)
        var (interrupts, events) = (random.next(in: 0...1 << 40), UInt64(0))
        let first = interrupts
        log.counters(interrupts, events, at: time)
        var observed: UInt64 = 0
        while true {
            // From a millisecond to a gap of half a minute.
            let longest: UInt64 = 1 << random.next(in: 20...35)
            let step = random.next(in: 1_000_000...longest)
            guard observed + step < 580 * second else { break }
            time += step
            observed += step
            interrupts += random.next(in: 0...1_000_000)
            events += random.next(in: 0...7)
            log.counters(interrupts, events, at: time)
        }
        #expect(log.recent[.interrupts] == interrupts - first)
        #expect(log.recent[.hypercalls] == events)
        #expect(log.recent.observed == observed)
        let window = log.rates.history?.window(at: time) ?? []
        let inWindow = window.reduce(UInt64(0)) { $0 + ($1?[.interrupts] ?? 0) }
        #expect(inWindow == interrupts - first)
        #expect(window.count == RateHistory.windowLength)
        let mean = log.recent.mean(.interrupts) ?? -1
        #expect(Double(log.recent.interrupts.least) <= mean * 1.0001)
        #expect(Double(log.recent.interrupts.peak) >= mean * 0.9999)
    }

    @Test func `a rate is right for looks closer and farther than a second`() {
        var log = CounterLog()
        log.counters(0, at: second)
        log.counters(25, at: second + 50_000_000)
        #expect(log.rates.interrupts == 500)
        log.counters(25 + 5000, at: second + 50_000_000 + 10 * second)
        #expect(log.rates.interrupts == 500)
        // A value per second: the gap leaves none out.
        #expect(log.rates.activity == Array(repeating: 500, count: 11))
    }

    @Test func `a quiet channel has a rate of nothing, and time goes on for it`() {
        var log = CounterLog()
        log.counters(1000, 10, at: second)
        #expect(log.rates.interrupts == nil)
        log.counters(2000, 20, at: 2 * second)
        log.counters(2000, 20, at: 3 * second)
        #expect(log.rates.interrupts == 0 && log.rates.signals == 0)
        // The log says nothing of it any more, only of another.
        log.tell([AttributeReading(.interrupts, 5)], at: 403 * second, relid: 15, subchannel: 1)
        #expect(log.rates.interrupts == 0 && log.rates.isResting)
        #expect(log.recent.seconds == 402)
        #expect(log.recent[.interrupts] == 1000)
        let last = log.rates.history?.window(at: log.now).last ?? nil
        #expect(last?.observed == 5_000_000_000)
        #expect(log.state.staleness(GuestLog.nicChannel) == nil)
        // Ten minutes later nothing of it is left in the window.
        log.tell([AttributeReading(.interrupts, 6)], at: 700 * second, relid: 15, subchannel: 1)
        #expect(log.recent[.interrupts] == 0 && log.recent.seconds == 600)
    }

    @Test func `a channel that moves and is not looked at any more grows old`() {
        var log = CounterLog()
        log.counters(1000, at: second)
        log.counters(2000, at: 2 * second)
        for time in 3...6 {
            log.tell([AttributeReading(.interrupts, 5)], at: UInt64(time) * second, relid: 15, subchannel: 1)
        }
        #expect(log.state.staleness(GuestLog.nicChannel) == 4 * second)
        #expect(log.rates.interrupts == 1000)
        // A late look carries its own time.
        log.counters(2500, at: 3 * second)
        #expect(log.rates.interrupts == 500)
    }

    @Test func `a counter of 32 bits goes on behind its end, another drop is a new beginning`() {
        #expect(CounterTrack.growth(from: 4_294_967_290, to: 10) == 16)
        #expect(CounterTrack.growth(from: 4_294_967_290, to: 10, mayWrap: false) == nil)
        #expect(CounterTrack.growth(from: 4_294_967_290, to: 4_000_000_000) == nil)
        #expect(CounterTrack.growth(from: 2_000_000_000, to: 10) == nil)
        #expect(CounterTrack.growth(from: 5_000_000_000, to: 10) == nil)
        #expect(CounterTrack.growth(from: 0, to: .max) == .max)
        var log = CounterLog()
        log.counters(4_294_967_000, 90, at: second)
        log.counters(204, 10, at: 2 * second)
        #expect(log.rates.interrupts == 500)
        #expect(log.rates.events == nil)
        #expect(log.rates.resets == 1)
        #expect(log.recent[.interrupts] == 500)
    }

    @Test func `an offer that is made again counts from zero and keeps the channel's past`() {
        var log = CounterLog()
        log.counters(1000, at: second)
        log.counters(1600, at: 2 * second)
        // The new offer has counted more than the old one already.
        log.tell(
            [AttributeReading(.interrupts, 9000)], at: 3 * second, kind: .state, code: StateCode.appeared.rawValue,
            relid: 17)
        #expect(log.rates.interrupts == nil)
        log.counters(9100, at: 4 * second, relid: 17)
        #expect(log.rates.interrupts == 100)
        #expect(log.recent[.interrupts] == 700)
        #expect(log.rates.resets == 1)
    }

    @Test func `a channel with a bit in the monitor page signals without hypercalls`() {
        var log = CounterLog()
        func look(_ time: UInt64, _ outEmpty: UInt64, _ inFull: UInt64, monitor: [AttributeReading]) {
            log.tell(
                monitor + [
                    AttributeReading(.interrupts, 0), AttributeReading(.events, 3),
                    AttributeReading(.interruptsOutEmpty, outEmpty), AttributeReading(.interruptsInFull, inFull),
                ], at: time)
        }
        look(second, 100, 5, monitor: [AttributeReading(.monitorID, 7)])
        look(2 * second, 500, 15, monitor: [])
        #expect(log.rates.signalBasis == .ringChanges)
        #expect(log.rates.signals == 410)
        #expect(log.rates.events == 0)
        #expect(log.rates.inFull == 10)
        // 255 was "none" before 5.1.
        look(3 * second, 900, 15, monitor: [AttributeReading(.monitorID, 255)])
        #expect(log.rates.signalBasis == .hypercalls)
        #expect(log.rates.signals == 0)
    }

    @Test func `signals beyond those that the ring asks for are needless`() {
        var log = CounterLog()
        for tick in 0...20 {
            let count = UInt64(tick)
            log.tell(
                [
                    AttributeReading(.interrupts, 0), AttributeReading(.events, 1000 * count),
                    AttributeReading(.interruptsOutEmpty, 300 * count),
                    AttributeReading(.interruptsInFull, 100 * count),
                ], at: (count + 1) * second)
        }
        #expect(log.rates.needlessSignals(at: log.now) == 600)
    }

    @Test func `memory is bounded for a log of any length`() {
        var log = CounterLog()
        for tick in 1...5000 { log.counters(UInt64(tick) * 10, at: UInt64(tick) * second) }
        #expect(log.recent[.interrupts] == 6000)
        #expect(log.recent.seconds == 600)
        #expect(log.rates.activity.count == 64)
    }

    @Test(arguments: [(1, UInt64.max - 5), (UInt64.max - 5, 1), (1, 1 << 62), (1 << 62, 5)] as [(UInt64, UInt64)])
    func `times that jump anywhere leave everything in order`(first: UInt64, then: UInt64) {
        var log = CounterLog()
        for time in [first, then, first, then] {
            log.counters(.max, .max, at: time)
            log.counters(0, .max, at: time &+ 3)
        }
        #expect(log.recent.seconds <= 600)
        #expect(log.state.channelsTable(isWhole: true).rows.count == 2)
        #expect(log.state.details(of: .channel(GuestLog.nicChannel)) != nil)
    }

    @Test func `every moment has the rates that it had`() {
        var log = CounterLog()
        var seen: [(UInt64, Double?, UInt64)] = []
        for tick in 1...300 {
            log.counters(UInt64(tick * tick), at: UInt64(tick) * second)
            seen.append((log.state.lastSequence, log.rates.interrupts, log.recent[.interrupts]))
        }
        var paused = log.state
        for (sequence, rate, count) in seen {
            let isKept = paused.pause(at: sequence)
            #expect(isKept)
            let rates = paused.rates(GuestLog.nicChannel)
            #expect(rates.interrupts == rate)
            #expect(rates.history?.summary(at: paused.snapshot.position.time)[.interrupts] == count)
        }
    }
}
