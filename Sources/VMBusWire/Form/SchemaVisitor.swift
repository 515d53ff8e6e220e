/// One line of a structure's declaration, as documentation and dissector generators read it.
public struct SchemaField: Sendable, Hashable {
    /// The field's name, with the names of the structures around it in front.
    public let path: String
    /// Size in bytes, where it is fixed.
    public let size: Int?
    /// What the field is, in plain words.
    public let help: String
    /// The conditions under which the field is there.
    public let conditions: [String]
}

/// Walks a declaration through all its branches, without data.
public struct SchemaVisitor: FieldVisitor {
    /// The newest agreement, so that version gates are open.
    public let context = WireContext.newest
    /// The fields met so far.
    public private(set) var fields: [SchemaField] = []
    private var path: [String] = []
    private var conditions: [String] = []

    init() {}

    public var remaining: Int? { nil }
    public var offset: Int { 0 }
    public var walksEveryBranch: Bool { true }

    private mutating func add(_ name: StaticString, _ size: Int?, _ help: StaticString) {
        fields.append(
            SchemaField(
                path: (path + ["\(name)"]).joined(separator: "."), size: size, help: "\(help)", conditions: conditions))
    }

    public mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        add(name, Value.byteCount, help)
    }

    public mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        conditions.append("when its bytes are there")
        add(name, Value.byteCount, help)
        conditions.removeLast()
    }

    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?
    ) throws(WireError) {
        add(name, count, help)
    }

    public mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError) {
        add(name, count, "carries nothing")
    }

    public mutating func structure<Value: WireStructure>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString
    ) throws(WireError) {
        path.append("\(name)")
        try value.visit(&self)
        path.removeLast()
    }

    public mutating func repeated<Element: WireStructure>(
        _ name: StaticString, _ elements: inout [Element], count: Int?, _ help: StaticString
    ) throws(WireError) {
        var element = Element()
        conditions.append("repeated")
        try structure(name, &element, help)
        conditions.removeLast()
    }

    public mutating func choice(
        _ label: StaticString, when condition: Bool, _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        conditions.append("\(label)")
        try body(&self)
        conditions.removeLast()
    }

    public mutating func region(
        _ name: StaticString, at offset: Int, length: Int, _ help: StaticString,
        _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        path.append("\(name)")
        try body(&self)
        path.removeLast()
    }

    public mutating func require(
        _ condition: Bool, _ field: StaticString, _ value: UInt64, _ rule: StaticString
    ) throws(WireError) {}
}

extension WireStructure {
    /// Every field that the structure can have, in declaration order.
    public static var schema: [SchemaField] {
        var visitor = SchemaVisitor()
        var value = Self()
        // A schema visitor refuses nothing.
        try? value.visit(&visitor)
        return visitor.fields
    }
}
