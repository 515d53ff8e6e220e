/// A value of a configuration file.
public enum ConfigurationValue: Hashable, Sendable {
    /// Named values, see ``ConfigurationFields``.
    case table(ConfigurationFields)
    /// Values in the order of the file.
    case array([ConfigurationValue])
    /// Text.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction; may be infinite or not a number.
    case float(Double)
    /// `true` or `false`.
    case boolean(Bool)

    /// What a value is, for messages.
    public enum Kind: String, Hashable, Sendable {
        /// Named values.
        case table = "a table"
        /// A list of values.
        case array = "an array"
        /// Text.
        case string = "a string"
        /// A whole number.
        case integer = "an integer"
        /// A number with or without a fraction.
        case number = "a number"
        /// `true` or `false`.
        case boolean = "true or false"
    }

    /// What this value is.
    public var kind: Kind {
        switch self {
        case .table: .table
        case .array: .array
        case .string: .string
        case .integer: .integer
        case .float: .number
        case .boolean: .boolean
        }
    }
}

/// The named values of one table, ordered by the bytes of their names, so that whoever iterates them is deterministic.
public struct ConfigurationFields: Hashable, Sendable {
    /// The names, ascending by their UTF-8 bytes.
    public let keys: [String]
    private let values: [ConfigurationValue]

    /// The fields in any order; of two fields with one name the first is kept.
    public init(_ fields: [(key: String, value: ConfigurationValue)] = []) {
        let sorted = fields.enumerated().sorted { left, right in
            if left.element.key == right.element.key { return left.offset < right.offset }
            return left.element.key.utf8.lexicographicallyPrecedes(right.element.key.utf8)
        }
        var keys: [String] = []
        var values: [ConfigurationValue] = []
        for (_, field) in sorted where keys.last != field.key {
            keys.append(field.key)
            values.append(field.value)
        }
        self.keys = keys
        self.values = values
    }

    /// The value named `key`, or nil.
    public subscript(key: String) -> ConfigurationValue? {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = low + (high - low) / 2
            if keys[middle] == key { return values[middle] }
            if keys[middle].utf8.lexicographicallyPrecedes(key.utf8) { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}
