import BusModel

/// Evidence as a JSON object: for each attribute its value (null where there is none), when it was read, and why there is none.
enum EvidenceJSON {
    /// Texts that hold names with counts.
    private static let counters: Set<Attribute> = [
        .processorInterrupts, .interfaceCounters, .queueCounters, .withheldLogLines,
    ]

    static func write(_ evidence: Evidence, to writer: inout JSONWriter) {
        writer.object { writer in
            for item in evidence.items {
                guard let name = item.attribute.meaning else { continue }
                writer.memberObject(name) { writer in
                    value(item, evidence, to: &writer)
                    writer.member("time_ns", item.time)
                    writer.member("error", error(item.reading))
                }
            }
        }
    }

    private static func value(_ item: Evidence.Item, _ evidence: Evidence, to writer: inout JSONWriter) {
        switch item.reading.form {
        case .number: writer.member("value", item.reading.number)
        case .text where counters.contains(item.attribute):
            writer.memberObject("value") { writer in
                for counter in evidence.counters(item.attribute) { writer.member(counter.name, counter.count) }
            }
        case .text: writer.member("value", item.reading.string)
        default: writer.memberNull("value")
        }
    }

    private static func error(_ reading: AttributeReading) -> String? {
        switch reading.form {
        case .denied: "DENIED"
        case .failed: reading.string
        default: nil
        }
    }
}
