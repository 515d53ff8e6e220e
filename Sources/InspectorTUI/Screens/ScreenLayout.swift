import Inspector

/// Which part of the screen is for what. Parts for which there is no room are empty; the list is the last to go.
struct ScreenLayout: Hashable, Sendable {
    let whole: Rectangle
    let title: Rectangle
    let tabs: Rectangle
    /// The view itself.
    let content: Rectangle
    /// The frame of the pane beside it; empty when it is closed.
    let details: Rectangle
    /// One line for messages, prompts, and where the cursor is.
    let status: Rectangle
    let keys: Rectangle

    init(_ state: ScreenState, size: Size) {
        whole = Rectangle(size)
        var rest = whole
        (title, rest) = rest.cutTop(size.rows >= 3 ? 1 : 0)
        (tabs, rest) = rest.cutTop(size.rows >= 7 ? 1 : 0)
        (rest, keys) = rest.cutBottom(size.rows >= 5 ? 1 : 0)
        (rest, status) = rest.cutBottom(size.rows >= 8 || (state.prompt != nil && size.rows >= 2) ? 1 : 0)
        guard state.details.isOpen else {
            content = rest
            details = Rectangle(row: rest.row, column: rest.column, rows: 0, columns: 0)
            return
        }
        let isRecord = state.view == .flow
        if rest.columns >= (isRecord ? 180 : 110) {
            let width = isRecord ? min(116, rest.columns * 3 / 5) : min(76, rest.columns * 45 / 100)
            (content, details) = rest.cutRight(width)
        } else if rest.rows >= 8 {
            let height = isRecord ? rest.rows * 55 / 100 : rest.rows / 2
            (content, details) = rest.cutBottom(max(4, height))
        } else {
            // No room for both: the pane has all until it is closed.
            details = rest
            content = Rectangle(row: rest.row, column: rest.column, rows: 0, columns: rest.columns)
        }
    }

    /// The inside of the details' frame, without the line for the help of what the cursor is on.
    var detailsBody: Rectangle {
        let inside = details.inset(top: 1, left: 1, bottom: 1, right: 1)
        return inside.rows >= 4 ? inside.cutBottom(1).rest : inside
    }

    /// The line of help below it.
    var detailsHelp: Rectangle {
        let inside = details.inset(top: 1, left: 1, bottom: 1, right: 1)
        return inside.rows >= 4 ? inside.cutBottom(1).bottom : inside.cutBottom(0).bottom
    }

    /// A record's fields and its bytes, side by side; without room for both, all is for the one that has the keys.
    func recordPanes(_ focus: Focus) -> (fields: Rectangle, bytes: Rectangle) {
        let body = detailsBody
        let none = body.cutLeft(0).left
        for perLine in [(columns: 74, least: 34), (columns: 41, least: 24)]
        where body.columns >= perLine.columns + perLine.least + 2 {
            let (fields, bytes) = body.cutRight(perLine.columns)
            return (fields.inset(right: 2), bytes)
        }
        return focus == .bytes ? (none, body) : (body, none)
    }
}
