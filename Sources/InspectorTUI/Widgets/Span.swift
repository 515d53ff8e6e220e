/// A piece of a line with one meaning.
struct Span: Hashable, Sendable {
    var text: String
    var role: Role
    /// Where on the role's gradient, 0 to 100.
    var shade: UInt8

    init(_ text: String, _ role: Role = .text, shade: UInt8 = 0) {
        self.text = text
        self.role = role
        self.shade = shade
    }

    /// The columns that a line of spans takes up.
    static func columns(of spans: [Span]) -> Int {
        spans.reduce(0) { $0 + DisplayText.columns(of: $1.text) }
    }
}

extension CellGrid {
    /// Writes spans one after the other and returns the column after them; what does not fit ends with an ellipsis.
    @discardableResult
    mutating func write(
        _ spans: [Span], at position: Position, in clip: Rectangle, ellipsis: Unicode.Scalar? = nil
    ) -> Int {
        let end = min(clip.endColumn, bounds.endColumn)
        var column = position.column
        for (index, span) in spans.enumerated() {
            let width = DisplayText.columns(of: span.text)
            let isCut = column + width > end || (column + width == end && index + 1 < spans.count)
            if isCut, let ellipsis, column < end {
                let hasMore = Span.columns(of: Array(spans[index...])) > end - column
                let text = hasMore && column + width == end ? span.text + " " : span.text
                return write(
                    text, at: Position(row: position.row, column: column), role: span.role, in: clip,
                    shade: span.shade, ellipsis: hasMore ? ellipsis : nil)
            }
            column = write(
                span.text, at: Position(row: position.row, column: column), role: span.role, in: clip,
                shade: span.shade)
        }
        return column
    }
}

/// On which side of its place a text lies.
enum Alignment: Hashable, Sendable {
    case left, right, center

    /// How far a text of `columns` is from the left in `room` columns.
    func indent(of columns: Int, in room: Int) -> Int {
        let space = max(0, room - columns)
        return switch self {
        case .left: 0
        case .right: space
        case .center: space / 2
        }
    }
}
