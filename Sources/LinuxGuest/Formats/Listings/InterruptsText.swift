import BusModel
import VMBusWire

/// /proc/interrupts, in the forms of x86, arm64 and the proposal with an interrupt per channel (linux-guest-data §1).
struct InterruptsText: TextReader {
    /// One row.
    struct Row {
        let label: String
        let counts: [UInt64]
        let words: [String]
    }

    /// The processors of the columns; those of the first rows where no heading tells them.
    private(set) var processors: [UInt32] = []
    private(set) var rows: [Row] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let heading = Self.heading(line) {
                processors = heading
            } else if let row = Self.row(line, columns: processors.isEmpty ? .max : processors.count) {
                rows.append(row)
            } else {
                unknownCount += 1
            }
        }
    }

    /// `CPU0 CPU1 …`
    static func heading(_ line: ArraySlice<UInt8>) -> [UInt32]? {
        let words = line.split(whereSeparator: \.isBlank)
        let numbers = words.compactMap { word in
            word.starts(with: "CPU".utf8) ? UInt32(String(decoding: word.dropFirst(3), as: UTF8.self)) : nil
        }
        return numbers.isEmpty || numbers.count != words.count ? nil : numbers
    }

    /// `HYP: 26775 2010 Hypervisor callback interrupts`
    static func row(_ line: ArraySlice<UInt8>, columns: Int) -> Row? {
        var scanner = TextScanner(line.trimmed)
        guard let label = scanner.take(through: UInt8(ascii: ":")), (1...8).contains(label.count),
            label.allSatisfy({ $0.isLetter || $0.isDigit })
        else { return nil }
        var counts: [UInt64] = []
        scanner.skipBlanks()
        while counts.count < columns {
            var ahead = scanner
            guard let count = ahead.decimal(), ahead.isAtEnd || ahead.skipBlanks() else { break }
            counts.append(count)
            scanner = ahead
        }
        guard !counts.isEmpty else { return nil }
        return Row(
            label: label.harmless, counts: counts, words: scanner.rest.split(whereSeparator: \.isBlank).map(\.harmless))
    }

    func tell(_ log: inout TextLog) {
        // The row is there on any x86 machine, all zeroes where no hypervisor calls.
        if let row = rows.first(where: { $0.label == "HYP" || $0.words.suffix(2) == ["Hyper-V", "VMbus"] }),
            row.counts.contains(where: { $0 > 0 })
        {
            let counts = row.counts.enumerated().map { place, count in
                let processor = place < processors.count ? processors[place] : UInt32(truncatingIfNeeded: place)
                return NamedCount("cpu\(processor)", count)
            }
            log.guest([AttributeReading(.processorInterrupts, text: NamedCount.text(counts))])
        }
        for row in rows where row.words.first == "VMBus" {
            guard row.words.count > 2, let relid = UInt32(row.words[1]), relid != 0 else { continue }
            let instance = TextLog.standIn("interrupts \(relid)")
            log.device(instance, [AttributeReading(.name, text: row.words[2])] + Self.classReading(row.words[2]))
            let total = row.counts.reduce(0) { $0 &+ $1 }
            log.channel(instance, 0, relid: relid, [AttributeReading(.interrupts, total)])
        }
    }

    private static let classes: [(word: String, kind: DeviceKind)] = [
        ("netvsc", .network), ("heartbeat", .heartbeat), ("shutdown", .shutdown), ("timesync", .timeSync),
        ("vss", .backup), ("kvp", .keyValueExchange), ("balloon", .balloon), ("mouse", .mouse),
        ("keyboard", .keyboard), ("framebuffer", .video), ("storvsc", .scsi),
    ]

    private static func classReading(_ name: String) -> [AttributeReading] {
        guard let kind = classes.first(where: { name.contains($0.word) })?.kind,
            let classID = DeviceClass.catalogue.first(where: { $0.kind == kind })?.classID
        else { return [] }
        return [AttributeReading(.classID, guid: classID)]
    }
}
