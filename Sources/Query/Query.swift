/// A filter that was read and checked: the one filter language of screens, command line and breakpoints.
///
/// ```
/// or      = and { ("or" | "||") and }
/// and     = not { ("and" | "&&") not }
/// not     = ("not" | "!") not | primary
/// primary = "(" or ")" | field comparison value | field "in" "{" value { "," value } "}" | field | word
/// comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "matches" | "~"
/// ```
/// A word that is no field is looked for in the names and texts of the subject. Text is compared without regard to the case
/// of ASCII letters. A comparison with a value that is not known is false, also with `!=`; `not` turns that around. Of a
/// decoded field that occurs several times one occurrence has to fit.
public struct Query: Sendable, Hashable {
    /// The filter as it was written.
    public let text: String
    /// What it is asked of.
    public let schema: QuerySchema
    let root: QueryNode

    /// The longest text that is read, in characters.
    public static let maximumLength = 2048
    /// How deep parentheses and `not` may nest.
    public static let maximumDepth = 64

    /// Reads a filter and checks names and types.
    ///
    /// - Throws: what is wrong, and where.
    public static func parse(_ text: String, for schema: QuerySchema) throws(QueryError) -> Query {
        guard text.utf8.count <= maximumLength * 4, text.count <= maximumLength else {
            throw QueryError(maximumLength, 0, "the filter is longer than \(maximumLength) characters")
        }
        var parser = QueryParser(try QueryToken.read(text), schema: schema)
        return Query(text: text, schema: schema, root: try parser.whole())
    }

    /// What a prompt says of a text while it is typed.
    public static func validity(_ text: String, for schema: QuerySchema) -> QueryValidity {
        if text.allSatisfy(\.isWhitespace) { return .empty }
        do throws(QueryError) {
            return .valid(try parse(text, for: schema))
        } catch {
            return error.isIncomplete ? .incomplete(error) : .invalid(error)
        }
    }

    /// Whether a subject fits.
    public func matches(_ subject: some QuerySubject) -> Bool { root.matches(subject, schema) }

    /// Whether the filter asks for a decoded field, and so needs every record to be decoded.
    public var needsDecoding: Bool { root.needsDecoding }
}
