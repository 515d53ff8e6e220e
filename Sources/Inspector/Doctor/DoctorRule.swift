/// One rule of the doctor: what it means, how it is found, who must act next, and the search that finds it.
public struct DoctorRule: Sendable, Identifiable {
    /// Its lasting name.
    public let id: String
    /// How bad it is, where what is found does not make it less bad.
    public let worst: Severity
    /// Who must act next, where what is found names nobody else.
    public let actor: ResponsibleParty
    /// What it means, in one sentence.
    public let meaning: String
    /// How it is found: which values, for how long.
    public let method: String
    /// What is the cause most often.
    public let cause: String
    /// What helps.
    public let remedy: String
    /// Where the rule comes from.
    public let source: String
    /// The rows of the table of known problems that it covers (reference, anchors D).
    public let rows: [Int]
    private let search: RuleSearch

    init(
        _ id: String, _ worst: Severity, _ actor: ResponsibleParty, _ meaning: String, method: String, cause: String,
        remedy: String, source: String, rows: [Int] = [], search: RuleSearch
    ) {
        self.id = id
        self.worst = worst
        self.actor = actor
        self.meaning = meaning
        self.method = method
        self.cause = cause
        self.remedy = remedy
        self.source = source
        self.rows = rows
        self.search = search
    }

    /// All that the rule finds; what is found of one subject in several ways is one finding.
    func find(_ context: DoctorContext) -> [Finding] {
        var findings: [Finding] = []
        // Only looked up, never walked.
        var places: [FindingID: Int] = [:]
        for finding in search.run(self, context) {
            if let place = places[finding.id] {
                findings[place].severity = max(findings[place].severity, finding.severity)
                findings[place].evidence += finding.evidence
            } else {
                places[finding.id] = findings.count
                findings.append(finding)
            }
        }
        return findings
    }

    /// What was seen in one place, as a finding of the rule.
    func finding(_ symptom: Symptom, of subject: FindingSubject, _ label: String, request: UInt64? = nil) -> Finding {
        Finding(
            rule: id, severity: symptom.severity ?? worst, subject: subject, label: label, text: symptom.text,
            since: symptom.since, actor: symptom.actor ?? actor, evidence: symptom.evidence, request: request)
    }
}

/// Every rule, once.
public enum DoctorRules {
    /// All rules, in the order of the help.
    public static let all: [DoctorRule] =
        RingRules.all + SignalRules.all + RequestRules.all + ArrivalRules.all + NetworkRules.all + StorageRules.all
        + ServiceRules.all + PlacementRules.all + ConnectionRules.all + InspectionRules.all + BreachRules.all

    /// A rule by its id.
    public static func rule(_ id: String) -> DoctorRule? { all.first { $0.id == id } }
}
