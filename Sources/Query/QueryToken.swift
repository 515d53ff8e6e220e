/// One piece of a filter's text.
struct QueryToken: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// A name, number, GUID or key word.
        case word(String)
        /// Quoted text, without its quotes; a backslash stands in front of a quote that is meant itself.
        case quoted(String)
        /// `==`, `(`, `{`, …
        case symbol(String)
    }

    let kind: Kind
    let position: Int
    let length: Int

    private static let symbols = ["==", "!=", "<=", ">=", "&&", "||", "=", "<", ">", "!", "~", "(", ")", "{", "}", ","]
    private static let symbolStarts: Set<Character> = ["=", "!", "<", ">", "&", "|", "~", "(", ")", "{", "}", ","]

    static func read(_ text: String) throws(QueryError) -> [QueryToken] {
        let characters = Array(text)
        var tokens: [QueryToken] = []
        var place = 0
        while place < characters.count {
            let start = place
            let character = characters[place]
            if character.isWhitespace {
                place += 1
            } else if character == "\"" || character == "'" {
                let quoted = try readQuoted(characters, &place)
                tokens.append(QueryToken(kind: .quoted(quoted), position: start, length: place - start))
            } else if let symbol = symbols.first(where: { characters[start...].starts(with: $0) }) {
                place += symbol.count
                tokens.append(QueryToken(kind: .symbol(symbol), position: start, length: symbol.count))
            } else if symbolStarts.contains(character) {
                let isLast = place == characters.count - 1
                throw QueryError(start, 1, "write \(character)\(character)", isIncomplete: isLast)
            } else {
                while place < characters.count, isPartOfWord(characters[place]) { place += 1 }
                tokens.append(
                    QueryToken(
                        kind: .word(String(characters[start..<place])), position: start, length: place - start))
            }
        }
        return tokens
    }

    private static func isPartOfWord(_ character: Character) -> Bool {
        !character.isWhitespace && !symbolStarts.contains(character) && character != "\"" && character != "'"
    }

    private static func readQuoted(_ characters: [Character], _ place: inout Int) throws(QueryError) -> String {
        let start = place
        let quote = characters[place]
        var text = ""
        place += 1
        while place < characters.count {
            let character = characters[place]
            place += 1
            if character == quote { return text }
            // Other backslashes stay, as patterns are full of them.
            if character == "\\", place < characters.count, characters[place] == quote {
                text.append(quote)
                place += 1
            } else {
                text.append(character)
            }
        }
        throw QueryError(start, 1, "the quote is not closed", isIncomplete: true)
    }
}
