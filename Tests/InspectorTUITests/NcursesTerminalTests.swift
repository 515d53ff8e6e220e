import Glibc
import Platform
import Testing

@testable import InspectorTUI

/// One after the other, as ncurses has one screen per process.
@Suite(.serialized) struct NcursesTerminalTests {
    /// A pseudo-terminal of 40 columns and 5 rows; `use` gets the terminal and a way to take what it wrote.
    private func withTerminal(
        _ name: String = "xterm-256color", depth: ColorDepth? = nil, forceASCII: Bool = false,
        _ use: (NcursesTerminal, () -> String, (String) -> Void) throws -> Void
    ) throws {
        var main: Int32 = 0
        var terminal: Int32 = 0
        var size = winsize(ws_row: 5, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0)
        try #require(openpty(&main, &terminal, nil, nil, &size) == 0)
        defer {
            close(main)
            close(terminal)
        }
        func take() -> String { output(of: terminal, on: main) }
        var options = NcursesTerminal.Options(environment: ["TERM": name])
        options.input = terminal
        options.output = terminal
        options.depth = depth
        options.forceASCII = forceASCII
        let screen = try NcursesTerminal(options)
        defer { screen.close() }
        try use(screen, take) { text in try? DescriptorAccess.write(main, Array(text.utf8)) }
    }

    /// All that was written to a pseudo-terminal so far. It comes through the kernel a little later, so a mark is written
    /// after it and waited for.
    private func output(of terminal: Int32, on main: Int32) -> String {
        let mark = "\u{1}mark\u{1}"
        try? DescriptorAccess.write(terminal, Array(mark.utf8))
        var text = ""
        var waiting = pollfd(fd: main, events: Int16(POLLIN), revents: 0)
        while !text.hasSuffix(mark), poll(&waiting, 1, 10_000) > 0,
            let more = try? DescriptorAccess.read(main, atMost: 65_536), !more.isEmpty
        {
            text += String(decoding: more, as: UTF8.self)
        }
        return String(text.dropLast(mark.count))
    }

    /// The next `count` inputs, as soon as they are there.
    private func inputs(_ count: Int, from screen: NcursesTerminal) -> [TerminalInput] {
        var inputs: [TerminalInput] = []
        var waiting = pollfd(fd: screen.options.input, events: Int16(POLLIN), revents: 0)
        while inputs.count < count, poll(&waiting, 1, 10_000) > 0 { inputs += screen.readInputs() }
        return inputs
    }

    private func theme(_ depth: ColorDepth) throws -> ResolvedTheme {
        ResolvedTheme(theme: try ThemeLibrary().theme(named: "dark").theme, depth: depth)
    }

    @Test func `shows the grid, and an equal grid costs no byte`() throws {
        try withTerminal { screen, take, _ in
            #expect(screen.size == Size(columns: 40, rows: 5))
            #expect(screen.depth == .palette256)
            let theme = try theme(screen.depth)
            var grid = CellGrid(screen.size)
            grid.write("partition \u{1B}[31m", at: Position(row: 1, column: 2), role: .statusError, in: grid.bounds)
            screen.draw(grid, theme: theme)
            let first = take()
            #expect(first.contains("partition"))
            #expect(!first.contains("\u{1B}[31m"))
            screen.draw(grid, theme: theme)
            #expect(take() == "")
            grid.write("P", at: Position(row: 1, column: 2), role: .statusError, in: grid.bounds)
            screen.draw(grid, theme: theme)
            #expect((1..<60).contains(take().utf8.count))
        }
    }

