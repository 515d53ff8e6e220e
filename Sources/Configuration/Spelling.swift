/// Finds what somebody probably meant.
public enum Spelling {
    /// The candidate that differs from `word` in the fewest letters, the first of several; nil if all differ in more
    /// than a third of the letters (and two).
    public static func nearest(to word: String, among candidates: [String]) -> String? {
        let letters = Array(word.unicodeScalars.prefix(64))
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(letters, Array(candidate.unicodeScalars.prefix(64)))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(2, letters.count / 3), best.distance < letters.count else { return nil }
        return best.candidate
    }

    /// Insertions, deletions and replacements that lead from one word to the other.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var previous = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                let replaced = previous[column] + (letter == other ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
