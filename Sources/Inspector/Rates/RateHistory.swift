/// The counters of a channel whose growth is kept over minutes.
public enum CounterSeries: String, CaseIterable, Sendable, Hashable {
    /// Host→guest interrupts.
    case interrupts
    /// Guest→host signals by hypercall (`events`), or signals as the log shows them.
    case hypercalls
    /// Signals because the outbound ring became non-empty (`intr_out_empty`), by hypercall or monitor page.
    case outEmpty
    /// Signals because the inbound ring became non-full (`intr_in_full`).
    case inFull
    /// Writes that met a full ring (`out_full_total`).
    case refusedWrites
    /// Writes that first met a full ring (`out_full_first`).
    case fullEpisodes
}

/// The least and the greatest rate per second that any look inside a bucket has given.
public struct RateRange: Sendable, Hashable {
    /// The least; greater than `peak` while there is none.
    public private(set) var least = Float.infinity
    /// The greatest.
    public private(set) var peak: Float = 0

    /// Whether no look has given a rate.
    public var isEmpty: Bool { least > peak }

    mutating func add(_ rate: Double) {
        least = min(least, Float(rate))
        peak = max(peak, Float(rate))
    }

    mutating func add(_ other: RateRange) {
        least = min(least, other.least)
        peak = max(peak, other.peak)
    }
}

/// What happened in some span of time: a bucket of a history, or many of them together.
public struct RateBucket: Sendable, Hashable {
    /// How much of the span was observed, in nanoseconds.
    public internal(set) var observed: UInt64 = 0
    /// How much of the span was observed, in seconds.
    public var seconds: Double { Double(observed) / 1e9 }
    /// Interrupts per second.
    public internal(set) var interrupts = RateRange()
    /// Signals per second.
    public internal(set) var signals = RateRange()
    /// The fullest that the host→guest ring was seen, 0 to 1; nil if nobody looked.
    public internal(set) var inboundFill: Float?
    /// The fullest that the guest→host ring was seen, 0 to 1; nil if nobody looked.
    public internal(set) var outboundFill: Float?
    private var interruptCount: UInt64 = 0
    private var hypercallCount: UInt64 = 0
    private var outEmptyCount: UInt64 = 0
    private var inFullCount: UInt64 = 0
    private var refusedCount: UInt64 = 0
    private var episodeCount: UInt64 = 0

    /// Nothing was seen.
    public init() {}

    /// Whether nobody looked.
    public var isEmpty: Bool { observed == 0 && inboundFill == nil && outboundFill == nil }

    /// How much a counter grew in a second on average; nil if nobody looked.
    public func mean(_ series: CounterSeries) -> Double? {
        observed > 0 ? Double(self[series]) / seconds : nil
    }

    /// The fullest that either ring was seen; nil if nobody looked.
    public var fillMaximum: Float? {
        guard let inboundFill else { return outboundFill }
        return max(inboundFill, outboundFill ?? 0)
    }

    mutating func add(_ other: RateBucket) {
        observed = observed &+ other.observed
        interrupts.add(other.interrupts)
        signals.add(other.signals)
        addFills(other.inboundFill, other.outboundFill)
        for series in CounterSeries.allCases { self[series] = self[series] &+ other[series] }
    }

    mutating func addFills(_ inbound: Float?, _ outbound: Float?) {
        if let inbound { inboundFill = max(inboundFill ?? 0, inbound) }
        if let outbound { outboundFill = max(outboundFill ?? 0, outbound) }
    }

    /// How much a counter grew.
    public internal(set) subscript(series: CounterSeries) -> UInt64 {
        get {
            switch series {
            case .interrupts: interruptCount
            case .hypercalls: hypercallCount
            case .outEmpty: outEmptyCount
            case .inFull: inFullCount
            case .refusedWrites: refusedCount
            case .fullEpisodes: episodeCount
            }
        }
        set {
            switch series {
            case .interrupts: interruptCount = newValue
            case .hypercalls: hypercallCount = newValue
            case .outEmpty: outEmptyCount = newValue
            case .inFull: inFullCount = newValue
            case .refusedWrites: refusedCount = newValue
            case .fullEpisodes: episodeCount = newValue
            }
        }
    }
}

/// How a channel's counters grew over the last minutes: a bounded number of buckets of equal length.
///
/// Growth between two looks is spread evenly over the time between them, to the last one, so that buckets add up to the whole
/// whatever the looks' distances are. Buckets lie in pages; pages that are full are shared by copies of the history.
public struct RateHistory: Sendable, Hashable {
    /// The most buckets that a window shows.
    public static let windowLength = 120
    private static let pageLength = 15

    /// The length of a bucket, in nanoseconds.
    public let bucketLength: UInt64
    /// Since when nothing has moved, if the last look showed that nothing did: a source says nothing of a quiet channel.
    public internal(set) var restingSince: UInt64?
    // All pages but the last are full.
    private var pages: [Page] = []
    /// The number of the first bucket; bucket n holds the time behind n times the length up to n + 1 times the length.
    private var first: UInt64 = 0

    private struct Page: Sendable, Hashable {
        var buckets: [RateBucket] = []
        /// All of them together, so that a window need not visit each.
        var sum = RateBucket()
    }

    /// Nothing is known.
    public init(bucketLength: UInt64) { self.bucketLength = max(1, bucketLength) }

    /// The length of the whole window, in nanoseconds.
    public var windowDuration: UInt64 { bucketLength &* UInt64(Self.windowLength) }

    private var end: UInt64 {
        guard let last = pages.last else { return first }
        return first &+ UInt64((pages.count - 1) * Self.pageLength + last.buckets.count)
    }

