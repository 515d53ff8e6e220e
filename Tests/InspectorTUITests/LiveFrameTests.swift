import BusModel
import Inspector
import Testing
import VMBusWire

@testable import InspectorTUI

/// A live guest, of which Linux tells only a part.
struct LiveFrameTests {
    @Test func `the views of a live guest`() {
        for (columns, rows) in [(80, 24), (120, 40)] {
            var driver = ScreenDriver.batch(SampleGuest.batch(), columns: columns, rows: rows)
            for (key, name) in [("1", "partitions"), ("2", "channels"), ("3", "rings"), ("4", "flow")] {
                driver.press(key)
                Golden.expect(driver, "live-\(name)-\(columns)x\(rows)")
            }
            driver.press("2", "Down", "Enter", "w", "Down", "Down", "Down", "Down", "Down", "Down")
            Golden.expect(driver, "live-channel-details-\(columns)x\(rows)")
        }
    }

    @Test func `what a source cannot do is refused in words`() throws {
        var driver = ScreenDriver.batch(SampleGuest.batch())
        driver.press("n")
        #expect(driver.line(with: "Step: not here (this source cannot be stepped)") != nil)
        #expect(driver.effects.isEmpty)
        #expect(driver.row(23).contains("F6") == false)
        driver.press(">")
        #expect(driver.effects == [.lookFaster])
    }

    @Test func `a picture that is held still says so and counts what is new`() {
        var driver = ScreenDriver.batch(SampleGuest.batch(samples: 3))
        #expect(driver.row(0).hasSuffix(" RUNNING"))
        driver.press("Space", "2")
        let before = driver.lines
        driver.inspector.ingest(SampleGuest.batch(samples: 6))
        #expect(driver.row(0).contains("+21 new") && driver.row(0).hasSuffix(" PAUSED"))
        #expect(Array(driver.lines.dropFirst()) == Array(before.dropFirst()))
        driver.press("Space")
        #expect(driver.row(0).hasSuffix(" RUNNING"))
    }

    @Test func `what a live source calls itself reaches no terminal as it is`() throws {
        let hostile = "\u{1B}[31mred\u{1B}]0;title\u{7}\u{202E}esrever\u{200B}\u{9B}2J日本語テスト"
        for rows in [10, 24] {
            var driver = ScreenDriver.batch(
                SampleGuest.batch(interface: hostile, driver: hostile), columns: 120, rows: rows, title: hostile)
            for keys in ["1", "2", "3", "4"] {
                driver.press(keys, "Enter")
                driver.press("/")
                driver.type("a")
                driver.paste(hostile + "\n\r")
                check(driver)
                driver.press("Esc", ":")
                driver.paste(hostile)
                check(driver)
                driver.press("Esc", "w")
                check(driver)
            }
        }
    }

    @Test func `tracing is asked about once and shown in the title`() {
        var driver = ScreenDriver.batch(SampleGuest.batch())
        driver.press("T")
        #expect(driver.line(with: "patches the kernel's text on all CPUs") != nil)
        driver.type("no")
        driver.press("Enter")
        #expect(driver.effects.isEmpty)
        #expect(driver.line(with: "Nothing was switched on.") != nil)
        driver.press("T", "Esc")
        #expect(driver.effects.isEmpty)
        driver.press("T")
        driver.type("yes")
        driver.press("Enter")
        #expect(driver.effects == [.trace(true)])
        #expect(!driver.row(0).contains("TRACING"))
        driver.inspector.ingest(tracing(1))
        #expect(driver.row(0).contains("TRACING"))
        driver.press("T")
        #expect(driver.effects == [.trace(true), .trace(false)])
        driver.inspector.ingest(tracing(0))
        #expect(!driver.row(0).contains("TRACING"))
        driver.press("T")
        #expect(driver.effects == [.trace(true), .trace(false), .trace(true)])
    }

    @Test func `rings in which nothing ever waited say so in words`() {
        var driver = ScreenDriver.batch(SampleGuest.batch(samples: 1))
        for second in UInt64(2)...5 {
            var batch = FlowBatch()
            batch.append(
                FlowRecordHeader(
                    kind: .sample, time: second * 1_000_000_000, partition: 1, device: SampleGuest.device(1), relid: 14),
                AttributeList([
                    AttributeReading(.interrupts, 1000 + second), AttributeReading(.inUsed, 0),
                    AttributeReading(.outUsed, 0),
                ]).encoded())
            driver.inspector.ingest(batch)
        }
        driver.press("3")
        #expect(driver.line(with: "fill over time nothing waited at") != nil, "\(driver.text)")
    }

    @Test func `tracing that cannot be had is not asked about`() {
        var driver = ScreenDriver.batch(SampleGuest.batch())
        driver.inspector.ingest(told(AttributeReading(.tracingObstacle, text: "a copied tree has no kernel")))
        driver.press("T")
        #expect(driver.line(with: "No tracing: a copied tree has no kernel.") != nil)
        #expect(driver.state.prompt == nil && driver.effects.isEmpty)
        driver.inspector.ingest(told(AttributeReading(.tracingObstacle, text: "")))
        driver.press("T")
        #expect(driver.state.prompt != nil)
    }

    private func tracing(_ isOn: UInt64) -> FlowBatch { told(AttributeReading(.tracing, isOn)) }

    private func told(_ reading: AttributeReading) -> FlowBatch {
        var batch = FlowBatch()
        let header = FlowRecordHeader(
            kind: .state, time: 9_000_000_000, partition: 1, code: StateCode.changed.rawValue)
        batch.append(header, AttributeList([reading]).encoded())
        return batch
    }

    private func check(_ driver: ScreenDriver) {
        let grid = driver.grid
        for row in 0..<grid.size.rows {
            #expect(grid.row(row).reduce(0) { $0 + Int($1.width) } == grid.size.columns)
            for cell in grid.row(row) where cell.width > 0 {
                let scalar = Unicode.Scalar(cell.scalar)
                #expect(scalar.map { DisplayText.safe($0) == $0.value } == true)
            }
        }
    }
}
