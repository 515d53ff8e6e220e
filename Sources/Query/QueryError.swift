/// What is wrong with a filter's text.
public struct QueryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where, in characters from the start.
    public let position: Int
    /// How many characters are meant; 0 for the place itself.
    public let length: Int
    /// What is wrong and what would be right, in one sentence.
    public let message: String
    /// Names that are near to what was written, best first.
    public let suggestions: [String]
    /// Whether more text could make it right.
    public let isIncomplete: Bool

    init(_ position: Int, _ length: Int, _ message: String, suggestions: [String] = [], isIncomplete: Bool = false) {
        self.position = position
        self.length = length
        self.message = message
        self.suggestions = suggestions
        self.isIncomplete = isIncomplete
    }

    /// One line: where, what, and what was perhaps meant.
    public var description: String {
        let hint = suggestions.isEmpty ? "" : " (did you mean \(suggestions.joined(separator: ", "))?)"
        return "character \(position + 1): \(message)\(hint)"
    }
}

/// What a prompt says of the text so far.
public enum QueryValidity: Sendable, Hashable {
    /// Nothing is asked.
    case empty
    case valid(Query)
    /// More text is needed; the error says what.
    case incomplete(QueryError)
    /// More text will not help.
    case invalid(QueryError)
}

/// A way to go on with a text.
public struct Completion: Sendable, Hashable {
    /// What is put in place of the characters from `start` to the cursor.
    public let text: String
    /// Where the replaced characters start.
    public let start: Int
    /// What it is.
    public let help: String

    /// A way to go on.
    public init(text: String, start: Int, help: String) { (self.text, self.start, self.help) = (text, start, help) }
}
