import BusModel
import Inspector
import Testing
import VMBusSimulator

@testable import InspectorTUI

/// The view of a simulation's session, and the keys that step through it.
@Suite struct `The session` {
    /// Two guests have come up.
    private func booted(
        _ columns: Int = 120, _ rows: Int = 40, toMilliseconds time: UInt64 = 40
    ) throws -> ScreenDriver {
        var driver = try ScreenDriver.simulation(columns: columns, rows: rows)
        driver.advance(toMilliseconds: time)
        driver.press("8")
        return driver
    }

    /// Chooses the row whose text has this in it.
    private func choose(_ text: String, _ driver: inout ScreenDriver) {
        driver.press("Home")
        for _ in 0..<40 where driver.cursorLine?.contains(text) != true { driver.press("Down") }
    }

    @Test(arguments: [("m", "M"), ("N", "P"), ("e", "E"), ("i", "I"), ("o", "O"), ("d", "D"), ("n", "p")])
    func `is stepped back by the capital letter of each unit to the very same state`(_ keys: (String, String)) throws {
        // While both come up there is some of everything ahead.
        var driver = try booted(toMilliseconds: 2)
        driver.press("4", keys.0, keys.0)
        let before = try #require(driver.source?.fingerprint)
        let lines = driver.lines
        driver.press(keys.0, keys.0, keys.1, keys.1)
        #expect(driver.source?.fingerprint == before)
        #expect(driver.lines == lines)
    }

    @Test func `stops where a breakpoint says, in both directions`() throws {
        var driver = try booted()
        driver.press("b")
        driver.type("name = VMBUS.OPEN_CHANNEL and partition == wheezy")
        driver.press("Enter")
        #expect(driver.inspector.session?.breakpoints.count == 1, "\(driver.state.message?.text ?? "")")
        driver.press("{", "r")
        let first = try #require(driver.inspector.session)
        #expect(first.arrival == .breakpoint(1))
        #expect(driver.inspector.record(first.place.sequence)?.entry.header.partition == 2)
        driver.press("r", "R")
        #expect(driver.inspector.session?.place == first.place)
        choose("break 1", &driver)
        driver.press("z")
        #expect(driver.line(with: "break 1")?.contains("off") == true)
        driver.press("X")
        #expect(driver.inspector.session?.breakpoints.isEmpty == true)
    }

    @Test func `goes to a time, to a record, and to where a filter fits`() throws {
        var driver = try booted()
        driver.press("u")
        driver.type("60ms")
        driver.press("Enter")
        #expect(driver.source?.time == 60_000_000)
        driver.press("U")
        driver.type("#100")
        driver.press("Enter")
        #expect(driver.inspector.lastSequence == 100)
        driver.press("u")
        driver.type("kind == interrupt")
        driver.press("Enter")
        #expect(driver.inspector.record(driver.inspector.lastSequence)?.entry.header.kind == .interrupt)
        driver.press("u")
        driver.type("no such word (")
        driver.press("Enter")
        #expect(driver.state.prompt?.refusal != nil)
    }

    @Test func `branches where a choice is changed, and says where the two differ`() throws {
        var driver = try booted()
        driver.press("M")
        let choice = try #require(driver.inspector.session?.choices.first { $0.count > 2 })
        choose("\(choice.number) \(choice.purpose)", &driver)
        driver.press("C")
        driver.type("\(choice.value == 0 ? 1 : 0)")
        driver.press("Enter")
        let session = try #require(driver.inspector.session)
        #expect(session.branches.count == 2 && session.branch != "main")
        for _ in 0..<60 { driver.press("n") }
        choose("main", &driver)
        driver.press("=")
        #expect(driver.state.message?.text.contains("They differ from record") == true)
        driver.press("J")
        #expect(driver.inspector.session?.branch == "main")
        #expect(driver.inspector.lastSequence == driver.inspector.session?.place.sequence)
    }

    /// The first OPEN_CHANNEL of the second guest, three messages back, and its next signal does not come.
    private func stuck(_ columns: Int = 120, _ rows: Int = 40) throws -> ScreenDriver {
        var driver = try ScreenDriver.simulation(columns: columns, rows: rows)
        driver.press("8", "b")
        driver.type("name == VMBUS.OPEN_CHANNEL and partition == wheezy")
        driver.press("Enter", "r", "M", "M", "M", "F")
        driver.type("lost-signal guest=wheezy")
        driver.press("Enter", "z", "b")
        driver.type("invariant")
        driver.press("Enter", "r")
        return driver
    }

