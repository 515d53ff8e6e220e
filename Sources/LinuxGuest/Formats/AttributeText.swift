public import VMBusWire

/// The forms in which the kernel prints single values into sysfs (linux-guest-data §4). Pure: bytes in, a value or the
/// reason out.
public enum AttributeText {
    /// `%llu`: a counter.
    public static func counter(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
        let text = try line(bytes)
        guard text.allSatisfy(isDigit) else { throw malformed("a number", text) }
        guard let value = UInt64(String(decoding: text, as: UTF8.self)) else { throw outOfRange("64 bits", text) }
        return value
    }

    /// `%d` or `%u` of a 32-bit value: a negative text is the value modulo 2^32, as kernels differ in the sign they print.
    public static func unsigned(_ bytes: [UInt8]) throws(FormatError) -> UInt32 {
        let text = try line(bytes)
        let value = try integer(text)
        if let value = UInt32(exactly: value) { return value }
        guard let value = Int32(exactly: value) else { throw outOfRange("32 bits", text) }
        return UInt32(bitPattern: value)
    }

    /// `%d` where the sign means something, as in a NUMA node.
    public static func signed(_ bytes: [UInt8]) throws(FormatError) -> Int32 {
        let text = try line(bytes)
        guard let value = Int32(exactly: try integer(text)) else { throw outOfRange("signed 32 bits", text) }
        return value
    }

    /// `0x%x`: at most 64 bits.
    public static func hexadecimal(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
        let text = try line(bytes)
        guard text.count > 2, text.starts(with: "0x".utf8), text.dropFirst(2).allSatisfy(isHexadecimal) else {
            throw malformed("a number with 0x", text)
        }
        guard let value = UInt64(String(decoding: text.dropFirst(2), as: UTF8.self), radix: 16) else {
            throw outOfRange("64 bits", text)
        }
        return value
    }

    /// `{guid}`; braces may be missing and letters may be upper case, as other systems write them.
    public static func identifier(_ bytes: [UInt8]) throws(FormatError) -> GUID {
        let text = try line(bytes)
        guard let value = GUID(String(decoding: text, as: UTF8.self)) else { throw malformed("{guid}", text) }
        return value
    }

    /// `vmbus:` and 32 hexadecimal digits, the class identifier as its bytes lie in memory.
    public static func modalias(_ bytes: [UInt8]) throws(FormatError) -> GUID {
        let text = try line(bytes)
        let prefix = Array("vmbus:".utf8)
        let digits = text.dropFirst(prefix.count)
        guard text.starts(with: prefix), digits.count == 32, digits.allSatisfy(isHexadecimal),
            let low = UInt64(String(decoding: digits.prefix(16), as: UTF8.self), radix: 16),
            let high = UInt64(String(decoding: digits.suffix(16), as: UTF8.self), radix: 16)
        else { throw malformed("vmbus: and 32 digits", text) }
        return GUID(low: low.byteSwapped, high: high.byteSwapped)
    }

    /// One line of text, such as the kernel's release, fit for a terminal.
    public static func text(_ bytes: [UInt8]) throws(FormatError) -> String {
        PrintableText.harmless(String(decoding: try line(bytes), as: UTF8.self))
    }

    // MARK: Pieces

    /// The text without the line feed at its end and blanks around it.
    static func line(_ bytes: [UInt8]) throws(FormatError) -> ArraySlice<UInt8> {
        var text = bytes[...]
        while let last = text.last, isBlank(last) { text.removeLast() }
        while let first = text.first, isBlank(first) { text.removeFirst() }
        guard !text.isEmpty else { throw .empty }
        return text
    }

    /// A whole number with or without a minus sign, of up to 18 digits.
    static func integer(_ text: ArraySlice<UInt8>) throws(FormatError) -> Int64 {
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
        guard !digits.isEmpty, digits.allSatisfy(isDigit) else { throw malformed("a number", text) }
        guard let value = Int64(String(decoding: text, as: UTF8.self)) else { throw outOfRange("32 bits", text) }
        return value
    }

    static func malformed(_ expected: String, _ text: ArraySlice<UInt8>) -> FormatError {
        .malformed(expected: expected, found: beginning(of: text))
    }

    private static func outOfRange(_ expected: String, _ text: ArraySlice<UInt8>) -> FormatError {
        .outOfRange(expected: expected, found: beginning(of: text))
    }

    // What is quoted in a message is short and cannot steer the terminal.
    private static func beginning(of text: ArraySlice<UInt8>) -> String {
        PrintableText.harmless(String(decoding: text.prefix(40), as: UTF8.self))
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n")
            || byte == UInt8(ascii: "\r")
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }
}