    private func number(_ time: UInt64) -> UInt64 { (time - min(time, 1)) / bucketLength }

    // MARK: Reading

    /// The last buckets up to a moment, all together. Time in which the channel rests counts as observed.
    ///
    /// - Parameter buckets: how many, at most `windowLength`.
    public func summary(at now: UInt64, buckets: Int = RateHistory.windowLength) -> RateBucket {
        let length = UInt64(min(max(1, buckets), Self.windowLength))
        let last = number(now)
        let start = last - min(last, length - 1)
        var sum = RateBucket()
        for (place, page) in pages.enumerated() {
            let begin = first &+ UInt64(place * Self.pageLength)
            let stop = begin &+ UInt64(page.buckets.count)
            if stop <= start || begin > last { continue }
            if begin >= start, stop <= last + 1 {
                sum.add(page.sum)
            } else {
                for (index, bucket) in page.buckets.enumerated() {
                    let number = begin &+ UInt64(index)
                    if number >= start, number <= last { sum.add(bucket) }
                }
            }
        }
        let span = min(now, length &* bucketLength)
        if let restingSince, now > restingSince {
            sum.observed = sum.observed &+ (now - restingSince)
            sum.interrupts.add(0)
            sum.signals.add(0)
        }
        sum.observed = min(sum.observed, span)
        return sum
    }

    /// The buckets of the window that ends at a moment, oldest first; nil where nothing was observed. The last holds the
    /// moment itself.
    public func window(at now: UInt64) -> [RateBucket?] {
        let last = number(now)
        let resting = restingSince.map(number)
        return (0..<UInt64(Self.windowLength)).map { place in
            let back = UInt64(Self.windowLength) - 1 - place
            guard last >= back else { return nil }
            if let bucket = bucket(last - back), !bucket.isEmpty { return bucket }
            guard let resting, last - back >= resting else { return nil }
            var quiet = RateBucket()
            quiet.observed = bucketLength
            return quiet
        }
    }

    private func bucket(_ number: UInt64) -> RateBucket? {
        guard number >= first, number < end else { return nil }
        let place = Int(number - first)
        return pages[place / Self.pageLength].buckets[place % Self.pageLength]
    }

    // MARK: Growing

    /// Takes in how much a counter grew between two looks.
    mutating func grow(_ series: CounterSeries, _ step: CounterStep) {
        var told: UInt64 = 0
        spread(step) { history, number, end in
            let upTo = Self.share(step, end)
            let part = upTo - told
            told = upTo
            if part > 0 { history.change(number) { $0[series] = $0[series] &+ part } }
        } skipped: { start in
            told = Self.share(step, start)
        }
    }

    /// Takes in that the time between two looks was observed, and which rates they give.
    mutating func observe(_ step: CounterStep, interrupts: Double?, signals: Double?) {
        var begin = step.start
        spread(step) { history, number, end in
            let length = end - begin
            begin = end
            history.change(number) { bucket in
                bucket.observed = bucket.observed &+ length
                if let interrupts { bucket.interrupts.add(interrupts) }
                if let signals { bucket.signals.add(signals) }
            }
        } skipped: { start in
            begin = start
        }
    }

    /// Takes in how full the rings were at a moment, or at most since the look before it.
    mutating func fill(inbound: Double?, outbound: Double?, at time: UInt64) {
        guard inbound != nil || outbound != nil else { return }
        let number = number(time)
        makeRoom(from: number, to: number)
        change(number) { $0.addFills(inbound.map(Float.init), outbound.map(Float.init)) }
    }

    /// How much of a step's growth lies in front of a moment inside it.
    private static func share(_ step: CounterStep, _ time: UInt64) -> UInt64 {
        guard time < step.end else { return step.growth }
        let product = step.growth.multipliedFullWidth(by: time - step.start)
        return (step.end - step.start).dividingFullWidth(product).quotient
    }

    /// Visits the buckets of a step from the oldest that is kept: with the bucket's number and where the step leaves it.
    private mutating func spread(
        _ step: CounterStep, _ visit: (inout RateHistory, UInt64, UInt64) -> Void, skipped: (UInt64) -> Void
    ) {
        guard step.end > step.start else { return }
        let last = number(step.end)
        var number = max(step.start / bucketLength, last - min(last, UInt64(Self.windowLength) - 1))
        if number * bucketLength > step.start { skipped(number * bucketLength) }
        makeRoom(from: number, to: last)
        while number <= last {
            let (next, isOver) = (number + 1).multipliedReportingOverflow(by: bucketLength)
            visit(&self, number, isOver ? step.end : min(step.end, next))
            number += 1
        }
    }

    /// Makes buckets up to a number, and forgets pages that no window will show. Where the log's time has jumped, nothing that
    /// was kept can be shown with what comes.
    private mutating func makeRoom(from start: UInt64, to last: UInt64) {
        let length = UInt64(Self.windowLength)
        if pages.isEmpty || last >= end &+ length || last &+ length < first { (pages, first) = ([Page()], start) }
        while end <= last {
            if pages[pages.count - 1].buckets.count == Self.pageLength { pages.append(Page()) }
            pages[pages.count - 1].buckets.append(RateBucket())
        }
        while pages.count > Self.windowLength / Self.pageLength + 1 {
            pages.removeFirst()
            first += UInt64(Self.pageLength)
        }
    }

    /// Changes a bucket; one that is not kept any more is left alone.
    private mutating func change(_ number: UInt64, _ body: (inout RateBucket) -> Void) {
        guard number >= first, number < end else { return }
        let place = Int(number - first)
        body(&pages[place / Self.pageLength].buckets[place % Self.pageLength])
        body(&pages[place / Self.pageLength].sum)
    }
}
