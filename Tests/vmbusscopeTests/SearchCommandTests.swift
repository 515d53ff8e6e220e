import Testing

@Suite struct `The search commands` {
    @Test func `a small ring is searched to its end`() throws {
        let outcome = try Program.run("explore", "ring", "--packets", "1", "--spurious", "0", "--memory", "sc")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("HOLDS in every state"))
    }

    @Test func `a search that a limit ends says so`() throws {
        let outcome = try Program.run("explore", "ring", "--max-states", "50", "--json")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("\"verdict\":\"bounded\",\"limit\":\"states\""))
    }

    @Test func `a schedule is shown as a chart`() throws {
        let outcome = try Program.run("explore", "ring", "--replay", "a5", "--mermaid")
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("sequenceDiagram\n    participant P0 as sender\n"))
        #expect(outcome.output.contains("P0->>P1: loads read index: 0"))
    }

    @Test(arguments: [
        ["explore", "ring", "--ring-bytes", "20"], ["explore", "ring", "--replay", "A"],
        ["fuzz", "ring", "--replay", "x"], ["explore", "nowhere"], ["fuzz", "ring", "--runs", "0"],
    ])
    func `what cannot be searched is wrong usage`(arguments: [String]) throws {
        let outcome = try Program.run(list: arguments)
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty)
    }

    @Test func `a condition that was never met is bad news`() throws {
        let outcome = try Program.run(
            "fuzz", "ring", "--runs", "2", "--sometimes", "fence", "--sometimes", "dance")
        #expect(outcome.status == 5)
        #expect(outcome.output.contains("NEVER MET dance"))
        #expect(!outcome.output.contains("NEVER MET fence"))
    }
}
