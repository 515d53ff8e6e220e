/// Reads the pieces of a filter from left to right.
struct QueryParser {
    private let tokens: [QueryToken]
    private let schema: QuerySchema
    private var place = 0
    private var depth = 0

    init(_ tokens: [QueryToken], schema: QuerySchema) {
        self.tokens = tokens
        self.schema = schema
    }

    mutating func whole() throws(QueryError) -> QueryNode {
        let node = try or()
        if let token = peek() {
            throw error(
                token, "expected 'and' or 'or' in front of \(describe(token))",
                isIncomplete: isBeginning(of: ["and", "or"]))
        }
        return node
    }

    // MARK: Pieces

    private func peek() -> QueryToken? { place < tokens.count ? tokens[place] : nil }

    private func peekWord() -> String? {
        guard case .word(let word) = peek()?.kind else { return nil }
        return word.lowercased()
    }

    /// Whether the text ends with the beginning of one of these words.
    private func isBeginning(of words: [String]) -> Bool {
        guard place == tokens.count - 1, let typed = peekWord() else { return false }
        return words.contains { $0.hasPrefix(typed) }
    }

    private mutating func take(_ symbols: [String], _ words: [String] = []) -> String? {
        guard let token = peek() else { return nil }
        switch token.kind {
        case .symbol(let symbol) where symbols.contains(symbol):
            place += 1
            return symbol
        case .word(let word) where words.contains(word.lowercased()):
            place += 1
            return word.lowercased()
        default: return nil
        }
    }

    private func error(
        _ token: QueryToken, _ message: String, _ suggestions: [String] = [], isIncomplete: Bool = false
    ) -> QueryError {
        QueryError(
            token.position, token.length, message, suggestions: suggestions, isIncomplete: isIncomplete)
    }

    private func atEnd(_ message: String) -> QueryError {
        let end = tokens.last.map { $0.position + $0.length } ?? 0
        return QueryError(end, 0, message, isIncomplete: true)
    }

    private func describe(_ token: QueryToken) -> String {
        switch token.kind {
        case .word(let text), .symbol(let text): "'\(text)'"
        case .quoted: "the quoted text"
        }
    }

    // MARK: Grammar

    private mutating func or() throws(QueryError) -> QueryNode {
        var nodes = [try and()]
        while take(["||"], ["or"]) != nil { nodes.append(try and()) }
        return nodes.count == 1 ? nodes[0] : .any(nodes)
    }

    private mutating func and() throws(QueryError) -> QueryNode {
        var nodes = [try not()]
        while take(["&&"], ["and"]) != nil { nodes.append(try not()) }
        return nodes.count == 1 ? nodes[0] : .all(nodes)
    }

    private mutating func not() throws(QueryError) -> QueryNode {
        guard let token = peek() else { throw atEnd("expected a word or a comparison") }
        guard depth < Query.maximumDepth else {
            throw error(token, "more than \(Query.maximumDepth) parentheses or 'not' inside each other")
        }
        depth += 1
        defer { depth -= 1 }
        if take(["!"], ["not"]) != nil { return .not(try not()) }
        return try primary(token)
    }

    private mutating func primary(_ token: QueryToken) throws(QueryError) -> QueryNode {
        place += 1
        switch token.kind {
        case .symbol("("):
            let node = try or()
            guard let next = peek() else { throw atEnd("expected ')'") }
            guard take([")"]) != nil else {
                throw error(
                    next, "expected ')', 'and' or 'or' in front of \(describe(next))",
                    isIncomplete: isBeginning(of: ["and", "or"]))
            }
            return node
        case .symbol(let symbol): throw error(token, "expected a word or a comparison, not '\(symbol)'")
        case .quoted(let text): return .search(ASCIICase.lowered(text))
        case .word(let word):
            if ["and", "or", "in", "contains", "matches"].contains(word.lowercased()) {
                throw error(token, "expected a word or a comparison in front of '\(word)'; quote it to search for it")
            }
            return try comparison(token, word)
        }
    }

    private static let comparisons = ["==", "=", "!=", "<", "<=", ">", ">=", "~"]

    private mutating func comparison(_ token: QueryToken, _ word: String) throws(QueryError) -> QueryNode {
        let name = word.lowercased()
        guard let sign = take(Self.comparisons, ["contains", "matches", "in"]) else {
            guard let field = schema.field(name) else { return .search(ASCIICase.lowered(word)) }
            if field.type == .truth { return .test(.field(field), .isTrue) }
            throw error(
                token, "'\(name)' needs a comparison such as \(name) == …; quote it to search for it",
                isIncomplete: peek() == nil || isBeginning(of: ["contains", "matches", "in"]))
        }
        let operand = try operand(token, name)
        switch sign {
        case "in": return .test(operand, .oneOf(try list(operand)))
        case "contains":
            try requireText(operand, token, sign)
            let (text, _, _) = try value()
            return .test(operand, .contains(ASCIICase.lowered(text)))
        case "matches", "~":
            try requireText(operand, token, sign)
            let (text, _, token) = try value()
            do throws(QueryPattern.Problem) {
                return .test(operand, .matches(try QueryPattern(text)))
            } catch {
                throw self.error(token, "the pattern is not understood: \(error.message)")
            }
        default:
            let comparison = QueryComparison(rawValue: sign == "=" ? "==" : sign) ?? .equal
            let literal = try literal(operand)
            if let problem = orderProblem(operand, comparison) { throw error(token, problem) }
            return .test(operand, .compare(comparison, literal))
        }
    }

