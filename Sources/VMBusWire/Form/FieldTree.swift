/// One field with its place, value and meaning; a structure has its fields as children.
public struct FieldNode: Sendable, Hashable {
    /// The protocol's own name of the field.
    public var name: String
    /// Offset from the first byte of the record.
    public var offset: Int
    /// Size in bytes; 0 for a field that holds none.
    public var size: Int
    /// The value.
    public var value: FieldValue
    /// What the value means, where a number has a name.
    public var text: String?
    /// What the field is, in plain words.
    public var help: String
    /// The fields inside.
    public var children: [FieldNode]

    /// A field.
    public init(
        name: String, offset: Int, size: Int, value: FieldValue, text: String? = nil, help: String = "",
        children: [FieldNode] = []
    ) {
        self.name = name
        self.offset = offset
        self.size = size
        self.value = value
        self.text = text
        self.help = help
        self.children = children
    }
}

/// All fields of one record, in wire order.
public struct FieldTree: Sendable, Hashable {
    /// LAYER.NAME, spelled as in the reference's tables.
    public var name: String
    /// The top-level fields.
    public var fields: [FieldNode]
    /// Why decoding stopped, when the bytes are not what they should be.
    public var problem: WireError?

    /// A tree.
    public init(name: String, fields: [FieldNode], problem: WireError? = nil) {
        self.name = name
        self.fields = fields
        self.problem = problem
    }

    /// The fields that hold no other fields, in order: they cover every byte of the record.
    public var leaves: [FieldNode] {
        var leaves: [FieldNode] = []
        func collect(_ nodes: [FieldNode]) {
            for node in nodes {
                if node.children.isEmpty { leaves.append(node) } else { collect(node.children) }
            }
        }
        collect(fields)
        return leaves
    }

    /// The first field with this name, outermost first.
    public func first(named name: String) -> FieldNode? {
        func find(_ nodes: [FieldNode]) -> FieldNode? {
            for node in nodes where node.name == name { return node }
            for node in nodes {
                if let found = find(node.children) { return found }
            }
            return nil
        }
        return find(fields)
    }
}
