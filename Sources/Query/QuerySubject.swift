/// Something that a filter is asked of.
public protocol QuerySubject {
    /// The value of a field of the schema's catalogue; nil when it is not known.
    func value(of field: QueryField) -> QueryValue?
    /// All values of a decoded field. The first call may be costly, so it comes only when a filter names such a field.
    func decoded(_ path: DecodedPath) -> [QueryValue]
}

/// The name of a decoded field: the field alone, or with a structure or layer in front as in `nvsp.type`.
public struct DecodedPath: Sendable, Hashable {
    /// The parts between the dots, in lower case.
    public let parts: [String]

    /// Reads a name with dots.
    public init(_ text: String) { parts = text.lowercased().split(separator: ".").map(String.init) }
}
