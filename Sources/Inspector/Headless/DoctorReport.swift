import BusModel
import VMBusWire

/// What the doctor says, as text and as JSON.
public enum DoctorReport {
    /// The schema of the document, which only grows.
    public static let schema = "vmbusscope.doctor/1"

    /// The findings, worst first, each with who must act next on a line of its own.
    public static func text(_ state: InspectorState, _ diagnosis: Diagnosis) -> String {
        var lines: [String] = []
        for finding in diagnosis.findings {
            let stood = finding.since.map { diagnosis.time - min(diagnosis.time, $0) } ?? 0
            let age = stood > 0 ? ", for \(DoctorContext.text(stood))" : ""
            let partition = finding.subject.partition.flatMap { state.snapshot.partition($0)?.name } ?? ""
            let place = finding.label + (partition.isEmpty ? "" : " in \(PlainText.clean(partition))")
            lines.append(
                "\(finding.severity.rawValue.uppercased())  \(place): \(finding.text)\(age)  [\(finding.rule)]")
            lines.append("  Must act next: \(finding.actor.title)")
            lines += finding.evidence.map { "  - \($0)" }
            if let rule = DoctorRules.rule(finding.rule), finding.severity > .info {
                lines.append("  Cause: \(rule.cause)")
                lines.append("  Remedy: \(rule.remedy)")
            }
            lines.append("")
        }
        lines.append(diagnosis.findings.isEmpty ? diagnosis.emptyText : summary(diagnosis))
        lines += diagnosis.limits
        return lines.map { $0 + "\n" }.joined()
    }

    private static func summary(_ diagnosis: Diagnosis) -> String {
        let counts = Severity.allCases.reversed().map { "\(diagnosis.count($0)) \($0.rawValue)" }
        return counts.joined(separator: ", ") + ": \(diagnosis.scopeText)"
    }

    /// One document, ended by a line feed.
    public static func json(_ state: InspectorState, _ diagnosis: Diagnosis) -> String {
        SessionJSON.document(schema, state) { writer in
            writer.member("title", state.title)
            writer.member("time_ns", diagnosis.time)
            writer.member("watched_ns", diagnosis.watched)
            writer.member("looks", diagnosis.lookCount)
            writer.member("rules", diagnosis.ruleCount)
            writer.member("channels", diagnosis.channelCount)
            writer.member("worst", diagnosis.worst?.rawValue)
            writer.memberObject("counts") { writer in
                for severity in Severity.allCases.reversed() {
                    writer.member(severity.rawValue, diagnosis.count(severity))
                }
            }
            writer.memberArray("limits") { writer in for limit in diagnosis.limits { writer.value(limit) } }
            writer.memberArray("findings") { writer in
                for finding in diagnosis.findings { write(finding, state, diagnosis, &writer) }
            }
        }
    }

    private static func write(
        _ finding: Finding, _ state: InspectorState, _ diagnosis: Diagnosis, _ writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.member("rule", finding.rule)
            writer.member("severity", finding.severity.rawValue)
            writer.member("must_act_next", finding.actor.rawValue)
            writer.member("finding", finding.text)
            writer.member("label", finding.label)
            writer.member("partition", finding.subject.partition.flatMap { state.snapshot.partition($0)?.name })
            SessionJSON.place(finding.subject.device, finding.subject.channel, state, to: &writer)
            writer.member("since_ns", finding.since)
            writer.member("age_ns", finding.since.map { diagnosis.time - min(diagnosis.time, $0) })
            writer.member("request", finding.request)
            writer.memberArray("evidence") { writer in for line in finding.evidence { writer.value(line) } }
            let rule = DoctorRules.rule(finding.rule)
            writer.member("cause", rule?.cause)
            writer.member("remedy", rule?.remedy)
            writer.member("rule_source", rule?.source)
        }
    }

    /// Everything that a rule says of itself.
    public static func explanation(_ rule: DoctorRule) -> String {
        var lines = [
            "\(rule.id)  (\(rule.worst.rawValue) at worst)", "", "  What it means  \(rule.meaning)",
            "  How it is found  \(rule.method)",
            "  Must act next  \(rule.actor.title), if a finding does not say otherwise", "  Cause  \(rule.cause)",
            "  Remedy  \(rule.remedy)",
            "  Source  \(rule.source)",
        ]
        if !rule.rows.isEmpty {
            lines.append("  Known problems  \(rule.rows.map { "D\($0)" }.joined(separator: ", "))")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// All rules, one a line, and the known problems that none of them can see, with the reason.
    public static func coverage() -> String {
        var lines = DoctorRules.all.map { rule in
            let padding = String(repeating: " ", count: max(1, 26 - rule.id.count))
            let worst = String(repeating: " ", count: max(1, 10 - rule.worst.rawValue.count))
            return "\(rule.id)\(padding)\(rule.worst.rawValue)\(worst)\(rule.meaning)"
        }
        lines += ["", "Known problems of VMBus guests (reference, anchors D), and what names them:"]
        for problem in KnownProblem.all {
            let rules = DoctorRules.all.filter { $0.rows.contains(problem.row) }.map(\.id)
            let number = "D\(problem.row)"
            let padding = String(repeating: " ", count: max(1, 5 - number.count))
            lines.append("\(number)\(padding)\(problem.title)")
            if !rules.isEmpty { lines.append("     rules: \(rules.joined(separator: ", "))") }
            if let reason = problem.notVisible { lines.append("     not visible from a guest: \(reason)") }
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
