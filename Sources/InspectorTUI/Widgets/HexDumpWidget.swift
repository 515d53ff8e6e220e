/// Bytes in hexadecimal and as characters, some of them highlighted.
struct HexDumpWidget {
    /// Some bytes that mean something.
    struct Highlight: Hashable, Sendable {
        var range: Range<Int>
        var role: Role
    }

    var bytes: [UInt8]
    /// The number of the first byte, for the offsets on the left.
    var base: UInt64 = 0
    /// Later ones lie above earlier ones.
    var highlights: [Highlight] = []
    /// The line at the top.
    var offset = 0

    /// 16 bytes in a line, or 8 or 4 where there is less room.
    static func bytesPerLine(in columns: Int) -> Int {
        for count in [16, 8] where width(count) <= columns { return count }
        return 4
    }

    /// The number of lines in `columns` columns.
    func lineCount(in columns: Int) -> Int {
        let perLine = Self.bytesPerLine(in: columns)
        return (bytes.count + perLine - 1) / perLine
    }

    /// The offset that shows the byte number `index` with the least scrolling.
    func offset(showing index: Int, in area: Rectangle) -> Int {
        let line = max(0, index) / Self.bytesPerLine(in: area.columns)
        return TableWidget.offset(
            showing: line, from: offset, visible: area.rows, of: lineCount(in: area.columns))
    }

    /// The byte at a place of the screen, in either part of the dump.
    func byte(at position: Position, in area: Rectangle) -> Int? {
        guard area.contains(position) else { return nil }
        let perLine = Self.bytesPerLine(in: area.columns)
        for index in 0..<perLine {
            let hex = Self.hexColumn(index)
            let column = position.column - area.column
            guard column == hex || column == hex + 1 || column == Self.textColumn(perLine) + index else { continue }
            let (line, overflow) = (offset + position.row - area.row).multipliedReportingOverflow(by: perLine)
            let byte = line + index
            return !overflow && byte >= 0 && byte < bytes.count ? byte : nil
        }
        return nil
    }

    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) {
        let perLine = Self.bytesPerLine(in: area.columns)
        for row in 0..<area.rows {
            let start = max(0, offset + row) * perLine
            guard start < bytes.count else { break }
            let line = area.line(row)
            func write(_ text: String, _ column: Int, _ role: Role) {
                grid.write(text, at: Position(row: line.row, column: line.column + column), role: role, in: line)
            }
            write(Self.hexadecimal(base &+ UInt64(start), digits: 6), 0, .hexOffset)
            for index in 0..<min(perLine, bytes.count - start) {
                let byte = bytes[start + index]
                let highlight = highlights.last { $0.range.contains(start + index) }
                let plain: Role = byte == 0 ? .hexZero : .hexByte
                let isPrintable = (0x20..<0x7F).contains(byte)
                write(Self.hexadecimal(UInt64(byte), digits: 2), Self.hexColumn(index), highlight?.role ?? plain)
                let text = isPrintable ? String(Unicode.Scalar(byte)) : "."
                write(
                    text, Self.textColumn(perLine) + index,
                    highlight?.role ?? (isPrintable ? .hexAscii : .hexZero))
                // The blank between two bytes of one field belongs to the field.
                if let highlight, highlight.range.contains(start + index + 1), index % 8 != 7, index + 1 < perLine {
                    write(" ", Self.hexColumn(index) + 2, highlight.role)
                }
            }
        }
    }

    private static func width(_ perLine: Int) -> Int { textColumn(perLine) + perLine }

    private static func hexColumn(_ index: Int) -> Int { 8 + index * 3 + index / 8 }

    private static func textColumn(_ perLine: Int) -> Int { hexColumn(perLine - 1) + 4 }

    private static func hexadecimal(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
