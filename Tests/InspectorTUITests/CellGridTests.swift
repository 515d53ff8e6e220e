import Testing

@testable import InspectorTUI

struct CellGridTests {
    private func grid(_ columns: Int, _ rows: Int = 1) -> CellGrid { CellGrid(Size(columns: columns, rows: rows)) }

    @Test func `text is cut at the edges of its clip`() {
        var grid = grid(10)
        let clip = Rectangle(row: 0, column: 2, rows: 1, columns: 5)
        #expect(grid.write("abcdefgh", at: Position(row: 0, column: 0), role: .text, in: clip) == 7)
        #expect(TextSnapshot.lines(of: grid) == ["  cdefg"])
        grid.write("0123456789", at: Position(row: 0, column: 3), role: .text, in: clip, ellipsis: "…")
        #expect(TextSnapshot.lines(of: grid) == ["  c012…"])
        grid.write("x", at: Position(row: 5, column: 0), role: .text, in: clip)
        grid.write("x", at: Position(row: 0, column: -50), role: .text, in: clip)
        #expect(TextSnapshot.lines(of: grid) == ["  c012…"])
    }

    @Test func `a double-width character is never cut in half`() {
        var grid = grid(6)
        let all = grid.bounds
        grid.write("日本語", at: Position(row: 0, column: 1), role: .text, in: all)
        #expect(TextSnapshot.lines(of: grid) == [" 日本"])
        #expect(grid[0, 1].width == 2 && grid[0, 2].width == 0)
        grid.write("x", at: Position(row: 0, column: 2), role: .text, in: all)
        #expect(TextSnapshot.lines(of: grid) == ["  x本"])
        grid.write("y", at: Position(row: 0, column: 3), role: .text, in: all)
        #expect(TextSnapshot.lines(of: grid) == ["  xy"])
        grid.write("日本語", at: Position(row: 0, column: -1), role: .text, in: all)
        #expect(TextSnapshot.lines(of: grid) == [" 本語"])
        #expect(grid.row(0).reduce(0) { $0 + Int($1.width) } == 6)
    }

    @Test func `a mark stays with its character`() {
        var grid = grid(4)
        grid.write("e\u{301}\u{302}x", at: Position(row: 0, column: 0), role: .text, in: grid.bounds)
        #expect(TextSnapshot.lines(of: grid) == ["e\u{301}x"])
    }

    @Test func `any size is bearable`() {
        #expect(self.grid(-3, -3).cells.isEmpty)
        #expect(self.grid(.max, .max).cells.count == 500_000)
    }

    @Test func `seeded scribbling keeps every row whole`() {
        var grid = grid(17, 3)
        let texts = ["日本語", "abc", "🙂🙂", "e\u{301}", "\u{1B}", "한", "─┐"]
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<5_000 {
            let clip = Rectangle(row: next(4) - 1, column: next(20) - 2, rows: next(4), columns: next(20))
            grid.write(
                texts[next(texts.count)], at: Position(row: next(4), column: next(22) - 3), role: .match, in: clip,
                ellipsis: next(2) == 0 ? "…" : nil)
            for row in 0..<3 {
                let cells = Array(grid.row(row))
                var column = 0
                while column < cells.count {
                    let width = Int(cells[column].width)
                    guard width > 0, width == 1 || (column + 1 < cells.count && cells[column + 1].width == 0) else {
                        Issue.record("torn at row \(row), column \(column)")
                        return
                    }
                    column += width
                }
            }
        }
    }

    @Test func `the role map tells meanings apart`() {
        var grid = grid(6)
        grid.write("ab", at: Position(row: 0, column: 0), role: .statusError, in: grid.bounds)
        grid.lay(.cursor, on: Rectangle(row: 0, column: 1, rows: 1, columns: 2))
        #expect(TextSnapshot.roles(of: grid) == "abc...\na status.error\nb status.error on cursor\nc text on cursor\n")
    }

    @Test func `rectangles are cut and never negative`() {
        let area = Rectangle(row: 1, column: 2, rows: 3, columns: 4)
        #expect(area.cutTop(9).rest.rows == 0)
        #expect(area.cutBottom(1).bottom == Rectangle(row: 3, column: 2, rows: 1, columns: 4))
        #expect(area.cutRight(1).right == Rectangle(row: 1, column: 5, rows: 3, columns: 1))
        #expect(area.inset(top: 5).rows == 0)
        #expect(area.line(-1).row == 3 && area.line(3).isEmpty && area.line(-4).isEmpty)
        #expect(Rectangle(Size(columns: 80, rows: 24)).centered(columns: 20, rows: 4).column == 30)
    }
}
