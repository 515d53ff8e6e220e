/// One structure that travels over the bus, declared once (DESIGN, "One declaration per structure").
///
/// `visit` hands each field to a visitor in wire order. Decoder, encoder, field tree and schema are visitors.
public protocol WireStructure: Sendable, Hashable {
    /// The structure's name as the reference's tables spell it.
    static var structureName: StaticString { get }
    /// All fields zero or empty: what a decoder fills.
    init()
    /// Hands each field to the visitor, in wire order.
    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError)
}

/// What both ends agreed on, as far as the layout of later bytes depends on it.
public struct WireContext: Sendable, Hashable {
    /// The negotiated protocol version.
    public var version: ProtocolVersion
    /// The negotiated feature flags; empty below 6.0.
    public var features: FeatureFlags
    /// Who wrote the bytes, where it is known: some fields mean something else in the other direction.
    public var sender: Direction?
    /// What the bytes do not say of themselves: the number of the request's kind for a completion, or the version of the
    /// device's own protocol. 0 for unknown.
    public var subject: UInt32

    /// The layouts of `version` with `features`.
    public init(
        version: ProtocolVersion, features: FeatureFlags = [], sender: Direction? = nil, subject: UInt32 = 0
    ) {
        self.version = version
        self.features = features
        self.sender = sender
        self.subject = subject
    }

    /// The newest layouts, for bytes that a known side wrote.
    public static func newest(sender: Direction, subject: UInt32 = 0) -> WireContext {
        WireContext(version: .copper, features: .all, sender: sender, subject: subject)
    }

    /// Every layout: what is used where nothing is known of the other end.
    public static let newest = WireContext(version: .copper, features: .all)
}

/// What is done with each field of a structure.
public protocol FieldVisitor {
    /// The agreement under which the bytes were or will be written.
    var context: WireContext { get }
    /// Bytes left in the structure's region when there are bytes to read; nil when a value is written or a schema walked.
    var remaining: Int? { get }
    /// Offset of the next field from the start of the innermost structure, in bytes.
    var offset: Int { get }
    /// Whether there are no bytes and no value, and every field that could be there is to be shown once.
    var walksEveryBranch: Bool { get }

    /// One number, name or GUID.
    mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString) throws(WireError)
    /// A field at the end of a structure that older or shorter forms do not have: read when its bytes are there.
    mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString) throws(WireError)
    /// Bytes without a structure: `count` of them, or all that are left; `meaning` says in words what they hold.
    mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?) throws(WireError)
    /// Bytes that carry nothing: zero when written, ignored when read.
    mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError)
    /// A structure inside the structure.
    mutating func structure<Value: WireStructure>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString) throws(WireError)
    /// A run of equal structures: `count` of them, or as many as the region holds.
    mutating func repeated<Element: WireStructure>(
        _ name: StaticString, _ elements: inout [Element], count: Int?, _ help: StaticString) throws(WireError)
    /// Fields that are there only under a condition, which `label` says in words.
    mutating func choice(
        _ label: StaticString, when condition: Bool, _ body: (inout Self) throws(WireError) -> Void) throws(WireError)
    /// Fields at a place that other fields name: `length` bytes at `offset` from the start of the innermost structure.
    /// A region of no bytes has no fields, and its offset means nothing.
    mutating func region(
        _ name: StaticString, at offset: Int, length: Int, _ help: StaticString,
        _ body: (inout Self) throws(WireError) -> Void) throws(WireError)
    /// Refuses a value that breaks a rule. Writers and schemas pass.
    mutating func require(
        _ condition: Bool, _ field: StaticString, _ value: UInt64, _ rule: StaticString) throws(WireError)
}

extension FieldVisitor {
    /// Readers and writers follow their data.
    public var walksEveryBranch: Bool { false }

    /// A count, size, index or GUID.
    public mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString
    ) throws(WireError) {
        try field(name, &value, .decimal, help)
    }

    /// Bytes without a structure, which have no short text.
    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString
    ) throws(WireError) {
        try bytes(name, &value, count: count, help, meaning: nil)
    }

    /// Fields that came with a protocol version.
    public mutating func since(
        _ version: ProtocolVersion, _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        try choice("since a version", when: context.version >= version, body)
    }

    /// Bytes that carry nothing.
    public mutating func reserved(_ count: Int) throws(WireError) { try reserved(count, "reserved") }
}

/// Why bytes are not the structure that they should be: which field, where, and what is wrong with it.
public struct WireError: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Problem: Hashable, Sendable {
        /// The field needs more bytes than there are.
        case truncated(needed: Int, available: Int)
        /// The value breaks the rule.
        case invalid(value: UInt64, rule: String)
        /// No structure has this type number.
        case unknownType(UInt64)
    }

    /// The structure's name.
    public let structure: String
    /// The field's name.
    public let field: String
    /// Offset of the field from the first byte given to the decoder.
    public let offset: Int
    /// What is wrong.
    public let problem: Problem

    /// Names the place and the problem.
    public init(structure: String, field: String, offset: Int, problem: Problem) {
        self.structure = structure
        self.field = field
        self.offset = offset
        self.problem = problem
    }
}

extension WireError: CustomStringConvertible {
    /// One line: what, where, which value.
    public var description: String {
        let place = "\(structure).\(field) at byte \(offset)"
        return switch problem {
        case .truncated(let needed, let available): "\(place): needs \(needed) bytes, \(available) are left"
        case .invalid(let value, let rule):
            "\(place): \(value) (\(Hexadecimal.prefixed(value))) breaks the rule: \(rule)"
        case .unknownType(let type): "\(place): type \(type) is not known"
        }
    }
}