    @Test func `leaves the terminal as it was`() throws {
        var main: Int32 = 0
        var terminal: Int32 = 0
        try #require(openpty(&main, &terminal, nil, nil, nil) == 0)
        defer {
            close(main)
            close(terminal)
        }
        var before = termios()
        var after = termios()
        tcgetattr(terminal, &before)
        var options = NcursesTerminal.Options(environment: ["TERM": "xterm-256color"])
        options.input = terminal
        options.output = terminal
        let screen = try NcursesTerminal(options)
        screen.suspend()
        tcgetattr(terminal, &after)
        #expect(after.c_lflag == before.c_lflag && after.c_iflag == before.c_iflag)
        screen.resume()
        tcgetattr(terminal, &after)
        #expect(after.c_lflag != before.c_lflag)
        screen.close()
        screen.close()
        tcgetattr(terminal, &after)
        #expect(after.c_lflag == before.c_lflag && after.c_iflag == before.c_iflag && after.c_oflag == before.c_oflag)
        let text = output(of: terminal, on: main)
        for (on, off) in [
            ("\u{1B}[?1049h", "\u{1B}[?1049l"), ("\u{1B}[?2004h", "\u{1B}[?2004l"), ("\u{1B}[?25l", "25h"),
        ] {
            #expect(text.contains(on))
            let last = try #require(text.ranges(of: off).last)
            #expect(try #require(text.ranges(of: on).last).lowerBound < last.lowerBound)
        }
    }

    @Test func `reads keys, the mouse and pasted text`() throws {
        try withTerminal { screen, take, type in
            screen.draw(CellGrid(screen.size), theme: try theme(screen.depth))
            _ = take()
            type("aé\u{1B}OA\u{1B}[15~\u{1B}[1;5C\u{1B}[3;2~\u{1B}[Z")
            let keys = inputs(7, from: screen)
            let expected: [Key] = [
                .character("a"), .character("é"), Key(.up), Key(.function(5)), Key(.right, .control),
                Key(.delete, .shift), Key(.tab, .shift),
            ]
            #expect(keys == expected.map { .key($0) })
            type("\u{1B}[<0;12;3M\u{1B}[<65;1;1M")
            #expect(
                inputs(2, from: screen) == [
                    .mouse(MouseEvent(action: .press(.left), position: Position(row: 2, column: 11))),
                    .mouse(MouseEvent(action: .wheelDown, position: Position(row: 0, column: 0))),
                ])
            type("\u{1B}[200~q\u{1B}[201~")
            #expect(inputs(1, from: screen) == [.paste("q")])
            type("\u{1B}")
            #expect(inputs(1, from: screen) == [.key(Key(.escape))])
        }
    }

    @Test func `follows the size of the window`() throws {
        try withTerminal { screen, take, _ in
            var size = winsize(ws_row: 9, ws_col: 70, ws_xpixel: 0, ws_ypixel: 0)
            #expect(ioctl(screen.options.output, UInt(TIOCSWINSZ), &size) == 0)
            screen.resize()
            #expect(screen.size == Size(columns: 70, rows: 9))
            var grid = CellGrid(screen.size)
            grid.write("far", at: Position(row: 8, column: 60), role: .text, in: grid.bounds)
            screen.draw(grid, theme: try theme(screen.depth))
            #expect(take().contains("far"))
            #expect(screen.readInputs().isEmpty)
        }
    }

    @Test func `writes nothing but ASCII where that is asked for`() throws {
        try withTerminal("vt100", forceASCII: true) { screen, take, _ in
            #expect(screen.depth == .mono)
            var grid = CellGrid(screen.size)
            grid.write("日本─│e\u{301}…", at: Position(row: 0, column: 0), role: .statusError, in: grid.bounds)
            screen.draw(grid, theme: try theme(screen.depth))
            let text = take()
            #expect(text.utf8.allSatisfy { $0 < 0x80 })
            #expect(text.contains("? ? -|e?"))
            #expect(!text.contains("[38;5"))
        }
    }

    @Test func `says why there is no screen`() throws {
        #expect(throws: TerminalError.notATerminal) {
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            defer { for end in ends { close(end) } }
            var options = NcursesTerminal.Options(environment: ["TERM": "xterm"])
            options.input = ends[0]
            options.output = ends[1]
            _ = try NcursesTerminal(options)
        }
        #expect(throws: TerminalError.unknownTerminal(name: "no-such-terminal")) {
            try withTerminal("no-such-terminal") { _, _, _ in }
        }
    }
}
