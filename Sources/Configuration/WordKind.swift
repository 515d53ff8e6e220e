/// What an unquoted word in the place of a value is.
enum WordKind {
    /// `true`, `false` or a well-formed number.
    case value
    /// The beginning of a date or a time.
    case date
    /// Nothing that TOML knows.
    case nothing

    /// Judges the whole of `word`.
    init(_ word: ArraySlice<UInt8>) {
        if ["true", "false"].contains(where: { word.elementsEqual($0.utf8) }) || Self.isNumber(word) {
            self = .value
        } else if Self.isDate(word) {
            self = .date
        } else {
            self = .nothing
        }
    }

    private static func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
        if word.starts(with: "0x".utf8) { return isDigits(word.dropFirst(2), isHexadecimal) }
        if word.starts(with: "0o".utf8) { return isDigits(word.dropFirst(2)) { (0x30...0x37).contains($0) } }
        if word.starts(with: "0b".utf8) { return isDigits(word.dropFirst(2)) { (0x30...0x31).contains($0) } }
        let unsigned = dropSign(word)
        if unsigned.elementsEqual("inf".utf8) || unsigned.elementsEqual("nan".utf8) { return true }
        let mantissaEnd = unsigned.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? unsigned.endIndex
        if mantissaEnd < unsigned.endIndex, !isDigits(dropSign(unsigned[(mantissaEnd + 1)...]), isDecimal) {
            return false
        }
        let mantissa = unsigned[..<mantissaEnd]
        let point = mantissa.firstIndex(of: UInt8(ascii: ".")) ?? mantissa.endIndex
        if point < mantissa.endIndex, !isDigits(mantissa[(point + 1)...], isDecimal) { return false }
        let whole = mantissa[..<point]
        return isDigits(whole, isDecimal) && (whole.count == 1 || whole.first != UInt8(ascii: "0"))
    }

    private static func isDate(_ word: ArraySlice<UInt8>) -> Bool {
        let shape = word.map { isDecimal($0) ? UInt8(ascii: "0") : $0 }
        return shape.starts(with: "0000-00-00".utf8) || shape.starts(with: "00:00".utf8)
    }

    private static func dropSign(_ word: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        word.first == UInt8(ascii: "+") || word.first == UInt8(ascii: "-") ? word.dropFirst() : word
    }

    /// Whether `word` is digits, with single underscores between them.
    private static func isDigits(_ word: ArraySlice<UInt8>, _ isDigit: (UInt8) -> Bool) -> Bool {
        var lastWasDigit = false
        for byte in word {
            if isDigit(byte) {
                lastWasDigit = true
            } else {
                guard byte == UInt8(ascii: "_"), lastWasDigit else { return false }
                lastWasDigit = false
            }
        }
        return lastWasDigit
    }

    private static func isDecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDecimal(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
