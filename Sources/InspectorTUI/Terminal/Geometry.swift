/// A number of columns and rows, never negative and never absurd: a terminal may claim any size.
struct Size: Hashable, Sendable {
    let columns: Int
    let rows: Int

    static let largest = (columns: 1_000, rows: 500)

    init(columns: Int, rows: Int) {
        self.columns = min(max(0, columns), Self.largest.columns)
        self.rows = min(max(0, rows), Self.largest.rows)
    }
}

/// A cell's place: row and column from the top left corner, which is 0, 0.
struct Position: Hashable, Sendable {
    var row: Int
    var column: Int
}

/// A part of the screen. Layout is cutting rectangles off rectangles; what does not fit becomes empty, never negative.
struct Rectangle: Hashable, Sendable {
    let row: Int
    let column: Int
    let rows: Int
    let columns: Int

    init(row: Int, column: Int, rows: Int, columns: Int) {
        self.row = row
        self.column = column
        self.rows = max(0, rows)
        self.columns = max(0, columns)
    }

    init(_ size: Size) {
        self.init(row: 0, column: 0, rows: size.rows, columns: size.columns)
    }

    var endRow: Int { row + rows }
    var endColumn: Int { column + columns }
    var isEmpty: Bool { rows == 0 || columns == 0 }

    func contains(_ position: Position) -> Bool {
        position.row >= row && position.row < endRow && position.column >= column && position.column < endColumn
    }

    func intersection(_ other: Rectangle) -> Rectangle {
        let top = max(row, other.row)
        let left = max(column, other.column)
        return Rectangle(
            row: top, column: left, rows: min(endRow, other.endRow) - top,
            columns: min(endColumn, other.endColumn) - left)
    }

    /// Without `top`, `left`, `bottom` and `right` cells on these sides.
    func inset(top: Int = 0, left: Int = 0, bottom: Int = 0, right: Int = 0) -> Rectangle {
        Rectangle(row: row + top, column: column + left, rows: rows - top - bottom, columns: columns - left - right)
    }

    /// The row number `index`, counted from the top, or from the bottom if negative; empty if there is none.
    func line(_ index: Int) -> Rectangle {
        let offset = index >= 0 ? index : rows + index
        guard offset >= 0, offset < rows else { return Rectangle(row: row, column: column, rows: 0, columns: 0) }
        return Rectangle(row: row + offset, column: column, rows: 1, columns: columns)
    }

    /// The upper `count` rows and the rest.
    func cutTop(_ count: Int) -> (top: Rectangle, rest: Rectangle) {
        let count = min(max(0, count), rows)
        return (
            Rectangle(row: row, column: column, rows: count, columns: columns),
            Rectangle(row: row + count, column: column, rows: rows - count, columns: columns)
        )
    }

    /// The rest and the lower `count` rows.
    func cutBottom(_ count: Int) -> (rest: Rectangle, bottom: Rectangle) {
        let (rest, bottom) = cutTop(rows - min(max(0, count), rows))
        return (rest, bottom)
    }

    /// The left `count` columns and the rest.
    func cutLeft(_ count: Int) -> (left: Rectangle, rest: Rectangle) {
        let count = min(max(0, count), columns)
        return (
            Rectangle(row: row, column: column, rows: rows, columns: count),
            Rectangle(row: row, column: column + count, rows: rows, columns: columns - count)
        )
    }

    /// The rest and the right `count` columns.
    func cutRight(_ count: Int) -> (rest: Rectangle, right: Rectangle) {
        let (rest, right) = cutLeft(columns - min(max(0, count), columns))
        return (rest, right)
    }

    /// A rectangle of at most this size in the middle of this one.
    func centered(columns: Int, rows: Int) -> Rectangle {
        let columns = min(max(0, columns), self.columns)
        let rows = min(max(0, rows), self.rows)
        return Rectangle(
            row: row + (self.rows - rows) / 2, column: column + (self.columns - columns) / 2, rows: rows,
            columns: columns)
    }
}
