import BusModel
import Inspector
import Testing
import VMBusWire

@testable import InspectorTUI

/// The ledger and the doctor, of guests that are well and of one that is not.
struct DoctorFrameTests {
    static let sizes = [(80, 24), (200, 50)]

    @Test func `a guest that is stuck`() {
        for (columns, rows) in Self.sizes {
            var driver = ScreenDriver.batch(StuckGuest.batch(), columns: columns, rows: rows)
            driver.inspector.diagnose()
            driver.press("5")
            Golden.expect(driver, "stuck-ledger-\(columns)x\(rows)")
            driver.press("Down", "Enter")
            Golden.expect(driver, "stuck-ledger-details-\(columns)x\(rows)")
            driver.press("6")
            Golden.expect(driver, "stuck-doctor-\(columns)x\(rows)")
            driver.press("Enter")
            Golden.expect(driver, "stuck-doctor-details-\(columns)x\(rows)")
        }
    }

    @Test func `guests that are well, simulated and live`() throws {
        for (columns, rows) in Self.sizes {
            var driver = try ScreenDriver.simulation(columns: columns, rows: rows)
            driver.advance(toMilliseconds: 150)
            driver.press("5")
            Golden.expect(driver, "ledger-\(columns)x\(rows)")
            driver.press("6")
            Golden.expect(driver, "doctor-\(columns)x\(rows)")
            driver = ScreenDriver.batch(SampleGuest.batch(), columns: columns, rows: rows)
            driver.press("5")
            Golden.expect(driver, "live-ledger-\(columns)x\(rows)")
            driver.press("6")
            Golden.expect(driver, "live-doctor-\(columns)x\(rows)")
        }
    }

    @Test(arguments: [80, 100, 200]) func `of several guests each finding names its own, whole`(columns: Int) {
        let one = StuckGuest.batch()
        var both = FlowBatch()
        for var header in one.headers where header.partition == 1 {
            for partition in UInt16(1)...2 {
                header.partition = partition
                both.append(header, from: one)
            }
        }
        for (partition, name) in [(UInt16(1), "web-1"), (2, "database")] {
            both.append(
                FlowRecordHeader(
                    kind: .state, time: one.headers.last?.time ?? 0, partition: partition,
                    code: StateCode.changed.rawValue), AttributeList([AttributeReading(.name, text: name)]).encoded())
        }
        var sequence: UInt64 = 1
        both.number(from: &sequence)
        var driver = ScreenDriver.batch(both, columns: columns)
        driver.inspector.diagnose()
        driver.press("6")
        #expect(driver.line(with: "Must act next") != nil)
        for name in ["web-1", "database"] {
            #expect(driver.lines.contains { $0.contains(" \(name) ") || $0.hasSuffix(" \(name)") }, "\(driver.text)")
        }
    }

    @Test func `the title counts the worst findings`() {
        var driver = ScreenDriver.batch(StuckGuest.batch())
        #expect(!driver.row(0).contains("critical"))
        driver.inspector.diagnose()
        #expect(driver.row(0).contains("3 critical"))
    }

    @Test func `from a request the flow opens at its record, and from a finding the rings of its channel`() throws {
        var driver = ScreenDriver.batch(StuckGuest.batch())
        driver.press("5", "Down")
        guard case .request(let id) = try #require(driver.state[list: .ledger].selected) else {
            Issue.record("no request is chosen")
            return
        }
        let record = try #require(driver.inspector.ledger.request(id)?.record)
        driver.press("4")
        #expect(driver.state[list: .flow].selected == .record(record))
        driver.press("6")
        let findings = driver.inspector.diagnosed().findings
        let place = try #require(findings.firstIndex { $0.rule == "outbound-stalled" })
        for _ in 0..<place { driver.press("Down") }
        driver.press("3")
        #expect(driver.state.rings.channel.map { FindingSubject.channel($0) } == findings[place].subject)
    }
}
