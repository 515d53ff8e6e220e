import BusModel
import VMBusWire

/// /proc/interrupts, in the forms of x86, arm64 and the proposal with an interrupt per channel (linux-guest-data §1): of this
/// machine, of a copied tree, or as a file of its own.
struct InterruptsText: TextReader {
    /// One row.
    struct Row {
        let label: String
        let counts: [UInt64]
        let words: [String]

        /// Whether it counts interrupts of VMBus: on x86 row HYP, which exists without Hyper-V as well; on ARM64 the row of
        /// `Hyper-V VMbus`; and where channels have interrupts of their own, those of chip `VMBus`.
        var isOfBus: Bool { label == "HYP" || isOfChannel || words.suffix(2) == ["Hyper-V", "VMbus"] }
        /// Whether it counts those of one channel.
        var isOfChannel: Bool { words.first == "VMBus" }
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

    /// Interrupts of VMBus by processor, `cpu0` and so on in the order of the columns; none where no row counts them. Counts are
    /// 32 bit. A row that is cut short is left out.
    var busInterrupts: [NamedCount] {
        let counted = rows.filter { $0.isOfBus && ($0.counts.count == processors.count || processors.isEmpty) }
        guard let columns = counted.map(\.counts.count).max() else { return [] }
        return (0..<columns).map { column in
            let processor = column < processors.count ? processors[column] : UInt32(truncatingIfNeeded: column)
            let counts = counted.map { column < $0.counts.count ? $0.counts[column] : 0 }
            return NamedCount("cpu\(processor)", counts.reduce(0) { $0 &+ $1 })
        }
    }

    /// Interrupts of VMBus in a table of the kernel, which begins with its heading.
    static func busInterrupts(_ bytes: [UInt8]) throws(FormatError) -> [NamedCount] {
        guard let first = TextLines(bytes[...]).first(where: { !$0.isRemark }) else { throw .empty }
        guard heading(first) != nil else { throw AttributeText.malformed("columns of processors", first) }
        return InterruptsText(parsing: bytes[...]).busInterrupts
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
        let counts = busInterrupts
        // Row HYP is there on any x86 machine, all zeroes where no hypervisor calls.
        if counts.contains(where: { $0.count > 0 }) {
            log.guest([AttributeReading(.processorInterrupts, text: NamedCount.text(counts))])
        }
        for row in rows where row.isOfChannel {
            guard row.words.count > 2, let relid = UInt32(row.words[1]), relid != 0 else { continue }
            let instance = TextLog.standIn("interrupts \(relid)")
            log.device(instance, [AttributeReading(.name, text: row.words[2])] + ClassWords.reading(row.words[2]))
            let total = row.counts.reduce(0) { $0 &+ $1 }
            log.channel(instance, 0, relid: relid, [AttributeReading(.interrupts, total)])
        }
    }
}
