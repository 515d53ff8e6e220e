public import VMBusWire

/// A number whose highest byte comes first, as in all internet protocols (network byte order).
public protocol NetworkScalar: WireScalar, RawRepresentable, Hashable
where RawValue: WireScalar & FixedWidthInteger & UnsignedInteger {
    /// Makes a value from any number.
    init(rawValue: RawValue)
}

extension NetworkScalar {
    /// Size on the wire, in bytes.
    public static var byteCount: Int { RawValue.byteCount }
    /// Makes the value from its bytes, read as if the lowest came first.
    public init(low: UInt64, high: UInt64) { self.init(rawValue: RawValue(truncatingIfNeeded: low).byteSwapped) }
    /// The bytes, as if the lowest came first.
    public var words: (low: UInt64, high: UInt64) { (UInt64(truncatingIfNeeded: rawValue.byteSwapped), 0) }
    /// The number as a field's value.
    public func fieldValue(_ style: FieldStyle) -> FieldValue { rawValue.fieldValue(style) }
}

/// Sixteen bits, highest byte first.
public struct NetworkShort: NetworkScalar, ExpressibleByIntegerLiteral {
    /// The number.
    public let rawValue: UInt16
    /// Any number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// A number that is known.
    public init(integerLiteral value: UInt16) { rawValue = value }
    /// The lower sixteen bits of a count.
    public init(_ count: Int) { rawValue = UInt16(truncatingIfNeeded: count) }
}

/// Thirty-two bits, highest byte first.
public struct NetworkLong: NetworkScalar, ExpressibleByIntegerLiteral {
    /// The number.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// A number that is known.
    public init(integerLiteral value: UInt32) { rawValue = value }
}

/// An IPv4 address.
public struct InternetAddress: NetworkScalar, CustomStringConvertible {
    /// The address; its first byte is the highest.
    public let rawValue: UInt32
    /// Any address.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// No address (0.0.0.0).
    public static let none = InternetAddress(rawValue: 0)
    /// Everybody on this network (255.255.255.255).
    public static let everybody = InternetAddress(rawValue: .max)

    /// The first four bytes, which stand for 0 where there are fewer.
    public init(_ bytes: some Collection<UInt8>) {
        var number: UInt32 = 0
        var rest = bytes.makeIterator()
        for _ in 0..<4 { number = number << 8 | UInt32(rest.next() ?? 0) }
        rawValue = number
    }

    /// Reads four numbers joined by dots.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { UInt8($0) }
        guard parts.count == 4, bytes.count == 4 else { return nil }
        self.init(bytes)
    }

    /// The four bytes.
    public var bytes: [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> $0) }
    }

    /// Four numbers joined by dots.
    public var description: String { bytes.map { String($0) }.joined(separator: ".") }

    public func fieldValue(_ style: FieldStyle) -> FieldValue { .text(description) }
}
