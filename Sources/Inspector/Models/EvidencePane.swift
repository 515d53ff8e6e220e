import BusModel

/// Turns evidence into labelled values with their age. What nobody could tell makes no line; what was refused does.
struct EvidencePane {
    private let evidence: Evidence
    private let now: UInt64

    init(_ evidence: Evidence, now: UInt64) {
        (self.evidence, self.now) = (evidence, now)
    }

    /// A text.
    func text(
        _ label: String, _ attribute: Attribute, _ help: String, _ tone: Tone = .plain,
        _ words: (String) -> String = PlainText.clean
    ) -> DetailPair? {
        pair(label, attribute, help) { reading in
            guard reading.form == .text else { return nil }
            return reading.text.isEmpty ? Cell("none", .dim) : Cell(words(reading.string), tone)
        }
    }

    /// A number in words; one that is bad is shown so unless it is zero.
    func number(
        _ label: String, _ attribute: Attribute, _ help: String, isBad: Bool = false, _ words: (UInt64) -> String
    ) -> DetailPair? {
        pair(label, attribute, help) { reading in
            guard reading.form == .number else { return nil }
            return Cell(
                words(reading.number), isBad && reading.number > 0 ? .bad : .number, raw: String(reading.number))
        }
    }

    /// The greatest of several counts, with their names.
    func counters(_ label: String, _ attribute: Attribute, _ help: String) -> DetailPair? {
        guard evidence[attribute]?.reading.form != .text || !evidence.counters(attribute).isEmpty else { return nil }
        return pair(label, attribute, help) { reading in
            guard reading.form == .text else { return nil }
            let greatest = evidence.counters(attribute).enumerated().sorted { left, right in
                left.element.count != right.element.count
                    ? left.element.count > right.element.count : left.offset < right.offset
            }.prefix(3)
            let words = greatest.map { "\(PlainText.clean($0.element.name)) \(Quantity.count($0.element.count))" }
            return Cell(words.joined(separator: ", "), .number)
        }
    }

    /// A line for each count: all that moved, and those that stand at zero only in number.
    func eachCounter(_ attribute: Attribute) -> [DetailPair] {
        guard let item = evidence[attribute] else { return [] }
        guard item.reading.form == .text else {
            return [text("Counters", attribute, "of the interface's driver")].compactMap(\.self)
        }
        let counters = evidence.counters(attribute)
        var pairs = counters.filter { $0.count > 0 }.map { counter in
            DetailPair(
                PlainText.clean(counter.name), Cell(count: counter.count), Self.meanings[counter.name] ?? "",
                note: Quantity.age(now &- min(item.time, now)))
        }
        let zeros = counters.count - pairs.count
        if zeros > 0 { pairs.append(DetailPair("At zero", Cell(count: UInt64(zeros)), "counters that never moved")) }
        return pairs
    }

    /// Packets of each queue, both directions in one line.
    func queues(_ attribute: Attribute) -> [DetailPair] {
        let counters = evidence.counters(attribute)
        guard let item = evidence[attribute], item.reading.form == .text else { return [] }
        return (0..<64).compactMap { queue in
            func count(_ name: String) -> UInt64? { counters.first { $0.name == name }?.count }
            let sent = count("tx_queue_\(queue)_packets")
            let received = count("rx_queue_\(queue)_packets")
            guard sent != nil || received != nil else { return nil }
            let words = "out \(sent.map(Quantity.count) ?? "-"), in \(received.map(Quantity.count) ?? "-")"
            return DetailPair(
                "Queue \(queue)", Cell(words, .number), "packets of the channel with that index",
                note: Quantity.age(now &- min(item.time, now)))
        }
    }

    /// A section with a line for each bit: those that are set, or all with yes and no.
    func bits(_ title: String, _ attribute: Attribute, _ bits: [HypervisorBit], isWhole: Bool = false) -> DetailSection
    {
        guard let word = evidence.number(attribute) else { return DetailSection(title, []) }
        return DetailSection(
            title,
            bits.filter { isWhole || $0.isSet(in: word) }.map { bit in
                let isSet = bit.isSet(in: word)
                return DetailPair(String(bit.name), Cell(isSet ? "yes" : "no", isSet ? .good : .bad), String(bit.help))
            })
    }

    private func pair(
        _ label: String, _ attribute: Attribute, _ help: String, _ value: (AttributeReading) -> Cell?
    ) -> DetailPair? {
        guard let item = evidence[attribute] else { return nil }
        if let cell = value(item.reading) {
            return DetailPair(label, cell, help, note: Quantity.age(now &- min(item.time, now)))
        }
        switch item.reading.form {
        case .denied: return DetailPair(label, Cell("denied", .warn), help, note: "no permission to read it")
        case .failed:
            let symbol = PlainText.clean(item.reading.string)
            return DetailPair(label, Cell(symbol, .warn), help, note: "reading failed: " + symbol)
        default: return nil
        }
    }

    /// What the counters of netvsc count (anchors D, row 29).
    private static let meanings: [String: String] = [
        "tx_send_full": "packets that found no section of the send buffer free and were copied or held back",
        "rx_comp_busy": "completions that waited, as the ring to the host was full",
        "tx_no_space": "packets dropped, as the ring to the host was full",
        "tx_no_memory": "packets dropped for want of memory",
        "tx_too_big": "packets dropped, as they had too many pieces",
        "tx_busy": "packets that were given back to the stack to be sent again",
        "tx_scattered": "packets that were copied together, as they had too many pieces",
        "stop_queue": "times that sending was stopped, as the ring filled up",
        "wake_queue": "times that sending went on",
        "rx_no_memory": "packets dropped on their way in for want of memory",
        "vf_rx_packets": "packets that came by the virtual function",
        "vf_tx_packets": "packets that went by the virtual function",
        "vf_tx_dropped": "packets that the virtual function dropped",
    ]
}

extension UInt64 {
    /// The product, or the greatest number.
    func multipliedSaturating(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
