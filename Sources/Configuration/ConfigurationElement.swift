/// A value together with its place in its file.
public struct ConfigurationElement: Hashable, Sendable {
    /// The file as messages name it.
    public let file: String
    /// The place in the file, such as `guest[0].devices[2]`.
    public let path: String
    /// The value itself.
    public let value: ConfigurationValue
    let places: KeyPlaces

    /// The value as a string.
    public func string() throws(ConfigurationError) -> String {
        guard case .string(let string) = value else { throw wrongKind(.string) }
        return string
    }

    /// The value as a whole number in `range`.
    public func integer(in range: ClosedRange<Int64> = .min ... .max) throws(ConfigurationError) -> Int64 {
        guard case .integer(let integer) = value else { throw wrongKind(.integer) }
        guard range.contains(integer) else {
            throw unacceptable("\(integer)", expected: "\(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// The value as a finite number, whole or not.
    public func number() throws(ConfigurationError) -> Double {
        switch value {
        case .integer(let integer): return Double(integer)
        case .float(let float) where float.isFinite: return float
        case .float(let float): throw unacceptable("\(float)", expected: "a finite number")
        default: throw wrongKind(.number)
        }
    }

    /// The value as a truth value.
    public func boolean() throws(ConfigurationError) -> Bool {
        guard case .boolean(let boolean) = value else { throw wrongKind(.boolean) }
        return boolean
    }

    /// The elements of the value as an array.
    public func array() throws(ConfigurationError) -> [ConfigurationElement] {
        guard case .array(let values) = value else { throw wrongKind(.array) }
        return values.enumerated().map {
            ConfigurationElement(file: file, path: "\(path)[\($0.offset)]", value: $0.element, places: places)
        }
    }

    /// The value as a table.
    public func table() throws(ConfigurationError) -> ConfigurationTable {
        guard case .table(let fields) = value else { throw wrongKind(.table) }
        return ConfigurationTable(file: file, path: path, fields: fields, places: places)
    }

    /// The error for this value being of another kind than `expected`.
    public func wrongKind(_ expected: ConfigurationValue.Kind) -> ConfigurationError {
        .wrongKind(file: places.located(file, path), path: path, expected: expected, found: value.kind)
    }

    /// The error for this value, shown as `shown`, being not acceptable; `expected` says what would be.
    public func unacceptable(_ shown: String, expected: String) -> ConfigurationError {
        .unacceptable(file: places.located(file, path), path: path, value: shown, expected: expected)
    }
}
