import BusModel
import Configuration
import Inspector
import Testing
import VMBusPartitions
import VMBusWire

@testable import VMBusSimulator

@Suite struct BranchTests {
    /// A session that stands behind step 1200, and a delay of a signal that was decided before.
    private func start() throws -> (SimulatorSource, SessionChoice) {
        var source = try SessionFixture.source()
        var choice: SessionChoice?
        while source.steps < 1200 {
            _ = source.advance(.steps(1))
            guard source.steps > 700, choice == nil else { continue }
            choice = source.session?.choices.first { $0.purpose == "signal-delay" }
        }
        return (source, try #require(choice))
    }

    @Test func `another value of a choice begins another history, and the first one stays`() throws {
        var (source, choice) = try start()
        let (end, fingerprint) = (source.position, source.fingerprint)
        try source.perform(.changeChoice(choice.number, value: choice.count - 1 - choice.value, branch: "late"))
        #expect(source.session?.branch == "late" && source.position < end)
        let travel = try source.travel(.steps(1), .forward, limit: 1)
        let taken = try #require(source.session?.choices.first { $0.number == choice.number })
        #expect(taken.value == choice.count - 1 - choice.value && taken.isChosen && !travel.records.isEmpty)
        _ = try source.travel(.steps(300), .forward, limit: 500)
        let late = (source.position, source.fingerprint)
        try source.perform(.showBranch("main"))
        #expect(source.position.sequence == end.sequence && source.fingerprint == fingerprint)
        try source.perform(.showBranch("late"))
        #expect(source.position == late.0 && source.fingerprint == late.1)
        #expect(source.session?.branches.map(\.name) == ["main", "late"])
        #expect(source.session?.branches.last?.parent == "main")
    }

    @Test func `two histories are compared at their first difference`() throws {
        var (source, choice) = try start()
        try source.perform(.changeChoice(choice.number, value: choice.count - 1 - choice.value, branch: nil))
        let fork = source.position.sequence
        _ = try source.travel(.steps(400), .forward, limit: 800)
        let difference = try #require(try source.difference("main", "branch-2"))
        #expect(difference.sequence > fork)
        #expect(difference.left.headers.count == 1 && difference.right.headers.count == 1)
        #expect(difference.left != difference.right)
        // Everything in front of it is the same.
        func records(_ name: String) throws -> [SessionFixture.Record] {
            var other = source
            try other.perform(.showBranch(name))
            try other.seek(Position(sequence: 0, time: 0))
            return SessionFixture.records(
                try other.travel(.steps(Int(difference.step) + 100), .forward, limit: 100_000).records)
        }
        let (left, right) = (try records("main"), try records("branch-2"))
        let first = zip(left, right).first { $0 != $1 }
        #expect(first?.0.header.sequence == difference.sequence)
        #expect(try source.difference("main", "main") == nil)
        #expect(throws: CommandRefusal.self) { _ = try source.difference("main", "nobody") }
    }

    @Test func `a command in the past begins another history, one in the present does not`() throws {
        var source = try SessionFixture.source()
        _ = try source.travel(.time(40_000_000), .forward, limit: 20_000)
        try source.perform(.unload(partition: 1))
        #expect(source.session?.branches.count == 1 && source.session?.branches.first?.changes == 1)
        _ = try source.travel(.time(60_000_000), .forward, limit: 20_000)
        let fingerprint = source.fingerprint
        _ = try source.travel(.time(41_000_000), .backward, limit: 0)
        try source.perform(.unload(partition: 2))
        #expect(source.session?.branch == "branch-2" && source.session?.branches.last?.changes == 2)
        _ = try source.travel(.time(60_000_000), .forward, limit: 20_000)
        #expect(source.fingerprint != fingerprint)
        try source.perform(.showBranch("main"))
        _ = try source.travel(.time(50_000_000), .backward, limit: 0)
        _ = try source.travel(.time(60_000_000), .forward, limit: 20_000)
        #expect(source.fingerprint == fingerprint)
    }

    @Test func `a refused command changes nothing`() throws {
        var source = try SessionFixture.source()
        _ = source.advance(.steps(500))
        let fingerprint = source.fingerprint
        #expect(throws: CommandRefusal.self) { try source.perform(.unload(partition: 9)) }
        #expect(throws: CommandRefusal.self) { try source.perform(.changeChoice(1_000_000, value: 0, branch: nil)) }
        #expect(throws: CommandRefusal.self) { try source.perform(.changeChoice(3, value: .max, branch: nil)) }
        #expect(throws: CommandRefusal.self) { try source.perform(.addBranch("a b")) }
        #expect(throws: CommandRefusal.self) { try source.perform(.removeBranch("main")) }
        #expect(source.session?.branches.count == 1)
        _ = try source.travel(.end, .forward, limit: 0)
        #expect(source.fingerprint == fingerprint)
    }
}

@Suite struct SessionFileTests {
    /// A session with everything in it: a text of its own, three branches, commands, and breakpoints.
    static func rich() throws -> SimulatorSource {
        let text = """
            name = "mine"
            title = "a \\"quoted\\" title"
            [[guest]]
            name = "guest"
            memory_mib = 8
            [[guest.device]]
            kind = "heartbeat"
            [[guest.device]]
            kind = "network"
            ping = ["10.0.0.9"]
            """
        let scenario = try Scenario(ConfigurationDocument(parsing: text, file: "mine.toml"))
        var source = SimulatorSource(
            scenario, seed: .max - 5, reader: FlowReader(), origin: .text(Array(text.utf8), file: "mine.toml"))
        _ = source.advance(.steps(1500))
        try source.perform(.changeChoice(40, value: 0, branch: "early"))
        _ = source.advance(.steps(300))
        try source.perform(.unload(partition: 1))
        _ = source.advance(.steps(30))
        try source.perform(.showBranch("main"))
        _ = try source.travel(.steps(600), .backward, limit: 0)
        try source.perform(.addBranch("third"))
        _ = try source.travel(.unit(.packet, 3), .forward, limit: 5000)
        try source.perform(.addBreakpoint("kind == message and info contains \"a\\\\b\"", ignoring: 4))
        try source.perform(.addBreakpoint("watch ring(guest/network/0).out.mask", ignoring: 0))
        try source.perform(.changeBreakpoint(2, isEnabled: false, ignoring: 0))
        return source
    }

