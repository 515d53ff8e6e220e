import BusModel
import VMBusWire

/// The rates of all channels and partitions.
///
/// What the log shows itself (packets, messages) is counted over intervals of the log's time. Counters that are sampled make a
/// rate whenever they are looked at again; one that is less than before has started again, which makes no rate.
struct RateBook: Sendable {
    /// The length of an interval, in nanoseconds.
    let interval: UInt64
    /// Intervals in a bucket of the history: 600 seconds of a live guest in 120 buckets.
    static let intervalsPerBucket: UInt64 = 5
    /// How far the last two moments with samples lay apart: how often the source looks, at least an interval.
    private(set) var tick: UInt64
    private var lastSample: UInt64 = 0
    private var intervalStart: UInt64?
    /// Records since the interval began. Ending one visits every channel, which a log with an interval between any two
    /// records must not turn into endless work.
    private var recordCount = 0
    // Only looked up, never walked.
    private var channels: [ChannelKey: RateAccount] = [:]
    private var partitions: [UInt16: RateAccount] = [:]
    private var processors: [UInt16: ProcessorRates] = [:]

    init(interval: UInt64) {
        self.interval = max(1, interval)
        tick = self.interval
    }

    /// One rate alone, as maps of many channels want it.
    func interrupts(_ key: ChannelKey) -> Double? { channels[key]?.rates.interrupts }
    func channel(_ key: ChannelKey) -> FlowRates { channels[key]?.rates ?? FlowRates() }
    func partition(_ number: UInt16) -> FlowRates { partitions[number]?.rates ?? FlowRates() }

    func processors(_ number: UInt16) -> ProcessorRates { processors[number] ?? ProcessorRates() }

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
        var kept: [ChannelKey: RateAccount] = [:]
        for partition in snapshot.partitions {
            var account = partitions[partition.number] ?? RateAccount()
            account.count(partition.traffic, seconds)
            account.rates.messages = RateAccount.rate(account.traffic.messages, partition.traffic.messages, seconds)
            account.traffic = partition.traffic
            account.rates.push(
                (account.rates.packets ?? 0) + (account.rates.messages ?? 0), \.activity)
            partitions[partition.number] = account
            for device in partition.devices {
                for channel in device.channels {
                    let key = ChannelKey(
                        partition: partition.number, device: device.instance, subchannel: channel.subchannel)
                    var account = channels[key] ?? RateAccount()
                    // A channel whose counters are sampled gets its points from the samples.
                    if channel.interrupts.value == nil && channel.events.value == nil {
                        account.follow(channel, from: start, to: time, emptyHistory: emptyHistory)
                    }
                    account.traffic = channel.traffic
                    kept[key] = account
                }
            }
        }
        channels = kept
    }

    private var emptyHistory: RateHistory {
        let (length, isOver) = interval.multipliedReportingOverflow(by: Self.intervalsPerBucket)
        return RateHistory(bucketLength: isOver ? interval : length)
    }

    /// Takes in what a record changed. `snapshot` is what is known after it.
    mutating func follow(_ header: FlowRecordHeader, _ snapshot: BusSnapshot) {
        guard header.kind == .sample || header.kind == .state else { return }
        if header.device == .zero, let evidence = snapshot.partition(header.partition)?.evidence,
            let item = evidence[.processorInterrupts]
        {
            processors[header.partition, default: ProcessorRates()].look(
                at: evidence.counters(.processorInterrupts), time: item.time)
        }
        guard let key = header.channel, header.relid != 0 else { return }
        let code = header.kind == .state ? StateCode(rawValue: header.code) : nil
        if code == .removed {
            channels[key] = nil
            return
        }
        guard let channel = snapshot.channel(key) else { return }
        if header.kind == .sample, header.time > lastSample {
            if lastSample > 0 { tick = max(interval, header.time - lastSample) }
            lastSample = header.time
        }
        // In place: a copy would take the series with it.
        channels[key, default: RateAccount()].look(
            at: channel, time: header.time, interval: interval, emptyHistory: emptyHistory)
    }
}
