/// A line of text with a cursor, as it is typed.
struct InputLine: Hashable, Sendable {
    /// What was typed; without line breaks.
    private(set) var text: String
    /// The number of characters before the cursor.
    private(set) var cursor: Int

    /// The longest text, in characters.
    static let limit = 1024

    init(_ text: String = "") {
        self.text = String(text.prefix(Self.limit))
        cursor = self.text.count
    }

    /// Puts text in at the cursor; control characters are left out, so that nothing pasted acts as a key.
    mutating func insert(_ piece: String) {
        var plain = String.UnicodeScalarView()
        for scalar in piece.unicodeScalars where scalar.value >= 0x20 && scalar.value != 0x7F { plain.append(scalar) }
        let room = Self.limit - text.count
        let added = String(String(plain).prefix(max(0, room)))
        let front = text.prefix(cursor) + added
        text = String(front) + text.dropFirst(cursor)
        // A combining mark may have joined the character before it.
        cursor = min(front.count, text.count)
    }

    /// Replaces the characters from `start` to the cursor.
    mutating func replace(from start: Int, with piece: String) {
        let start = min(max(0, start), cursor)
        text = String(text.prefix(start)) + text.dropFirst(cursor)
        cursor = start
        insert(piece)
    }

    /// Does what a key says; false for a key that is not for editing.
    mutating func edit(_ key: Key) -> Bool {
        switch (key.code, key.modifiers.contains(.control)) {
        case (.character(let scalar), false) where !key.modifiers.contains(.alt): insert(String(scalar))
        case (.backspace, _), (.character("h"), true): remove(before: 1)
        case (.delete, _), (.character("d"), true): remove(behind: 1)
        case (.left, _), (.character("b"), true): cursor = max(0, cursor - 1)
        case (.right, _), (.character("f"), true): cursor = min(text.count, cursor + 1)
        case (.home, _), (.character("a"), true): cursor = 0
        case (.end, _), (.character("e"), true): cursor = text.count
        case (.character("u"), true): remove(before: cursor)
        case (.character("k"), true): remove(behind: text.count - cursor)
        case (.character("w"), true): remove(before: wordLength)
        default: return false
        }
        return true
    }

    private mutating func remove(before count: Int) {
        let start = max(0, cursor - count)
        text = String(text.prefix(start)) + text.dropFirst(cursor)
        cursor = min(start, text.count)
    }

    private mutating func remove(behind count: Int) {
        text = String(text.prefix(cursor)) + text.dropFirst(min(text.count, cursor + count))
    }

    /// The blanks before the cursor and the word before them.
    private var wordLength: Int {
        let before = text.prefix(cursor).reversed()
        let blanks = before.prefix { $0 == " " }.count
        return blanks + before.dropFirst(blanks).prefix { $0 != " " }.count
    }
}
