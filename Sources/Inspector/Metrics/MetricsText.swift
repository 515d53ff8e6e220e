/// The text forms of a report.
public enum MetricsFormat: String, Sendable, Hashable, CaseIterable {
    /// OpenMetrics 1.0.
    case openmetrics
    /// Prometheus text 0.0.4, the only form that the textfile collector of node_exporter reads.
    case prometheus
}

extension MetricsReport {
    /// The whole exposition, each line ended. There are no time stamps in it: who collects it knows when.
    public func text(_ format: MetricsFormat) -> String {
        var text = ""
        for family in MetricFamily.all {
            let samples = samples(of: family)
            if samples.isEmpty { continue }
            // Only OpenMetrics tells a counter's family from its sample.
            let name = format == .openmetrics ? family.name : family.sampleName
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
            if format == .openmetrics, let unit = family.unit { text += "# UNIT \(name) \(unit)\n" }
            for sample in samples { text += sample.line(family.sampleName) }
        }
        if format == .openmetrics { text += "# EOF\n" }
        return text
    }
}

extension MetricSample {
    fileprivate func line(_ name: String) -> String {
        let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        let number =
            switch value {
            case .whole(let number): String(number)
            case .real(let number): number.description
            }
        return name + (list.isEmpty ? "" : "{\(list)}") + " " + number + "\n"
    }

    /// Both formats know three escapes and no others.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
