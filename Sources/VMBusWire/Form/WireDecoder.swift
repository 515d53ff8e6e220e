/// Reads a structure's fields from bytes. Every access is checked once, against the innermost region.
public struct WireDecoder: ReadingVisitor {
    /// The agreement under which the bytes were written.
    public let context: WireContext
    private let source: UnsafeRawBufferPointer
    var cursor: Int
    var limit: Int
    var start: Int
    var structureName: StaticString
    let base = 0

    /// `source` must outlive the decoder: use `WireStructure.decode`.
    fileprivate init(_ source: UnsafeRawBufferPointer, name: StaticString, context: WireContext) {
        self.source = source
        self.context = context
        cursor = 0
        limit = source.count
        start = 0
        structureName = name
    }

    fileprivate var consumed: Int { cursor }

    /// Reads the next `count` bytes: 1, 2, 4, 8 or 16.
    @usableFromInline
    mutating func take(_ count: Int, _ name: StaticString) throws(WireError) -> (low: UInt64, high: UInt64) {
        try requireBytes(count, name)
        defer { cursor += count }
        return LittleEndian.load(source, cursor, count)
    }

    @inlinable
    public mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        let words = try take(Value.byteCount, name)
        value = Value(low: words.low, high: words.high)
    }

    public mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        guard limit - cursor >= Value.byteCount else {
            value = nil
            return
        }
        let words = try take(Value.byteCount, name)
        value = Value(low: words.low, high: words.high)
    }

    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?
    ) throws(WireError) {
        let count = count ?? limit - cursor
        try requireBytes(count, name)
        value = Array(source[cursor..<cursor + count])
        cursor += count
    }

    public mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError) {
        try requireBytes(count, name)
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
    /// A number of `count` bytes, 1, 2, 4 or 8, or the two halves of one of 16.
    @inline(__always)
    static func load(_ source: UnsafeRawBufferPointer, _ offset: Int, _ count: Int) -> (low: UInt64, high: UInt64) {
        func word<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(_ word: Word.Type, _ offset: Int)
            -> UInt64
        {
            UInt64(Word(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: word)))
        }
        switch count {
        case 1: return (word(UInt8.self, offset), 0)
        case 2: return (word(UInt16.self, offset), 0)
        case 4: return (word(UInt32.self, offset), 0)
        case 8: return (word(UInt64.self, offset), 0)
        default: return (word(UInt64.self, offset), word(UInt64.self, offset + 8))
        }
    }
}
