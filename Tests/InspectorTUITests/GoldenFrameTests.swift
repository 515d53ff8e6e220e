import Inspector
import Testing

@testable import InspectorTUI

/// Whole screens as text, of a simulation that is the same on every machine.
struct GoldenFrameTests {
    static let sizes = [(80, 24), (120, 40), (200, 50)]

    /// Two guests have booted and ping each other.
    private func booted(_ columns: Int, _ rows: Int) throws -> ScreenDriver {
        var driver = try ScreenDriver.simulation(columns: columns, rows: rows)
        driver.advance(toMilliseconds: 150)
        return driver
    }

    @Test func `the four views at three sizes`() throws {
        for (columns, rows) in Self.sizes {
            var driver = try booted(columns, rows)
            for (key, name) in [("1", "partitions"), ("2", "channels"), ("3", "rings"), ("4", "flow")] {
                driver.press(key)
                Golden.expect(driver, "\(name)-\(columns)x\(rows)")
            }
        }
    }

    @Test func `details beside every view`() throws {
        for (columns, rows) in Self.sizes {
            var driver = try booted(columns, rows)
            driver.press("1", "Down", "Enter")
            Golden.expect(driver, "partition-details-\(columns)x\(rows)")
            driver.press("2", "Down", "Down")
            Golden.expect(driver, "channel-details-\(columns)x\(rows)")
            driver.press("4", "/")
            driver.type("name contains RNDIS")
            driver.press("Enter", "Home", "w", "Down", "Down", "Down")
            Golden.expect(driver, "record-details-\(columns)x\(rows)")
        }
    }

    @Test func `a ring with packets in it, round its end, and a sender that waits`() throws {
        for (columns, rows) in Self.sizes {
            var driver = try booted(columns, rows)
            driver.press("3")
            let channel = try #require(driver.state.rings.channel)
            driver.source = nil
            driver.state.rings.images = RingImages(
                channel: channel,
                inbound: SampleRing.image(size: 16_384, read: 14_336, packets: [512, 1_024, 88, 2_048, 256, 3_000]),
                outbound: SampleRing.image(
                    size: 16_384, read: 4_096, packets: Array(repeating: 1_000, count: 15), pending: 4_096, masked: true
                ))
            driver.press("Down", "Down", "Down")
            Golden.expect(driver, "ring-with-packets-\(columns)x\(rows)")
            driver.press("Right")
            Golden.expect(driver, "ring-full-\(columns)x\(rows)")
        }
    }

    @Test func `prompts and popups`() throws {
        var driver = try booted(80, 24)
        driver.press("4", "/")
        driver.type("relid == 3 and na")
        Golden.expect(driver, "filter-typing-80x24")
        driver.type("mm == 3")
        Golden.expect(driver, "filter-wrong-80x24")
        driver.press("Ctrl-U")
        driver.type("kind == message")
        driver.press("Enter")
        Golden.expect(driver, "filter-applied-80x24")
        driver.press("?")
        Golden.expect(driver, "help-80x24")
        driver.press("End")
        Golden.expect(driver, "help-end-80x24")
        driver.press("Esc", ":")
        driver.type("st")
        Golden.expect(driver, "palette-80x24")
    }

    @Test func `without Unicode and without colours`() throws {
        var driver = try booted(80, 24)
        driver.glyphs = .ascii
        for (key, name) in [("1", "partitions"), ("2", "channels"), ("3", "rings"), ("4", "flow")] {
            driver.press(key)
            Golden.expect(driver, "\(name)-ascii-80x24")
            #expect(driver.text.unicodeScalars.allSatisfy { $0.isASCII })
        }
        driver.press("Enter", "w")
        Golden.expect(driver, "record-ascii-80x24")
        // What the eye sees without colours is what has a role: the meaning of every cell.
        driver.press("Esc", "Esc", "2")
        Golden.expect(driver, "channels-roles-80x24", roles: true)
    }

    @Test func `small and tiny windows`() throws {
        for (columns, rows) in [(40, 10), (20, 5), (12, 2)] {
            var driver = try booted(columns, rows)
            for (key, name) in [("1", "partitions"), ("2", "channels"), ("3", "rings"), ("4", "flow")] {
                driver.press(key)
                Golden.expect(driver, "\(name)-\(columns)x\(rows)")
            }
        }
        var driver = try booted(8, 1)
        #expect(driver.row(0) == "too smal")
        driver.press("4", "Enter", "?", "Esc", ":", "Esc", "/", "Esc", "q")
        #expect(driver.effects == [.quit])
    }

    @Test func `before anything has happened`() throws {
        var driver = try ScreenDriver.simulation()
        for (key, name) in [("1", "partitions"), ("2", "channels"), ("3", "rings"), ("4", "flow")] {
            driver.press(key)
            Golden.expect(driver, "\(name)-empty-80x24")
        }
    }
}
