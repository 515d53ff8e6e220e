/// One rule of the doctor: what it means, how it is found, and the function that finds it.
public struct DoctorRule: Sendable, Identifiable {
    /// Its lasting name.
    public let id: String
    /// How bad it can be at worst.
    public let worst: Severity
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
    let find: @Sendable (DoctorContext) -> [Finding]

    init(
        _ id: String, _ worst: Severity, _ meaning: String, method: String, cause: String, remedy: String,
        source: String, rows: [Int] = [], find: @escaping @Sendable (DoctorContext) -> [Finding]
    ) {
        self.id = id
        self.worst = worst
        self.meaning = meaning
        self.method = method
        self.cause = cause
        self.remedy = remedy
        self.source = source
        self.rows = rows
        self.find = find
    }
}

/// Every rule, once.
public enum DoctorRules {
    /// All rules, in the order of the help.
    public static let all: [DoctorRule] =
        RingRules.all + ControlRules.all + NetworkRules.all + StorageRules.all + ServiceRules.all
        + PlacementRules.all + ConnectionRules.all + InspectionRules.all

    /// A rule by its id.
    public static func rule(_ id: String) -> DoctorRule? { all.first { $0.id == id } }
}
