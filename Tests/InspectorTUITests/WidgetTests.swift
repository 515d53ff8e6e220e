import Testing

@testable import InspectorTUI

/// What a widget draws in a grid of its own size, and a legend of the meanings where wanted.
func drawn(_ columns: Int, _ rows: Int, _ draw: (inout CellGrid, Rectangle) -> Void) -> String {
    var grid = CellGrid(Size(columns: columns, rows: rows))
    draw(&grid, grid.bounds)
    return TextSnapshot.text(of: grid)
}

struct WidgetTests {
    private let table = TableWidget(
        columns: [
            .init(title: "Device", width: .flexible(minimum: 8), sort: .ascending),
            .init(title: "Id", width: .fixed(3), alignment: .right),
            .init(title: "Driver", width: .fixed(9), priority: 2),
            .init(title: "Rate", width: .fixed(6), alignment: .right, priority: 1),
        ], rowCount: 5, selected: 2, offset: 1
    ) { row in
        [
            [Span(row == 3 ? "a very long network adapter" : "netvsc \(row)")], [Span("\(row)")], [Span("hv_netvsc")],
            [Span("1.5", .statusOk), Span(" M", .textDim)],
        ]
    }

    @Test func `a table shows a header, its rows and where it is scrolled to`() {
        #expect(
            drawn(40, 4) { table.draw(on: &$0, in: $1, glyphs: .unicode) } == """
                Device↑             Id Driver      Rate
                netvsc 1             1 hv_netvsc  1.5 M│
                netvsc 2             2 hv_netvsc  1.5 M█
                a very long netwo…   3 hv_netvsc  1.5 M│

                """)
    }

    @Test func `a narrow table drops its least important columns`() {
        #expect(
            drawn(22, 4) { table.draw(on: &$0, in: $1, glyphs: .ascii) } == """
                Device^     Id   Rate
                netvsc 1     1  1.5 M|
                netvsc 2     2  1.5 M#
                a very lo~   3  1.5 M|

                """)
        #expect(drawn(7, 2) { table.draw(on: &$0, in: $1, glyphs: .ascii) } == "Devic~\nnetvs~#\n")
        for columns in 0..<30 {
            for rows in 0..<4 { _ = drawn(columns, rows) { table.draw(on: &$0, in: $1, glyphs: .ascii) } }
        }
    }

    @Test func `the cursor's row keeps its meanings`() {
        var grid = CellGrid(Size(columns: 24, rows: 3))
        table.draw(on: &grid, in: grid.bounds, glyphs: .unicode)
        #expect(
            TextSnapshot.roles(of: grid) == """
                aaaaaaabbbbbbbbbbbbbbbbb
                ..................cccdde
                ffffffffffffffffffggghhi
                a table.sort
                b table.header
                c status.ok
                d text.dim
                e scrollbar.thumb
                f text on cursor
                g status.ok on cursor
                h text.dim on cursor
                i scrollbar

                """)
    }

    @Test func `clicks find rows and titles`() {
        let area = Rectangle(row: 2, column: 3, rows: 4, columns: 40)
        #expect(table.row(at: Position(row: 3, column: 5), in: area) == 1)
        #expect(table.row(at: Position(row: 2, column: 5), in: area) == nil)
        #expect(table.row(at: Position(row: 3, column: 50), in: area) == nil)
        #expect(table.title(at: Position(row: 2, column: 3), in: area) == 0)
        #expect(table.title(at: Position(row: 2, column: 41), in: area) == 3)
    }

    @Test func `scrolling follows the cursor`() {
        let cases: [(Int?, Int, Int, Int, Int)] = [
            (0, 5, 10, 100, 0), (14, 5, 10, 100, 5), (15, 5, 10, 100, 6), (99, 0, 10, 100, 90), (nil, 95, 10, 100, 90),
            (3, 9, 10, 5, 0), (0, 0, 0, 0, 0),
        ]
        for (selected, offset, visible, rows, expected) in cases {
            #expect(TableWidget.offset(showing: selected, from: offset, visible: visible, of: rows) == expected)
        }
    }

    @Test func `a box has a title and leaves room inside`() {
        #expect(
            drawn(12, 3) { grid, area in
                let inner = BoxWidget(title: "Details").draw(on: &grid, in: area, glyphs: .unicode)
                grid.write("inside it all", at: Position(row: inner.row, column: inner.column), role: .text, in: inner)
            } == "┌ Details ─┐\n│inside it │\n└──────────┘\n")
        #expect(drawn(1, 1) { BoxWidget().draw(on: &$0, in: $1, glyphs: .unicode) } == "\n")
    }

    @Test func `tabs shrink to their keys`() {
        let row = TabRow(tabs: [("1", "Partitions"), ("2", "Channels"), ("3", "Rings")], active: 1)
        #expect(drawn(40, 1) { row.draw(on: &$0, in: $1, glyphs: .unicode) } == " 1 Partitions  2 Channels  3 Rings\n")
        #expect(drawn(20, 1) { row.draw(on: &$0, in: $1, glyphs: .unicode) } == " 1  2 Channels  3\n")
        var grid = CellGrid(Size(columns: 40, rows: 1))
        let places = row.draw(on: &grid, in: grid.bounds, glyphs: .unicode)
        #expect(places.map(\.columns) == [0..<14, 14..<26, 26..<35])
    }

    @Test func `the key bar shows the keys that fit`() {
        let bar = KeyBar(items: [
            .init(key: "F1", label: "Help"), .init(key: "F5", label: "Pause"), .init(key: "F10", label: "Quit"),
        ])
        #expect(drawn(20, 1) { bar.draw(on: &$0, in: $1, glyphs: .unicode) } == "F1Help F5Pause\n")
    }

    @Test func `gauges show a little as more than nothing`() {
        func gauge(_ fraction: Double?, _ glyphs: GlyphSet = .unicode) -> String {
            drawn(14, 1) { GaugeWidget(fraction: fraction, text: "4 KB").draw(on: &$0, in: $1, glyphs: glyphs) }
        }
        #expect(gauge(0) == "───────── 4 KB\n")
        #expect(gauge(0.001) == "▏──────── 4 KB\n")
        #expect(gauge(0.5) == "████▌──── 4 KB\n")
        #expect(gauge(2) == "█████████ 4 KB\n")
        #expect(gauge(0.5, .ascii) == "#####---- 4 KB\n")
        #expect(gauge(nil) == "????????? 4 KB\n")
        #expect(gauge(.nan) == gauge(nil))
    }

    @Test func `sparklines have the newest value on the right`() {
        let values: [Double?] = [0, 1, 2, 3, nil, 4, 0.01, .infinity, 8]
        func spark(_ graph: GlyphSet.Graph, _ rows: Int = 1) -> String {
            var glyphs: GlyphSet = graph == .ascii ? .ascii : .unicode
            glyphs.graph = graph
            return drawn(10, rows) { SparklineWidget(values: values).draw(on: &$0, in: $1, glyphs: glyphs) }
        }
        #expect(spark(.block) == "  ▁▂▃ ▄▁ █\n")
        #expect(spark(.ascii) == "  __. -_ ^\n")
        #expect(spark(.braille) == "      ⣀⡄⣄⢸\n")
        #expect(spark(.block, 2) == "         █\n  ▂▄▆ █▁ █\n")
    }

    @Test func `bytes are dumped with their fields marked`() {
        var dump = HexDumpWidget(bytes: Array("VMBus\u{0}\u{1}hello world!".utf8), base: 0x100)
        dump.highlights = [.init(range: 2..<5, role: .hexField)]
        var grid = CellGrid(Size(columns: 76, rows: 2))
        dump.draw(on: &grid, in: grid.bounds, glyphs: .unicode)
        #expect(
            TextSnapshot.text(of: grid) == """
                000100  56 4d 42 75 73 00 01 68  65 6c 6c 6f 20 77 6f 72  VMBus..hello wor
                000110  6c 64 21                                          ld!

                """)
        let row = grid.row(0)
        #expect(row.indices.filter { row[$0].role == .hexField }.count == 8 + 3)
        #expect(HexDumpWidget.bytesPerLine(in: 76) == 16 && HexDumpWidget.bytesPerLine(in: 70) == 8)
        #expect(dump.byte(at: Position(row: 1, column: 8), in: grid.bounds) == 16)
        #expect(dump.byte(at: Position(row: 0, column: 58), in: grid.bounds) == 0)
        #expect(dump.byte(at: Position(row: 1, column: 20), in: grid.bounds) == nil)
        #expect(dump.byte(at: Position(row: 0, column: 10), in: grid.bounds) == nil)
    }

    @Test func `a tree indents and marks what can be opened`() {
        let items: [TreeWidget.Item] = [
            .init(depth: 0, isExpanded: true, spans: [Span("header", .treeName)]),
            .init(depth: 1, isExpanded: nil, spans: [Span("type ", .treeName), Span("3", .treeValue)]),
            .init(depth: 0, isExpanded: false, spans: [Span("payload of great length", .treeName)]),
        ]
        let tree = TreeWidget(itemCount: 3, selected: 1) { items[$0] }
        #expect(
            drawn(16, 4) { tree.draw(on: &$0, in: $1, glyphs: .unicode) }
                == "▾ header\n  · type 3\n▸ payload of gr…\n\n")
    }

    @Test func `a prompt shows its text, what is wrong, and what could follow`() {
        var prompt = PromptWidget(label: "/", text: "", cursor: 0, hint: "kind == packet")
        #expect(drawn(24, 1) { prompt.draw(on: &$0, in: $1, glyphs: .unicode) } == "/ kind == packet\n")
        prompt.text = "rel"
        prompt.cursor = 3
        prompt.completion = "id"
        #expect(drawn(24, 1) { prompt.draw(on: &$0, in: $1, glyphs: .unicode) } == "/ relid\n")
        prompt.validity = .invalid("unknown name")
        #expect(drawn(24, 1) { prompt.draw(on: &$0, in: $1, glyphs: .unicode) } == "/ relid       unknown n…\n")
        prompt = PromptWidget(label: "/", text: "a long filter that does not fit", cursor: 31)
        var grid = CellGrid(Size(columns: 12, rows: 1))
        prompt.draw(on: &grid, in: grid.bounds, glyphs: .unicode)
        #expect(TextSnapshot.text(of: grid) == "/ s not fit\n")
        #expect(grid.cursor == Position(row: 0, column: 11))
    }
}
