public import Configuration
import VMBusPartitions
import VMBusWire

/// A session as a small text file (TOML): the scenario, the seed, and what people chose, commanded and stopped at. Everything
/// else follows from these on every machine.
///
/// ```toml
/// session = 1                      # version of this form
/// scenario = "two-guests"          # a shipped one, with a check of its text; else scenario_file and scenario_text
/// scenario_check = "0x0123456789abcdef"
/// seed = "7"                       # "first": what is not chosen is the first alternative, as in what a search has found
/// window = "1000000"               # nanoseconds within which events change places; without it they come by time
/// memory = "tso"                   # what one end stores is seen later by the other; without it at once
/// shown = "main"                   # the branch, and the place in it
/// step = 1200
/// record = 1833
/// fingerprint = "0x0123456789abcdef"   # of the state there
/// [[breakpoint]]
/// stop = "name == VMBUS.OPEN_CHANNEL"
/// enabled = true
/// ignore = 0
/// [[branch]]                       # the first is main
/// name = "main"
/// parent = "…"                     # where it comes from
/// fork = 0                         # the step behind which it goes a way of its own
/// end = 2000                       # the furthest step
/// choices = ["17 3"]               # choice number and value, other than the seed's
/// commands = ["1200 5000000 unload 1"]   # step, nanoseconds, command
/// ```
public struct SessionFile: Sendable, Hashable {
    /// The number of this form.
    static let version: Int64 = 1
    /// In the place of a seed.
    static let firstAlternative = "first"
    /// More steps than this are not run again on opening a file: several minutes.
    static let maximumSteps: Int64 = 100_000_000
    /// The most choices and commands of one branch.
    static let maximumChanges = 65_536

    struct Stop: Sendable, Hashable {
        var text: String
        var isEnabled: Bool
        var ignored: UInt64
    }

    struct Branch: Sendable, Hashable {
        var name: String
        var parent: String?
        var fork: UInt64
        var end: UInt64
        var answers: [ChoiceSource.Answer]
        var commands: [SessionCommand]
    }

    var origin: ScenarioOrigin
    var scenario: Scenario
    /// Nil for always the first alternative.
    var seed: UInt64?
    var ordering = EventOrdering.byTime
    var memoryOrder = MemoryOrder.sc
    var shown: String
    var place: SessionPlace
    var fingerprint: UInt64
    var stops: [Stop]
    var branches: [Branch]

    /// Reads a file.
    ///
    /// - Throws: what is wrong with it, and where.
    public init(_ document: ConfigurationDocument) throws(ConfigurationError) {
        let root = document.root
        try root.requireOnly([
            "session", "scenario", "scenario_check", "scenario_file", "scenario_text", "seed", "window", "memory",
            "shown", "step", "record", "fingerprint", "breakpoint", "branch",
        ])
        let version = try root.integer("session", in: 0 ... .max)
        guard version == Self.version else {
            throw root.unacceptable(
                "session", value: "\(version)", expected: "\(Self.version), the form of this version")
        }
        (scenario, origin) = try Self.scenario(root)
        if try root.string("seed") != Self.firstAlternative {
            seed = try root.number("seed", "a whole number in quotes, or \(Self.firstAlternative)")
        }
        if root.contains("window") {
            ordering = .interleaved(window: try root.number("window", "nanoseconds in quotes"))
        }
        if let word = try root.stringIfPresent("memory") {
            guard let order = MemoryOrder(rawValue: word) else {
                throw root.unacceptable("memory", value: word, expected: "sc or tso")
            }
            memoryOrder = order
        }
        shown = try root.string("shown")
        place = SessionPlace(
            step: UInt64(try root.integer("step", in: 0...Self.maximumSteps)),
            sequence: UInt64(try root.integer("record", in: 0 ... .max)))
        fingerprint = try root.number("fingerprint", "a number such as 0x12ab in quotes")
        stops = []
        for table in try root.tables("breakpoint") {
            try table.requireOnly(["stop", "enabled", "ignore"])
            stops.append(
                Stop(
                    text: try table.string("stop"), isEnabled: try table.booleanIfPresent("enabled") ?? true,
                    ignored: UInt64(try table.integerIfPresent("ignore", in: 0 ... .max) ?? 0)))
        }
        branches = []
        for table in try root.tables("branch") {
            let branch = try Branch(table)
            guard !branches.contains(where: { $0.name == branch.name }) else {
                throw table.unacceptable("name", value: branch.name, expected: "a name that no other branch has")
            }
            if let parent = branch.parent, !branches.contains(where: { $0.name == parent }) {
                throw table.unacceptable("parent", value: parent, expected: "a branch in front of this one")
            }
            branches.append(branch)
        }
        guard let branch = branches.first(where: { $0.name == shown }) else {
            throw root.unacceptable("shown", value: shown, expected: "the name of a [[branch]]")
        }
        guard place.step <= branch.end else {
            throw root.unacceptable("step", value: "\(place.step)", expected: "at most the branch's end, \(branch.end)")
        }
        guard branches.count <= SimulatorSource.maximumBranches, stops.count <= SimulatorSource.maximumBreakpoints
        else {
            throw root.unacceptable(
                "branch", value: "\(branches.count) and \(stops.count) breakpoints",
                expected: "at most \(SimulatorSource.maximumBranches) and \(SimulatorSource.maximumBreakpoints)")
        }
    }

