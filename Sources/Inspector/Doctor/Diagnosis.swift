import BusModel

/// What the rules found at one moment.
public struct Diagnosis: Sendable, Hashable {
    /// The moment, in the log's nanoseconds.
    public let time: UInt64
    /// The findings, worst first, then those that stand longest.
    public let findings: [Finding]
    /// How many rules looked.
    public let ruleCount: Int
    /// How many channels they looked at.
    public let channelCount: Int
    /// How many looks at the source they could compare.
    public let lookCount: Int
    /// How long the source was watched, in nanoseconds.
    public let watched: UInt64
    /// What could not be judged, in sentences.
    public let limits: [String]

    init(_ context: DoctorContext, rules: [DoctorRule] = DoctorRules.all) {
        time = context.now
        findings = rules.flatMap { $0.find(context) }.enumerated()
            .sorted { left, right in
                let (one, other) = (left.element, right.element)
                if one.severity != other.severity { return one.severity > other.severity }
                if one.since != other.since { return (one.since ?? .max) < (other.since ?? .max) }
                return left.offset < right.offset
            }
            .map(\.element)
        ruleCount = rules.count
        channelCount = context.channels.count
        lookCount = context.watch.looks(since: 0)
        watched = context.now - min(context.now, context.watch.firstLook ?? context.now)
        limits = Self.limits(context)
    }

    /// The worst of all findings; nil for none.
    public var worst: Severity? { findings.map(\.severity).max() }

    /// How many findings are of a severity.
    public func count(_ severity: Severity) -> Int { findings.count { $0.severity == severity } }

    private static func limits(_ context: DoctorContext) -> [String] {
        var limits: [String] = []
        let isLookedAt = context.kind == .live || context.watch.hasSamples
        if isLookedAt, context.watch.looks(since: 0) < 3 {
            limits.append("Fewer than three looks: nothing that needs time can be said.")
        } else if context.kind == .live, !context.snapshot.partitions.contains(where: { context.isAlive($0.number) }) {
            limits.append(
                "No counter has moved while it was watched, as in a copied tree: nothing that needs time can be said.")
        }
        if context.kind == .live, !context.ledger.hasSeenControlPlane {
            let obstacle = context.snapshot.partitions.compactMap { $0.evidence.text(.tracingObstacle) }
                .first { !$0.isEmpty }
            limits.append(
                "Requests of the control plane show only while tracing is on"
                    + (obstacle.map { ", which it cannot be: \(PlainText.clean($0))" } ?? "") + ".")
        }
        return limits
    }

    /// One sentence for a view or a report without findings.
    public var emptyText: String { "No findings: \(scopeText)" }

    /// What was looked at, as the end of a sentence.
    var scopeText: String {
        guard channelCount > 0 else { return "\(ruleCount) rules looked at all there is, which has no channels." }
        let span = watched > 0 ? " over \(DoctorContext.text(watched))" : ""
        return "\(ruleCount) rules looked at \(channelCount) channel\(channelCount == 1 ? "" : "s") "
            + "\(lookCount) time\(lookCount == 1 ? "" : "s")\(span)."
    }
}
