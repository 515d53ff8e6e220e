/// What the two visitors that read bytes share: a cursor that never leaves the innermost region.
protocol ReadingVisitor: FieldVisitor {
    /// Index of the next byte.
    var cursor: Int { get set }
    /// Index behind the innermost region.
    var limit: Int { get set }
    /// Index of the innermost structure's first byte.
    var start: Int { get }
    /// The innermost structure, for errors.
    var structureName: StaticString { get }
    /// What is added to an index to get an offset that people are told.
    var base: Int { get }
}

extension ReadingVisitor {
    /// Bytes left in the innermost region.
    public var remaining: Int? { limit - cursor }
    /// Bytes between the innermost structure's start and the cursor.
    public var offset: Int { cursor - start }

    func error(_ name: StaticString, _ problem: WireError.Problem) -> WireError {
        WireError(structure: "\(structureName)", field: "\(name)", offset: cursor + base, problem: problem)
    }

    @inline(__always)
    func requireBytes(_ count: Int, _ name: StaticString) throws(WireError) {
        guard count >= 0, limit - cursor >= count else {
            throw error(name, .truncated(needed: max(count, 0), available: limit - cursor))
        }
    }

    /// Reads elements until the count is reached or the region ends; an element that takes no byte would never end.
    public mutating func repeated<Element: WireStructure>(
        _ name: StaticString, _ elements: inout [Element], count: Int?, _ help: StaticString
    ) throws(WireError) {
        elements = []
        while count.map({ elements.count < $0 }) ?? (cursor < limit) {
            let before = cursor
            var element = Element()
            try structure(name, &element, help)
            guard cursor > before else { throw error(name, .truncated(needed: 1, available: 0)) }
            elements.append(element)
        }
    }

    /// Reads the fields if the condition holds.
    public mutating func choice(
        _ label: StaticString, when condition: Bool, _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        if condition { try body(&self) }
    }

    /// Reads at another place, and goes on behind the furthest place read.
    public mutating func region(
        _ name: StaticString, at offset: Int, length: Int, _ help: StaticString,
        _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        guard length != 0 else { return }
        let room = limit - start
        guard offset >= 0, length >= 0, offset <= room, length <= room - offset else {
            throw error(name, .truncated(needed: length, available: max(0, room - max(0, offset))))
        }
        let outer = (cursor, limit)
        cursor = start + offset
        limit = cursor + length
        try body(&self)
        cursor = max(outer.0, limit)
        limit = outer.1
    }

    /// Refuses a value that breaks a rule.
    public mutating func require(
        _ condition: Bool, _ field: StaticString, _ value: UInt64, _ rule: StaticString
    ) throws(WireError) {
        if !condition { throw error(field, .invalid(value: value, rule: "\(rule)")) }
    }
}
