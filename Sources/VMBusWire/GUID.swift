/// A 16-byte identifier in the Windows mixed-endian layout: the first three groups little-endian, the last eight bytes in
/// printed order (reference §0.1).
public struct GUID: Hashable, Sendable, BitwiseCopyable {
    /// Wire bytes 0 to 7, as one little-endian number.
    public let low: UInt64
    /// Wire bytes 8 to 15, as one little-endian number.
    public let high: UInt64

    /// Size on the wire.
    public static let byteCount = 16

    /// The identifier of all zero bits, which no device has.
    public static let zero = GUID(low: 0, high: 0)

    /// Makes an identifier from its wire bytes taken as two little-endian numbers.
    public init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// Makes an identifier from the printed groups; `last` holds the final eight printed bytes, big-endian.
    public init(_ first: UInt32, _ second: UInt16, _ third: UInt16, _ last: UInt64) {
        low = UInt64(first) | UInt64(second) << 32 | UInt64(third) << 48
        high = last.byteSwapped
    }

    /// Reads the printed form, with or without braces, in either case. Anything else is nil.
    public init?(_ text: some StringProtocol) {
        var characters = Array(text.utf8)
        if characters.first == UInt8(ascii: "{"), characters.last == UInt8(ascii: "}"), characters.count == 38 {
            characters = Array(characters[1..<37])
        }
        guard characters.count == 36 else { return nil }
        var nibbles: [UInt64] = []
        nibbles.reserveCapacity(32)
        for (position, character) in characters.enumerated() {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard character == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let nibble = Self.hexadecimalValue(character) else { return nil }
            nibbles.append(nibble)
        }
        func number(_ range: Range<Int>) -> UInt64 { nibbles[range].reduce(0) { $0 << 4 | $1 } }
        self.init(
            UInt32(truncatingIfNeeded: number(0..<8)), UInt16(truncatingIfNeeded: number(8..<12)),
            UInt16(truncatingIfNeeded: number(12..<16)), number(16..<32))
    }

    private static func hexadecimalValue(_ character: UInt8) -> UInt64? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(character - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(character - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(character - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The sixteen bytes in wire order.
    public var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: low >> ($0 * 8)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: high >> ($0 * 8)) }
    }

    /// The first printed group; for an hv_sock service it is the port (reference §5).
    public var firstGroup: UInt32 { UInt32(truncatingIfNeeded: low) }
}

extension GUID: CustomStringConvertible, Comparable {
    /// Lower case, without braces, as the project's JSON writes it.
    public var description: String {
        let last = high.byteSwapped
        return Hexadecimal.digits(low & 0xFFFF_FFFF, count: 8) + "-" + Hexadecimal.digits(low >> 32 & 0xFFFF, count: 4)
            + "-" + Hexadecimal.digits(low >> 48, count: 4) + "-" + Hexadecimal.digits(last >> 48, count: 4)
            + "-" + Hexadecimal.digits(last & 0xFFFF_FFFF_FFFF, count: 12)
    }

    /// Orders by the printed form.
    public static func < (left: GUID, right: GUID) -> Bool {
        left.printedOrder < right.printedOrder
    }

    private var printedOrder: (UInt64, UInt64, UInt64, UInt64) {
        (low & 0xFFFF_FFFF, low >> 32 & 0xFFFF, low >> 48, high.byteSwapped)
    }
}
