import BusModel
import VMBusWire

/// Counters of a network interface: `ethtool -S`, or DPDK's extended statistics, whose names may hold blanks.
struct InterfaceCountersText: TextReader {
    private(set) var counters: [NamedCount] = []
    /// Names that stand without a value.
    private(set) var nameCount = 0
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            let line = line.trimmed
            if let counter = Self.counter(line) {
                counters.append(counter)
            } else if Self.isQueueName(line) {
                nameCount += 1
            } else if !Self.isHeading(line) {
                unknownCount += 1
            }
        }
    }

    /// What stands before ethtool's counters.
    static func isHeading(_ line: ArraySlice<UInt8>) -> Bool {
        line.elementsEqual("NIC statistics:".utf8) || line.contains("NIC extended statistics for port")
    }

    /// `rx_queue_0_packets: 207`
    static func counter(_ line: ArraySlice<UInt8>) -> NamedCount? {
        guard let colon = line.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = line[..<colon].trimmed
        var scanner = TextScanner(line[(colon + 1)...].trimmed)
        guard isName(name), let count = scanner.decimal(), scanner.isAtEnd else { return nil }
        return NamedCount(name.harmless, count)
    }

    /// Whether a word is a name of DPDK's netvsc driver: `tx_q0_ring full`, `vf_rx_good_packets`.
    static func isQueueName(_ line: ArraySlice<UInt8>) -> Bool {
        guard isName(line) else { return false }
        return line.starts(with: "vf_".utf8) || line.starts(with: "tx_q".utf8) || line.starts(with: "rx_q".utf8)
    }

    private static func isName(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, first.isLetter, text.count <= 128 else { return false }
        return text.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: " ") }
    }

    func tell(_ log: inout TextLog) {
        if nameCount > 0 { log.note("\(nameCount) names of counters without values") }
        guard !counters.isEmpty else { return }
        let instance = TextJoins.interface
        let isSingle: (NamedCount) -> Bool = { counter in
            counter.name.contains("queue_") || counter.name.hasPrefix("cpu") || counter.name.contains("x_q")
        }
        log.device(
            instance,
            AttributeReading.ofDriver("hv_netvsc") + [
                AttributeReading(.name, text: "network interface"),
                AttributeReading(.interfaceCounters, text: NamedCount.text(counters.filter { !isSingle($0) })),
                AttributeReading(.queueCounters, text: NamedCount.text(counters.filter(isSingle))),
            ])
    }
}
