public import BusModel
public import ProtocolRules
import VMBusWire

/// What the rules of the protocol found, as text and as JSON.
public struct CheckReport {
    /// The schema of the document, which only grows.
    public static let schema = "vmbusscope.check/1"

    /// What was checked, such as a scenario's name.
    public var title: String
    /// Steps that were taken.
    public var steps: UInt64
    /// The log's time at the end, in nanoseconds.
    public var time: UInt64
    /// The seed of a simulation.
    public var seed: UInt64?
    /// The partitions' names, by number.
    public var partitions: [String]
    /// The checker at the end.
    public var checker: RuleChecker
    /// What was checked.
    public var kind = SourceKind.simulator
    /// What else is to be said of what was checked, such as why it shows less than there was.
    public var notes: [String] = []
    /// What the host's ends came to that were run again over a recording; nil for a simulation.
    public var replay: ReplaySummary?
    /// How their state at the end differs from what the recording says.
    public var stateDifferences: [String] = []

    /// Whether there is bad news: a rule is broken that is more than a warning.
    public var isBadNews: Bool {
        ProtocolRule.allCases.contains { !$0.isWarning && checker.breaches(of: $0) > 0 }
    }

    /// What a step is.
    private var unit: String { kind == .simulator ? "steps" : "records" }

    /// A report.
    public init(
        title: String, steps: UInt64, time: UInt64, seed: UInt64?, partitions: [String], checker: RuleChecker
    ) {
        self.title = title
        self.steps = steps
        self.time = time
        self.seed = seed
        self.partitions = partitions
        self.checker = checker
    }

    private func name(_ partition: UInt16) -> String {
        partitions.indices.contains(Int(partition)) ? partitions[Int(partition)] : "partition \(partition)"
    }

    /// One line for each rule, then each breach with its bytes.
    public func text() -> String {
        var lines = ["rule                             checks  breaches"]
        for rule in ProtocolRule.allCases {
            let name = Self.left("\(Self.right("\(rule.rawValue)", 2)) \(rule.id)", 30)
            guard let reason = checker.reasonNotCheckable(rule) else {
                lines.append(
                    "\(name) \(Self.right("\(checker.checks(of: rule))", 8)) \(Self.right("\(checker.breaches(of: rule))", 9))"
                )
                continue
            }
            lines.append("\(name) not checkable: \(reason)")
        }
        lines.append("")
        for breach in checker.breaches {
            let place = breach.channel.map { "channel \(breach.relid), \($0.device)/\($0.subchannel)" } ?? "no channel"
            lines.append(
                "\(breach.rule.isWarning ? "WARNING" : "BROKEN ") \(breach.description)  [by the \(breach.party.rawValue)]"
            )
            lines.append(
                "  record \(breach.sequence) at \(Quantity.exactTime(breach.time)) s, \(PlainText.clean(name(breach.partition))), \(place)"
            )
            if !breach.bytes.isEmpty { lines.append("  bytes \(Self.hexadecimal(breach.bytes))") }
        }
        lines += replay.map(text) ?? []
        lines += notes
        let count = checker.breachCount
        let total = ProtocolRule.allCases.count { checker.breaches(of: $0) > 0 }
        lines.append(
            count == 0
                ? "no rule was broken in \(steps) \(unit) of \(title)"
                : "\(count) \(Quantity.noun(count, "breach", "breaches")) of \(total) \(Quantity.noun(UInt64(total), "rule", "rules"))"
                    + " in \(steps) \(unit) of \(title)"
                    + (count > UInt64(checker.breaches.count) ? "; the first \(checker.breaches.count) are shown" : ""))
        return lines.map { $0 + "\n" }.joined()
    }

    private func text(_ replay: ReplaySummary) -> [String] {
        guard replay.requests > 0 else { return ["the host's end was not run again: no message of a guest is in it"] }
        var lines = [
            "the host's end was run again: \(replay.requests) messages of guests, \(replay.answers) answers as recorded, "
                + "\(replay.differences) differences"
        ]
        if let first = replay.first {
            lines.append("  the first at record \(first.sequence): \(PlainText.clean(first.text))")
        }
        lines.append(
            stateDifferences.isEmpty
                ? "its state at the end is what the recording says" : "its state at the end differs from the recording:"
        )
        lines += stateDifferences.map { "  \(PlainText.clean($0))" }
        return lines
    }

    /// One document, ended by a line feed.
    public func json() -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", Self.schema)
            writer.member("source", kind.rawValue.lowercased())
            writer.member("title", title)
            writer.member("seed", seed)
            writer.member(unit, steps)
            writer.member("time_ns", time)
            writer.member("breach_count", checker.breachCount)
            if let replay {
                writer.memberObject("replay") { writer in
                    writer.member("requests", replay.requests)
                    writer.member("answers", replay.answers)
                    writer.member("differences", replay.differences)
                    writer.member("first_seq", replay.first?.sequence)
                    writer.member("first", replay.first?.text)
                    writer.memberArray("state_differences") { writer in
                        for text in stateDifferences { writer.value(text) }
                    }
                }
            }
            if !notes.isEmpty {
                writer.memberArray("notes") { writer in
                    for note in notes { writer.value(note) }
                }
            }
            writer.memberArray("rules") { writer in
                for rule in ProtocolRule.allCases { write(rule, &writer) }
            }
            writer.memberArray("breaches") { writer in
                for breach in checker.breaches { write(breach, &writer) }
            }
        }
        writer.endLine()
        return writer.text
    }

    private func write(_ rule: ProtocolRule, _ writer: inout JSONWriter) {
        let reason = checker.reasonNotCheckable(rule)
        writer.object { writer in
            writer.member("number", rule.rawValue)
            writer.member("rule", rule.id)
            writer.member("checkable", reason == nil)
            writer.member("reason", reason)
            writer.member("checks", checker.checks(of: rule))
            writer.member("breaches", checker.breaches(of: rule))
        }
    }

    private func write(_ breach: RuleBreach, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("rule", breach.rule.id)
            writer.member("broken_by", breach.party.rawValue)
            writer.member("seq", breach.sequence)
            writer.member("time_ns", breach.time)
            writer.member("partition", name(breach.partition))
            writer.member("device", breach.channel?.device.description)
            writer.member("subchannel", breach.channel?.subchannel)
            writer.member("relid", breach.relid == 0 ? nil : breach.relid)
            writer.member("place", breach.place)
            writer.member("value", breach.value)
            writer.member("explanation", breach.explanation)
            writer.member("bytes", Self.hexadecimal(breach.bytes))
        }
    }

    /// All rules with their text and source.
    public static func rules() -> String {
        ProtocolRule.allCases.map { rule in
            "\(right("\(rule.rawValue)", 2)) \(rule.id)\n   \(rule.text)\n   Source: reference \(rule.source). "
                + "Needs \(rule.needs.words).\n"
        }.joined()
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { Hexadecimal.digits(UInt64($0), count: 2) }.joined()
    }
}
