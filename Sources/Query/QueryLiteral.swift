import VMBusWire

/// A value as it was written, with everything that it can mean: a decoded field's type is known only when it is met.
struct QueryLiteral: Sendable, Hashable {
    /// The text, ASCII letters in lower case.
    let lowered: [UInt8]
    let integer: Int128?
    let real: Double?
    let guid: GUID?
    let bytes: [UInt8]?
    let truth: Bool?

    /// Reads what was written. A quoted text is text only; a duration is understood where `isTime`.
    init(_ text: String, isQuoted: Bool, isTime: Bool) {
        lowered = ASCIICase.lowered(text)
        let plain = isQuoted ? "" : String(decoding: lowered, as: UTF8.self)
        let number = isTime ? Self.duration(plain) : Self.number(plain)
        integer = number?.integer
        real = number?.real
        guid = GUID(text)
        bytes = isQuoted ? ASCIICase.lowered(text) : Self.hexadecimalBytes(plain)
        truth =
            switch plain {
            case "true", "yes", "1": true
            case "false", "no", "0": false
            default: nil
            }
    }

    /// Digits, `0x` digits, a fraction, or either with a size such as `4k`, `1M`, `2GiB`; units of 1024.
    static func number(_ text: String) -> (integer: Int128?, real: Double?)? {
        let units: [(String, Int128)] = [
            ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30),
            ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30),
        ]
        if let plain = plainNumber(text) { return plain }
        return scaled(text, units)
    }

    /// Nanoseconds: `5ms`, `2s`, `1.5min`, `1h`; without a unit nanoseconds.
    static func duration(_ text: String) -> (integer: Int128?, real: Double?)? {
        let units: [(String, Int128)] = [
            ("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("min", 60_000_000_000),
            ("s", 1_000_000_000), ("h", 3_600_000_000_000),
        ]
        if let plain = plainNumber(text) { return plain }
        return scaled(text, units)
    }

    private static func scaled(_ text: String, _ units: [(String, Int128)]) -> (integer: Int128?, real: Double?)? {
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard !text.hasPrefix("0x"), let number = plainNumber(String(text.dropLast(unit.count))) else { continue }
            if let whole = number.integer {
                let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
                return overflow ? nil : (product, nil)
            }
            return number.real.map { (nil, $0 * Double(factor)) }
        }
        return nil
    }

    private static func plainNumber(_ text: String) -> (integer: Int128?, real: Double?)? {
        guard let first = text.utf8.first, text.utf8.count <= 40 else { return nil }
        let isDigit = first >= 0x30 && first <= 0x39
        guard isDigit || first == UInt8(ascii: "-") || first == UInt8(ascii: ".") else { return nil }
        if text.hasPrefix("0x") {
            let digits = text.dropFirst(2)
            guard digits.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
            return UInt64(digits, radix: 16).map { (Int128($0), nil) }
        }
        if let whole = Int128(text) { return (whole, nil) }
        // Exponents, infinities and hexadecimal fractions are nothing that people write here.
        guard text.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D || $0 == 0x2E }) else { return nil }
        return Double(text).map { (nil, $0) }
    }

    private static func hexadecimalBytes(_ text: String) -> [UInt8]? {
        let digits = Array((text.hasPrefix("0x") ? text.dropFirst(2) : text[...]).utf8)
        guard digits.count >= 2, digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard digits[place] != 0x2B, digits[place] != 0x2D,
                let byte = UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
