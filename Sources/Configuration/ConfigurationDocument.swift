import TOMLKit

/// A TOML file, parsed. The only place that knows which parser does it.
public struct ConfigurationDocument: Hashable, Sendable {
    /// The top level of the file.
    public let root: ConfigurationTable

    /// Files above this many bytes are refused: nothing that a person writes comes near.
    public static let sizeLimit = 1 << 20

    /// A document of fields made by the program itself, as `file` in messages.
    public init(fields: ConfigurationFields, file: String) {
        root = ConfigurationTable(file: file, path: "", fields: fields, places: KeyPlaces())
    }

    /// Parses the bytes of a TOML file, which `file` names in messages.
    public init(parsing bytes: [UInt8], file: String) throws(ConfigurationError) {
        guard bytes.count <= Self.sizeLimit else {
            throw .tooLarge(file: file, size: bytes.count, limit: Self.sizeLimit)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let position = SyntaxChecker.position(of: Self.validPrefix(of: bytes), in: bytes)
            throw .syntax(file: file, line: position.line, column: position.column, reason: "not valid UTF-8")
        }
        do throws(SyntaxChecker.Problem) {
            try SyntaxChecker.check(bytes)
        } catch {
            throw .syntax(file: file, line: error.line, column: error.column, reason: error.reason)
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw .syntax(
                file: file, line: error.source.begin.line, column: error.source.begin.column, reason: error.description)
        } catch {
            throw .syntax(file: file, line: 1, column: 1, reason: "\(error)")
        }
        root = ConfigurationTable(
            file: file, path: "", fields: try Self.fields(of: table, file: file, path: ""), places: KeyPlaces(bytes))
    }

    /// Parses the text of a TOML file, which `file` names in messages.
    public init(parsing text: String, file: String) throws(ConfigurationError) {
        try self.init(parsing: Array(text.utf8), file: file)
    }

    private static func validPrefix(of bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var count = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { count += UTF8.width(scalar) }
        return count
    }

    private static func fields(
        of table: TOMLTable, file: String, path: String
    ) throws(ConfigurationError) -> ConfigurationFields {
        var fields: [(key: String, value: ConfigurationValue)] = []
        for key in table.keys {
            guard let node = table[key] else { continue }
            let place = path.isEmpty ? key : "\(path).\(key)"
            fields.append((key: key, value: try value(of: node, file: file, path: place)))
        }
        return ConfigurationFields(fields)
    }

    private static func value(
        of node: any TOMLValueConvertible, file: String, path: String
    ) throws(ConfigurationError) -> ConfigurationValue {
        if let table = node.table { return .table(try fields(of: table, file: file, path: path)) }
        if let array = node.array {
            var elements: [ConfigurationValue] = []
            for index in 0..<array.count {
                elements.append(try value(of: array[index], file: file, path: "\(path)[\(index)]"))
            }
            return .array(elements)
        }
        if let string = node.string { return .string(string) }
        if let integer = node.int { return .integer(Int64(integer)) }
        if let boolean = node.bool { return .boolean(boolean) }
        if let double = node.double { return .float(double) }
        throw .unacceptable(
            file: file, path: path, value: node.debugDescription, expected: "no dates; write the value as a string")
    }
}
