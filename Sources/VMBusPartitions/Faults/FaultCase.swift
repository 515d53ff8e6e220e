public import Configuration

/// Faults that are tried together on one guest.
public struct FaultCase: Sendable, Hashable {
    /// Its name in reports.
    public let name: String
    /// What is armed.
    public let faults: [FaultConfiguration]

    /// How far from the protocol the worst of its faults is.
    public var honesty: FaultClass {
        faults.map(\.kind.honesty).max { $0.rawValue < $1.rawValue } ?? .legalAdversity
    }

    /// Reads `[[case]]` tables, each with a `name` and its `[[case.faults]]`; or, without those, the `[[faults]]` of the file as
    /// its one case. What a case has under `do`, `needs`, `expect` and `because` is for whoever drives the guest meanwhile.
    ///
    /// - Throws: file, place, what is there and what is expected.
    public static func list(
        _ document: ConfigurationDocument, guests: [GuestConfiguration]
    ) throws(ConfigurationError) -> [FaultCase] {
        let root = document.root
        try root.requireOnly(["case", "faults"])
        guard root.contains("case") else {
            let faults = try FaultConfiguration.list(in: root, guests: guests)
            guard !faults.isEmpty else {
                throw root.unacceptable("case", value: "none", expected: "[[case]] with [[case.faults]], or [[faults]]")
            }
            return [FaultCase(name: "faults", faults: faults)]
        }
        var cases: [FaultCase] = []
        for table in try root.tables("case") {
            try table.requireOnly(["name", "faults", "do", "needs", "expect", "because"])
            let name = try table.string("name")
            guard !name.isEmpty, !name.contains(where: { $0.isWhitespace || $0 == "#" }),
                !cases.contains(where: { $0.name == name })
            else {
                throw table.unacceptable(
                    "name", value: name, expected: "one word, without #, that no other case has")
            }
            let faults = try FaultConfiguration.list(in: table, guests: guests)
            guard !faults.isEmpty else {
                throw table.unacceptable("name", value: name, expected: "at least one [[case.faults]] behind it")
            }
            cases.append(FaultCase(name: name, faults: faults))
        }
        return cases
    }
}
