public import VMBusWire

/// A value that a filter compares.
public enum QueryValue: Sendable, Hashable {
    /// A whole number: a count, a size, an identifier, nanoseconds.
    case integer(Int128)
    /// A number that need not be whole: a rate, a share.
    case real(Double)
    case text(String)
    case guid(GUID)
    case bytes([UInt8])
    case truth(Bool)

    /// A whole number.
    public init(_ number: some BinaryInteger) { self = .integer(Int128(truncatingIfNeeded: number)) }
}

/// What kind of values a field has, and so what it can be compared with.
public enum QueryFieldType: Sendable, Hashable {
    /// Whole or fractional numbers; sizes such as 4k and 1M are numbers.
    case number
    /// Nanoseconds of the log; 5ms and 2s are understood.
    case duration
    case text
    case guid
    /// One of a few words.
    case word([String])
    /// Yes or no; the field's name alone asks for yes.
    case truth
    /// A decoded field, whose type only the record tells.
    case decoded

    /// The type in words, for messages.
    public var name: String {
        switch self {
        case .number: "a number"
        case .duration: "a time such as 5ms"
        case .text: "text"
        case .guid: "a GUID"
        case .word: "a word"
        case .truth: "true or false"
        case .decoded: "a decoded field"
        }
    }
}

/// One field of a schema.
public struct QueryField: Sendable, Hashable {
    /// Its place in the schema's catalogue.
    public let number: Int
    /// What people write.
    public let name: String
    /// What kind of values it has.
    public let type: QueryFieldType
    /// What it is, in one sentence.
    public let help: String
    /// Whether a bare word is looked for in it.
    public let isSearched: Bool
}
