import BusModel
import VMBusWire

/// What changed between two looks at a channel's counters, in one line: `interrupts +12, out_full_first +1, in_used 0 -> 120`.
enum SampleSummary {
    /// Counters that only grow: what counts is by how much.
    private static let counters: Set<Attribute> = [
        .interrupts, .events, .interruptsInFull, .interruptsOutEmpty, .outFullFirst, .outFullTotal,
    ]

    /// The changes that a sample tells of.
    ///
    /// - Parameter channel: what was known of the channel before it; nil for nothing.
    static func text(_ payload: ArraySlice<UInt8>, since channel: ChannelSnapshot?) -> String {
        let readings = (try? AttributeList.decode(payload))?.readings ?? []
        let changes = readings.compactMap { change($0, channel?.reading($0.attribute)) }
        return changes.isEmpty ? "nothing changed" : changes.joined(separator: ", ")
    }

    private static func change(_ reading: AttributeReading, _ before: Reading<UInt64>?) -> String? {
        let name = reading.attribute.meaning ?? "attribute_\(reading.attribute.rawValue)"
        guard reading.form == .number else {
            guard reading.form != .unavailable, before?.outcome != reading.reading(at: 0).outcome else { return nil }
            return "\(name) \(reading.form == .denied ? "denied" : PlainText.clean(reading.string))"
        }
        let now = RecordNames.valueText(reading)
        guard let before = before?.value else { return "\(name) \(now)" }
        guard before != reading.number else { return nil }
        guard counters.contains(reading.attribute) else {
            return "\(name) \(RecordNames.valueText(AttributeReading(reading.attribute, before))) -> \(now)"
        }
        return reading.number > before ? "\(name) +\(reading.number - before)" : "\(name) from \(reading.number) again"
    }
}

extension ChannelSnapshot {
    /// The value that a sample of a live guest renews; nil for one that it does not.
    fileprivate func reading(_ attribute: Attribute) -> Reading<UInt64>? {
        switch attribute {
        case .channelPhase: phase.map { $0.rawValue }
        case .cpu: cpu
        case .inSize: inbound.size
        case .outSize: outbound.size
        case .interrupts: interrupts
        case .events: events
        case .interruptsInFull: interruptsInFull
        case .interruptsOutEmpty: interruptsOutEmpty
        case .outFullFirst: outFullFirst
        case .outFullTotal: outFullTotal
        case .inUsed: inbound.used
        case .inMask: inbound.masked
        case .inWriteIndex: inbound.writeIndex
        case .inReadIndex: inbound.readIndex
        case .outUsed: outbound.used
        case .outMask: outbound.masked
        case .outWriteIndex: outbound.writeIndex
        case .outReadIndex: outbound.readIndex
        case .monitorPending: monitorPending
        default: nil
        }
    }
}
