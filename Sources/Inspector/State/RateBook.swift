import BusModel
import VMBusWire

/// How fast a channel's or partition's counters grow. A rate is nil until two looks at the counter make one.
public struct FlowRates: Sendable, Hashable {
    /// Host→guest interrupts per second.
    public var interrupts: Double?
    /// Guest→host signals per second.
    public var events: Double?
    /// Ring packets per second, both directions.
    public var packets: Double?
    /// Bytes of ring packets per second, both directions.
    public var bytes: Double?
    /// Channel messages per second; of partitions only.
    public var messages: Double?
    /// What the sparkline shows: packets per second where the log shows packets, else interrupts and signals; oldest first.
    public var activity: [Double] = []
    /// How full the host→guest ring was, 0 to 1, oldest first.
    public var inboundFills: [Double] = []
    /// How full the guest→host ring was, 0 to 1, oldest first.
    public var outboundFills: [Double] = []
    /// How often a counter was seen to start again.
    public var resets = 0

    /// Values that each series keeps.
    static let seriesLength = 64

    /// Nothing is known.
    public init() {}

    mutating func push(_ value: Double, _ series: WritableKeyPath<FlowRates, [Double]>) {
        if self[keyPath: series].count >= Self.seriesLength { self[keyPath: series].removeFirst() }
        self[keyPath: series].append(value)
    }
}

/// The rates of all channels and partitions.
///
/// What the log shows itself (packets, messages) is counted over intervals of the log's time. Counters that are sampled make a
/// rate whenever they are looked at again; one that is less than before has started again, which makes no rate.
struct RateBook: Sendable {
    private struct Counter: Sendable {
        var value: UInt64
        var time: UInt64
    }
    private struct Account: Sendable {
        var rates = FlowRates()
        var interrupts: Counter?
        var events: Counter?
        var traffic = Traffic()
    }

    /// The length of an interval, in nanoseconds.
    let interval: UInt64
    private var intervalStart: UInt64?
    /// Records since the interval began. Ending one visits every channel, which a log with an interval between any two
    /// records must not turn into endless work.
    private var recordCount = 0
    // Only looked up, never walked.
    private var channels: [ChannelKey: Account] = [:]
    private var partitions: [UInt16: Account] = [:]

    init(interval: UInt64) { self.interval = max(1, interval) }

    func channel(_ key: ChannelKey) -> FlowRates { channels[key]?.rates ?? FlowRates() }
    func partition(_ number: UInt16) -> FlowRates { partitions[number]?.rates ?? FlowRates() }

    /// Time goes on: ends the interval if the record lies behind it. `snapshot` is what was known before the record.
    mutating func advance(to time: UInt64, _ snapshot: BusSnapshot) {
        guard let start = intervalStart else {
            intervalStart = time
            return
        }
        // A log whose time goes back starts its intervals again there.
        guard time >= start else {
            intervalStart = time
            return
        }
        recordCount += 1
        guard time - start >= interval, recordCount * 64 >= channels.count else { return }
        recordCount = 0
        let seconds = Double(time - start) / 1e9
        intervalStart = time
        var kept: [ChannelKey: Account] = [:]
        for partition in snapshot.partitions {
            var account = partitions[partition.number] ?? Account()
            count(&account, partition.traffic, seconds)
            account.rates.messages = rate(account.traffic.messages, partition.traffic.messages, seconds)
            account.traffic = partition.traffic
            account.rates.push(
                (account.rates.packets ?? 0) + (account.rates.messages ?? 0), \.activity)
            partitions[partition.number] = account
            for device in partition.devices {
                for channel in device.channels {
                    let key = ChannelKey(
                        partition: partition.number, device: device.instance, subchannel: channel.subchannel)
                    var account = channels[key] ?? Account()
                    // A channel whose counters are sampled gets its points from the samples.
                    if channel.interrupts.value == nil && channel.events.value == nil {
                        count(&account, channel.traffic, seconds)
                        account.rates.interrupts = rate(
                            account.traffic.interrupts, channel.traffic.interrupts, seconds)
                        account.rates.events = rate(account.traffic.signals, channel.traffic.signals, seconds)
                        account.rates.push(account.rates.packets ?? 0, \.activity)
                        pushFills(&account, channel)
                    }
                    account.traffic = channel.traffic
                    kept[key] = account
                }
            }
        }
        channels = kept
    }

    private func count(_ account: inout Account, _ traffic: Traffic, _ seconds: Double) {
        let old = account.traffic
        account.rates.packets = rate(
            old.packetsIn &+ old.packetsOut, traffic.packetsIn &+ traffic.packetsOut, seconds)
        account.rates.bytes = rate(old.bytesIn &+ old.bytesOut, traffic.bytesIn &+ traffic.bytesOut, seconds)
    }

    private func rate(_ old: UInt64, _ new: UInt64, _ seconds: Double) -> Double? {
        new >= old && seconds > 0 ? Double(new - old) / seconds : nil
    }

    private func pushFills(_ account: inout Account, _ channel: ChannelSnapshot) {
        if let fill = channel.inbound.fill { account.rates.push(fill, \.inboundFills) }
        if let fill = channel.outbound.fill { account.rates.push(fill, \.outboundFills) }
    }

    /// Takes in what a record changed. `snapshot` is what is known after it.
    mutating func follow(_ header: FlowRecordHeader, _ snapshot: BusSnapshot) {
        guard header.kind == .sample || header.kind == .state, let key = header.channel, header.relid != 0 else {
            return
        }
        if header.kind == .state, StateCode(rawValue: header.code) == .removed {
            channels[key] = nil
            return
        }
        guard let channel = snapshot.channel(key) else { return }
        var account = channels[key] ?? Account()
        if header.kind == .state, StateCode(rawValue: header.code) == .countersReset {
            (account.interrupts, account.events) = (nil, nil)
            (account.rates.interrupts, account.rates.events) = (nil, nil)
            account.rates.resets += 1
        }
        var isNew = false
        switch look(&account.interrupts, channel.interrupts) {
        case .unchanged: break
        case .reset: (account.rates.interrupts, account.rates.resets) = (nil, account.rates.resets + 1)
        case .rate(let rate): (account.rates.interrupts, isNew) = (rate, true)
        }
        switch look(&account.events, channel.events) {
        case .unchanged: break
        case .reset: (account.rates.events, account.rates.resets) = (nil, account.rates.resets + 1)
        case .rate(let rate): (account.rates.events, isNew) = (rate, true)
        }
        if isNew {
            account.rates.push((account.rates.interrupts ?? 0) + (account.rates.events ?? 0), \.activity)
            pushFills(&account, channel)
        }
        channels[key] = account
    }

    private enum Look {
        /// The counter was not looked at again, or for the first time.
        case unchanged
        /// It has started again.
        case reset
        case rate(Double)
    }

    private func look(_ counter: inout Counter?, _ reading: Reading<UInt64>) -> Look {
        guard let value = reading.value else { return .unchanged }
        guard let old = counter else {
            counter = Counter(value: value, time: reading.time)
            return .unchanged
        }
        guard reading.time > old.time else { return .unchanged }
        counter = Counter(value: value, time: reading.time)
        guard value >= old.value else { return .reset }
        return .rate(Double(value - old.value) * 1e9 / Double(reading.time - old.time))
    }
}
