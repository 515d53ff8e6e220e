import BusModel
import VMBusWire

/// A value that is looked at again and again: since when it is what it is.
struct Steady: Sendable, Hashable {
    /// The value.
    private(set) var value: UInt64
    /// When it was seen to be that first.
    private(set) var since: UInt64
    /// How often in a row it was seen to be that.
    private(set) var looks = 1
    /// When it was seen to be that again; nil for not yet.
    private(set) var again: UInt64?

    init(_ value: UInt64, at time: UInt64) { (self.value, since) = (value, time) }

    mutating func see(_ value: UInt64, at time: UInt64) {
        guard value == self.value else {
            self = Steady(value, at: time)
            return
        }
        looks += 1
        if again == nil { again = time }
    }

    /// Whether it was looked at three times, as far as can be told.
    ///
    /// A source looks at some channels more seldom than at others, and tells of a value that stays twice and then only when it
    /// moves. So the third look has come when as long again has gone by as between the first two.
    func hasThreeLooks(at now: UInt64) -> Bool {
        guard let again else { return false }
        return looks >= 3 || now >= again && now - again >= again - min(again, since)
    }
}

/// How much a counter has grown within ten minutes, in steps of half a minute.
struct GrowthWindow: Sendable, Hashable {
    /// One look at the counter.
    private struct Point: Sendable, Hashable {
        var time: UInt64
        var value: UInt64
    }

    /// How far back it reaches.
    static let length: UInt64 = 600_000_000_000
    private static let step: UInt64 = 30_000_000_000

    private var points: [Point] = []
    private var newest: Point
    /// Since when it stands where it stands.
    private(set) var steady: Steady
    /// When the counter was seen to grow last; nil for never.
    private(set) var grewAt: UInt64?
    /// When it was seen to grow first within what is kept.
    private(set) var grewFirst: UInt64?

    init(_ value: UInt64, at time: UInt64) {
        newest = Point(time: time, value: value)
        points = [newest]
        steady = Steady(value, at: time)
    }

    mutating func see(_ value: UInt64, at time: UInt64) {
        // A counter that is less than before has begun again.
        guard value >= newest.value, time >= newest.time else {
            self = GrowthWindow(value, at: time)
            return
        }
        if value > newest.value {
            grewAt = time
            if grewFirst == nil { grewFirst = time }
        }
        newest = Point(time: time, value: value)
        steady.see(value, at: time)
        if let last = points.last, time - last.time >= Self.step { points.append(newest) }
        while points.count > 1, time - points[1].time >= Self.length { points.removeFirst() }
        if let first = points.first, let grew = grewFirst, grew < first.time { grewFirst = grewAt }
    }

    /// How much it grew, and over how long, up to the last ten minutes.
    var growth: (count: UInt64, nanoseconds: UInt64) {
        guard let first = points.first else { return (0, 0) }
        return (newest.value - first.value, newest.time - first.time)
    }

    /// Whether it was looked at for so long that a rate means something.
    var isLong: Bool { growth.nanoseconds >= 5_000_000_000 }

    /// Growth per second; nil where no time has passed.
    var rate: Double? {
        let (count, time) = growth
        return time > 0 ? Double(count) * 1e9 / Double(time) : nil
    }
}

extension Steady? {
    mutating func see(_ value: UInt64, at time: UInt64) {
        if self == nil { self = Steady(value, at: time) } else { self?.see(value, at: time) }
    }

    /// What was looked at just now; a value that cannot be had any more stands for nothing.
    mutating func see(_ reading: Reading<UInt64>, at time: UInt64) {
        guard reading.time == time else { return }
        if let value = reading.value { see(value, at: time) } else { self = nil }
    }
}

extension GrowthWindow? {
    mutating func see(_ value: UInt64, at time: UInt64) {
        if self == nil { self = GrowthWindow(value, at: time) } else { self?.see(value, at: time) }
    }
}
