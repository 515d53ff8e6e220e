import BusModel
import Inspector
import Testing
import VMBusWire

@testable import InspectorTUI

/// The view of processors: the map, what it says, and what a move would change.
struct ProcessorFrameTests {
    private func driver(_ columns: Int, _ rows: Int, hasEvidence: Bool = true) -> ScreenDriver {
        var driver = ScreenDriver.batch(SampleProcessors.batch(hasEvidence: hasEvidence), columns: columns, rows: rows)
        driver.press("7")
        return driver
    }

    @Test func `processors and channels at three sizes`() {
        for (columns, rows) in GoldenFrameTests.sizes {
            var driver = driver(columns, rows)
            Golden.expect(driver, "cpus-\(columns)x\(rows)")
            driver.press("v")
            Golden.expect(driver, "cpus-columns-\(columns)x\(rows)")
        }
    }

    @Test func `what a move would change`() throws {
        for (columns, rows) in [(80, 24), (200, 50)] {
            var driver = driver(columns, rows)
            driver.press("x", "Up")
            Golden.expect(driver, "cpus-what-if-\(columns)x\(rows)")
            #expect(driver.state.cpus.target != nil)
            #expect(driver.text.contains("Nothing is written"))
            driver.press("Esc")
            #expect(driver.state.cpus.target == nil)
            #expect(driver.effects.isEmpty)
        }
    }

    @Test func `what is worth knowing of a move is told whole on a narrow screen`() {
        var driver = ScreenDriver.batch(SampleProcessors.batch(), columns: 60, rows: 24)
        var batch = FlowBatch()
        batch.append(
            FlowRecordHeader(kind: .state, time: 9_000_000_000, partition: 1, code: StateCode.changed.rawValue),
            AttributeList([AttributeReading(.protocolVersion, reading: .unavailable)]).encoded())
        driver.inspector.ingest(batch)
        driver.press("7", "x", "Up")
        #expect(driver.line(with: "which protocol was negotiated is not known here;") != nil)
        #expect(driver.line(with: "           it must be 4.1 or newer") != nil)
    }

    @Test func `processors are ordered by a key and by a click on a title`() throws {
        var driver = driver(120, 40)
        driver.press("s")
        #expect(driver.line(with: "Ordered by CPU, largest first.") != nil)
        let first = try #require(driver.lines.first { $0.contains("offline") })
        #expect(first.contains("  7 "))
        let head = driver.lines.firstIndex { $0.contains("Int/s") } ?? 0
        driver.click(row: head, column: ScreenDriver.column(of: "Int/s", in: driver.lines[head]) ?? 0)
        #expect(driver.line(with: "Ordered by Int/s, largest first.") != nil)
        let busiest = driver.inspector.processorMap.processors.map(\.rate)
        #expect(busiest == busiest.sorted(by: >))
        driver.press("S")
        #expect(driver.line(with: "Ordered by Int/s, smallest first.") != nil)
    }

    @Test func `a target that the kernel would refuse says so`() {
        var driver = driver(120, 40)
        driver.press("x", "End")
        #expect(driver.line(with: "CPU 7 is offline (EINVAL)") != nil)
        driver.press("Up", "Up")
        #expect(driver.line(with: "CPU 5 is isolated (EINVAL)") != nil)
    }

    @Test func `without Unicode loads are digits`() {
        var driver = driver(80, 24)
        driver.glyphs = .ascii
        Golden.expect(driver, "cpus-ascii-80x24")
        #expect(driver.text.unicodeScalars.allSatisfy { $0.isASCII })
        Golden.expect(driver, "cpus-roles-80x24", roles: true)
    }

    @Test func `without evidence there are processors still`() {
        Golden.expect(driver(80, 24, hasEvidence: false), "cpus-plain-80x24")
        Golden.expect(driver(40, 10), "cpus-40x10")
        Golden.expect(driver(20, 5), "cpus-20x5")
        Golden.expect(driver(12, 2), "cpus-12x2")
    }

    @Test func `the details say what a processor serves`() {
        var driver = driver(120, 40)
        driver.press("Down", "Down", "Enter")
        Golden.expect(driver, "cpus-details-120x40")
    }

    @Test func `keys choose channels, and every one can be reached`() throws {
        var driver = ScreenDriver.batch(
            SampleProcessors.batch(processors: 16, nics: 7, spread: 16, disks: 3), columns: 80, rows: 24)
        driver.press("7")
        for _ in 0..<12 { driver.press("Right") }
        #expect(driver.state.cpus.channel?.device == SampleGuest.device(10))
        #expect(driver.line(with: "sdc") != nil)
        for _ in 0..<12 { driver.press("Left") }
        #expect(driver.state.cpus.channel?.device == SampleGuest.device(1))
        driver.press("]", "]")
        #expect(driver.state.cpus.channel?.subchannel == 2)
        driver.press("v")
        for _ in 0..<15 { driver.press("Right") }
        #expect(driver.state.cpus.channel?.device == SampleGuest.device(2))
        driver.press("3")
        #expect(driver.state.rings.channel?.device == SampleGuest.device(2))
    }

    @Test func `the largest guest has a map that scrolls both ways`() {
        var driver = ScreenDriver.batch(
            SampleProcessors.batch(processors: 416, nics: 31, spread: 64, disks: 4), columns: 80, rows: 24)
        driver.press("7", "End")
        Golden.expect(driver, "cpus-largest-80x24")
        driver.press("v", "[")
        #expect(driver.state.cpus.channel?.subchannel == 62)
    }

    @Test func `a column of the map can be clicked`() {
        var driver = driver(120, 40)
        let head = driver.lines.firstIndex { $0.contains("sda") } ?? 0
        let column = ScreenDriver.column(of: "sda", in: driver.lines[head]) ?? 0
        driver.click(row: head, column: column)
        #expect(driver.state.cpus.channel?.device == SampleGuest.device(3))
    }
}