    @Test func `names the channel that a lost signal leaves stuck, the party that must act, and the rule`() throws {
        var driver = try stuck()
        let session = try #require(driver.inspector.session)
        #expect(session.arrival == .breakpoint(2), "\(driver.state.message?.text ?? "")")
        #expect(driver.state.message?.text.contains("rule no-lost-wakeup-data broken by the guest") == true)
        #expect(session.faults == [FaultSummary(number: 1, text: "lost-signal guest=wheezy", strikes: 1, limit: 1)])
        #expect(session.invariants.filter { $0.breaches > 0 }.map(\.id) == ["no-lost-wakeup-data"])
        #expect(session.invariants.count == 34 && session.marks.map(\.isBreach) == [false, true])
        #expect(driver.line(with: "rule 23")?.contains("broken") == true)
        #expect(driver.line(with: "fault 1")?.contains("done") == true)
        driver.press("5")
        let row = try #require(driver.line(with: "wake the host up"))
        #expect(row.contains("heartbeat") && row.contains("guest") && row.contains("stuck"))
        let finding = try #require(driver.inspector.diagnosed().findings.first)
        #expect(finding.rule == "broken-rule" && finding.actor == .guestDriver && finding.severity == .critical)
        #expect(finding.text.hasSuffix("bytes wait, the guest wheezy owes a signal") && finding.label == "heartbeat")
    }

    @Test func `compares a history with a fault and the one without, and goes to where they differ`() throws {
        var driver = try stuck()
        driver.press("Home", "=")
        let comparison = try #require(driver.inspector.comparison)
        let place = try #require(comparison.place)
        #expect(comparison.left == "branch-2" && comparison.right == "main")
        #expect(comparison.leftText.contains("lost-signal"), "\(comparison)")
        choose("differ", &driver)
        driver.press("J")
        #expect(driver.inspector.lastSequence == place.sequence)
        choose("branch  main", &driver)
        driver.press("J")
        #expect(driver.inspector.session?.branch == "main")
        choose("branch  branch-2", &driver)
        driver.press("X")
        #expect(driver.inspector.comparison == nil && driver.inspector.session?.branches.count == 1)
    }

    @Test func `lets go of a fault, and says what is wrong with one`() throws {
        var driver = try booted()
        for (text, word) in [("lost-signal guest=nobody", "bookworm, wheezy"), ("no-such-fault", "one of")] {
            driver.press("F")
            driver.type(text)
            driver.press("Enter")
            // The prompt stays, with what was typed and why it was refused.
            #expect(driver.state.prompt?.line.text == text)
            #expect(driver.state.prompt?.refusal?.contains(word) == true, "\(driver.state.prompt?.refusal ?? "")")
            #expect(driver.line(with: word) != nil)
            driver.press("Ctrl-U")
            #expect(driver.state.prompt?.refusal == nil)
            driver.press("Esc")
        }
        driver.press("F")
        driver.type("lost-si")
        driver.press("Tab")
        driver.type("times=0")
        driver.press("Enter")
        #expect(driver.inspector.session?.faults.map(\.limit) == [0])
        choose("fault 1", &driver)
        driver.press("X")
        #expect(driver.inspector.session?.faults.isEmpty == true)
    }

    @Test func `asks whether a fault happens, and the answer is given from anywhere`() throws {
        var driver = try booted(toMilliseconds: 1)
        driver.press("F")
        driver.type("lost-signal guest=bookworm odds=0.5 times=0")
        driver.press("Enter", "A")
        #expect(driver.inspector.session?.isAsking == true)
        for _ in 0..<20 where driver.inspector.session?.question == nil { driver.press("e") }
        let question = try #require(driver.inspector.session?.question)
        #expect(driver.line(with: "question") != nil)
        driver.press("Home", "C")
        driver.type("\(question.count - 1)")
        driver.press("Enter")
        #expect(driver.inspector.session?.question == nil)
        driver.press("A")
        #expect(driver.inspector.session?.isAsking == false)
    }

    @Test func `runs in slices, and stops where it is when that is asked for`() throws {
        var driver = try booted(toMilliseconds: 1)
        var source = try #require(driver.source) as any BusSource
        var run = SessionRun()
        let message = run.perform(.travel(.time(500_000_000), .forward), &source, &driver.inspector) { false }
        #expect(message == nil && run.isUnderway)
        #expect(run.progress(source)?.contains("0.500000 s: step") == true)
        _ = run.goOn(&source, &driver.inspector) { false }
        driver.state.progress = run.progress(source)
        #expect(!driver.state.isPaused(driver.inspector))
        driver.press("Space")
        #expect(driver.effects == [.stop])
        let stopped = run.stop(&source, &driver.inspector)
        #expect(stopped?.text.contains("Stopped at step") == true && !run.isUnderway)
        #expect(driver.inspector.session?.step == source.session?.step)
        #expect(driver.inspector.lastSequence == source.session?.place.sequence)
    }

    @Test func `does what is typed ahead behind what runs`() throws {
        var driver = try booted(toMilliseconds: 1)
        var other = driver
        var source = try #require(driver.source) as any BusSource
        var run = SessionRun()
        _ = run.perform(.travel(.time(60_000_000), .forward), &source, &driver.inspector) { false }
        _ = run.perform(.travel(.unit(.message, 1), .backward), &source, &driver.inspector) { false }
        _ = run.perform(.command(.addBreakpoint("fault", ignoring: 0)), &source, &driver.inspector) { false }
        #expect(source.session?.breakpoints.count == 1 && run.isUnderway)
        while run.isUnderway { _ = run.goOn(&source, &driver.inspector) { true } }
        other.press("u")
        other.type("60ms")
        other.press("Enter", "M")
        #expect(driver.inspector.lastSequence == other.inspector.lastSequence)
    }

