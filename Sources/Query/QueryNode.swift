import VMBusWire

/// How two values are compared.
enum QueryComparison: String, Sendable, Hashable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
}

/// What stands on the left of a comparison.
enum QueryOperand: Sendable, Hashable {
    case field(QueryField)
    case decoded(DecodedPath)
}

/// What is asked of a value.
enum QueryTest: Sendable, Hashable {
    case compare(QueryComparison, QueryLiteral)
    case oneOf([QueryLiteral])
    case contains([UInt8])
    case matches(QueryPattern)
    case isTrue
}

/// A filter as a tree.
indirect enum QueryNode: Sendable, Hashable {
    case all([QueryNode])
    case any([QueryNode])
    case not(QueryNode)
    case test(QueryOperand, QueryTest)
    /// A bare word, in lower case.
    case search([UInt8])

    var needsDecoding: Bool {
        switch self {
        case .all(let nodes), .any(let nodes): nodes.contains(where: \.needsDecoding)
        case .not(let node): node.needsDecoding
        case .test(.decoded, _): true
        case .test(.field, _), .search: false
        }
    }

    func matches(_ subject: some QuerySubject, _ schema: QuerySchema) -> Bool {
        switch self {
        // What needs no decoding is asked first, as it is cheap.
        case .all(let nodes):
            return nodes.allSatisfy { $0.needsDecoding || $0.matches(subject, schema) }
                && nodes.allSatisfy { !$0.needsDecoding || $0.matches(subject, schema) }
        case .any(let nodes):
            return nodes.contains { !$0.needsDecoding && $0.matches(subject, schema) }
                || nodes.contains { $0.needsDecoding && $0.matches(subject, schema) }
        case .not(let node): return !node.matches(subject, schema)
        case .search(let word):
            return schema.fields.contains { field in
                field.isSearched && subject.value(of: field).map { $0.searchText.holds(word) } ?? false
            }
        case .test(.field(let field), let test):
            guard let value = subject.value(of: field) else { return false }
            return test.accepts([value])
        case .test(.decoded(let path), let test): return test.accepts(subject.decoded(path))
        }
    }
}

extension QueryTest {
    func accepts(_ values: [QueryValue]) -> Bool {
        switch self {
        case .compare(.unequal, let literal): !values.isEmpty && !values.contains { $0.equals(literal) }
        case .compare(.equal, let literal): values.contains { $0.equals(literal) }
        case .compare(let comparison, let literal):
            values.contains { value in
                guard let order = value.order(literal) else { return false }
                return switch comparison {
                case .less: order < 0
                case .lessOrEqual: order <= 0
                case .greater: order > 0
                default: order >= 0
                }
            }
        case .oneOf(let literals): values.contains { value in literals.contains { value.equals($0) } }
        case .contains(let part): values.contains { $0.searchText.holds(part) }
        case .matches(let pattern): values.contains { pattern.matches($0.searchText) }
        case .isTrue: values.contains(.truth(true))
        }
    }
}

extension QueryValue {
    /// The value as lower-case text, for `contains`, `matches` and bare words.
    var searchText: [UInt8] {
        switch self {
        case .integer(let number): Array(String(number).utf8)
        case .real(let number): Array(number.description.utf8)
        case .text(let text): ASCIICase.lowered(text)
        case .guid(let guid): Array(guid.description.utf8)
        case .bytes(let bytes): bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        case .truth(let flag): Array((flag ? "true" : "false").utf8)
        }
    }

    func equals(_ literal: QueryLiteral) -> Bool {
        switch self {
        case .integer, .real: return order(literal) == 0
        case .text(let text): return ASCIICase.lowered(text) == literal.lowered
        case .guid(let guid): return literal.guid == guid
        case .bytes(let bytes): return literal.bytes == bytes
        case .truth(let flag): return literal.truth == flag
        }
    }

    /// Less than, equal to or greater than a literal: -1, 0, 1; nil where there is no order.
    func order(_ literal: QueryLiteral) -> Int? {
        switch self {
        case .integer(let number):
            if let other = literal.integer { return number < other ? -1 : number > other ? 1 : 0 }
            return literal.real.map { Self.sign(Double(number), $0) }
        case .real(let number):
            return (literal.real ?? literal.integer.map { Double($0) }).map { Self.sign(number, $0) }
        case .text(let text):
            let lowered = ASCIICase.lowered(text)
            if lowered == literal.lowered { return 0 }
            return lowered.lexicographicallyPrecedes(literal.lowered) ? -1 : 1
        case .guid, .bytes, .truth: return nil
        }
    }

    private static func sign(_ left: Double, _ right: Double) -> Int { left < right ? -1 : left > right ? 1 : 0 }
}

/// Letters of ASCII without their case.
enum ASCIICase {
    static func lowered(_ text: String) -> [UInt8] { text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 } }
}

extension [UInt8] {
    /// Whether the bytes hold a run of others; an empty run is always there.
    func holds(_ part: [UInt8]) -> Bool {
        guard part.count <= count else { return false }
        guard let first = part.first else { return true }
        for start in 0...(count - part.count) where self[start] == first {
            if self[start..<start + part.count].elementsEqual(part) { return true }
        }
        return false
    }
}
