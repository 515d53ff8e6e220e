/// Tests of the rules in the form that `promtool test rules` runs: for every alert a guest that raises it and nothing else, and
/// guests that raise nothing although they look like it.
public enum PrometheusRuleTests {
    /// One guest's series over time, a value every half minute, and what must be firing when.
    struct Scenario {
        let name: String
        /// Series with their values in promtool's notation; each gets the labels `job` and `instance`.
        let series: [Series]
        let checks: [Check]
    }

    struct Series {
        let metric: String
        let labels: String
        let values: String
    }

    /// At that moment exactly this alert fires; nil for none.
    struct Check {
        let time: String
        let firing: Firing?
    }

    struct Firing {
        let alert: String
        /// The alert's labels besides `severity`, `job` and `instance`.
        let labels: [MetricSample.Label]
    }

    private static let guest = "web-1"
    private static let job = "node"

    /// The tests as the YAML file that promtool reads beside the rules.
    public static var document: String {
        var lines = [
            "# promtool test rules vmbus.rules.test.yml, beside \(PrometheusRules.fileName)", "rule_files:",
            "  - \(PrometheusRules.fileName)", "evaluation_interval: 30s", "tests:",
        ]
        for scenario in scenarios { lines += text(scenario) }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func text(_ scenario: Scenario) -> [String] {
        var lines = [
            "  - name: \(PrometheusRules.quoted(scenario.name))", "    interval: 30s", "    input_series:",
        ]
        for series in scenario.series {
            let labels = #"job="\#(job)",instance="\#(guest)""# + (series.labels.isEmpty ? "" : "," + series.labels)
            lines += [
                "      - series: \(PrometheusRules.quoted("\(series.metric){\(labels)}"))",
                "        values: \(PrometheusRules.quoted(series.values))",
            ]
        }
        lines.append("    alert_rule_test:")
        for check in scenario.checks {
            for alert in PrometheusRules.alerts {
                lines += ["      - eval_time: \(check.time)", "        alertname: \(alert.name)"]
                guard let firing = check.firing, firing.alert == alert.name else {
                    lines.append("        exp_alerts: []")
                    continue
                }
                lines += ["        exp_alerts:"] + text(firing, of: alert)
            }
        }
        return lines
    }

    private static func text(_ firing: Firing, of alert: PrometheusRules.Alert) -> [String] {
        let labels =
            [
                MetricSample.Label(name: "severity", value: alert.severity),
                MetricSample.Label(name: "job", value: job), MetricSample.Label(name: "instance", value: guest),
            ] + firing.labels
        var lines = ["          - exp_labels:"]
        lines += labels.map { "              \($0.name): \(PrometheusRules.quoted($0.value))" }
        lines.append("            exp_annotations:")
        for (name, template) in [("summary", alert.summary), ("description", alert.description)] {
            lines.append("              \(name): \(PrometheusRules.quoted(filled(template, labels)))")
        }
        return lines
    }

    /// The template with the labels' values, as Prometheus fills it.
    private static func filled(_ template: String, _ labels: [MetricSample.Label]) -> String {
        let parts = template.split(separator: "{{ $labels.", omittingEmptySubsequences: false)
        guard let first = parts.first else { return template }
        return parts.dropFirst().reduce(String(first)) { text, part in
            let name = part.prefix { $0 != " " }
            let value = labels.first { $0.name == name }?.value ?? ""
            return text + value + part.dropFirst(name.count + " }}".count)
        }
    }
}