    private static func opened(_ text: String) throws -> SimulatorSource {
        let file = try SessionFile(ConfigurationDocument(parsing: text, file: "x.session"))
        return try SimulatorSource(file, reader: FlowReader())
    }

    @Test func `a session that was written and opened is the same, in every branch`() throws {
        var source = try Self.rich()
        let text = source.file.text
        var opened = try Self.opened(text)
        #expect(opened.file.text == text)
        #expect(opened.session?.breakpoints == source.session?.breakpoints)
        #expect(opened.position.sequence == source.position.sequence && opened.fingerprint == source.fingerprint)
        for name in ["main", "early", "third"] {
            try source.perform(.showBranch(name))
            try opened.perform(.showBranch(name))
            _ = try source.travel(.end, .forward, limit: 0)
            _ = try opened.travel(.end, .forward, limit: 0)
            #expect(opened.steps == source.steps && opened.fingerprint == source.fingerprint, "\(name)")
            let (mine, other) = (source.advance(.steps(300)), opened.advance(.steps(300)))
            #expect(SessionFixture.records(mine) == SessionFixture.records(other), "\(name)")
        }
    }

    @Test func `a session of a shipped scenario holds its name, not its text`() throws {
        var source = try SessionFixture.source("boot", seed: 3)
        _ = source.advance(.steps(200))
        let text = source.file.text
        #expect(text.utf8.count < 400)
        #expect(try Self.opened(text).fingerprint == source.fingerprint)
        #expect(source.reproduction == "vmbusscope sim boot --seed 3 --headless --steps 200")
    }

