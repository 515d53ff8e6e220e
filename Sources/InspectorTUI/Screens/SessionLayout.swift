/// Which part of the session's view is for what: the list, the sequence chart beside it or below it, the time bar.
struct SessionLayout: Hashable, Sendable {
    let list: Rectangle
    let chart: Rectangle
    let timeBar: Rectangle

    /// The parts of an area, for a list of so many rows.
    init(_ area: Rectangle, rows count: Int) {
        let (rest, bottom) = area.cutBottom(area.rows >= 8 ? 2 : area.rows >= 5 ? 1 : 0)
        timeBar = bottom
        if rest.columns >= 130 {
            (list, chart) = rest.cutLeft(min(84, rest.columns * 45 / 100))
        } else {
            let wanted = min(count + 1, max(4, rest.rows * 45 / 100))
            (list, chart) = rest.cutTop(rest.rows >= 10 && count > 0 ? wanted : rest.rows)
        }
    }
}
