/// Writes a structure's fields as bytes.
public struct WireEncoder: FieldVisitor {
    /// The agreement under which the bytes are written.
    public let context: WireContext
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []
    private var start = 0
    private var cursor = 0

    /// Starts with no bytes.
    public init(context: WireContext = .newest) { self.context = context }

    public var remaining: Int? { nil }
    public var offset: Int { cursor - start }

    private mutating func reserve(_ count: Int) {
        if bytes.count < cursor + count { bytes += repeatElement(0, count: cursor + count - bytes.count) }
    }

    /// Writes the first bytes of two words, of which `count` are written.
    @usableFromInline
    mutating func put(_ words: (low: UInt64, high: UInt64), _ count: Int) {
        for position in 0..<count {
            let word = position < 8 ? words.low : words.high
            let byte = UInt8(truncatingIfNeeded: word >> UInt64(position % 8 * 8))
            // Nearly every field is written behind the last one, where nothing has to be filled with zeros first.
            if cursor == bytes.count { bytes.append(byte) } else { bytes[cursor] = byte }
            cursor += 1
        }
    }

    @inlinable
    public mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        put(value.words, Value.byteCount)
    }

    public mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        if let value { put(value.words, Value.byteCount) }
    }

    /// Writes exactly `count` bytes where a count is given: cut or padded with zeros.
    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?
    ) throws(WireError) {
        let count = count ?? value.count
        if cursor == bytes.count {
            bytes += value.prefix(count)
            reserve(count)
        } else {
            reserve(count)
            for position in 0..<min(count, value.count) { bytes[cursor + position] = value[position] }
        }
        cursor += count
    }

    public mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError) {
        reserve(count)
        cursor += count
    }

    public mutating func structure<Value: WireStructure>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString
    ) throws(WireError) {
        let outer = start
        start = cursor
        try value.visit(&self)
        start = outer
    }

    public mutating func repeated<Element: WireStructure>(
        _ name: StaticString, _ elements: inout [Element], count: Int?, _ help: StaticString
    ) throws(WireError) {
        for index in elements.indices { try structure(name, &elements[index], help) }
    }

    public mutating func choice(
        _ label: StaticString, when condition: Bool, _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        if condition { try body(&self) }
    }

    public mutating func region(
        _ name: StaticString, at offset: Int, length: Int, _ help: StaticString,
        _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        guard length != 0 else { return }
        let outer = cursor
        cursor = start + offset
        reserve(length)
        try body(&self)
        cursor = max(outer, start + offset + length)
    }

    @inlinable
    public mutating func require(
        _ condition: Bool, _ field: StaticString, _ value: UInt64, _ rule: StaticString
    ) throws(WireError) {}
}

extension WireStructure {
    /// The structure's bytes under an agreement.
    public func encoded(context: WireContext = .newest) -> [UInt8] {
        var encoder = WireEncoder(context: context)
        var copy = self
        // A declaration throws only through `require` and through reading, and this visitor does neither.
        try? copy.visit(&encoder)
        return encoder.bytes
    }
}