    static let wrong: [(String, String, String)] = [
        ("session = 1", "session = 2", "session"), ("seed = \"3\"", "seed = \"x\"", "seed"),
        ("seed = \"3\"", "seed = 3", "seed"), ("shown = \"main\"", "shown = \"other\"", "shown"),
        ("step = 200", "step = 201", "step"), ("step = 200", "step = -1", "step"),
        ("scenario = \"boot\"", "scenario = \"nobody\"", "scenario"),
        ("scenario_check = \"0x", "scenario_check = \"0x1", "scenario_check"),
        ("end = 200", "end = 99999999999", "branch[0].end"), ("end = 200", "colour = 1\nend = 200", "branch[0].colour"),
        ("end = 200", "end = 200\nchoices = [\"1\"]", "branch[0].choices[0]"),
        ("end = 200", "end = 200\nchoices = [\"2 1\", \"1 1\"]", "branch[0].choices[1]"),
        ("end = 200", "end = 200\ncommands = [\"1 1 explode 1\"]", "branch[0].commands[0]"),
        ("end = 200", "end = 200\nparent = \"ghost\"", "branch[0].parent"),
        ("name = \"main\"", "name = \"a b\"", "branch[0].name"), ("session = 1", "session = = 1", "x.session:2:"),
        ("fingerprint = \"0x", "fingerprint = \"0xg", "fingerprint"), ("seed = \"3\"", "seed = \"4\"", "state"),
        ("end = 200", "end = 200\n[[branch]]\nname = \"main\"\nend = 1", "branch[1].name"),
        ("end = 200", "end = 200\n[[breakpoint]]\nstop = \"relid == banana\"", "breakpoint"),
    ]

    @Test(arguments: wrong)
    func `a wrong session is an error that names the place`(_ old: String, _ new: String, _ place: String) throws {
        var source = try SessionFixture.source("boot", seed: 3)
        _ = source.advance(.steps(200))
        let text = source.file.text
        #expect(text.contains(old), "\(old)")
        do {
            _ = try Self.opened(text.replacing(old, with: new, maxReplacements: 1))
            Issue.record("accepted: \(new)")
        } catch {
            #expect("\(error)".contains(place), "\(error)")
        }
    }

    @Test func `a session cut off or scrambled anywhere is an error or a session, never a trap`() throws {
        let text = Array(try Self.rich().file.text.utf8)
        var random = SeededGenerator(seed: 5, stream: 1)
        for _ in 0..<100 {
            var bytes = text
            if random.next() % 2 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            for _ in 0..<(random.next() % 4) where !bytes.isEmpty {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? SessionFile(ConfigurationDocument(parsing: bytes, file: "x.session"))
        }
    }

    @Test func `a chart has the partitions as lifelines and what they send as arrows`() throws {
        var source = try SessionFixture.source()
        _ = source.advance(.steps(300))
        let chart = try source.export(.mermaid, 1...40)
        #expect(chart.hasPrefix("sequenceDiagram\n    participant p0 as root\n    participant p1 as bookworm\n"))
        #expect(chart.contains("p1->>p0: ") && chart.contains("INITIATE_CONTACT"))
        #expect(chart.contains("p0->>p1: ") && chart.contains("OFFER_CHANNEL"))
        #expect(chart.split(separator: "\n").count == 1 + 3 + 40)
        let part = try source.export(.mermaid, 10...12)
        #expect(part.split(separator: "\n").count == 1 + 3 + 3)
        _ = source.advance(.steps(2500))
        #expect(throws: CommandRefusal.self) { _ = try source.export(.mermaid, 1...9000) }
    }

    @Test func `the test that is written holds the session and what it must come to`() throws {
        let source = try Self.rich()
        let text = try source.export(.test, 1...1)
        #expect(text.contains("import VMBusSimulator") && text.contains("#expect(source.steps == \(source.steps))"))
        let start = try #require(text.split(separator: "#\"\"\"\n").dropFirst().first)
        let session = start.components(before: "\"\"\"#").split(separator: "\n").map { $0.drop { $0 == " " } }
        let opened = try Self.opened(session.joined(separator: "\n"))
        #expect(opened.fingerprint == source.fingerprint)
    }
}

extension Substring {
    fileprivate func components(before mark: String) -> Substring {
        var index = startIndex
        while index < endIndex, !self[index...].hasPrefix(mark) { index = self.index(after: index) }
        return self[..<index]
    }
}