    private static func scenario(_ root: ConfigurationTable) throws(ConfigurationError) -> (Scenario, ScenarioOrigin) {
        if let text = try root.stringIfPresent("scenario_text") {
            let file = try root.stringIfPresent("scenario_file") ?? "scenario.toml"
            let scenario = try Scenario(ConfigurationDocument(parsing: text, file: file))
            return (scenario, .text(Array(text.utf8), file: file))
        }
        let name = try root.string("scenario")
        guard let text = Scenarios.text(name), let scenario = try Scenarios.named(name) else {
            throw root.unacceptable(
                "scenario", value: name, expected: "one of \(Scenarios.names.joined(separator: ", ")), or scenario_text"
            )
        }
        let (found, expected) = (check(text), try root.number("scenario_check", "a number such as 0x12ab in quotes"))
        guard found == expected else {
            throw root.unacceptable(
                "scenario_check", value: Hexadecimal.prefixed(expected),
                expected:
                    "\(Hexadecimal.prefixed(found)): this version ships another '\(name)' than the one that wrote it")
        }
        return (scenario, .shipped(name))
    }

    /// FNV-1a over a text.
    static func check(_ text: [UInt8]) -> UInt64 {
        text.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    // MARK: Writing

    init(_ source: SimulatorSource) {
        origin = source.origin
        scenario = source.scenario
        seed = source.moment.simulation.choices.seed
        ordering = source.moment.simulation.ordering
        memoryOrder = source.moment.simulation.memoryOrder
        shown = source.branches[source.active].name
        place = source.moment.place
        fingerprint = source.fingerprint
        stops = source.breakpoints.map { Stop(text: $0.text, isEnabled: $0.isEnabled, ignored: $0.ignored) }
        branches = source.branches.enumerated().map { index, branch in
            Branch(
                name: branch.name, parent: branch.parent, fork: branch.forkStep,
                end: max(branch.end.step, index == source.active ? source.steps : 0), answers: branch.answers,
                commands: branch.commands)
        }
        // A parent that was removed is nobody's parent any more.
        for index in branches.indices where !branches[..<index].contains(where: { $0.name == branches[index].parent }) {
            branches[index].parent = nil
        }
    }

    /// The file's text.
    public var text: String {
        var text = "# A session of VMBusScope: open it with 'vmbusscope sim FILE'.\nsession = \(Self.version)\n"
        switch origin {
        case .shipped(let name):
            let check = Self.check(Scenarios.text(name) ?? [])
            text += "scenario = \(Self.quoted(name))\nscenario_check = \"\(Hexadecimal.prefixed(check))\"\n"
        case .text(let bytes, let file):
            text += "scenario_file = \(Self.quoted(file))\n"
            text += "scenario_text = \"\"\"\n\(Self.escaped(String(decoding: bytes, as: UTF8.self)))\"\"\"\n"
        }
        text += """
            seed = "\(seed.map { "\($0)" } ?? Self.firstAlternative)"
            \(machine)shown = \(Self.quoted(shown))
            step = \(place.step)
            record = \(place.sequence)
            fingerprint = "\(Hexadecimal.prefixed(fingerprint))"

            """
        for stop in stops {
            text +=
                "\n[[breakpoint]]\nstop = \(Self.quoted(stop.text))\nenabled = \(stop.isEnabled)\nignore = \(min(stop.ignored, UInt64(Int64.max)))\n"
        }
        for branch in branches {
            text += "\n[[branch]]\nname = \(Self.quoted(branch.name))\n"
            if let parent = branch.parent { text += "parent = \(Self.quoted(parent))\nfork = \(branch.fork)\n" }
            text += "end = \(branch.end)\n"
            text += Self.list("choices", branch.answers.map { "\($0.number) \($0.value)" })
            text += Self.list(
                "commands", branch.commands.map { "\($0.step) \($0.time) \(CommandText.write($0.command))" })
        }
        return text
    }

    /// How the machine is run, where that is not as usual.
    private var machine: String {
        var lines = ""
        if case .interleaved(let window) = ordering { lines += "window = \"\(window)\"\n" }
        if memoryOrder != .sc { lines += "memory = \"\(memoryOrder.rawValue)\"\n" }
        return lines
    }

    private static func list(_ key: String, _ lines: [String]) -> String {
        lines.isEmpty ? "" : "\(key) = [\n" + lines.map { "  \(quoted($0)),\n" }.joined() + "]\n"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + escaped(text).replacing("\n", with: "\\n") + "\""
    }

    /// The text within quotes, its ends of lines as they are.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case "\n": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\u" + Hexadecimal.digits(UInt64(scalar.value), count: 4)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension SessionFile.Branch {
    fileprivate init(_ table: ConfigurationTable) throws(ConfigurationError) {
        try table.requireOnly(["name", "parent", "fork", "end", "choices", "commands"])
        name = try table.string("name")
        guard SimulatorSource.isName(name) else {
            throw table.unacceptable(
                "name", value: name, expected: "1 to 40 letters, digits, dots, hyphens or underscores")
        }
        parent = try table.stringIfPresent("parent")
        let steps: ClosedRange<Int64> = 0...SessionFile.maximumSteps
        fork = UInt64(try table.integerIfPresent("fork", in: steps) ?? 0)
        end = UInt64(try table.integer("end", in: steps))
        answers = []
        commands = []
        for element in try table.array("choices") {
            let words = try element.string().split(separator: " ")
            guard words.count == 2, let number = UInt64(words[0]), let value = UInt64(words[1]),
                answers.last.map({ $0.number < number }) ?? true
            else {
                throw element.unacceptable(
                    try element.string(), expected: "a choice's number and value, in order of the numbers")
            }
            answers.append(ChoiceSource.Answer(number: number, value: value))
        }
        for element in try table.array("commands") {
            let text = try element.string()
            let words = text.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let step = UInt64(words[0]), let time = UInt64(words[1]),
                let command = CommandText.read(words[2]),
                commands.last.map({ $0.step <= step && $0.time <= time }) ?? true
            else {
                throw element.unacceptable(
                    text, expected: "step, nanoseconds and one of \(CommandText.forms), in order of the steps")
            }
            commands.append(SessionCommand(step: step, time: time, command: command))
        }
        guard answers.count <= SessionFile.maximumChanges, commands.count <= SessionFile.maximumChanges else {
            throw table.unacceptable(
                "choices", value: "\(answers.count) and \(commands.count) commands",
                expected: "at most \(SessionFile.maximumChanges)")
        }
    }
}

extension ConfigurationTable {
    /// A number of 64 bits, which TOML's numbers cannot hold.
    fileprivate func number(_ key: String, _ form: String) throws(ConfigurationError) -> UInt64 {
        let text = try string(key)
        let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        guard let value else { throw unacceptable(key, value: text, expected: form) }
        return value
    }
}
