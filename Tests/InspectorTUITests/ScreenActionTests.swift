import BusModel
import Inspector
import Testing

@testable import InspectorTUI

/// What keys and clicks do, seen on the screen.
struct ScreenActionTests {
    private func booted(_ columns: Int = 80, _ rows: Int = 24) throws -> ScreenDriver {
        var driver = try ScreenDriver.simulation(columns: columns, rows: rows)
        driver.advance(toMilliseconds: 40)
        return driver
    }

    @Test func `views by number, by name and by tab`() throws {
        var driver = try booted()
        for (key, view) in [("2", InspectorView.channels), ("4", .flow), ("3", .rings), ("1", .partitions)] {
            driver.press(key)
            #expect(driver.state.view == view)
        }
        driver.press("Tab")
        #expect(driver.state.view == .channels)
        driver.press("Shift-Tab", "Shift-Tab")
        #expect(driver.state.view == InspectorView.allCases.last)
        driver.click("3 Rings")
        #expect(driver.state.view == .rings)
        driver.press(":")
        driver.type("partitions")
        driver.press("Enter")
        #expect(driver.state.view == .partitions)
    }

    @Test func `the cursor stays on its row when the order changes`() throws {
        var driver = try booted()
        driver.press("2", "Down")
        let line = try #require(driver.cursorLine)
        #expect(line.contains("Network adapter"))
        let selected = driver.state[list: .channels].selected
        for _ in 0..<12 {
            driver.press("s")
            #expect(driver.state[list: .channels].selected == selected)
            driver.press("S")
            #expect(driver.state[list: .channels].selected == selected)
        }
        driver.click("Relid")
        #expect(driver.inspector.channelSort.column == "relid")
        #expect(driver.state[list: .channels].selected == selected)
    }

    @Test func `branches close and open`() throws {
        var driver = try booted()
        driver.press("2", "Down")
        let open = driver.lines.count { $0.contains("sub-channel") }
        #expect(open == 6)
        driver.press("Left")
        #expect(driver.lines.count { $0.contains("sub-channel") } == 3)
        driver.press("Right", "Down", "Down", "Left")
        #expect(driver.cursorLine?.contains("Network adapter") == true)
        driver.click("▾")
        #expect(driver.lines.count { $0.contains("sub-channel") } == 3)
    }

    @Test func `a filter shows what fits as it is typed, and Esc brings back what was`() throws {
        var driver = try booted()
        driver.press("4", "/")
        driver.type("kind == message")
        #expect(driver.inspector.flowFilter.isActive)
        let shown = driver.inspector.flowRowCount
        #expect(shown > 20 && shown < driver.inspector.history.count)
        driver.press("Enter")
        #expect(driver.state.prompt == nil)
        #expect(driver.line(with: "The filter hides") != nil)
        driver.press("/")
        driver.type(" and (")
        #expect(driver.inspector.flowRowCount == shown)
        driver.press("Enter")
        #expect(driver.state.prompt != nil, "a filter that is not whole cannot be applied")
        driver.press("Esc")
        #expect(driver.inspector.filterText(.flow) == "kind == message")
        driver.press("c")
        #expect(driver.inspector.flowRowCount == driver.inspector.history.count)
    }

    @Test func `Tab completes a filter`() throws {
        var driver = try booted()
        driver.press("2", "/")
        driver.type("rel")
        driver.press("Tab")
        #expect(driver.state.prompt?.line.text == "relid ")
        driver.type("== 3")
        driver.press("Enter")
        #expect(driver.inspector.filterText(.channels) == "relid == 3")
        #expect(driver.lines.count { $0.contains("sub-channel 1") } == 2)
    }

    @Test func `fields and bytes show each other`() throws {
        var driver = try booted(120, 40)
        driver.press("4", "Home", "Down", "Down", "Down", "Down", "Enter")
        #expect(driver.state.details.isOpen && driver.state.details.focus == .list)
        driver.press("w")
        #expect(driver.state.details.focus == .fields)
        let (fields, count) = try #require(driver.state.recordFields(driver.inspector))
        #expect(fields.lines.count > 3)
        for index in fields.lines.indices.dropLast() {
            #expect(driver.state.details.line == index)
            #expect(driver.state.details.byte == min(fields.lines[index].range.lowerBound, count - 1))
            driver.press("Down")
        }
        driver.press("w")
        #expect(driver.state.details.focus == .bytes)
        driver.press("Home")
        for byte in 0..<count {
            #expect(driver.state.details.byte == byte)
            #expect(fields.lines[driver.state.details.line].range.contains(byte))
            driver.press("Right")
        }
        driver.press("Esc")
        #expect(driver.state.details.focus == .list && driver.state.details.isOpen)
        driver.press("Esc")
        #expect(!driver.state.details.isOpen)
    }

    @Test func `steps go forward and back to the same screen`() throws {
        var driver = try ScreenDriver.simulation()
        driver.press("4")
        for _ in 0..<60 { driver.press("n") }
        let (before, sequence) = (driver.lines, driver.inspector.lastSequence)
        driver.press("m")
        #expect(driver.inspector.history.count > 60)
        #expect(driver.cursorLine?.contains("VMBUS.") == true)
        driver.press("N")
        let packets = driver.inspector.history
        #expect(packets[packets.count - 1]?.header.kind == .packet || driver.text.contains("RNDIS"))
        for _ in 0..<200 where driver.inspector.lastSequence > sequence - 20 { driver.press("p") }
        #expect(driver.inspector.lastSequence <= sequence - 20)
        for _ in 0..<200 where driver.inspector.lastSequence < sequence { driver.press("n") }
        #expect(driver.lines == before)
    }

