/// Reads a structure's fields and keeps each with its place, value and meaning.
///
/// Bad bytes do not stop it: what decodes is in the tree, the rest is one `malformed` field that says why.
public struct FieldTreeBuilder: ReadingVisitor {
    /// The agreement under which the bytes were written.
    public let context: WireContext
    private let source: ArraySlice<UInt8>
    let base: Int
    var cursor: Int
    var limit: Int
    var start: Int
    var structureName: StaticString
    private var nodes: [FieldNode] = []

    /// Reads from `source`; `base` is added to every offset that the tree shows.
    init(_ source: ArraySlice<UInt8>, name: StaticString, base: Int, context: WireContext) {
        self.source = source
        self.base = base - source.startIndex
        self.context = context
        cursor = source.startIndex
        limit = source.endIndex
        start = source.startIndex
        structureName = name
    }

    private mutating func leaf(
        _ name: StaticString, _ size: Int, _ value: FieldValue, _ text: String?, _ help: StaticString
    ) {
        nodes.append(
            FieldNode(name: "\(name)", offset: cursor + base, size: size, value: value, text: text, help: "\(help)"))
        cursor += size
    }

    public mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        try requireBytes(Value.byteCount, name)
        let words = source.withUnsafeBytes { LittleEndian.load($0, cursor - source.startIndex, Value.byteCount) }
        value = Value(low: words.low, high: words.high)
        leaf(name, Value.byteCount, value.fieldValue(style), value.meaning, help)
    }

    public mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        guard limit - cursor >= Value.byteCount else {
            value = nil
            return
        }
        var present = Value(low: 0, high: 0)
        try field(name, &present, style, help)
        value = present
    }

    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?
    ) throws(WireError) {
        let count = count ?? limit - cursor
        try requireBytes(count, name)
        value = Array(source[cursor..<cursor + count])
        if count > 0 { leaf(name, count, .bytes(value), meaning?(value), help) }
    }

    public mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError) {
        try requireBytes(count, name)
        if count > 0 { leaf(name, count, .bytes(Array(source[cursor..<cursor + count])), nil, "carries nothing") }
    }

    public mutating func structure<Value: WireStructure>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString
    ) throws(WireError) {
        let outer = (start, structureName, nodes)
        start = cursor
        structureName = Value.structureName
        nodes = []
        let place = cursor
        defer {
            // Where a region fails that lies before others, the fields reach further than the cursor.
            let end = nodes.reduce(cursor) { max($0, $1.offset - base + $1.size) }
            let node = FieldNode(
                name: "\(name)", offset: place + base, size: end - place, value: .composite, help: "\(help)",
                children: filled(from: place, to: end, problem: nil))
            (start, structureName, nodes) = outer
            if node.size > 0 { nodes.append(node) }
        }
        try value.visit(&self)
    }

    /// The nodes read so far, with the bytes that no field claimed named too, so that nothing of the record is hidden.
    func filled(from: Int, to end: Int, problem: WireError?) -> [FieldNode] {
        var result: [FieldNode] = []
        var next = from
        func gap(to place: Int, _ name: String, _ help: String) {
            guard place > next else { return }
            result.append(
                FieldNode(
                    name: name, offset: next + base, size: place - next, value: .bytes(Array(source[next..<place])),
                    help: help))
        }
        for node in nodes.sorted(by: { ($0.offset, $0.size) < ($1.offset, $1.size) }) {
            gap(to: node.offset - base, "padding", "bytes between two parts, which carry nothing")
            result.append(node)
            next = max(next, node.offset - base + node.size)
        }
        if let problem {
            gap(to: end, "malformed", "\(problem)")
        } else {
            gap(to: end, "padding", "bytes behind the structure, which carry nothing")
        }
        return result
    }

    /// The whole tree, down to the last byte of the record.
    func finished(_ problem: WireError?) -> [FieldNode] {
        filled(from: source.startIndex, to: source.endIndex, problem: problem)
    }
}

extension WireStructure {
    /// The structure's fields as a tree that covers every byte of `bytes`; `base` is added to every offset.
    public static func fields(
        _ bytes: ArraySlice<UInt8>, base: Int = 0, context: WireContext = .newest
    ) -> (fields: [FieldNode], value: Self?, problem: WireError?) {
        var builder = FieldTreeBuilder(bytes, name: structureName, base: base, context: context)
        var value = Self()
        do throws(WireError) {
            try value.visit(&builder)
            return (builder.finished(nil), value, nil)
        } catch {
            return (builder.finished(error), nil, error)
        }
    }
}
