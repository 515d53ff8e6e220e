import BusModel
import Platform

/// The balloon driver's account, which it keeps in debugfs for root (reference §7.4).
struct BalloonEvidence: EvidenceKind {
    var pace: EvidencePace { .seconds(10) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        let rows = Self.account(guest.files)
        func pages(_ label: String) -> Readout<UInt64> { Self.pages(label, rows) }
        let state: Readout<String> =
            switch rows {
            case .known(let rows): rows["state"].map { .known($0) } ?? .missing
            case .missing: .missing
            case .failed(let failure): .failed(failure)
            }
        return [
            AttributeReading(.balloonedPages, number: pages("pages_ballooned")),
            AttributeReading(.balloonAddedPages, number: pages("pages_added")),
            AttributeReading(.balloonState, text: state),
        ].map { EvidenceFinding($0) }
    }

    /// Pages that the host has now.
    static func ballooned(_ files: any FileLayer) -> Readout<UInt64> { pages("pages_ballooned", account(files)) }

    private static func account(_ files: any FileLayer) -> Readout<[String: String]> {
        files.readoutOfTable("/sys/kernel/debug/hv-balloon", limit: 4096, as: rows)
    }

    private static func pages(_ label: String, _ rows: Readout<[String: String]>) -> Readout<UInt64> {
        switch rows {
        case .known(let rows): rows[label].flatMap { UInt64($0) }.map { .known($0) } ?? .missing
        case .missing: .missing
        case .failed(let failure): .failed(failure)
        }
    }

    /// `label: value` in each line; looked up only.
    private static func rows(_ bytes: [UInt8]) throws(FormatError) -> [String: String] {
        guard !bytes.isEmpty else { throw .empty }
        var rows: [String: String] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let label = try? AttributeText.text(Array(line[..<colon])),
                let value = try? AttributeText.text(Array(line[line.index(after: colon)...]))
            else { continue }
            rows[label] = value
        }
        return rows
    }
}
