public import VMBusWire

/// What a guest is to do with a sample of the host's time (reference §6.4).
public struct TimeSyncFlags: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt8
    /// Any bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Set the clock. Neither bit is a probe, which changes nothing.
    public static let sync = TimeSyncFlags(rawValue: 1)
    /// Adjust the clock slowly, or not at all.
    public static let sample = TimeSyncFlags(rawValue: 2)
    public var meaning: String? { rawValue == 0 ? "probe" : BitNames.text(rawValue, ["sync", "sample"]) }
}

/// A moment as Windows counts it: 100 ns units since 1601-01-01.
public struct WindowsTime: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt64
    /// Any number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The first moment of 1970, which Unix counts from (reference §6.4).
    public static let unixEpoch = WindowsTime(rawValue: 116_444_736_000_000_000)

    /// So many nanoseconds after the first moment of 1970.
    public init(unixNanoseconds: UInt64) { rawValue = unixNanoseconds / 100 + Self.unixEpoch.rawValue }

    /// "2026-01-02 03:04:05.678", as the calendar counts; nil before 1970.
    public var meaning: String? {
        guard rawValue >= Self.unixEpoch.rawValue else { return nil }
        let milliseconds = (rawValue - Self.unixEpoch.rawValue) / 10_000
        let seconds = milliseconds / 1000
        // Days since 0000-03-01, with leap days at the ends of years.
        let days = seconds / 86400 + 719_468
        let (era, dayOfEra) = (days / 146_097, days % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let (day, month) = (dayOfYear - (153 * shifted + 2) / 5 + 1, shifted < 10 ? shifted + 3 : shifted - 9)
        func digits(_ value: UInt64, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date = "\(yearOfEra + era * 400 + (month <= 2 ? 1 : 0))-\(digits(month, 2))-\(digits(day, 2))"
        let clock = "\(digits(seconds / 3600 % 24, 2)):\(digits(seconds / 60 % 60, 2)):\(digits(seconds % 60, 2))"
        return "\(date) \(clock).\(digits(milliseconds % 1000, 3)) UTC"
    }
}

/// A sample of the host's time, below 4.0 (reference §6.4): 25 bytes, 28 with padding.
public struct TimeSample: WireStructure {
    public static let structureName: StaticString = "TIMESYNC"
    /// The host's wall clock.
    public var hostTime = WindowsTime(rawValue: 0)
    /// The guest's wall clock as the host last knew it; hosts say 0.
    public var childTime = WindowsTime(rawValue: 0)
    /// How long a message and its answer took, in 100 ns; hosts say 0.
    public var roundTrip: UInt64 = 0
    /// What to do with it.
    public var flags: TimeSyncFlags = []
    /// Padding of hosts that send 28 bytes.
    public var rest: [UInt8] = []

    public init() {}

    /// A sample.
    public init(hostTime: WindowsTime, flags: TimeSyncFlags) {
        self.hostTime = hostTime
        self.flags = flags
        rest = [0, 0, 0]
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("parent_time", &hostTime, "the host's wall clock, in 100 ns since 1601-01-01")
        try visitor.field("child_time", &childTime, "the guest's wall clock as the host knows it, in 100 ns; 0")
        try visitor.field("round_trip_time", &roundTrip, "how long a message and its answer took, in 100 ns; 0")
        try visitor.field("flags", &flags, .hexadecimal, "1 sync: set the clock; 2 sample: adjust it; 0 probe")
        try visitor.bytes("padding", &rest, count: nil, "carries nothing")
    }
}

/// A sample of the host's time, from 4.0 on (reference §6.4): 22 bytes, 24 with padding.
public struct TimeReference: WireStructure {
    public static let structureName: StaticString = "TIMESYNC_REF"
    /// The host's wall clock.
    public var hostTime = WindowsTime(rawValue: 0)
    /// The guest's reference counter at that moment: 100 ns units since the machine's last reset.
    public var referenceTime: UInt64 = 0
    /// What to do with it.
    public var flags: TimeSyncFlags = []
    /// As NTP's leap indicator.
    public var leap: UInt8 = 0
    /// As NTP's stratum: how far the host is from a clock that is right of itself.
    public var stratum: UInt8 = 0
    /// Carries nothing.
    public var rest: [UInt8] = []

    public init() {}

    /// A sample.
    public init(hostTime: WindowsTime, referenceTime: UInt64, flags: TimeSyncFlags) {
        self.hostTime = hostTime
        self.referenceTime = referenceTime
        self.flags = flags
        stratum = 1
        rest = [0, 0]
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("parent_time", &hostTime, "the host's wall clock, in 100 ns since 1601-01-01")
        try visitor.field(
            "vm_reference_time", &referenceTime,
            "the guest's reference counter at that moment: 100 ns units since the machine's last reset")
        try visitor.field("flags", &flags, .hexadecimal, "1 sync: set the clock; 2 sample: adjust it; 0 probe")
        try visitor.field("leap_flags", &leap, "as NTP's leap indicator")
        try visitor.field("stratum", &stratum, "as NTP's stratum: steps from a clock that is right of itself")
        try visitor.reserved(3)
        try visitor.bytes("padding", &rest, count: nil, "carries nothing")
    }
}