    @Test func `stepping back ends at the beginning`() throws {
        var driver = try ScreenDriver.simulation()
        driver.press("4", "n", "n", "p")
        for _ in 0..<20 { driver.press("p") }
        #expect(driver.inspector.lastSequence == 0)
        #expect(driver.line(with: "This is the beginning.") != nil)
        driver.press("P")
        #expect(driver.line(with: "This is the beginning.") != nil)
    }

    @Test func `following ends when the cursor goes up and begins again at the end`() throws {
        var driver = try booted()
        driver.press("4")
        #expect(driver.row(22).contains("FOLLOW"))
        driver.press("Up")
        #expect(!driver.row(22).contains("FOLLOW"))
        let line = driver.cursorLine
        driver.advance(steps: 50)
        #expect(driver.cursorLine == line)
        driver.press("G")
        driver.advance(steps: 50)
        #expect(driver.cursorLine?.contains("\(driver.inspector.lastSequence) ") == true)
        driver.turnWheel(.wheelUp, row: 6)
        #expect(!driver.state.isFollowing)
        driver.press("Ctrl-G")
        driver.type("12")
        driver.press("Enter")
        #expect(driver.state[list: .flow].selected == .record(12))
    }

    @Test func `every action of the table does something or says why not, in every view`() throws {
        let start = try booted()
        for view in InspectorView.allCases {
            for action in ActionTable.all {
                var driver = start
                driver.press(String(view.rawValue))
                let before = (driver.text, driver.effects)
                if let key = action.keys.first, action.views.contains(view) {
                    driver.press(key)
                } else {
                    driver.press(":")
                    driver.type(action.id.rawValue)
                    driver.press("Enter")
                }
                let isNothing = driver.text == before.0 && driver.effects == before.1
                // Some moves have nowhere to go from where they begin.
                let mayStand: Set<ActionID> = [
                    .up, .top, .left, .back, .pageUp, .viewPartitions, .viewChannels, .viewRings, .viewFlow,
                    .viewLedger, .viewDoctor, .viewCPUs, .viewSession, .down,
                    .bottom,
                    .pageDown, .right, .expand, .collapse, .copy,
                ]
                #expect(!isNothing || mayStand.contains(action.id), "\(action.id.rawValue) in \(view.title)")
            }
        }
    }

    @Test func `every key of the action table can be pressed`() {
        for action in ActionTable.all {
            for name in action.keys {
                #expect(ScreenDriver.key(name).actionName == name)
                for view in action.views {
                    #expect(ActionTable.lookup(key: name, view: view)?.id == action.id, "\(name) in \(view.title)")
                }
            }
        }
    }

    @Test func `the bar of keys can be clicked and fits into 80 columns`() throws {
        var driver = try booted()
        for view in ["1", "2", "3", "4"] {
            driver.press(view)
            #expect(driver.row(23).contains("F10Quit"))
        }
        driver.click("F1Help")
        #expect(driver.line(with: "Keys of Flow") != nil)
        driver.click(row: 23, column: 1)
        #expect(driver.state.popup == nil)
        driver.click("F10Quit")
        #expect(driver.effects == [.quit])
    }

    @Test func `the help scrolls from its end back at once`() throws {
        var driver = try booted()
        driver.press("?", "End")
        let end = driver.text
        driver.press("Down", "PageDown")
        #expect(driver.text == end)
        driver.press("Up")
        #expect(driver.text != end)
        driver.press("x")
        #expect(driver.state.popup == nil)
    }

    @Test func `themes go round and ASCII goes on and off`() throws {
        var driver = try booted()
        var seen: [String] = []
        for _ in 0..<4 {
            driver.press("t")
            seen.append(driver.state.theme)
        }
        #expect(seen == ["light", "high-contrast", "mono", "dark"])
        driver.press("2", "a")
        #expect(driver.text.unicodeScalars.allSatisfy { $0.isASCII })
        driver.press("a")
        #expect(!driver.text.unicodeScalars.allSatisfy { $0.isASCII })
    }

    @Test func `seeded keys and clicks break nothing at any size`() throws {
        let start = try booted()
        var random: UInt64 = 11
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        let names = ActionTable.all.flatMap(\.keys).filter { $0 != "q" && $0 != "F10" && $0 != "m" && $0 != "F7" }
        for _ in 0..<6 {
            var driver = start
            for _ in 0..<60 {
                switch next(8) {
                case 0: driver.resize(next(220), next(60))
                case 1: driver.click(row: next(50), column: next(200))
                case 2: driver.turnWheel(next(2) == 0 ? .wheelUp : .wheelDown, row: next(50), column: next(200))
                case 3: driver.type(["relid", "=", "3", " ", "(", "é"][next(6)])
                default: driver.press(names[next(names.count)])
                }
                let grid = driver.grid
                #expect(grid.size == driver.size)
            }
        }
    }
}