    @Test func `asks for a file to write, with the records that the chart shows`() throws {
        var driver = try booted()
        driver.press("W", "Enter", "W", "Ctrl-U")
        driver.type("mermaid! chart.mmd 10-20")
        driver.press("Enter", "W", "Ctrl-U")
        driver.type("novel x.txt")
        driver.press("Enter")
        #expect(driver.state.prompt?.refusal?.contains("write session, mermaid or test") == true)
        let last = max(1, driver.inspector.lastSequence)
        #expect(
            driver.effects == [
                .write(.session, 1...last, path: "two-guests.session", replaces: false),
                .write(.mermaid, 10...20, path: "chart.mmd", replaces: true),
            ])
    }

    @Test(arguments: GoldenFrameTests.sizes)
    func `looks like this when a rule is broken`(_ size: (Int, Int)) throws {
        var driver = try stuck(size.0, size.1)
        driver.press("Home", "=")
        Golden.expect(driver, "session-broken-\(size.0)x\(size.1)")
    }

    @Test func `says what is missing when the wrong row is chosen, and what cannot be`() throws {
        var driver = try booted()
        driver.press("Home")
        for (key, word) in [("z", "a breakpoint"), ("C", "a choice"), ("J", "a branch"), ("=", "a branch")] {
            driver.press(key)
            #expect(driver.state.message?.text.contains(word) == true)
        }
        choose("main", &driver)
        driver.press("=")
        #expect(driver.state.message?.text.contains("the one that is shown") == true)
        driver.press("X")
        #expect(driver.state.message?.tone == .failure)
    }

    @Test func `is gone through with the mouse by its time bar and its chart`() throws {
        var driver = try booted()
        let end = try #require(driver.inspector.session?.step)
        let row = try #require(driver.lines.lastIndex { $0.contains("\u{2588}") || $0.contains("\u{25BE}") })
        driver.click(row: row, column: 10)
        let session = try #require(driver.inspector.session)
        #expect(session.step > 0 && session.step < end / 4)
        #expect(driver.inspector.lastSequence == session.place.sequence)
        driver.press("}")
        #expect(driver.inspector.session?.step == end)
    }

    @Test(arguments: GoldenFrameTests.sizes)
    func `has a chart that is scrolled by itself, and goes to the record that is chosen there`(
        _ size: (Int, Int)
    ) throws {
        var driver = try booted(size.0, size.1)
        let last = driver.inspector.lastSequence
        let newest = try #require(driver.inspector.sequenceLines(1).lines.last?.sequence)
        driver.press("w", "PageUp", "PageUp", "Up")
        let chosen = try #require(driver.state.chart.record)
        let shown = driver.inspector.sequenceLines(5, around: chosen)
        #expect(shown.lines.map(\.sequence).contains(chosen) && !shown.endsAtMoment && chosen < newest)
        // Looking is not going: the moment stays, and the way back down ends at it.
        #expect(driver.inspector.lastSequence == last)
        Golden.expect(driver, "session-chart-\(size.0)x\(size.1)")
        driver.press("End")
        #expect(driver.state.chart.record == nil && driver.state.chart.hasFocus)
        driver.press("Home", "Down")
        let early = try #require(driver.state.chart.record)
        driver.press("Enter")
        #expect(driver.inspector.lastSequence == early && driver.state.chart.record == nil)
        driver.press("Esc", "Down")
        #expect(!driver.state.chart.hasFocus && driver.inspector.lastSequence == early)
    }

    @Test func `has a chart that the mouse wheel scrolls, without moving the list`() throws {
        var driver = try booted()
        let cursor = driver.state[list: .session].index
        let row = try #require(driver.lines.lastIndex { $0.contains("Time") }) + 3
        driver.turnWheel(.wheelUp, row: row, column: 60)
        let record = try #require(driver.state.chart.record)
        #expect(driver.state[list: .session].index == cursor)
        for _ in 0..<3 { driver.turnWheel(.wheelDown, row: row, column: 60) }
        #expect(record < driver.inspector.lastSequence && driver.state.chart.record == nil)
    }

    @Test func `is nothing that a live guest has`() {
        var driver = ScreenDriver.batch(FlowBatch())
        driver.press("8")
        #expect(driver.lines.contains { $0.contains("Only a simulation") })
        driver.press("r")
        #expect(driver.state.message?.tone == .warning)
    }

    @Test(arguments: GoldenFrameTests.sizes)
    func `looks like this`(_ size: (Int, Int)) throws {
        var driver = try booted(size.0, size.1)
        driver.press("b")
        driver.type("name contains RNDIS")
        driver.press("Enter", "m", "B")
        driver.type("other")
        driver.press("Enter", "N", "N")
        Golden.expect(driver, "session-\(size.0)x\(size.1)")
    }
}
