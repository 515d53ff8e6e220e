/// Reads a structure's fields from bytes. Every access is checked once, against the innermost region.
public struct WireDecoder: FieldVisitor {
    /// The agreement under which the bytes were written.
    public let context: WireContext
    private let source: UnsafeRawBufferPointer
    private var cursor: Int
    private var limit: Int
    private var start: Int
    private var structureName: StaticString

    /// `source` must outlive the decoder: use `WireStructure.decode`.
    fileprivate init(_ source: UnsafeRawBufferPointer, name: StaticString, context: WireContext) {
        self.source = source
        self.context = context
        cursor = 0
        limit = source.count
        start = 0
        structureName = name
    }

    public var remaining: Int? { limit - cursor }
    public var offset: Int { cursor - start }
    fileprivate var consumed: Int { cursor }

    @inline(__always)
    private func available(_ count: Int, _ name: StaticString) throws(WireError) {
        guard count >= 0, limit - cursor >= count else {
            throw error(name, .truncated(needed: max(count, 0), available: limit - cursor))
        }
    }

    private func error(_ name: StaticString, _ problem: WireError.Problem) -> WireError {
        WireError(structure: "\(structureName)", field: "\(name)", offset: cursor, problem: problem)
    }

    @inline(__always)
    public mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        try available(Value.byteCount, name)
        value = LittleEndian.load(Value.self, source, cursor)
        cursor += Value.byteCount
    }

    public mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        guard limit - cursor >= Value.byteCount else {
            value = nil
            return
        }
        value = LittleEndian.load(Value.self, source, cursor)
        cursor += Value.byteCount
    }

    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?
    ) throws(WireError) {
        let count = count ?? limit - cursor
        try available(count, name)
        value = Array(source[cursor..<cursor + count])
        cursor += count
    }

    public mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError) {
        try available(count, name)
        cursor += count
    }

    public mutating func structure<Value: WireStructure>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString
    ) throws(WireError) {
        let outer = (start, structureName)
        start = cursor
        structureName = Value.structureName
        try value.visit(&self)
        (start, structureName) = outer
    }

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

    public mutating func require(
        _ condition: Bool, _ field: StaticString, _ value: UInt64, _ rule: StaticString
    ) throws(WireError) {
        if !condition { throw error(field, .invalid(value: value, rule: "\(rule)")) }
    }
}

extension WireStructure {
    /// Reads the structure from the start of `bytes`. Surplus bytes are legal, as senders pad (reference §3.1).
    ///
    /// - Throws: `WireError` naming the field that is short or breaks a rule.
    public static func decode(_ bytes: [UInt8], context: WireContext = .newest) throws(WireError) -> Self {
        try decodePrefix(bytes[...], context: context).value
    }

    /// As `decode`, from part of an array.
    public static func decode(_ bytes: ArraySlice<UInt8>, context: WireContext = .newest) throws(WireError) -> Self {
        try decodePrefix(bytes, context: context).value
    }

    /// Reads the structure and tells how many bytes it took.
    public static func decodePrefix(
        _ bytes: ArraySlice<UInt8>, context: WireContext = .newest
    ) throws(WireError) -> (value: Self, byteCount: Int) {
        let result = bytes.withUnsafeBytes { source -> Result<(Self, Int), WireError> in
            var decoder = WireDecoder(source, name: structureName, context: context)
            var value = Self()
            do throws(WireError) {
                try value.visit(&decoder)
                return .success((value, decoder.consumed))
            } catch {
                return .failure(error)
            }
        }
        let (value, byteCount) = try result.get()
        return (value, byteCount)
    }
}

/// Explicit little-endian access to bytes whose bounds were checked by the caller.
enum LittleEndian {
    @inline(__always)
    static func load<Value: WireScalar>(_ type: Value.Type, _ source: UnsafeRawBufferPointer, _ offset: Int) -> Value {
        func word<Word: FixedWidthInteger>(_ word: Word.Type, _ offset: Int) -> UInt64 {
            UInt64(truncatingIfNeeded: Word(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: word)))
        }
        switch Value.byteCount {
        case 1: return Value(low: word(UInt8.self, offset), high: 0)
        case 2: return Value(low: word(UInt16.self, offset), high: 0)
        case 4: return Value(low: word(UInt32.self, offset), high: 0)
        case 8: return Value(low: word(UInt64.self, offset), high: 0)
        default: return Value(low: word(UInt64.self, offset), high: word(UInt64.self, offset + 8))
        }
    }
}
