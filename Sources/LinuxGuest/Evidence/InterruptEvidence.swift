import BusModel
import Platform

/// VMBus interrupts by processor, from `/proc/interrupts` (linux-guest-data §1).
struct InterruptEvidence: EvidenceKind {
    /// A thousand processors with some hundred rows.
    private static let limit = 4 << 20

    // The kernel sums up every row for every processor, which large guests should not do each second.
    var pace: EvidencePace { .seconds(5) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        let counts = guest.files.readoutOfTable("/proc/interrupts", limit: Self.limit, as: InterruptTable.busInterrupts)
        return [
            EvidenceFinding(AttributeReading(.processorInterrupts, text: counts.map { NamedCount.text($0) }))
        ]
    }
}

/// The table of interrupts, as far as it tells of VMBus.
enum InterruptTable {
    /// Interrupts of VMBus by processor, `cpu0` and so on in the order of the columns. Counts are 32 bit.
    ///
    /// On x86 they are row HYP, which exists without Hyper-V as well; on ARM64 the row of `Hyper-V VMbus`; where channels have
    /// interrupts of their own (chip `VMBus`) these count too.
    static func busInterrupts(_ bytes: [UInt8]) throws(FormatError) -> [NamedCount] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"))[...]
        while let line = lines.first, line.first == UInt8(ascii: "#") { lines.removeFirst() }
        guard let head = lines.popFirst() else { throw .empty }
        let processors = words(head).map { $0.dropFirst(3) }
        guard !processors.isEmpty, words(head).allSatisfy({ $0.hasPrefix("CPU") && UInt32($0.dropFirst(3)) != nil })
        else { throw AttributeText.malformed("columns of processors", head) }
        var counts = [UInt64](repeating: 0, count: processors.count)
        var hasRow = false
        for line in lines {
            let words = words(line)
            guard words.count > processors.count, isOfTheBus(words, columns: processors.count) else { continue }
            let row = words.dropFirst().prefix(processors.count).map { UInt64($0) }
            hasRow = true
            for (column, count) in row.enumerated() { counts[column] &+= count ?? 0 }
        }
        guard hasRow else { return [] }
        return zip(processors, counts).map { NamedCount("cpu\($0)", $1) }
    }

    private static func isOfTheBus(_ words: [Substring], columns: Int) -> Bool {
        guard words[0] != "HYP:" else { return true }
        let chip = words.dropFirst(1 + columns)
        return chip.first == "VMBus" || chip.suffix(2).elementsEqual(["Hyper-V", "VMbus"])
    }

    private static func words(_ line: ArraySlice<UInt8>) -> [Substring] {
        Substring(String(decoding: line, as: UTF8.self)).split(separator: " ")
    }
}
