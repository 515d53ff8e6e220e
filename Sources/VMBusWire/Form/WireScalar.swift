/// A value of fixed size that one field of a structure holds: a number, a number with names, a set of bits, or a GUID.
public protocol WireScalar: Sendable {
    /// Size on the wire: 1, 2, 4, 8 or 16 bytes.
    static var byteCount: Int { get }
    /// Makes the value from its little-endian bytes; `high` is used by 16-byte values only.
    init(low: UInt64, high: UInt64)
    /// The little-endian bytes of the value, zero-extended.
    var words: (low: UInt64, high: UInt64) { get }
    /// The value as the field tree, the filter language and JSON know it.
    func fieldValue(_ style: FieldStyle) -> FieldValue
    /// What the value means, where a number has a name.
    var meaning: String? { get }
}

extension WireScalar {
    /// Values without names mean what they are.
    public var meaning: String? { nil }
}

/// How the number in a field is written.
public enum FieldStyle: Sendable, Hashable {
    /// A count, a size or an index: digits.
    case decimal
    /// An identifier, an address or a set of bits: `0x…`.
    case hexadecimal
}

/// The value of one field, independent of the structure it lies in.
public enum FieldValue: Sendable, Hashable {
    /// A count.
    case unsigned(UInt64)
    /// A number that may be negative, such as a status.
    case signed(Int64)
    /// An identifier, an address or a set of bits.
    case identifier(UInt64)
    /// A GUID.
    case guid(GUID)
    /// Bytes without a structure of their own.
    case bytes([UInt8])
    /// Text, already free of control characters.
    case text(String)
    /// The field holds other fields.
    case composite
}

extension UInt8: WireScalar {}
extension UInt16: WireScalar {}
extension UInt32: WireScalar {}
extension UInt64: WireScalar {}
extension Int8: WireScalar {}
extension Int16: WireScalar {}
extension Int32: WireScalar {}
extension Int64: WireScalar {}

extension WireScalar where Self: FixedWidthInteger {
    /// Size on the wire, in bytes.
    @inlinable
    public static var byteCount: Int { bitWidth / 8 }
    /// Makes the number from its little-endian bytes.
    @inlinable
    public init(low: UInt64, high: UInt64) { self.init(truncatingIfNeeded: low) }
    /// The number's bytes, zero-extended.
    @inlinable
    public var words: (low: UInt64, high: UInt64) {
        let mask: UInt64 = Self.bitWidth == 64 ? .max : (1 << UInt64(Self.bitWidth)) &- 1
        return (UInt64(truncatingIfNeeded: self) & mask, 0)
    }

    /// The number, signed or not as its type is.
    public func fieldValue(_ style: FieldStyle) -> FieldValue {
        if style == .hexadecimal { return .identifier(words.low) }
        return Self.isSigned ? .signed(Int64(truncatingIfNeeded: self)) : .unsigned(words.low)
    }
}

extension GUID: WireScalar {
    /// The sixteen bytes.
    public var words: (low: UInt64, high: UInt64) { (low, high) }
    /// The identifier itself.
    public func fieldValue(_ style: FieldStyle) -> FieldValue { .guid(self) }
}

/// A number with names that stays open: unknown values survive decoding and encoding.
public protocol NamedScalar: WireScalar, RawRepresentable, Hashable where RawValue: WireScalar & FixedWidthInteger {
    /// Makes a value from any number.
    init(rawValue: RawValue)
}

extension NamedScalar {
    /// Size of the raw value on the wire, in bytes.
    @inlinable
    public static var byteCount: Int { RawValue.byteCount }
    /// Makes the value from its little-endian bytes.
    @inlinable
    public init(low: UInt64, high: UInt64) { self.init(rawValue: RawValue(low: low, high: high)) }
    /// The raw value's bytes.
    @inlinable
    public var words: (low: UInt64, high: UInt64) { rawValue.words }
    /// The raw value as a field's value.
    public func fieldValue(_ style: FieldStyle) -> FieldValue { rawValue.fieldValue(style) }
}