    private mutating func list(_ operand: QueryOperand) throws(QueryError) -> [QueryLiteral] {
        guard let token = peek() else { throw atEnd("expected '{' and a list of values") }
        guard take(["{"]) != nil else { throw error(token, "expected '{' and a list of values") }
        var literals = [try literal(operand)]
        while true {
            guard let token = peek() else { throw atEnd("expected ',' or '}'") }
            if take(["}"]) != nil { return literals }
            guard take([","]) != nil else { throw error(token, "expected ',' or '}'") }
            literals.append(try literal(operand))
        }
    }

    private mutating func value() throws(QueryError) -> (text: String, isQuoted: Bool, token: QueryToken) {
        guard let token = peek() else { throw atEnd("expected a value") }
        place += 1
        switch token.kind {
        case .word(let text): return (text, false, token)
        case .quoted(let text): return (text, true, token)
        case .symbol(let symbol): throw error(token, "expected a value, not '\(symbol)'")
        }
    }

    // MARK: Names and types

    private func operand(_ token: QueryToken, _ name: String) throws(QueryError) -> QueryOperand {
        if let field = schema.field(name) { return .field(field) }
        if schema.decodedNames.contains(where: { $0.name == name }) { return .decoded(DecodedPath(name)) }
        let near = EditDistance.nearest(name, schema.fields.map(\.name) + schema.decodedNames.map(\.name))
        let isName = name.utf8.allSatisfy {
            ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5F || $0 == 0x2E
        }
        // A name that is almost a known one is a slip; others may be fields that no declaration names.
        let isSlip = near.first.map { EditDistance.between(name, $0) <= 1 && name.count > 3 } ?? false
        guard schema.hasDecodedFields, isName, !isSlip, !DecodedPath(name).parts.isEmpty else {
            throw error(token, "\(schema.name) has no field '\(name)'", near)
        }
        return .decoded(DecodedPath(name))
    }

    private func requireText(_ operand: QueryOperand, _ token: QueryToken, _ sign: String) throws(QueryError) {
        guard case .field(let field) = operand else { return }
        switch field.type {
        case .text, .guid, .word, .decoded: return
        case .number, .duration, .truth:
            throw error(token, "'\(field.name)' is \(field.type.name); '\(sign)' needs text")
        }
    }

    private func orderProblem(_ operand: QueryOperand, _ comparison: QueryComparison) -> String? {
        guard case .field(let field) = operand, comparison != .equal, comparison != .unequal else { return nil }
        switch field.type {
        case .number, .duration, .text, .decoded: return nil
        case .guid, .word, .truth:
            return "'\(field.name)' is \(field.type.name) and has no order; use ==, != or in"
        }
    }

    private mutating func literal(_ operand: QueryOperand) throws(QueryError) -> QueryLiteral {
        let (text, isQuoted, token) = try value()
        guard case .field(let field) = operand else {
            // Times in decoded fields have units of their own, so only sizes are understood there.
            return QueryLiteral(text, isQuoted: isQuoted, isTime: false)
        }
        let literal = QueryLiteral(text, isQuoted: isQuoted, isTime: field.type == .duration)
        let isLast = peek() == nil
        switch field.type {
        case .number, .duration:
            guard literal.integer != nil || literal.real != nil else {
                throw error(token, "'\(field.name)' is \(field.type.name), '\(text)' is not")
            }
        case .guid:
            guard literal.guid != nil else {
                throw error(
                    token,
                    "'\(field.name)' is a GUID such as f8615163-df3e-46c5-913f-f2d2f965ed0e; "
                        + "for a part of it use contains", isIncomplete: isLast && text.utf8.count < 36)
            }
        case .word(let words):
            let lowered = text.lowercased()
            guard words.contains(lowered) else {
                throw error(
                    token, "'\(field.name)' is never '\(text)'; it is one of \(words.joined(separator: ", "))",
                    EditDistance.nearest(lowered, words),
                    isIncomplete: isLast && words.contains { $0.hasPrefix(lowered) })
            }
        case .truth:
            guard literal.truth != nil else { throw error(token, "'\(field.name)' is true or false") }
        case .text, .decoded: break
        }
        return literal
    }
}
