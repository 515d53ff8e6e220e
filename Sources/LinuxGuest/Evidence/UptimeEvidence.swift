import BusModel
import Platform

/// How long the guest runs, by which the stamps of its log are dated.
struct UptimeEvidence: EvidenceKind {
    var pace: EvidencePace { .seconds(60) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        let uptime = guest.files.readout("/proc/uptime", as: Self.nanoseconds)
        return [EvidenceFinding(AttributeReading(.uptime, number: uptime))]
    }

    /// The first of two numbers of seconds, `1234.56 9876.54`.
    private static func nanoseconds(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
        let line = try AttributeText.line(bytes)
        let number = String(decoding: line.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let seconds = UInt64(parts[0]), seconds < 1 << 33, parts[1].utf8.count == 2,
            let hundredths = UInt64(parts[1])
        else { throw AttributeText.malformed("seconds", line) }
        return seconds * 1_000_000_000 + hundredths * 10_000_000
    }
}
