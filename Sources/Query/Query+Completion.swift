extension Query {
    /// Ways to go on at a place of a text: field names, comparisons, values, `and` and `or`, whatever fits there.
    ///
    /// - Parameter cursor: characters in front of the cursor; what is behind it stays as it is.
    public static func complete(_ text: String, cursor: Int, for schema: QuerySchema) -> [Completion] {
        guard text.utf8.count <= maximumLength * 4 else { return [] }
        let front = String(text.prefix(max(0, cursor)))
        guard let tokens = try? QueryToken.read(front) else { return [] }
        var before = tokens
        var typed = ""
        var start = front.count
        if case .word(let word) = tokens.last?.kind, let last = tokens.last, last.position + last.length == front.count
        {
            before.removeLast()
            typed = word.lowercased()
            start = last.position
        }
        let candidates = candidates(behind: before, typed, schema)
        return candidates.filter { $0.text.hasPrefix(typed) && $0.text != typed }
            .map { Completion(text: $0.text, start: start, help: $0.help) }
    }

    private static let signs: [(text: String, help: String)] = [
        ("==", "is"), ("!=", "is not"), ("<", "is less than"), ("<=", "is at most"), (">", "is more than"),
        (">=", "is at least"),
    ]
    private static let textSigns: [(text: String, help: String)] = [
        ("==", "is"), ("!=", "is not"), ("contains", "holds the text"), ("matches", "fits the pattern"),
        ("in", "is one of a list in { }"),
    ]

    private static func candidates(
        behind tokens: [QueryToken], _ typed: String, _ schema: QuerySchema
    ) -> [(text: String, help: String)] {
        guard let last = tokens.last else { return operands(schema) }
        switch last.kind {
        case .symbol("("), .symbol("&&"), .symbol("||"), .symbol("!"): return operands(schema)
        case .symbol(")"), .symbol("}"): return joints
        case .symbol("{"), .symbol(","): return values(of: listField(tokens, schema))
        case .symbol: return values(of: field(in: tokens, fromEnd: 2, schema))
        case .quoted: return joints
        case .word(let word):
            switch word.lowercased() {
            case "and", "or", "not": return operands(schema)
            case "contains", "matches", "in": return values(of: field(in: tokens, fromEnd: 2, schema))
            default: break
            }
            let isValue = tokens.count > 1 && isComparison(tokens[tokens.count - 2])
            let name = word.lowercased()
            if !isValue, schema.decodedNames.contains(where: { $0.name == name }) {
                return signs + textSigns.dropFirst(2)
            }
            guard !isValue, let field = schema.field(name) else { return joints }
            switch field.type {
            case .truth: return joints
            case .number, .duration: return signs + [("in", "is one of a list in { }")]
            case .text, .guid, .word, .decoded: return textSigns
            }
        }
    }

    private static let joints: [(text: String, help: String)] = [("and", "both fit"), ("or", "one of them fits")]

    private static func operands(_ schema: QuerySchema) -> [(text: String, help: String)] {
        schema.fields.map { ($0.name, $0.help) } + [("not", "the next does not fit")]
            + schema.decodedNames.map { ($0.name, $0.help) }
    }

    private static func isComparison(_ token: QueryToken) -> Bool {
        switch token.kind {
        case .symbol(let symbol): !["(", ")", "{", "}", ",", "!", "&&", "||"].contains(symbol)
        case .word(let word): ["contains", "matches", "in"].contains(word.lowercased())
        case .quoted: false
        }
    }

    private static func field(in tokens: [QueryToken], fromEnd count: Int, _ schema: QuerySchema) -> QueryField? {
        guard tokens.count >= count, case .word(let word) = tokens[tokens.count - count].kind else { return nil }
        return schema.field(word.lowercased())
    }

    /// The field in front of the `in` whose list is open.
    private static func listField(_ tokens: [QueryToken], _ schema: QuerySchema) -> QueryField? {
        guard let brace = tokens.lastIndex(where: { $0.kind == .symbol("{") }) else { return nil }
        return field(in: Array(tokens[...brace]), fromEnd: 3, schema)
    }

    private static func values(of field: QueryField?) -> [(text: String, help: String)] {
        switch field?.type {
        case .word(let words): words.map { ($0, field?.help ?? "") }
        case .truth: [("true", field?.help ?? ""), ("false", field?.help ?? "")]
        default: []
        }
    }
}
