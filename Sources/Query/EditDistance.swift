/// How far two words are from each other, for names that were mistyped.
enum EditDistance {
    /// The fewest letters that have to be changed, added or left out.
    static func between(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8.prefix(64)), Array(right.utf8.prefix(64)))
        var row = Array(0...right.count)
        for (line, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in right.enumerated() {
                let change = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }

    /// At most three words that are near or start alike, nearest first.
    static func nearest(_ word: String, _ words: [String]) -> [String] {
        let limit = max(1, (word.utf8.count + 2) / 3)
        var ranked: [(distance: Int, place: Int, word: String)] = []
        for (place, candidate) in words.enumerated() {
            let distance = word.utf8.count >= 2 && candidate.hasPrefix(word) ? 1 : between(word, candidate)
            if distance <= limit { ranked.append((distance, place, candidate)) }
        }
        return ranked.sorted { ($0.distance, $0.place) < ($1.distance, $1.place) }.prefix(3).map(\.word)
    }
}
