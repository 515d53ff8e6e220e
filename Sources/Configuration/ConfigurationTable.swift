/// A table together with its place in its file, so that whatever is wrong in it can be reported with file and path.
public struct ConfigurationTable: Hashable, Sendable {
    /// The file as messages name it.
    public let file: String
    /// The place in the file, such as `guest[0].devices`; empty at the top level.
    public let path: String
    /// The values themselves.
    public let fields: ConfigurationFields
    let places: KeyPlaces

    /// The names of all values, ascending by their bytes.
    public var keys: [String] { fields.keys }

    /// Whether there is a value named `key`.
    public func contains(_ key: String) -> Bool { fields[key] != nil }

    /// The value named `key` with its place, or nil.
    public func element(_ key: String) -> ConfigurationElement? {
        fields[key].map { ConfigurationElement(file: file, path: place(of: key), value: $0, places: places) }
    }

    /// The place of the value named `key`, whether it is there or not; a name that TOML must quote is quoted.
    public func place(of key: String) -> String {
        let bare = key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        let name = bare && !key.isEmpty ? key : "\"\(key)\""
        return path.isEmpty ? name : "\(path).\(name)"
    }

    /// Throws ``ConfigurationError/unknownKey(file:path:nearest:)`` if there is a name that is not among `known`.
    public func requireOnly(_ known: [String]) throws(ConfigurationError) {
        if let error = unknownKeys(known).first { throw error }
    }

    /// One ``ConfigurationError/unknownKey(file:path:nearest:)`` for every name that is not among `known`.
    public func unknownKeys(_ known: [String]) -> [ConfigurationError] {
        keys.filter { !known.contains($0) }.map {
            .unknownKey(
                file: located(place(of: $0)), path: place(of: $0), nearest: Spelling.nearest(to: $0, among: known))
        }
    }

    /// The error for the value named `key` being not acceptable; `expected` says what would be.
    public func unacceptable(_ key: String, value: String, expected: String) -> ConfigurationError {
        .unacceptable(file: located(place(of: key)), path: place(of: key), value: value, expected: expected)
    }

    /// The string named `key`; it must be there.
    public func string(_ key: String) throws(ConfigurationError) -> String {
        try required(key, .string).string()
    }

    /// The string named `key`, or nil if there is none.
    public func stringIfPresent(_ key: String) throws(ConfigurationError) -> String? {
        guard let element = element(key) else { return nil }
        return try element.string()
    }

    /// The whole number named `key`, which must be there and in `range`.
    public func integer(
        _ key: String, in range: ClosedRange<Int64> = .min ... .max
    ) throws(ConfigurationError) -> Int64 {
        try required(key, .integer).integer(in: range)
    }

    /// The whole number named `key`, which must be in `range`, or nil if there is none.
    public func integerIfPresent(
        _ key: String, in range: ClosedRange<Int64> = .min ... .max
    ) throws(ConfigurationError) -> Int64? {
        guard let element = element(key) else { return nil }
        return try element.integer(in: range)
    }

    /// The number named `key`, whole or not, or nil if there is none.
    public func numberIfPresent(_ key: String) throws(ConfigurationError) -> Double? {
        guard let element = element(key) else { return nil }
        return try element.number()
    }

    /// The truth value named `key`, or nil if there is none.
    public func booleanIfPresent(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let element = element(key) else { return nil }
        return try element.boolean()
    }

    /// The elements of the array named `key`; empty if there is none.
    public func array(_ key: String) throws(ConfigurationError) -> [ConfigurationElement] {
        guard let element = element(key) else { return [] }
        return try element.array()
    }

    /// The strings of the array named `key`; empty if there is none.
    public func strings(_ key: String) throws(ConfigurationError) -> [String] {
        var strings: [String] = []
        for element in try array(key) { strings.append(try element.string()) }
        return strings
    }

    /// The tables of the array named `key`, as `[[key]]` writes them; empty if there is none.
    public func tables(_ key: String) throws(ConfigurationError) -> [ConfigurationTable] {
        var tables: [ConfigurationTable] = []
        for element in try array(key) { tables.append(try element.table()) }
        return tables
    }

    /// The table named `key`, or nil if there is none.
    public func tableIfPresent(_ key: String) throws(ConfigurationError) -> ConfigurationTable? {
        guard let element = element(key) else { return nil }
        return try element.table()
    }

    private func located(_ path: String) -> String { places.located(file, path) }

    private func required(
        _ key: String, _ kind: ConfigurationValue.Kind
    ) throws(ConfigurationError) -> ConfigurationElement {
        guard let element = element(key) else {
            throw .missing(file: located(place(of: key)), path: place(of: key), expected: kind)
        }
        return element
    }
}
