/// A run as a sequence chart in the language of mermaid.
public struct ScheduleChart: Sendable {
    private let lifelines: [String]
    private var body = ""

    /// A chart with these lifelines, from left to right.
    public init(lifelines: [String]) {
        self.lifelines = lifelines
    }

    /// Adds a step: an arrow to another lifeline, or a note over its own.
    public mutating func add(_ step: ScheduleStep) {
        let actor = place(step.actor)
        if let target = step.target {
            body += "    \(actor)->>\(place(target)): \(Self.harmless(step.text))\n"
        } else {
            body += "    Note over \(actor): \(Self.harmless(step.text))\n"
        }
    }

    /// Adds what was found at the end, over all lifelines.
    public mutating func add(_ breach: ModelBreach) {
        let last = lifelines.count > 1 ? ",\(place(lifelines[lifelines.count - 1]))" : ""
        body += "    Note over \(place(lifelines.first ?? ""))\(last): \(Self.harmless(breach.description))\n"
    }

    /// The chart.
    public var text: String {
        var text = "sequenceDiagram\n"
        for (index, name) in lifelines.enumerated() { text += "    participant P\(index) as \(Self.harmless(name))\n" }
        return text + body
    }

    private func place(_ name: String) -> String { "P\(lifelines.firstIndex(of: name) ?? 0)" }

    /// Without the characters that end a line of the chart or begin an entity.
    private static func harmless(_ text: String) -> String {
        String(text.map { $0 == ";" || $0 == "#" || $0.isNewline ? "," : $0 })
    }
}
