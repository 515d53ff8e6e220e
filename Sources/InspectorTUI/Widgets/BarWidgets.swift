/// Something on a bar that can be clicked: its number in the bar, and its columns.
struct BarItemPlace: Hashable, Sendable {
    var index: Int
    var columns: Range<Int>
}

/// The row of tabs below the title.
struct TabRow {
    /// The keys and names of the tabs.
    var tabs: [(key: String, title: String)]
    var active: Int

    /// Draws the tabs and returns where they are. Without room for all names they lie closer together, and if that is not
    /// enough the others than the active one have only their keys.
    @discardableResult
    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) -> [BarItemPlace] {
        grid.fill(area, role: .tab)
        let full = tabs.reduce(0) { $0 + DisplayText.columns(of: $1.key) + DisplayText.columns(of: $1.title) + 3 }
        let isTight = full > area.columns
        let hasNames = full - tabs.count <= area.columns
        var places: [BarItemPlace] = []
        var column = area.column
        for (index, tab) in tabs.enumerated() where column < area.endColumn {
            let start = column
            let isActive = index == active
            let role: Role = isActive ? .tabActive : .tab
            let key: Role = isActive ? .tabActive : .tabNumber
            let title = isActive || hasNames ? " \(tab.title)" : ""
            column = grid.write(
                [Span(" ", role), Span(tab.key, key), Span(title, role), Span(isTight && hasNames ? "" : " ", role)],
                at: Position(row: area.row, column: column), in: area)
            places.append(BarItemPlace(index: index, columns: start..<column))
        }
        return places
    }
}

/// The row of keys at the bottom: those that fit, in the order given.
struct KeyBar {
    /// One key and what it does now.
    struct Item: Hashable, Sendable {
        var key: String
        var label: String
        var isEnabled = true
    }

    var items: [Item]

    /// Draws the keys and returns where they are.
    @discardableResult
    func draw(on grid: inout CellGrid, in area: Rectangle, glyphs: GlyphSet) -> [BarItemPlace] {
        grid.fill(area)
        var places: [BarItemPlace] = []
        var column = area.column
        for (index, item) in items.enumerated() {
            let width = DisplayText.columns(of: item.key) + DisplayText.columns(of: item.label) + 1
            guard column + width <= area.endColumn else { break }
            let end = grid.write(
                [
                    Span(item.key, item.isEnabled ? .fkeyKey : .fkeyDisabled),
                    Span(item.label, item.isEnabled ? .fkeyLabel : .fkeyDisabled),
                ], at: Position(row: area.row, column: column), in: area)
            places.append(BarItemPlace(index: index, columns: column..<end))
            column = end + 1
        }
        return places
    }
}
