import BusModel
import Query
import VMBusWire

extension InspectorState {
    /// The columns of the doctor's view.
    public static let doctorColumns: [Column] = [
        Column("severity", "Severity", "How bad it is.", width: 8...8),
        Column("subject", "Where", "The channel, device or partition.", width: 7...18),
        Column("for", "For", "How long it has been so.", .trailing, width: 6...9),
        Column("actor", "Must act next", "Who has to do something so that it goes away.", width: 8...14),
        Column("info", "Finding", "What is the matter.", width: 20...200, isSortable: false),
        Column("rule", "Rule", "The rule that says so; doctor --explain tells more.", width: 12...24, priority: 2),
        Column("partition", "Partition", "Whose bus it is.", width: 5...12, priority: 3),
    ]

    /// What the rules find, worst first: what was kept by `diagnose()`, else what they find now.
    public func doctorTable() -> TableModel {
        let diagnosis = diagnosis ?? diagnosed()
        var hidden = 0
        let rows = diagnosis.findings.compactMap { finding -> Row? in
            if let query = query(.doctor) {
                guard case .channel(let key) = finding.subject, let subject = ChannelSubject(self, key),
                    query.matches(subject)
                else {
                    hidden += 1
                    return nil
                }
            }
            return row(finding, diagnosis)
        }
        return TableModel(
            columns: Self.doctorColumns, rows: rows, hiddenCount: hidden,
            emptyText: hidden > 0
                ? "The filter hides all; \(hidden) are there."
                : snapshot.busAvailable
                    ? ([diagnosis.emptyText] + diagnosis.limits).joined(separator: " ") : "There is no VMBus here.")
    }

    private func row(_ finding: Finding, _ diagnosis: Diagnosis) -> Row {
        let age = finding.since.map { diagnosis.time - min(diagnosis.time, $0) }
        let partition = finding.subject.partition.flatMap { snapshot.partition($0)?.name }
        return Row(
            id: .finding(finding.id),
            cells: [
                Cell(finding.severity.rawValue, finding.severity.tone), Cell(finding.label, .accent),
                age.map { Cell(DoctorContext.text($0), .number, raw: String($0)) } ?? .unknown,
                Cell(finding.actor.title, finding.severity == .info ? .dim : .warn),
                Cell(finding.text, finding.severity == .critical ? .bad : .plain), Cell(finding.rule, .identifier),
                partition.map { Cell(PlainText.clean($0)) } ?? .unknown,
            ])
    }

    func findingDetails(_ id: FindingID) -> DetailsModel? {
        let diagnosis = diagnosis ?? diagnosed()
        guard let finding = diagnosis.findings.first(where: { $0.id == id }) else { return nil }
        var what = Self.lines("Finding", finding.text, "what is the matter", finding.severity.tone)
        what += [
            DetailPair("Must act next", Cell(finding.actor.title, .warn), "who has to do something"),
            DetailPair(
                "Severity", Cell(finding.severity.rawValue, finding.severity.tone), "critical is stuck or lost now"),
        ]
        if let since = finding.since {
            what.append(
                DetailPair(
                    "Since", Cell(Quantity.time(since) + " s", .number), "the log's time",
                    note: Quantity.age(diagnosis.time - min(diagnosis.time, since))))
        }
        if let request = finding.request {
            what.append(
                DetailPair(
                    "Request", Cell(String(request), .identifier), "its number in the ledger; 4 shows its record"))
        }
        var sections = [
            DetailSection("What", what),
            DetailSection("Evidence", finding.evidence.flatMap { Self.lines("-", $0, "what says so") }),
        ]
        if let rule = DoctorRules.rule(finding.rule) {
            sections.append(
                DetailSection(
                    "Rule \(rule.id)",
                    Self.lines("Meaning", rule.meaning, "what the rule says")
                        + Self.lines("Cause", rule.cause, "most often")
                        + Self.lines("Remedy", rule.remedy, "what helps")
                        + Self.lines("Found by", rule.method, "which values, for how long")
                        + Self.lines("Source", rule.source, "where the rule comes from")))
        }
        return DetailsModel(title: "\(finding.label): \(finding.rule)", sections: sections)
    }

    /// A text as lines that fit into the pane, the label in front of the first.
    static func lines(_ label: String, _ text: String, _ help: String, _ tone: Tone = .plain) -> [DetailPair] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + word.count < lineWidth {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.enumerated().map { DetailPair($0.offset == 0 ? label : "", Cell($0.element, tone), help) }
    }

    private static let lineWidth = 58
}
