import BusModel
import VMBusWire

/// Numbers as people read them, in few letters and always with a point, whatever the locale.
public enum Quantity {
    /// A count, with blanks between groups of three digits.
    public static func count(_ number: UInt64) -> String {
        let digits = Array(String(number).utf8)
        var text: [UInt8] = []
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place).isMultiple(of: 3) { text.append(UInt8(ascii: " ")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Bytes in units of 1024: `512`, `4K`, `1.5M`.
    public static func bytes(_ number: UInt64) -> String {
        let units = ["", "K", "M", "G", "T", "P", "E"]
        var unit = 0
        var size = Double(number)
        while size >= 1024, unit < units.count - 1 {
            size /= 1024
            unit += 1
        }
        return unit == 0 ? String(number) : short(size) + units[unit]
    }

    /// A rate per second: `0`, `0.3`, `12`, `3.4k`.
    public static func rate(_ number: Double) -> String {
        guard number.isFinite, number >= 0 else { return "-" }
        let units = ["", "k", "M", "G", "T"]
        var unit = 0
        var size = number
        while size >= 1000, unit < units.count - 1 {
            size /= 1000
            unit += 1
        }
        return (size == size.rounded() && unit == 0 ? String(UInt64(min(size, 1e15))) : short(size)) + units[unit]
    }

    /// Up to three digits, with one place behind the point below ten.
    private static func short(_ number: Double) -> String {
        guard number < 9.95 else { return String(UInt64(min(number.rounded(), 1e15))) }
        let tenths = UInt64((number * 10).rounded())
        return tenths.isMultiple(of: 10) ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
    }

    /// The log's time: seconds with six places.
    public static func time(_ nanoseconds: UInt64) -> String {
        let micro = String(nanoseconds / 1000 % 1_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - micro.count) + micro
    }

    /// How long ago something was: `now`, `40 ms ago`, `12 s ago`, `3 min ago`.
    public static func age(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<1_000_000: "now"
        case ..<1_000_000_000: "\(nanoseconds / 1_000_000) ms ago"
        case ..<120_000_000_000: "\(nanoseconds / 1_000_000_000) s ago"
        case ..<7_200_000_000_000: "\(nanoseconds / 60_000_000_000) min ago"
        default: "\(nanoseconds / 3_600_000_000_000) h ago"
        }
    }

    /// A length of time in few letters: `40 ms`, `12 s`, `3 min`, `12 days`.
    public static func span(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<1_000_000: "\(nanoseconds / 1000) us"
        case ..<1_000_000_000: "\(nanoseconds / 1_000_000) ms"
        case ..<120_000_000_000: "\(nanoseconds / 1_000_000_000) s"
        case ..<7_200_000_000_000: "\(nanoseconds / 60_000_000_000) min"
        case ..<172_800_000_000_000: "\(nanoseconds / 3_600_000_000_000) h"
        default: "\(nanoseconds / 86_400_000_000_000) days"
        }
    }

    /// A length of time in at most four letters: `40ms`, `12s`, `3m`.
    public static func shortSpan(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<1_000_000: "0ms"
        case ..<1_000_000_000: "\(nanoseconds / 1_000_000)ms"
        case ..<120_000_000_000: "\(nanoseconds / 1_000_000_000)s"
        case ..<7_200_000_000_000: "\(nanoseconds / 60_000_000_000)m"
        default: "\(min(nanoseconds / 3_600_000_000_000, 999))h"
        }
    }

    /// A count of something: `1 write`, `12 writes`.
    public static func number(_ count: UInt64, _ noun: String) -> String {
        "\(Self.count(count)) \(Self.noun(count, noun, noun + "s"))"
    }

    /// The form of a noun that stands behind a count.
    static func noun(_ count: UInt64, _ one: String, _ several: String) -> String { count == 1 ? one : several }

    /// A number with two places behind the point, such as how uneven something is: `1.25`.
    public static func ratio(_ number: Double) -> String {
        guard number.isFinite, number >= 0, number < 1e12 else { return "-" }
        let hundredths = UInt64((number * 100).rounded())
        let rest = String(hundredths % 100)
        return "\(hundredths / 100)." + (rest.count < 2 ? "0" : "") + rest
    }

    /// The log's time: seconds with nine places, which is all there is.
    public static func exactTime(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - rest.count) + rest
    }

    /// A share, as per cent.
    public static func share(_ share: Double) -> String {
        guard share.isFinite else { return "-" }
        return "\(Int((min(max(share, 0), 1) * 100).rounded()))%"
    }
}

extension Cell {
    /// A number that may not be had; why it cannot is shown.
    init(_ reading: Reading<UInt64>, _ tone: Tone = .number, text: (UInt64) -> String = Quantity.count) {
        switch reading.outcome {
        case .known(let value): self.init(text(value), tone, raw: String(value))
        case .unavailable: self = .unknown
        case .denied: self.init("denied", .warn)
        case .failed(let symbol): self.init(PlainText.clean(symbol), .warn)
        }
    }

    /// A text that may not be had.
    init(text reading: Reading<String>, _ tone: Tone = .plain) {
        switch reading.outcome {
        case .known(let text): self.init(text.isEmpty ? "-" : PlainText.clean(text), text.isEmpty ? .dim : tone)
        case .unavailable: self = .unknown
        case .denied: self.init("denied", .warn)
        case .failed(let symbol): self.init(PlainText.clean(symbol), .warn)
        }
    }

    /// How full a ring is.
    init(fill ring: RingSnapshot) {
        guard let fill = ring.fill else {
            self = ring.used.error.map { Cell(PlainText.clean($0), .warn) } ?? .unknown
            return
        }
        self.init(
            Quantity.share(fill), fill >= RateNorm.nearlyFull ? .bad : fill >= 0.5 ? .warn : .number, gauge: fill,
            raw: fill.description)
    }

    /// How full a ring was at most.
    init(fill maximum: Float?) {
        guard let fill = maximum.map(Double.init) else {
            self = .unknown
            return
        }
        self.init(
            Quantity.share(fill), fill >= RateNorm.nearlyFull ? .bad : fill >= 0.5 ? .warn : .number, gauge: fill,
            raw: fill.description)
    }

    /// How far a channel's life is.
    init(_ phase: Reading<ChannelPhase>) {
        guard let value = phase.value else {
            self = phase.error.map { Cell($0, .warn) } ?? .unknown
            return
        }
        switch value {
        case .open: self.init(value.word, .good)
        case .opening: self.init(value.word, .warn)
        case .closed: self.init(value.word, .dim)
        case .rescinded: self.init(value.word, .bad)
        }
    }

    /// How far a connection is.
    init(_ phase: Reading<ConnectionPhase>) {
        guard let value = phase.value else {
            self = phase.error.map { Cell($0, .warn) } ?? .unknown
            return
        }
        self.init(value.word, value == .connected ? .good : value == .disconnected ? .dim : .warn)
    }

    /// A count.
    init(count: UInt64, _ tone: Tone = .number) { self.init(Quantity.count(count), tone, raw: String(count)) }

    /// A rate, if there is one.
    init(rate: Double?) {
        guard let rate else {
            self = .unknown
            return
        }
        self.init(Quantity.rate(rate), rate == 0 ? .dim : .number, raw: rate.description)
    }
}

extension Verdict {
    /// How the word is coloured.
    var tone: Tone {
        switch weight {
        case .wrong: .bad
        case .notable: .warn
        case .normal:
            switch word {
            case .busy, .polling: .good
            case .quiet: .plain
            default: .dim
            }
        }
    }
}
