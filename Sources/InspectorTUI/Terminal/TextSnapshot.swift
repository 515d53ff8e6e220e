/// A grid as plain text, for golden tests and for terminals that are none.
enum TextSnapshot {
    /// One string per row, without spaces at its end.
    static func lines(of grid: CellGrid) -> [String] {
        (0..<grid.size.rows).map { row in
            var line = grid.row(row).map(\.text).joined()
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    /// All rows in one text, each ending with a line feed.
    static func text(of grid: CellGrid) -> String {
        lines(of: grid).map { $0 + "\n" }.joined()
    }

    /// What every cell means, as a second grid of letters with a legend after it: `.` is plain text; the others are given
    /// out in the order in which the meanings appear.
    static func roles(of grid: CellGrid) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        var seen: [Meaning] = []
        var text = ""
        for row in 0..<grid.size.rows {
            var line = ""
            for cell in grid.row(row) {
                let meaning = Meaning(role: cell.role, surface: cell.surface)
                guard meaning != Meaning(role: .text, surface: .text) else {
                    line.append(".")
                    continue
                }
                let index = seen.firstIndex(of: meaning) ?? seen.count
                if index == seen.count { seen.append(meaning) }
                line.append(index < letters.count ? letters[index] : "?")
            }
            text += line + "\n"
        }
        for (index, meaning) in seen.enumerated() where index < letters.count {
            text += "\(letters[index]) \(meaning.name)\n"
        }
        return text
    }

    private struct Meaning: Hashable {
        var role: Role
        var surface: Role

        var name: String { surface == .text ? role.name : "\(role.name) on \(surface.name)" }
    }
}
