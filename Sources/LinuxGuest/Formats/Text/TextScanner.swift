import VMBusWire

/// A place in a piece of text, which moves forward over what it recognises and stays where it does not.
struct TextScanner {
    /// What is not read yet.
    private(set) var rest: ArraySlice<UInt8>

    init(_ text: ArraySlice<UInt8>) { rest = text }
    init(_ text: String) { rest = Array(text.utf8)[...] }

    /// Whether everything has been read.
    var isAtEnd: Bool { rest.isEmpty }

    /// Passes over blanks and tabs, and says whether there were any.
    @discardableResult
    mutating func skipBlanks() -> Bool {
        let before = rest.count
        while let byte = rest.first, byte.isBlank { rest.removeFirst() }
        return rest.count < before
    }

    /// Passes over one byte, if it comes next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    /// Passes over a text, if it comes next.
    mutating func take(_ literal: String) -> Bool {
        guard rest.starts(with: literal.utf8) else { return false }
        rest.removeFirst(literal.utf8.count)
        return true
    }

    /// At least one decimal digit, as a number of 64 bits.
    mutating func decimal() -> UInt64? {
        var value: UInt64 = 0
        var scanned = rest
        while let byte = scanned.first, byte.isDigit {
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !isTooLarge, !overflows else { return nil }
            value = sum
            scanned.removeFirst()
        }
        guard scanned.count < rest.count else { return nil }
        rest = scanned
        return value
    }

    /// A decimal number that may have a minus sign.
    mutating func signedDecimal() -> Int64? {
        let start = rest
        let isNegative = take(UInt8(ascii: "-"))
        if let value = decimal() {
            if !isNegative, let value = Int64(exactly: value) { return value }
            if isNegative, value <= UInt64(Int64.max) + 1 { return Int64(truncatingIfNeeded: 0 &- value) }
        }
        rest = start
        return nil
    }

    /// One to sixteen hexadecimal digits, with or without `0x`.
    mutating func hexadecimal() -> UInt64? {
        let start = rest
        if !take("0x") { _ = take("0X") }
        var value: UInt64 = 0
        var count = 0
        while count < 17, let digit = rest.first?.hexadecimalDigit {
            value = value << 4 | UInt64(digit)
            rest.removeFirst()
            count += 1
        }
        guard (1...16).contains(count) else {
            rest = start
            return nil
        }
        return value
    }

    /// A GUID, with or without braces, in either case.
    mutating func guid() -> GUID? {
        let start = rest
        let isBraced = take(UInt8(ascii: "{"))
        if let guid = GUID(String(decoding: rest.prefix(36), as: UTF8.self)), rest.count >= 36 {
            rest.removeFirst(36)
            if !isBraced || take(UInt8(ascii: "}")) { return guid }
        }
        rest = start
        return nil
    }

    /// Everything up to a byte for which the condition holds, or to the end.
    mutating func prefix(until isEnd: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let end = rest.firstIndex(where: isEnd) ?? rest.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    /// Everything up to the next blank, or to the end.
    mutating func word() -> ArraySlice<UInt8> { prefix { $0.isBlank } }

    /// Everything up to a byte, which is passed over; nil where there is none.
    mutating func take(through byte: UInt8) -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: byte) else { return nil }
        defer { rest = rest[(end + 1)...] }
        return rest[..<end]
    }
}

extension UInt8 {
    /// Whether it is a blank or a tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }
    /// Whether it is a decimal digit.
    var isDigit: Bool { (0x30...0x39).contains(self) }
    /// Whether it is a letter of ASCII.
    var isLetter: Bool { (0x61...0x7A).contains(self | 0x20) }
    /// The value of a hexadecimal digit.
    var hexadecimalDigit: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x61...0x66: self - 0x61 + 10
        case 0x41...0x46: self - 0x41 + 10
        default: nil
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether a text occurs in it, and where it starts.
    func firstRange(of text: some Collection<UInt8>) -> Range<Int>? {
        guard let first = text.first else { return nil }
        var place = startIndex
        while endIndex - place >= text.count, let start = self[place...].firstIndex(of: first) {
            guard endIndex - start >= text.count else { return nil }
            if self[start...].starts(with: text) { return start..<(start + text.count) }
            place = start + 1
        }
        return nil
    }

    /// Whether a text occurs in it.
    func contains(_ text: String) -> Bool { firstRange(of: text.utf8) != nil }

    /// Without blanks at either end.
    var trimmed: ArraySlice<UInt8> {
        var text = self
        while let last = text.last, last.isBlank { text.removeLast() }
        while let first = text.first, first.isBlank { text.removeFirst() }
        return text
    }

    /// As text that cannot steer a terminal.
    var harmless: String { PrintableText.harmless(String(decoding: self, as: UTF8.self)) }
}
